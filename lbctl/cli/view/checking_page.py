"""How the answer of `lbctl check` looks: mistakes as compilers print them, one a line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lbctl.cli.view import printing
from lbctl.cli.view.checking import CHECKS, Check, Preflight
from lbctl.cli.view.findings import Severity
from lbctl.cli.view.mistakes import Mistake
from lbctl.cli.view.printing import BAD, FAINT, GOOD, ODD, STRONG
from lbctl.cli.view.words import count
from lbctl.core.outcomes import ConditionType

_STYLES = {Severity.BROKEN: BAD, Severity.WARNING: ODD, Severity.NOTE: FAINT}
_WORDS = {Severity.BROKEN: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


_HEADS = {
    ConditionType.KERNEL_SILENT: "kernel silent",
    ConditionType.REVERSE_PATH_OPEN: "rp_filter",
    ConditionType.FORWARDING: "forwarding",
    ConditionType.ROUTER_ADVERTISEMENTS_HEARD: "accept_ra",
    ConditionType.INTERFACES_SOUND: "bonds",
    ConditionType.PARTNERS_REACHABLE: "BFD",
    ConditionType.HAND_OFF_READY: "proxy",
}
"""Short for the conditions; the findings above have their names' sentences."""


def render(answer: Check, _wide: bool) -> RenderableType:  # noqa: FBT001 - of `Look`
    """All that was found."""
    return Group(*_parts(answer))


def names(answer: Check) -> Iterator[str]:
    """Where a mistake is, and what of the cluster is not well."""
    for one in answer.mistakes:
        yield f"{one.file}:{one.line}"
    for finding in answer.findings:
        if finding.severity is not Severity.NOTE:
            yield finding.subject


def _parts(answer: Check) -> Iterator[RenderableType]:
    for one in answer.mistakes:
        yield _mistake(one)
    if answer.findings:
        yield printing.findings(answer.findings)
    if answer.nodes:
        yield printing.heading("Nodes")
        heads = ("node", *(_HEADS[kind] for kind in CHECKS))
        yield printing.indented(printing.table(heads, map(_node, answer.nodes)))
    looked = [count(answer.objects, "object"), count(answer.files, "file")] if answer.files else []
    if answer.cluster:
        looked.append("the cluster")
    text = ("✓ nothing is wrong", GOOD) if answer.well else ("✗ something is wrong", BAD)
    yield Text.assemble(text, (f"   looked at {', '.join(looked) or 'nothing'}", FAINT))


def line(one: Mistake) -> str:
    """A mistake as one line without colours."""
    return _mistake(one).plain


def _mistake(one: Mistake) -> Text:
    what = ": ".join(part for part in (one.subject, one.path) if part)
    text = Text.assemble(
        (f"{one.file}:{one.line}: ", STRONG),
        (f"{_WORDS[one.severity]}: ", _STYLES[one.severity]),
        f"{what}: {one.message}" if what else one.message,
    )
    # One a line, however long: editors and greps read them.
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _node(one: Preflight) -> list[str | Text]:
    marks = {"ok": Text("ok", style=GOOD), "unknown": Text("?", style=FAINT)}
    return [one.node, *(marks.get(one.checks[kind]) or Text("✗", style=BAD) for kind in CHECKS)]
