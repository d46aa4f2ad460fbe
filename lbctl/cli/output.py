"""What is printed, in which form: for people in tables, for programs as JSON, YAML or names.

A command makes one frozen dataclass. Here it becomes text; how it looks as a table is its own
module's. Colours are for terminals: rich leaves them out elsewhere and under ``NO_COLOR``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_T = TypeVar("_T")

PIPED_WIDTH = 160
"""Columns where no terminal says: whoever pipes a table wants its lines whole."""


class Format(StrEnum):
    """The value of ``--output``."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Look(Generic[_T]):
    """How one kind of answer is printed."""

    render: Callable[[_T, bool], RenderableType]
    """For people; the flag is `-o wide`."""
    names: Callable[[_T], Iterable[str]]
    """What `-o name` prints: objects as kubectl names them, like service/web."""


def text(answer: _T, look: Look[_T], form: Format, *, width: int | None = None) -> str:
    """An answer as it is printed where there is no terminal."""
    console = _console(width=width or PIPED_WIDTH)
    with console.capture() as captured:
        _print(console, answer, look, form)
    # rich fills lines with blanks up to the width of the table.
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def show(answer: _T, look: Look[_T], form: Format) -> None:
    """Print an answer on stdout."""
    if sys.stdout.isatty():
        _print(_console(), answer, look, form)
    else:
        sys.stdout.write(text(answer, look, form))
        sys.stdout.flush()


def _print(console: Console, answer: _T, look: Look[_T], form: Format) -> None:
    match form:
        case Format.TABLE | Format.WIDE:
            console.print(look.render(answer, form is Format.WIDE), crop=False)
        case Format.JSON:
            console.out(json.dumps(plain(answer), indent=2, ensure_ascii=False), highlight=False)
        case Format.YAML:
            import yaml  # noqa: PLC0415 - few ask for it

            written = yaml.safe_dump(plain(answer), sort_keys=False, allow_unicode=True)
            console.out(written.rstrip(), highlight=False)
        case Format.NAME:
            for name in look.names(answer):
                console.out(name, highlight=False)


def _console(*, width: int | None = None) -> Console:
    from rich.console import Console  # noqa: PLC0415 - JSON needs none

    return Console(highlight=False, width=width, emoji=False, markup=False)


def plain(value: object) -> Any:
    """An answer as JSON has it: camelCase names, enums by their values, absent what is None."""
    if is_dataclass(value) and not isinstance(value, type):
        said = ((one.name, getattr(value, one.name)) for one in fields(value))
        return {_camel(name): plain(part) for name, part in said if part is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        parts = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(part) for part in parts]
    return str(value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
