"""What the operator says in a VirtualIP's status: whether it is planned, in its pool, reserved."""

from __future__ import annotations

from lbctl.core.allocation.belonging import OutOfPool
from lbctl.core.objects.services import Ownership
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import ConditionType, InPoolReason, PlannedReason, ReservedReason
from lbctl.kube import conditions
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.objects import VIRTUAL_IPS, Key, Object
from lbctl.operator.refresh import refresh
from lbctl.world.world import World


async def say(client: Client, world: World, obj: Object, *said: Condition) -> None:
    """Write what is not said already, all of it at once, under the resourceVersion."""
    meta = obj["metadata"]
    known = (obj.get("status") or {}).get("conditions") or []
    merged = known
    for condition in said:
        merged = conditions.merge(merged, condition) or merged
    if merged is known:
        return
    try:
        written = await client.patch_status(
            VIRTUAL_IPS,
            meta["name"],
            {"conditions": merged},
            resource_version=meta["resourceVersion"],
        )
    except (Conflict, NotFound):
        await refresh(client, world.virtual_ips, Key("", meta["name"]))
        raise
    world.virtual_ips.put(written)


def planned(obj: Object, reason: PlannedReason, message: str) -> Condition:
    """`Planned`: whether a node can announce the address."""
    so = reason in {PlannedReason.PLANNED, PlannedReason.RULE_NOT_OBEYED}
    return Condition(ConditionType.PLANNED, so, reason, message, _generation(obj))


def in_pool(obj: Object, pool: str | None, out: OutOfPool | None) -> Condition:
    """`InPool`: whether the pool would give the address to its Services today."""
    reason = InPoolReason.IN_POOL if out is None else out.reason
    message = f'Pool "{pool}" would give it today.' if out is None else out.message
    return Condition(ConditionType.IN_POOL, out is None, reason, message, _generation(obj))


def reserved(obj: Object, view: VirtualIPView, world: World, ownership: Ownership) -> Condition:
    """`Reserved`: for whom a person keeps an address that no Service has."""
    reason, message = _reservation(view, world, ownership)
    so = reason is not ReservedReason.FOR_NOBODY
    return Condition(ConditionType.RESERVED, so, reason, message, _generation(obj))


def _reservation(
    view: VirtualIPView, world: World, ownership: Ownership
) -> tuple[ReservedReason, str]:
    key = view.reserved_for
    if key is None:
        return ReservedReason.FOR_NOBODY, (
            "No Service gets it. Name one in spec.reservedFor, or delete this VirtualIP to make "
            "the address free."
        )
    service = world.ledger.service(key)
    if service is None or not ownership.ours(service):
        problem = (
            "and there is no such Service of type LoadBalancer"
            if service is None
            else "which is not lbctl's: its type or its loadBalancerClass is another"
        )
        return ReservedReason.SERVICE_NOT_FOUND, (
            f"Kept for the Service {key}, {problem}. Look at the namespace and the name, and "
            "create it when the time has come."
        )
    return ReservedReason.FOR_SERVICE, f"Kept for the Service {key}, which gets it next."


def _generation(obj: Object) -> int:
    return int(obj["metadata"]["generation"])
