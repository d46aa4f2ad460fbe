"""The code that pages show: each block of a language that can be read is read.

`yaml` is a manifest, and tests/unit/test_manifests.py asks more of it. `yaml config` is a program's
configuration.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import yaml

from tests.pages import PAGES, ROOT

_FENCED = re.compile(
    r"^(?P<indent> *)```(?P<language>[a-z]*)[^\n]*\n(?P<body>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(r"(?<=\n\n)(?P<body>(?: {4}.*\n(?:\n(?= {4}))?)+)")
_COMMAND = re.compile(r"(?:docker|helm|kubectl|lbctl|make|nft|pip|podman|python|source) ")
_PROMPT = re.compile(r"^[$#] ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code, and where it begins."""

    page: Path
    line: int
    language: str
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def fault(self) -> str | None:
        """What is wrong with it; None when nothing is, or when nobody can tell."""
        read = READERS.get(self.language)
        return read(self.body) if read else None


def blocks() -> Iterator[Block]:
    """Every fenced block of every page."""
    for page in PAGES:
        yield from blocks_of(page, page.read_text(encoding="utf-8"))


def blocks_of(page: Path, text: str) -> Iterator[Block]:
    """Every fenced block of one page, and what is indented and begins with a command."""
    for match in _FENCED.finditer(text):
        line = text.count("\n", 0, match.start("body")) + 1
        yield Block(page, line, match["language"], dedent(match["body"]))
    unfenced = _FENCED.sub(lambda one: "\n" * one[0].count("\n"), text)
    for match in _INDENTED.finditer(unfenced):
        body = dedent(match["body"])
        if _COMMAND.match(body):
            line = unfenced.count("\n", 0, match.start("body")) + 1
            yield Block(page, line, "console", body)


def commands(console: str) -> str:
    """What is typed in a session: after prompts, with continuations; all of it where none is."""
    if not _PROMPT.search(console):
        return console
    typed: list[str] = []
    going_on = False
    for line in console.splitlines():
        prompted = _PROMPT.match(line) is not None
        if prompted or going_on:
            typed.append(line[2:] if prompted else line)
            going_on = line.endswith("\\")
    return "\n".join(typed)


def _shell(text: str) -> str | None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return done.stderr.strip() or None


def _python(text: str) -> str | None:
    return _parsed(lambda: compile(text, "<page>", "exec"), SyntaxError)


def _json(text: str) -> str | None:
    return _parsed(lambda: json.loads(text), ValueError)


def _toml(text: str) -> str | None:
    return _parsed(lambda: tomllib.loads(text), ValueError)


def _yaml(text: str) -> str | None:
    return _parsed(lambda: [*yaml.safe_load_all(text)], yaml.YAMLError)


def _parsed(read: Callable[[], object], refused: type[Exception]) -> str | None:
    try:
        read()
    except refused as error:
        return str(error)
    return None


READERS: Mapping[str, Callable[[str], str | None]] = {
    "bash": _shell,
    "console": lambda text: _shell(commands(text)),
    "json": _json,
    "python": _python,
    "sh": _shell,
    "shell": _shell,
    "toml": _toml,
    "yaml": _yaml,
    "yml": _yaml,
}
"""What can be read, by the word behind the fence."""
