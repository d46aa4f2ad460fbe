"""Code that pages show can be run, or at least read."""

from pathlib import Path

import pytest

from tests.pages import ROOT
from tests.site.blocks import READERS, Block, blocks, blocks_of, commands

FOUND = [*blocks()]


@pytest.mark.parametrize("block", FOUND, ids=str)
def test_code_in_a_page_can_be_read(block: Block) -> None:
    assert block.fault is None


@pytest.mark.parametrize("block", FOUND, ids=str)
def test_the_language_of_a_block_is_known(block: Block) -> None:
    assert block.language in {*READERS, "text"}, "add a reader, or say text"


def test_blocks_are_found_wherever_they_stand() -> None:
    pages = {block.page.relative_to(ROOT).parts[0] for block in FOUND}
    assert {"docs", "examples"} <= pages
    assert {"console", "yaml"} <= {block.language for block in FOUND}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "$ kubectl get 'svc"),
        ("console", "kubectl get $("),
        ("sh", "if true"),
        ("python", "def f(:"),
        ("json", "{]"),
        ("toml", "a ="),
        ("yaml", "{a: [}"),
    ],
)
def test_what_cannot_be_read_is_found(language: str, text: str) -> None:
    (block,) = blocks_of(Path("page.md"), f"Text.\n\n```{language}\n{text}\n```\n")
    assert block.fault
    assert block.line == 4


def test_of_a_session_only_what_is_typed_is_read() -> None:
    session = "$ kubectl get svc \\\n    -o wide\nNAME  (it's a table\n$ true\n"
    assert commands(session) == "kubectl get svc \\\n    -o wide\ntrue"


def test_what_is_indented_and_begins_with_a_command_is_read() -> None:
    page = (
        "Text.\n\n```text\n\n    make it (\n```\n\n    make demo\n\n    kubectl get 'svc\n\nText.\n"
    )
    (fenced, block) = blocks_of(Path("page.md"), page)
    assert fenced.fault is None
    assert (block.line, block.body) == (8, "make demo\n\nkubectl get 'svc\n")
    assert block.fault


def test_a_block_without_a_language_is_noticed() -> None:
    (block,) = blocks_of(Path("page.md"), "```\nkubectl get svc\n```\n")
    assert block.language not in {*READERS, "text"}


def test_a_block_within_a_list_is_read_without_its_indent() -> None:
    (block,) = blocks_of(
        Path("page.md"), "1. Do\n\n   ```python\n   if True:\n       x = 1\n   ```\n"
    )
    assert block.body == "if True:\n    x = 1\n"
    assert block.fault is None
