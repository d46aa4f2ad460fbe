"""Reserving an address, and giving up what keeps one: the next step of each."""

from __future__ import annotations

from lbctl.cli.state import State
from lbctl.cli.view.deeds import End, Ended, Step, Write, deletion, patch, waiting
from lbctl.cli.view.words import listed
from lbctl.core.addresses import Address, object_name
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import ConditionType
from lbctl.core.reading.objects import condition
from lbctl.kube.objects import VIRTUAL_IPS, Object


def reserve(state: State, address: Address, whom: ServiceKey | None) -> Step:
    """An address is to be kept: for a Service, or for nobody until it is released.

    One that is just being given back is waited for.
    """
    obj, view = _found(state, address)
    if obj is None or view is None:
        if shown := state.ledger.claimants(address):
            return Ended(End.STUCK, f"The Service {shown[0].key} shows it, and has it soon again.")
        return _creation(address, whom)
    match view.stage:
        case Stage.RELEASING:
            return waiting(state, f"It is being given back. {_release_said(obj)}".strip())
        case Stage.ALLOCATED:
            return _reserve_used(obj, view, whom)
        case Stage.RESERVED:
            return _reserve_again(state, obj, view, whom)


def release(state: State, address: Address, *, wrote: bool) -> Step:
    """Nothing is to keep an address that no Service has. What a Service has stays that Service's.

    Args:
        state: what is there.
        address: the address.
        wrote: whether this command has written already.
    """
    obj, view = _found(state, address)
    if obj is None or view is None:
        if shown := state.ledger.claimants(address):
            return Ended(End.STUCK, f"The Service {shown[0].key} shows it, and has it soon again.")
        return Ended(End.DONE, "Nothing keeps it." if not wrote else "Nothing keeps it any more.")
    match view.stage:
        case Stage.RESERVED:
            return deletion(VIRTUAL_IPS, obj, "the reservation is deleted")
        case Stage.ALLOCATED:
            return _release_used(obj, view, wrote=wrote)
        case Stage.RELEASING:
            if (body := _at_once(view)) is not None:
                said = "what keeps it is taken away; the LAN is asked before it is free"
                return patch(VIRTUAL_IPS, obj, said, body)
            return waiting(state, f"It is being given back. {_release_said(obj)}".strip())


def _found(state: State, address: Address) -> tuple[Object | None, VirtualIPView | None]:
    found = state.snapshot.find(VIRTUAL_IPS, object_name(address))
    return found, state.ledger.virtual_ip(address)


def _creation(address: Address, whom: ServiceKey | None) -> Write:
    spec: dict[str, object] = {"address": str(address)}
    if whom is not None:
        spec["reservedFor"] = {"namespace": whom.namespace, "name": whom.name}
    name = object_name(address)
    body = {"metadata": {"name": name}, "spec": spec}
    return Write("create", VIRTUAL_IPS, name, "it is reserved", body)


def _reserve_used(obj: Object, view: VirtualIPView, whom: ServiceKey | None) -> Step:
    having = [ref.key for ref in view.services]
    if whom is None or whom not in having:
        return Ended(
            End.STUCK,
            f"The Service {listed(map(str, having))} has it.",
            f"lbctl reserve {view.address} --for {having[0]}   # keeps it when that goes",
        )
    if view.reserved_for == whom:
        return Ended(End.DONE, f"The Service {whom} has it, and it stays kept when that goes.")
    if view.reserved_for is not None:
        return _another(view)
    return patch(VIRTUAL_IPS, obj, f"it is reserved for {whom}", _for(whom))


def _reserve_again(state: State, obj: Object, view: VirtualIPView, whom: ServiceKey | None) -> Step:
    if view.reserved_for is None and whom is not None:
        return patch(VIRTUAL_IPS, obj, f"it is reserved for {whom}", _for(whom))
    if view.reserved_for != whom:
        return _another(view)
    said = condition(obj, ConditionType.RESERVED)
    if said is None or said.get("observedGeneration") != obj["metadata"].get("generation"):
        return waiting(state, "It is reserved; the operator has not said for whom.")
    return Ended(End.DONE, f"It is reserved. {said.get('message') or ''}".strip())


def _another(view: VirtualIPView) -> Ended:
    return Ended(
        End.STUCK,
        f"It is reserved for the Service {view.reserved_for}.",
        f"lbctl release {view.address}   # gives that up",
    )


def _for(whom: ServiceKey) -> dict[str, object]:
    return {"spec": {"reservedFor": {"namespace": whom.namespace, "name": whom.name}}}


def _release_used(obj: Object, view: VirtualIPView, *, wrote: bool) -> Step:
    who = listed(str(ref.key) for ref in view.services)
    if view.reserved_for is not None:
        said = f"it is reserved for {view.reserved_for} no more"
        return patch(VIRTUAL_IPS, obj, said, {"spec": {"reservedFor": None}})
    if wrote:
        return Ended(End.DONE, f"The Service {who} has it, and nothing keeps it when that goes.")
    return Ended(
        End.STUCK,
        f"The Service {who} has it: it becomes free when that is deleted or asks for another.",
        f"lbctl explain address {view.address}",
    )


def _at_once(view: VirtualIPView) -> dict[str, object] | None:
    """A patch without what keeps an address on its way out; None when nothing does."""
    release = view.release
    if release is None:
        return None
    kept = {
        "quarantine": release.quarantine,
        "coolingUntil": release.cooling_until or None,
        "retainedFor": release.retained_for,
    }
    over = {name: None for name, value in kept.items() if value is not None}
    return {"spec": {"release": over}} if over else None


def _release_said(obj: Object) -> str:
    """What the operator, or the node that asks the LAN, says of it."""
    for kind in (ConditionType.RELEASED, ConditionType.PLANNED):
        said = condition(obj, kind)
        if said is not None and said.get("status") == "False":
            return str(said.get("message") or "")
    return ""
