"""How the answer of `lbctl status` looks."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lbctl.cli.view import printing
from lbctl.cli.view.findings import Severity
from lbctl.cli.view.printing import BAD, FAINT, GOOD, ODD
from lbctl.cli.view.status import NodeState, PoolUse, Status
from lbctl.cli.view.words import count

_SHOWN = 12
"""So many findings fit a screen beside the rest; `-o wide` shows all."""


def render(answer: Status, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """The screen."""
    return Group(*_parts(answer, wide=wide))


def names(answer: Status) -> Iterator[str]:
    """What is not well, as kubectl names it."""
    for one in answer.findings:
        if one.severity is not Severity.NOTE:
            yield one.subject


def _parts(answer: Status, *, wide: bool) -> Iterator[RenderableType]:
    yield _headline(answer)
    if answer.findings:
        shown = answer.findings if wide else answer.findings[:_SHOWN]
        yield Text()
        yield printing.findings(shown)
        if len(shown) < len(answer.findings):
            more = len(answer.findings) - len(shown)
            yield Text(f"  and {more} more: lbctl status -o wide", style=FAINT)
    yield printing.heading("Pools")
    yield printing.indented(
        printing.table(
            ("name", "family", "use", "used", "kept", "free", "reason", *_wide(wide, "addresses")),
            (_pool(one, wide=wide) for one in answer.pools),
        )
    )
    yield printing.heading("Nodes")
    yield printing.indented(
        printing.table(
            (
                *("name", "announces", "holds", "next for", "partners", "version"),
                *_wide(wide, "zone", "interfaces"),
            ),
            (_node(one, wide=wide) for one in answer.nodes),
        )
    )


def _headline(answer: Status) -> Text:
    broken = sum(one.severity is Severity.BROKEN for one in answer.findings)
    warned = sum(one.severity is Severity.WARNING for one in answer.findings)
    if broken:
        text = Text(f"✗ {count(broken, 'thing')} broken", style=BAD)
        if warned:
            text.append(f", {count(warned, 'warning')}", style=ODD)
    elif warned:
        text = Text(f"! {count(warned, 'warning')}", style=ODD)
    else:
        text = Text("✓ all is well", style=GOOD)
    use = answer.addresses
    text.append(
        f"   {use.held} of {count(use.allocated, 'address', 'addresses')} announced, "
        f"{count(answer.services, 'Service')}",
        style="not bold default",
    )
    for number, word in ((use.moving, "moving"), (use.releasing, "becoming free"),
                         (use.reserved, "reserved")):  # fmt: skip
        if number:
            text.append(f", {number} {word}", style="not bold default")
    who = answer.operator.identity or "no operator"
    text.append(f"   led by {who}" if answer.operator.identity else f"   {who} known", style=FAINT)
    return text


def _pool(one: PoolUse, *, wide: bool) -> list[str | Text]:
    able = one.used + one.kept + one.free
    percent = f"{100 * (one.used + one.kept) // able}%" if able else "-"
    use = printing.bar(one.used, one.kept, one.free) if able else Text("-")
    use.append(f" {percent}", style="default")
    good = one.reason in {"Ready", "AddressesSkipped"}
    row: list[str | Text] = [one.pool, one.family, use, str(one.used), str(one.kept)]
    row += [_short(one.free), printing.yes_no(good, one.reason)]
    return [*row, ", ".join(one.addresses)] if wide else row


def _node(one: NodeState, *, wide: bool) -> list[str | Text]:
    announces = printing.yes_no(one.announces, "yes" if one.announces else one.reason)
    if one.reason == "NoSpeaker":
        announces = Text(one.reason, style=FAINT)
    partners = f"{one.partners_up}/{one.partners}" if one.partners else "-"
    row: list[str | Text] = [one.name, announces, str(one.holds), str(one.next_for)]
    row += [partners, one.version or "-"]
    return [*row, one.zone or "-", "; ".join(one.interfaces) or "-"] if wide else row


def _wide(wide: bool, *heads: str) -> tuple[str, ...]:  # noqa: FBT001 - of `Look`
    return heads if wide else ()


def _short(number: int) -> str:
    """A number, in powers of two where it is that of a whole IPv6 network."""
    return str(number) if number < 10**9 else f"2^{number.bit_length() - 1}"
