"""How the answers of `lbctl simulate` look."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lbctl.cli.view import printing, reasons
from lbctl.cli.view.new_service import NewService, Planned
from lbctl.cli.view.printing import BAD, FAINT, GOOD, ODD
from lbctl.cli.view.simulation.outcome import Given, Move, Simulation, Stock
from lbctl.cli.view.words import count

_SHOWN = 30
"""So many rows of a table are printed; `-o wide` prints all."""


def render(answer: Simulation, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """What would be other than now."""
    return Group(*_parts(answer, wide=wide))


def names(answer: Simulation) -> Iterator[str]:
    """The Services for which something would change."""
    found = [one.service for one in answer.given]
    found += [name for one in answer.moves for name in one.services]
    for name in dict.fromkeys(found):
        namespace, _, service = name.partition("/")
        yield f"service/{service} -n {namespace}"


def _parts(answer: Simulation, *, wide: bool) -> Iterator[RenderableType]:
    lost = sum(one.after is None for one in answer.moves)
    mark, style = ("✓", GOOD) if answer.harmless else ("✗", BAD)
    yield Text.assemble((f"{mark} {answer.what}", style))
    rows = [f"{count(len(answer.moves), 'address', 'addresses')} would move"]
    if lost:
        rows.append(f"{lost} of them to nobody")
    if answer.replanned:
        rows.append(f"{answer.replanned} would stay, with other nodes next")
    rows.append(f"{answer.unchanged} unchanged")
    yield printing.indented(Text(", ".join(rows)))
    for note in answer.notes:
        yield printing.indented(Text(f"- {note}", style=FAINT))
    tables = (
        ("Addresses that move", ("address", "service", "from", "to", "how", "next"),
         [_move(one) for one in answer.moves]),
        ("Services", ("service", "now", "then", "reason", ""), [*map(_given, answer.given)]),
        ("Pools", ("pool", "now", "then", "free now", "free then", ""),
         [*map(_stock, answer.pools)]),
    )  # fmt: skip
    for title, heads, found in tables:
        if found:
            shown = found if wide else found[:_SHOWN]
            yield printing.heading(title)
            yield printing.indented(printing.table(heads, shown))
            if len(shown) < len(found):
                yield printing.indented(Text(f"and {len(found) - len(shown)} more: -o wide"))
    if answer.out_of_pool:
        yield printing.heading("Out of pool")
        for text in answer.out_of_pool:
            yield printing.indented(Text(f"! {text}", style=ODD))
    yield Text("\nNothing was changed.", style=FAINT)


def _move(one: Move) -> list[str | Text]:
    to = Text("nobody", style=BAD) if one.after is None else Text(one.after, style=GOOD)
    able = one.succession if one.after is not None else ()
    next_ones = ", ".join(node for node in able if node != one.after)
    row: list[str | Text] = [one.address, ", ".join(one.services), one.before or "nobody", to]
    return [*row, one.how, next_ones or "-"]


def _given(one: Given) -> list[str | Text]:
    good = printing.yes_no(bool(one.after), ", ".join(one.after) or "none")
    return [one.service, ", ".join(one.before) or "none", good, one.reason, one.message]


def _stock(one: Stock) -> list[str | Text]:
    row: list[str | Text] = [one.pool, one.before or "not there", one.after or "gone"]
    return [*row, str(one.free_before), str(one.free_after), one.message]


def render_service(answer: NewService, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """What a Service would get."""
    return Group(*_service(answer, wide=wide))


def names_of_service(answer: NewService) -> Iterator[str]:
    """The Service, and the addresses that it would have, as kubectl would name them."""
    namespace, _, name = answer.service.partition("/")
    yield f"service/{name} -n {namespace}"
    for one in answer.addresses:
        yield printing.virtual_ip(one.address)


def _service(answer: NewService, *, wide: bool) -> Iterator[RenderableType]:
    mark, style = ("✓", GOOD) if answer.allocated else ("✗", BAD)
    got = ", ".join(one.address for one in answer.addresses) or "no address"
    yield Text.assemble((f"{mark} service {answer.service} would have {got}", style))
    rows: list[tuple[str, str | Text]] = [("class", answer.whose)]
    if answer.ours:
        rows += [
            ("asks for", "; ".join(answer.asks) or "any address"),
            ("verdict", f"{answer.reason}: {answer.message}"),
        ]
    yield printing.indented(printing.facts(rows))
    if answer.pools:
        yield from reasons.pools(answer.pools)
    for planned in answer.addresses:
        yield from _planned(planned, wide=wide)
    yield Text("\nNothing was changed.", style=FAINT)


def _planned(one: Planned, *, wide: bool) -> Iterator[RenderableType]:
    yield printing.heading(f"{one.address}" + (f" from pool {one.pool}" if one.pool else ""))
    by = one.announced_by or "nobody"
    style = GOOD if one.announced_by else BAD
    rows: list[tuple[str, str | Text]] = [
        ("announced by", Text(by, style=style)),
        ("succession", ", ".join(one.succession) or "none"),
    ]
    if wide or not one.announced_by:
        rows.append(("plan", one.message))
    yield printing.indented(printing.facts(rows))
    yield from reasons.outside("left out", one.left_out)
