"""What this node says of a host that is none of the cluster's and has one of its addresses. Pure.

The node that hears the stranger says so: the holder whose address is claimed, or the first of the
succession that asked before taking and was answered. It withdraws its own word when that is over;
a holder that hears no stranger withdraws anybody's, for that node may be gone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lbctl.core.outcomes import ConditionType, ConflictReason
from lbctl.kube.conditions import Condition, find
from lbctl.kube.objects import Object
from speaker.messages import AddressReport, State

_MEND = "find it by its MAC address on the switches, and give it another address"


@dataclass(frozen=True, slots=True)
class Stranger:
    """A host that has or claims the address."""

    mac: str
    reason: ConflictReason


def stranger(
    report: AddressReport,
    virtual_ip: Object,
    *,
    node: str,
    ours: Collection[str],
    sure: bool = True,
) -> Stranger | None:
    """Whom the wire hears that is no speaker; None for nobody.

    Args:
        report: what the wire does with the address.
        virtual_ip: the object as it is.
        node: this one.
        ours: the MACs of speakers that this node knows.
        sure: all that may hold the address are among them. Else nobody is accused of answering.
    """
    if report.state is State.HOLDING and report.claimed_by is not None:
        return Stranger(report.claimed_by, ConflictReason.CLAIMED_BY_FOREIGN_HOST)
    if report.state is not State.BLOCKED or report.by_mac is None or report.by_mac in ours:
        return None
    if not sure:
        return None
    status = virtual_ip.get("status") or {}
    holder = status.get("holder")
    expected = holder in virtual_ip["spec"].get("succession", ())
    if holder not in (None, node) and (expected or status.get("mac") == report.by_mac):
        return None  # it is the holder, or the holder's affair
    return Stranger(report.by_mac, ConflictReason.ANSWERED_BY_FOREIGN_HOST)


def word(
    report: AddressReport,
    status: Object,
    found: Stranger | None,
    *,
    node: str,
    now: float,
    generation: int,
) -> tuple[dict[str, Any], Condition] | None:
    """The field and the condition to write; None when this node has nothing to say.

    Args:
        report: what the wire does with the address.
        status: of the VirtualIP.
        found: whom `stranger` found.
        node: this one.
        now: seconds since 1970 by this node's clock.
        generation: of the VirtualIP.
    """
    said = status.get("conflict")
    if found is None:
        return _withdrawn(report, status, node=node, generation=generation)
    since = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if said is not None and said.get("mac") == found.mac:
        since = said.get("since") or since
    conflict = {"mac": found.mac, "node": node, "since": since}
    answered = found.reason is ConflictReason.ANSWERED_BY_FOREIGN_HOST
    message = (
        f"{found.mac} is no node that {node} knows and answers for the address, which {node} "
        f"therefore does not take: {_MEND}"
        if answered
        else f"{found.mac} is no node that {node} knows and claims the address, which {node} "
        f"holds and defends: {_MEND}"
    )
    return {"conflict": conflict}, _condition(found.reason, message, generation)


def _withdrawn(
    report: AddressReport, status: Object, *, node: str, generation: int
) -> tuple[dict[str, Any], Condition] | None:
    said = status.get("conflict")
    stands = find(list(status.get("conditions") or ()), ConditionType.CONFLICT) or {}
    if said is None and stands.get("status") != "True":
        return None
    holds = report.state is State.HOLDING
    if report.state is State.ASKING or not (holds or (said or {}).get("node") == node):
        return None
    message = f"{node} hears nobody else claim the address"
    return {"conflict": None}, _condition(ConflictReason.NO_CONFLICT, message, generation)


def _condition(reason: ConflictReason, message: str, generation: int) -> Condition:
    return Condition(
        type=ConditionType.CONFLICT,
        status=reason is not ConflictReason.NO_CONFLICT,
        reason=reason,
        message=message,
        generation=generation,
    )
