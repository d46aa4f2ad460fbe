"""How the answers look: the same few shapes and colours everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lbctl.cli.view.findings import Finding, Severity
from lbctl.core.addresses import object_name, parse

GOOD, BAD, ODD, FAINT, STRONG = "green", "bold red", "yellow", "dim", "bold"

_MARKS = {Severity.BROKEN: ("✗", BAD), Severity.WARNING: ("!", ODD), Severity.NOTE: ("-", FAINT)}
_BAR_CELLS = 24


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Columns as kubectl prints them: heads in capitals, no lines."""
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style=FAINT)
    for head in heads:
        shown.add_column(head.upper(), overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return shown


def facts(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and what they are, side by side."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    shown.add_column(style=FAINT, no_wrap=True)
    shown.add_column(overflow="fold")
    for name, said in rows:
        shown.add_row(name, said if isinstance(said, Text) else Text(said))
    return shown


def heading(text: str) -> Text:
    """The title of a part."""
    return Text(f"\n{text}", style=STRONG)


def indented(part: Table | Text) -> Padding:
    """A part below a title."""
    return Padding(part, (0, 0, 0, 2))


def bar(used: int, kept: int, free: int) -> Text:
    """How much is used, kept back and free; whatever is not nothing is seen."""
    total = used + kept + free
    cells = [_cells(used, total), _cells(kept, total)]
    rest = max(_BAR_CELLS - sum(cells), 1 if free else 0)
    while sum(cells) + rest > _BAR_CELLS:
        cells[cells.index(max(cells))] -= 1
    full = not free
    shown = Text("█" * cells[0], style=BAD if full else GOOD)
    shown.append("▒" * cells[1], style=ODD)
    shown.append("░" * rest, style=FAINT)
    return shown


def _cells(part: int, total: int) -> int:
    return 0 if not part else max(1, part * _BAR_CELLS // total)


def findings(found: Iterable[Finding]) -> Table:
    """What was found, each with what to do below it."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for one in found:
        mark, style = _MARKS[one.severity]
        text = Text.assemble((one.subject, STRONG), "  ", (one.concern, style), "  ", one.message)
        if one.advice:
            text.append(f"\n→ {one.advice}", style=FAINT)
        shown.add_row(Text(mark, style=style), text)
    return shown


def yes_no(good: bool, text: str) -> Text:  # noqa: FBT001 - the colour of what follows
    """A word in the colour of good or bad."""
    return Text(text, style=GOOD if good else BAD)


def virtual_ip(address: str) -> str:
    """An address as kubectl names its VirtualIP."""
    parsed = parse(address)
    return f"virtualip/{address if parsed is None else object_name(parsed)}"
