"""Every page can be reached from the contents, and the site is laid out with all that it needs."""

from pathlib import Path

from tests.pages import ROOT
from tests.site.navigation import sections
from tests.site.stage import stage


def test_what_is_commented_out_is_not_listed(tmp_path: Path) -> None:
    contents = tmp_path / "README.md"
    contents.write_text("# All\n\n## One\n\n<!-- - [Later](later.md) -->\n", encoding="utf-8")
    assert [section.pages for section in sections(contents)] == [()]


def test_the_stage_holds_pages_pictures_and_linked_files(tmp_path: Path) -> None:
    laid = stage(tmp_path / "pages")
    assert (laid / "docs" / "images" / "parts.svg").is_file()
    assert (laid / "charts" / "lbctl" / "templates" / "speaker" / "rbac.yaml").is_file()
    first = (laid / "README.md").read_text(encoding="utf-8")
    assert first.startswith((ROOT / "README.md").read_text(encoding="utf-8"))
    for section in sections():
        assert f":caption: {section.title}\n" in first
