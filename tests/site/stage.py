"""What the site is built from: the pages at the paths that they have in the tree.

A page links to its neighbours as they lie in the tree, so that the same link works where the tree
is browsed. So the pages keep their paths, and whatever else they link to is laid beside them.
"""

import re
import shutil
from pathlib import Path

from tests.pages import PAGES, ROOT
from tests.site.navigation import CONTENTS, Section, sections

STAGE = ROOT / "build" / "pages"
ROOT_PAGE = "README.md"
"""The page that the site begins with; Sphinx reads its contents from there."""
_TARGET = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_REDIRECT = (
    '<!doctype html><meta http-equiv="refresh" content="0; url=README.html"><title>lbctl</title>'
)


def stage(into: Path = STAGE) -> Path:
    """Lay out pages, pictures and linked files; return the folder."""
    shutil.rmtree(into, ignore_errors=True)
    for source in sorted({*PAGES, *_linked()}):
        target = into / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    with (into / ROOT_PAGE).open("a", encoding="utf-8") as page:
        page.write("\n" + "\n".join(map(_toctree, _all_sections())))
    extra = into / "extra"
    extra.mkdir()
    (extra / "index.html").write_text(_REDIRECT, encoding="utf-8")
    return into


def _linked() -> set[Path]:
    """Files that are no pages, and that some page points to."""
    return {
        target
        for page in PAGES
        for link in _TARGET.findall(page.read_text(encoding="utf-8"))
        if (target := (page.parent / link).resolve()).is_file() and target.suffix != ".md"
    }


def _all_sections() -> list[Section]:
    contents = str(CONTENTS.relative_to(ROOT))
    return [Section("Contents", (contents,)), *sections()]


def _toctree(section: Section) -> str:
    pages = "\n".join(page.removesuffix(".md") for page in section.pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {section.title}\n\n{pages}\n```\n"
