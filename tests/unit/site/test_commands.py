"""What pages tell people to type is understood by the command."""

import re
import shlex
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from lbctl.cli.main import cli
from tests.pages import PAGES, ROOT
from tests.site.blocks import blocks_of

_TYPED = re.compile(r"(?:^|\| )(?:\$ )?(?:kubectl )?lbctl ([a-z-].*)", re.MULTILINE)
_ENDS = {"|", ">", "&&", ";"}


def typed() -> Iterator[tuple[str, str]]:
    """Each page, and what follows `lbctl` in a command that it shows, fenced or indented."""
    for page in PAGES:
        for block in blocks_of(page, page.read_text(encoding="utf-8")):
            if block.language == "console":
                for rest in _TYPED.findall(block.body):
                    yield str(page.relative_to(ROOT)), rest.strip()


def words(line: str) -> list[str]:
    """The arguments, up to a comment, a pipe or a redirection."""
    found: list[str] = []
    for word in shlex.split(line, comments=True):
        if word in _ENDS:
            break
        found.append(word)
    return found


def refused(line: str) -> str:
    """What the command says against it; "" when it understands. Asking for help runs nothing."""
    result = CliRunner().invoke(cli, [*words(line), "--help"])
    return result.output if result.exit_code else ""


@pytest.mark.parametrize(("page", "line"), sorted(set(typed())))
def test_a_command_that_a_page_shows_is_understood(page: str, line: str) -> None:
    assert not refused(line), page


def test_commands_are_found_in_pages() -> None:
    found = {words(line)[0] for _, line in typed()}
    assert {"status", "explain", "simulate", "check", "convert"} <= found


@pytest.mark.parametrize("line", ["statsu", "explain servcie web", "status --wtach"])
def test_a_misspelt_command_is_noticed(line: str) -> None:
    assert refused(line)
