"""What a command prints, compared with a file; ``LBCTL_WRITE_GOLDEN=1`` writes it anew."""

import os
from pathlib import Path
from typing import TypeVar

from lbctl.cli.output import Format, Look, text

_T = TypeVar("_T")
FOLDER = Path(__file__).parent / "golden"


def same(answer: _T, look: Look[_T], name: str, form: Format = Format.TABLE) -> None:
    compare(text(answer, look, form, width=110), name)


def compare(printed: str, name: str) -> None:
    file = FOLDER / name
    if os.environ.get("LBCTL_WRITE_GOLDEN"):
        file.write_text(printed, encoding="utf-8")
    assert printed == file.read_text(encoding="utf-8"), f"{file}: see the diff"
