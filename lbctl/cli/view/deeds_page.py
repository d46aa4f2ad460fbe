"""How the answers of the commands that change something look."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lbctl.cli.view.deeds import Deed, End
from lbctl.cli.view.printing import BAD, FAINT, GOOD, ODD

_MARKS = {End.DONE: ("✓", GOOD), End.STUCK: ("✗", BAD), End.UNDER_WAY: ("…", ODD)}


def render(answer: Deed, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """One line, and what to do next."""
    del wide  # there is no more
    mark, style = _MARKS[answer.end]
    over = " The time is over; it goes on." if answer.end is End.UNDER_WAY else ""
    parts = [Text.assemble((f"{mark} ", style), answer.message, over)]
    if answer.advice:
        parts.append(Text(f"→ {answer.advice}", style=FAINT))
    return Group(*parts)


def names(answer: Deed) -> Iterator[str]:
    """The objects that it was about."""
    yield from answer.objects
