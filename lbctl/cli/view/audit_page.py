"""How the answer of `lbctl audit` looks."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lbctl.cli.view import printing
from lbctl.cli.view.audit import AddressAudit, Audit, Verdict
from lbctl.cli.view.printing import BAD, FAINT, GOOD, ODD
from lbctl.cli.view.words import count

_STYLES = {Verdict.UNWITNESSED: FAINT, Verdict.ANOTHER: ODD, Verdict.DIVIDED: ODD}


def render(answer: Audit, wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """What is not well, or all with `-o wide`."""
    return Group(*_parts(answer, wide=wide))


def names(answer: Audit) -> Iterator[str]:
    """The addresses that are not well, as kubectl names them."""
    for one in answer.addresses:
        if not one.verdict.well:
            yield printing.virtual_ip(one.address)


def _parts(answer: Audit, *, wide: bool) -> Iterator[RenderableType]:
    if not answer.addresses:
        yield Text("- nothing was asked: no address has a VirtualIP", style=FAINT)
        return
    asked = sum(bool(one.asked) for one in answer.nodes)
    said = (
        f"{count(len(answer.addresses), 'address', 'addresses')}, asked by {count(asked, 'node')}"
    )
    bad = sum(not one.verdict.well for one in answer.addresses)
    if bad:
        head = Text.assemble((f"✗ {bad} not as it should be", BAD), f"   {said}")
    else:
        mark = (
            ("✓ all as it should be", GOOD) if answer.well else ("! not everybody could ask", ODD)
        )
        head = Text.assemble(mark, f"   {said}")
    yield head
    one_by_one = wide or len(answer.addresses) == 1
    shown = [one for one in answer.addresses if one_by_one or not one.verdict.well]
    if shown:
        heads = ("address", "services", "verdict", "who answers", *(("macs",) if wide else ()))
        yield Text()
        yield printing.indented(printing.table(heads, (_row(one, wide=wide) for one in shown)))
    for node in answer.nodes:
        if node.problem:
            yield Text.assemble(("! ", ODD), f"{node.node} could not ask: {node.problem}")


def _row(one: AddressAudit, *, wide: bool) -> list[str | Text]:
    style = _STYLES.get(one.verdict, GOOD if one.verdict.well else BAD)
    row: list[str | Text] = [one.address, ", ".join(one.services) or "-"]
    row += [Text(one.verdict, style=style), one.message]
    macs = ", ".join(f"{each.mac} ({each.node or 'foreign'})" for each in one.answers)
    return [*row, macs or "-"] if wide else row
