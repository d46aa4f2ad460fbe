"""How the answers of `lbctl explain` look."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lbctl.cli.view import printing, reasons
from lbctl.cli.view.address import Place, Story
from lbctl.cli.view.printing import BAD, FAINT, GOOD, ODD, STRONG
from lbctl.cli.view.service import ServiceStory
from lbctl.cli.view.whereabouts import Whereabouts
from lbctl.core.objects.virtualips import Stage
from lbctl.core.outcomes import Outcome

_LISTS_POOLS = frozenset({Outcome.NO_FREE_ADDRESS, Outcome.REQUESTED_POOL_UNAVAILABLE})
"""Verdicts whose message names each pool, as the table does."""


def render_service(answer: ServiceStory, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """The whole way of a Service."""
    return Group(*_service(answer, wide=wide))


def render_address(answer: Whereabouts, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """Where an address is."""
    return Group(*_address(answer, wide=wide))


def names_of_service(answer: ServiceStory) -> Iterator[str]:
    """The Service and its addresses, as kubectl names them."""
    namespace, _, name = answer.service.partition("/")
    yield f"service/{name} -n {namespace}"
    for one in answer.addresses:
        yield printing.virtual_ip(one.address)


def names_of_address(answer: Whereabouts) -> Iterator[str]:
    """The VirtualIP, if it has one."""
    if answer.story is not None:
        yield printing.virtual_ip(answer.address)


def _service(answer: ServiceStory, *, wide: bool) -> Iterator[RenderableType]:
    good = answer.allocated and all(one.held for one in answer.addresses)
    mark, style = ("✓", GOOD) if good else ("✗", BAD)
    yield Text.assemble((f"{mark} service {answer.service}", style))
    rows: list[tuple[str, str | Text]] = [("class", answer.whose)]
    if answer.ours:
        rows.append(("asks for", "; ".join(answer.asks) or "any address"))
        rows.append(("verdict", _verdict(answer)))
    if answer.told is not None:
        rows.append(("operator said", Text(answer.told, style=ODD)))
    rows.append(("status shows", ", ".join(answer.shown) or "no address"))
    yield printing.indented(printing.facts(rows))
    if answer.pools:
        yield from reasons.pools(answer.pools)
    for one in answer.addresses:
        yield from _story(one, wide=wide)


def _verdict(answer: ServiceStory) -> Text:
    style = GOOD if answer.reason == "AddressAllocated" else ODD if answer.allocated else BAD
    message = answer.message
    if answer.reason in _LISTS_POOLS and answer.pools:
        message = f"{message.partition('. ')[0]}; each with its reason below."
    return Text.assemble((answer.reason, style), ": ", message)


def _address(answer: Whereabouts, *, wide: bool) -> Iterator[RenderableType]:
    if answer.story is None or answer.story.stage != Stage.ALLOCATED:
        mark, style = ("✓", GOOD) if answer.free else ("-", ODD)
        yield Text.assemble((f"{mark} {answer.address}", style))
        rows: list[tuple[str, str | Text]] = [
            ("can be had", "yes" if answer.free else f"no: {answer.reason}"),
            ("", answer.message),
        ]
    else:
        yield Text(answer.address, style=STRONG)
        rows = [("belongs to", ", ".join(answer.story.services))]
    rows += [
        ("in pools", ", ".join(answer.pools) or "none"),
        ("shown by", ", ".join(answer.shown_by) or "no Service"),
        ("on the LAN of", ", ".join(answer.lan) or "no node"),
    ]
    yield printing.indented(printing.facts(rows))
    if answer.story is not None:
        yield from _story(answer.story, wide=wide)


def _story(one: Story, *, wide: bool) -> Iterator[RenderableType]:
    pool = f" from pool {one.pool}" if one.pool else ""
    yield printing.heading(f"{one.address}{pool}")
    yield printing.indented(printing.facts(_facts(one, wide=wide)))
    if one.succession:
        yield printing.indented(Text("succession", style=FAINT))
        heads = ("", "node", "able", "carries", "why")
        rows = [_place(at, place) for at, place in enumerate(one.succession, 1)]
        yield printing.indented(printing.table(heads, rows))
    yield from reasons.outside("left out", one.left_out)
    yield from reasons.outside("not obeyed", one.not_obeyed)


def _facts(one: Story, *, wide: bool) -> Iterator[tuple[str, str | Text]]:
    yield "announced", printing.yes_no(one.held, one.announced)
    if one.held:
        yield "", f"on {one.interface} with {one.mac}, since {one.since}"
    if len(one.services) > 1:
        yield "shared by", f"{', '.join(one.services)} (key {one.sharing_key})"
    advertised = ", ".join(one.advertisements)
    if wide:
        advertised = advertised or "no L2Advertisement: every node announces every pool"
    for name, said, style in (
        ("reserved for", one.reserved_for, ""),
        ("moves", one.moving, ODD),
        ("conflict", one.conflict, BAD),
        ("out of pool", one.in_pool, ODD),
        ("hand-off", one.hand_off, ""),
        ("gratuitous", one.gratuitous, ""),
        ("advertised by", advertised, ""),
    ):
        if said:
            yield name, Text(said, style=style)
    if one.death is not None:
        yield f"if {one.holder} died", Text(one.death.message, style="" if one.death.heir else BAD)


def _place(at: int, place: Place) -> list[str | Text]:
    able = "holds" if place.holds else "yes" if place.able else "no"
    return [str(at), place.node, printing.yes_no(place.able, able), str(place.carries), place.why]
