"""The pages a person reads: what they point to is there, and nothing is missing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT, anchor
from tests.site.__main__ import GENERATED
from tests.site.navigation import CONTENTS, sections

LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
QUOTED_PATH = re.compile(r"`((?:docs|tests|lbctl|speaker|charts|examples|\.ci)/[\w./-]*\w)`")
COMMAND = re.compile(r"(?:^ {4}|`)make ([a-z][a-z-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z][a-z- ]*):", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> Iterator[str]:
    """The anchors of a page's headings."""
    yield from map(anchor, HEADING.findall(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_points_to_what_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path, heading in LINK.findall(text):
        target = page.parent / path if path else page
        assert target.exists(), f"dead link: {path}"
        assert not heading or heading in anchors(target), f"no such heading: {path}#{heading}"
    for path in QUOTED_PATH.findall(text):
        assert (ROOT / path).exists(), f"no such file: {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_targets_that_make_has(page: Path) -> None:
    lines = TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    targets = {name for line in lines for name in line.split()}
    named = set(COMMAND.findall(page.read_text(encoding="utf-8")))
    assert named <= targets, f"no such target: {named - targets}"


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: str(page.name))
def test_a_generated_page_is_what_the_code_says(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == GENERATED[page](), "run: python -m tests.site"


def test_the_contents_name_every_page_once() -> None:
    listed = [page for section in sections() for page in section.pages]
    assert len(listed) == len({*listed})
    apart = {ROOT / "README.md", CONTENTS}
    assert {ROOT / page for page in listed} == {*PAGES} - apart, f"write it into {CONTENTS}"
