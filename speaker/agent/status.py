"""What this node says about an address in the VirtualIP's status. Pure: object and report in.

Several nodes and the operator write one status. Each says only what it knows, with the
resourceVersion as precondition, and only when it changes something:

- Who holds, says so; by that it replaces another node's word once, for each time it takes the
  address. Two nodes that both hold (a split LAN under one API server) do not overwrite in turns.
- Who no longer holds withdraws its own word, nobody else's.
- Who is first in the succession and blocked by a stranger says so when no other node's word stands.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lbctl.core.objects.virtualips import HandOff
from lbctl.core.outcomes import AnnouncedReason, ConditionType, ReleasedReason
from lbctl.kube.conditions import Condition, find, merge
from lbctl.kube.objects import Object
from speaker.agent import conflicts
from speaker.messages import AddressReport, State

_NOBODY: Final[dict[str, Any]] = {
    "holder": None,
    "interface": None,
    "mac": None,
    "since": None,
    "answeredBy": None,
}


@dataclass(frozen=True, slots=True)
class Word:
    """A status to write: fields to merge, and the whole list of conditions where it changes."""

    fields: dict[str, Any]
    conditions: tuple[Condition, ...] = ()

    def patch(self, status: Object) -> Object | None:
        """The merge patch for a status; None when it says all that already."""
        patch = {name: value for name, value in self.fields.items() if status.get(name) != value}
        entries = list(status.get("conditions") or ())
        merged = False
        for condition in self.conditions:
            changed = None if _stands(entries, condition) else merge(entries, condition)
            if changed is not None:
                entries, merged = changed, True
        if merged:
            patch["conditions"] = entries
        return patch or None


def status_patch(
    virtual_ip: Object,
    report: AddressReport,
    *,
    node: str,
    told: bool,
    ours: Collection[str] = (),
    sure: bool = True,
    rewrites: bool = False,
    now: float = 0.0,
) -> Object | None:
    """What to merge into the status; None for nothing.

    Args:
        virtual_ip: the object as it is.
        report: what the wire does with the address.
        node: this one.
        told: this hold was written before; a holder that stands there now came later.
        ours: the MACs of speakers that this node knows: all others are strangers'.
        sure: all that may hold the address are among them.
        rewrites: what comes for the address is sent to NodePorts here.
        now: seconds since 1970 by this node's clock.
    """
    status = virtual_ip.get("status") or {}
    generation = int(virtual_ip["metadata"].get("generation") or 1)
    word = _word(virtual_ip, report, node=node, told=told, generation=generation) or Word({})
    if word.fields.get("holder") == node:
        # What the next holder does, it says itself; until then this is how clients come in.
        hand_off = HandOff.NODE_PORT.value if rewrites else None
        word = Word({**word.fields, "handOff": hand_off}, word.conditions)
    found = conflicts.stranger(report, virtual_ip, node=node, ours=ours, sure=sure)
    conflict = conflicts.word(report, status, found, node=node, now=now, generation=generation)
    if conflict is not None:
        fields, condition = conflict
        word = Word({**word.fields, **fields}, (*word.conditions, condition))
    return word.patch(status)


def _word(
    virtual_ip: Object, report: AddressReport, *, node: str, told: bool, generation: int
) -> Word | None:
    status = virtual_ip.get("status") or {}
    match report.state:
        case State.HOLDING:
            return _holding(status, report, node=node, told=told, generation=generation)
        case State.ASKING:
            return None  # settled within half a second, one way or the other
        case State.BLOCKED:
            return _blocked(virtual_ip, report, node=node, generation=generation)
        case State.IDLE:
            return _withdrawn(status, node=node, generation=generation)
        case State.SILENT | State.ANSWERED:
            return _released(status, report, node=node, generation=generation)


def _holding(
    status: Object, report: AddressReport, *, node: str, told: bool, generation: int
) -> Word | None:
    other = status.get("holder") not in (None, node)
    if other and told:
        return None
    since = datetime.fromtimestamp(report.since, UTC).replace(microsecond=0)
    before = _time(status.get("since"))
    if before is not None and other:
        # Clocks differ between nodes; the history of one address must not run backwards.
        since = max(since, before + timedelta(seconds=1))
    elif before is not None:
        since = max(since, before)
    return Word(
        fields={
            "holder": node,
            "interface": report.interface,
            "mac": report.mac,
            "since": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "everHeld": True,
            "answeredBy": None,
        },
        conditions=(
            _announced(
                AnnouncedReason.HOLDING,
                f"{node} answers on {report.interface} with {report.mac}",
                generation,
            ),
        ),
    )


def _blocked(
    virtual_ip: Object, report: AddressReport, *, node: str, generation: int
) -> Word | None:
    status = virtual_ip.get("status") or {}
    holder = status.get("holder")
    expected = holder in virtual_ip["spec"].get("succession", ())
    if holder not in (None, node) and (expected or status.get("mac") == report.by_mac):
        return None
    message = f"{report.by_mac} answers for the address; {node} waits until it stops"
    condition = _announced(AnnouncedReason.ANSWERED_BY_ANOTHER, message, generation)
    return Word(fields={**_NOBODY, "answeredBy": report.by_mac}, conditions=(condition,))


def _withdrawn(status: Object, *, node: str, generation: int) -> Word | None:
    if status.get("holder") != node:
        return None
    condition = _announced(AnnouncedReason.NOT_HELD, f"{node} gave it up", generation)
    return Word(fields=_NOBODY, conditions=(condition,))


def _released(status: Object, report: AddressReport, *, node: str, generation: int) -> Word | None:
    withdrawn = _withdrawn(status, node=node, generation=generation) or Word(fields={})
    if report.generation != generation:
        return withdrawn
    silent = report.state is State.SILENT
    condition = Condition(
        type=ConditionType.RELEASED,
        status=silent,
        reason=ReleasedReason.SILENT if silent else ReleasedReason.STILL_ANSWERED,
        message=(
            f"{node} asked the LAN and nobody answered"
            if silent
            else f"{report.by_mac} still answers, {node} goes on asking"
        ),
        generation=generation,
    )
    return Word(fields=withdrawn.fields, conditions=(*withdrawn.conditions, condition))


def _announced(reason: AnnouncedReason, message: str, generation: int) -> Condition:
    return Condition(
        type=ConditionType.ANNOUNCED,
        status=reason is AnnouncedReason.HOLDING,
        reason=reason,
        message=message,
        generation=generation,
    )


def _stands(entries: list[dict[str, Any]], condition: Condition) -> bool:
    """Whether a condition about the wire says this already, for whatever generation.

    A new plan that leaves the holder where it is would otherwise cost a write for each address.
    """
    if condition.type not in (ConditionType.ANNOUNCED, ConditionType.CONFLICT):
        return False
    old = find(entries, condition.type) or {}
    wanted = ("True" if condition.status else "False", condition.reason, condition.message)
    return (old.get("status"), old.get("reason"), old.get("message")) == wanted


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
