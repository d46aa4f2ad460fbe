"""Who may have an address of a pool, and in which order pools are asked. Pure rules.

Whether an address is free is the ledger's to say; here is whether it may be given at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from lbctl.core.addresses import Address, Family, place
from lbctl.core.objects.pools import Allocation, PoolFinding, PoolView
from lbctl.core.objects.services import ServiceView
from lbctl.core.outcomes import PoolReason, PoolRefusal
from lbctl.core.selectors import any_matches

__all__ = [
    "PoolRefusal",
    "Refusal",
    "Stock",
    "address_refusal",
    "in_order",
    "narrowed",
    "over_quota",
    "refusal",
    "shortage",
]

Labels = Mapping[str, str]

_EVERYBODY = Allocation()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pool gives a Service nothing."""

    pool: str
    """Its name; "" when the address that is asked for is in none."""
    reason: PoolRefusal
    message: str
    """The rest of a sentence that begins with the pool."""

    def __str__(self) -> str:
        told = f"{self.message} [{self.reason}]"
        return f'"{self.pool}": {told}' if self.pool else told


def refusal(
    finding: PoolFinding,
    service: ServiceView,
    labels: Labels | None,
    *,
    before: int,
    after: int,
    by_name: bool,
) -> Refusal | None:
    """The first reason for which a pool gives a Service no new address; None when it may give.

    Args:
        finding: what was found of the pool.
        service: who wants an address.
        labels: those of its namespace; None while they are not known.
        before: how many addresses of the pool the Services of its namespace have.
        after: how many they would have then; sharing may need none.
        by_name: whether the Service asks for this pool, or for an address of it.
    """
    pool = finding.pool
    found = _unfit(finding)
    if found is None and not by_name and not pool.auto_assign:
        found = (
            PoolRefusal.NOT_AUTO_ASSIGNED,
            "gives to those only who ask for it by name (autoAssign: false)",
        )
    if found is not None:
        return Refusal(pool.name, *found)
    return narrowed(pool, service, labels) or over_quota(pool, service, before, after)


def narrowed(pool: PoolView, service: ServiceView, labels: Labels | None) -> Refusal | None:
    """Why `spec.allocation` does not mean this Service; None when it does.

    A selector that matches nothing grants nothing: it is no missing selector.
    """
    allocation = pool.allocation
    if allocation is None:
        return None
    if not _names_namespace(allocation, service.namespace, labels):
        unknown = (
            ", whose labels are not known yet"
            if labels is None and allocation.namespace_selectors
            else ""
        )
        message = f"is for other namespaces than {service.namespace}{unknown}"
        return Refusal(pool.name, PoolRefusal.NAMESPACE_NOT_ALLOWED, message)
    if allocation.service_selectors and not any_matches(
        allocation.service_selectors, service.labels
    ):
        message = "is for Services with other labels"
        return Refusal(pool.name, PoolRefusal.SERVICE_NOT_SELECTED, message)
    return None


def over_quota(pool: PoolView, service: ServiceView, before: int, after: int) -> Refusal | None:
    """Why the namespace may not have so many addresses; None when it may, or gets none more."""
    quota = (pool.allocation or _EVERYBODY).quota_per_namespace
    if quota is None or after <= max(quota, before):
        return None
    message = f"namespace {service.namespace} may have {quota} of its addresses, and has them"
    return Refusal(pool.name, PoolRefusal.QUOTA_REACHED, message)


def in_order(
    findings: Iterable[PoolFinding], service: ServiceView, labels: Labels | None
) -> list[PoolFinding]:
    """Pools in the order in which they are asked when the Service names none.

    First those whose selectors mean this Service, then by priority (lower first, unset last), then
    by name.
    """

    def turn(finding: PoolFinding) -> tuple[bool, tuple[bool, int, str]]:
        pool = finding.pool
        selects = pool.allocation is not None and pool.allocation.selects
        means = selects and narrowed(pool, service, labels) is None
        return (not means, pool.turn)

    return sorted(findings, key=turn)


@dataclass(frozen=True, slots=True)
class Stock:
    """What a pool has of one family."""

    total: int
    used: int
    free: int
    excluded: int = 0
    resting: tuple[str, ...] = ()
    """Of those in use, the ones that no Service has, like "2 in quarantine"."""


def shortage(pool: str, family: Family, stock: Stock) -> Refusal | None:
    """Why a pool cannot give an address of a family; None when one is free."""
    if stock.free:
        return None
    if not stock.total:
        message = f"has no {family} addresses"
        return Refusal(pool, PoolRefusal.NO_ADDRESSES_OF_FAMILY, message)
    resting = f", {', '.join(stock.resting)}" if stock.resting else ""
    excluded = f", {stock.excluded} never given" if stock.excluded else ""
    message = f"full ({stock.used} of {stock.total} used{resting}{excluded})"
    return Refusal(pool, PoolRefusal.FULL, message)


def address_refusal(finding: PoolFinding, address: Address) -> Refusal | None:
    """Why an address can never be given from this pool; None when it can, while nobody uses it."""
    at, name = place(address), finding.pool.name
    if at in finding.giveable and not finding.avoids(at):
        return None
    if at not in finding.named:
        return Refusal(name, PoolRefusal.NOT_IN_POOL, f"{address} is not in its addresses")
    if at not in finding.addresses:
        return Refusal(name, PoolRefusal.EXCLUDED, f"{address} is in its exclude")
    if finding.avoids(at):
        message = f"{address} ends in .0 or .255, which it avoids (avoidBuggyIPs)"
        return Refusal(name, PoolRefusal.EXCLUDED, message)
    for obstacle in finding.obstacles:
        if obstacle.interval.first <= at <= obstacle.interval.last:
            return Refusal(name, obstacle.reason, f"{address} is {obstacle.why}")
    return None


def _unfit(finding: PoolFinding) -> tuple[PoolRefusal, str] | None:
    """What keeps the pool from giving to anybody."""
    match finding.reason:
        case PoolReason.READY | PoolReason.ADDRESSES_SKIPPED | PoolReason.NOT_ADVERTISED:
            return None
        case PoolReason.DISABLED:
            return PoolRefusal.DISABLED, "disabled"
        case PoolReason.OVERLAP:
            return PoolRefusal.OVERLAP, "overlaps an older pool or a range of the cluster"
        case PoolReason.INVALID_ADDRESSES:
            return PoolRefusal.INVALID_ADDRESSES, "has addresses that cannot be read"
        case _ as never:
            assert_never(never)


def _names_namespace(allocation: Allocation, namespace: str, labels: Labels | None) -> bool:
    if not allocation.about_namespaces:
        return True
    if namespace in allocation.namespaces:
        return True
    return labels is not None and any_matches(allocation.namespace_selectors, labels)
