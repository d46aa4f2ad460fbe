"""The order of the pages: docs/README.md is the contents, for readers and for the site."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.pages import ROOT

CONTENTS = ROOT / "docs" / "README.md"
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_ENTRY = re.compile(r"^- \[[^\]]+\]\(([^)#]+\.md)\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the contents and the pages below it, as paths from the project's root."""

    title: str
    pages: tuple[str, ...]


def sections(contents: Path = CONTENTS) -> list[Section]:
    """The contents, in their order."""
    text = _COMMENT.sub("", contents.read_text(encoding="utf-8"))
    _, *parts = _SECTION.split(text)
    return [
        Section(title, tuple(_from_root(link, contents) for link in _ENTRY.findall(body)))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]


def _from_root(link: str, contents: Path) -> str:
    return str((contents.parent / link).resolve().relative_to(ROOT))
