"""Who waits for what: so that a change wakes those whom it may help, and nobody else.

A Service that is refused waits for everything that any refusal named. What a person changes (a
pool, a namespace's labels) wakes all who wait for it: it is rare, and what they are told changes
with it. One address that becomes free wakes one who waits for it, the one that has waited longest;
when that one has been tried and an address is still free, the next is woken. So a thousand that
wait cost nothing when one address is freed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from lbctl.core.addresses import Address, Family
from lbctl.core.allocation.grants import Refusal
from lbctl.core.objects.services import ServiceKey, ServiceView
from lbctl.core.outcomes import PoolRefusal


@dataclass(frozen=True, slots=True)
class FreeAddress:
    """Any address of a family becomes free in a pool that is full."""

    pool: str
    family: Family


@dataclass(frozen=True, slots=True)
class ThisAddress:
    """One address becomes free, or can be shared."""

    address: Address


@dataclass(frozen=True, slots=True)
class LessUsed:
    """A namespace gives back an address of a pool, of which it has its quota."""

    pool: str
    namespace: str


@dataclass(frozen=True, slots=True)
class PoolChange:
    """What a pool says, or what is found of it, becomes something else."""

    pool: str


@dataclass(frozen=True, slots=True)
class NewPool:
    """A pool is made, or has other addresses than before."""


@dataclass(frozen=True, slots=True)
class Sharers:
    """An address that is shared under a key comes, or is shared by others than before."""

    key: str


@dataclass(frozen=True, slots=True)
class NamespaceLabels:
    """The labels of a namespace change, which pools select by."""

    namespace: str


Want = FreeAddress | ThisAddress | LessUsed | PoolChange | NewPool | Sharers | NamespaceLabels
"""The closed set of what a Service can wait for, besides a change of itself."""


def wants(service: ServiceView, refusals: Iterable[Refusal]) -> frozenset[Want]:
    """What a Service waits for that was refused for these reasons."""
    asked = service.request
    found: set[Want] = {ThisAddress(address) for address in asked.addresses}
    if asked.sharing_key:
        found.add(Sharers(asked.sharing_key))
    if not asked.pools:
        found.add(NewPool())
    for refusal in refusals:
        found.add(PoolChange(refusal.pool) if refusal.pool else NewPool())
        found.update(_besides(service, refusal))
    return frozenset(found)


def _besides(service: ServiceView, refusal: Refusal) -> Iterator[Want]:
    """What a refusal makes a Service wait for besides a change of the pool."""
    match refusal.reason:
        case PoolRefusal.FULL:
            yield from (FreeAddress(refusal.pool, family) for family in service.families)
        case PoolRefusal.QUOTA_REACHED:
            yield LessUsed(refusal.pool, service.namespace)
        case PoolRefusal.NAMESPACE_NOT_ALLOWED:
            yield NamespaceLabels(service.namespace)
        case (
            # What a person or the LAN decides is part of what is found of the pool, ...
            PoolRefusal.NO_SUCH_POOL
            | PoolRefusal.INVALID_ADDRESSES
            | PoolRefusal.OVERLAP
            | PoolRefusal.DISABLED
            | PoolRefusal.NOT_AUTO_ASSIGNED
            | PoolRefusal.SERVICE_NOT_SELECTED
            | PoolRefusal.NO_ADDRESSES_OF_FAMILY
            | PoolRefusal.NOT_IN_POOL
            | PoolRefusal.EXCLUDED
            | PoolRefusal.NODE_ADDRESS
            | PoolRefusal.GATEWAY
            | PoolRefusal.SUBNET_EDGE
            | PoolRefusal.CLUSTER_RANGE
            # ... and these are about an address that was asked for.
            | PoolRefusal.IN_USE
            | PoolRefusal.RESERVED
            | PoolRefusal.RELEASING
            | PoolRefusal.QUARANTINED
        ):
            pass
        case _ as never:
            assert_never(never)


class Waiting:
    """The Services that wait, by what they wait for.

    Args:
        wake: called with each Service that is to be tried again.
    """

    def __init__(self, wake: Callable[[ServiceKey], None]) -> None:
        self._wake = wake
        self._wants: dict[ServiceKey, frozenset[Want]] = {}
        # Dicts for their order: who began to wait first is woken first.
        self._waiters: dict[Want, dict[ServiceKey, None]] = {}
        self._tried: dict[Want, set[ServiceKey]] = {}
        """Who was woken for a want since it last came about, and need not be woken for it again."""
        self._woken: dict[ServiceKey, set[Want]] = {}
        """Who was woken alone and was not tried yet, and for what."""

    def __contains__(self, key: object) -> bool:
        return key in self._wants

    def __iter__(self) -> Iterator[ServiceKey]:
        return iter(self._wants)

    def __len__(self) -> int:
        return len(self._wants)

    def wants(self, key: ServiceKey) -> frozenset[Want]:
        """What a Service waits for."""
        return self._wants.get(key, frozenset())

    def put(self, key: ServiceKey, wants: Iterable[Want]) -> None:
        """A Service waits for these, and for nothing else. It keeps its place where it had one."""
        new, old = frozenset(wants), self.wants(key)
        for gone in old - new:
            self._leave(key, gone)
        for want in new - old:
            self._waiters.setdefault(want, {})[key] = None
        if new:
            self._wants[key] = new
        else:
            self._wants.pop(key, None)

    def changed(self, want: Want) -> None:
        """What a person changes: all who wait for it are tried again."""
        for key in [*self._waiters.get(want, ())]:
            self._wake(key)

    def freed(self, want: Want) -> None:
        """One address: one of those who wait for it is tried, and the next after `tried`."""
        # Who is awake for the one before takes that one.
        tried = self._tried.get(want, set())
        tried.intersection_update({key for key in tried if want in self._woken.get(key, ())})
        self._wake_next(want)

    def tried(self, key: ServiceKey, still: Callable[[Want], bool]) -> None:
        """A Service was tried, well or not. Where something is left, the next one is woken.

        Args:
            key: which one; call it after `put`.
            still: whether there still is what one waits for. It may say yes too often.
        """
        for want in self._woken.pop(key, ()):
            if still(want):
                self._wake_next(want)

    def _wake_next(self, want: Want) -> None:
        waiters = self._waiters.get(want)
        if waiters is None:
            return
        tried = self._tried.setdefault(want, set())
        fresh = next((key for key in waiters if key not in tried), None)
        if fresh is not None:
            tried.add(fresh)
            self._woken.setdefault(fresh, set()).add(want)
            self._wake(fresh)

    def _leave(self, key: ServiceKey, want: Want) -> None:
        waiters = self._waiters[want]
        del waiters[key]
        self._tried.get(want, set()).discard(key)
        if not waiters:
            del self._waiters[want]
            self._tried.pop(want, None)
