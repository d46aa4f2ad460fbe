"""The manifests that people are shown: files of the examples, and YAML within pages."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])
_FENCED = re.compile(r"^ *```ya?ml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_HERE_DOCUMENT = re.compile(r"-f - <<'?(\w+)'?\n(.*?)^ *\1$", re.MULTILINE | re.DOTALL)


def manifests() -> Mapping[str, str]:
    """Each manifest by where it stands: a file, or a page and the line where it begins."""
    found = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in sorted(ROOT.glob("examples/*/*.yaml"))
    }
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for pattern in (_FENCED, _HERE_DOCUMENT):
            for match in pattern.finditer(text):
                body = match[match.lastindex or 0]
                line = text.count("\n", 0, match.start(match.lastindex or 0)) + 1
                found[f"{page.relative_to(ROOT)}:{line}"] = dedent(body)
    return found


def anchor(heading: str) -> str:
    """A heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a manifest."""
    yield from filter(None, yaml.safe_load_all(text))
