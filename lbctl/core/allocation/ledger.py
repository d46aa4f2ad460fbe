"""The ledger: which addresses are in use, by whom, and what is free. A mirror that can be stale.

The truth is the API server: an address is taken by the creation of its VirtualIP, and whoever comes
second is refused there. The ledger only says where to try first, and it errs on the safe side.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from lbctl.core.addresses import Address, Family, Subnet, address_at, place
from lbctl.core.allocation.grants import Refusal, Stock, address_refusal, shortage
from lbctl.core.allocation.neighborhood import Neighborhood
from lbctl.core.allocation.occupants import occupied
from lbctl.core.allocation.offers import Offers
from lbctl.core.allocation.pool_findings import ClusterRange, RangeKind, assess
from lbctl.core.allocation.stock import Shelf
from lbctl.core.allocation.usage import Usage
from lbctl.core.objects.pools import PoolCounts, PoolFinding, PoolView
from lbctl.core.objects.services import Port, ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Kept, VirtualIPView
from lbctl.core.outcomes import ConflictReason, PoolRefusal

_K = TypeVar("_K")
_V = TypeVar("_V")


class Ledger:
    """What is used: VirtualIPs, the addresses that Services show, and the nodes' own.

    Each `put_` replaces what the ledger knew of that object, each `drop_` forgets it; both may be
    repeated. All of them cost the logarithm of what is in use, so live updates need no rebuild.
    What was found of the pools is judged anew, when it is asked for, after a pool or something in
    its way has changed.
    """

    def __init__(self) -> None:
        self._pools: dict[str, PoolView] = {}
        self._findings: dict[str, PoolFinding] | None = None
        self._shelves: dict[tuple[str, Family], Shelf] = {}
        # Addresses are known by their places here, which are hashed and sorted in no time.
        self._virtual_ips: dict[int, VirtualIPView] = {}
        self._named: dict[ServiceKey, set[int]] = {}
        self._services: dict[ServiceKey, ServiceView] = {}
        self._shown: dict[int, set[ServiceKey]] = {}
        self._neighborhood = Neighborhood()
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._usage = Usage()
        self._offers = Offers()

    def put_pool(self, pool: PoolView) -> None:
        known = self._pools.get(pool.name)
        self._pools[pool.name] = pool
        if self._findings is None or known is None or _intent(known) != _intent(pool):
            self._changed()
        else:  # Its status was written: it is as good or bad as before.
            self._findings[pool.name] = replace(self._findings[pool.name], pool=pool)

    def drop_pool(self, name: str) -> None:
        if self._pools.pop(name, None) is not None:
            self._changed()

    def put_virtual_ip(self, virtual_ip: VirtualIPView) -> None:
        at = place(virtual_ip.address)
        before = self._users(at)
        self._forget_virtual_ip(at)
        self._virtual_ips[at] = virtual_ip
        if virtual_ip.kept is not None:
            self._usage.keep(at, virtual_ip.kept)
        for owner in virtual_ip.services:
            self._named.setdefault(owner.key, set()).add(at)
        self._offers.put(virtual_ip)
        self._account(at, before)

    def drop_virtual_ip(self, address: Address) -> None:
        at = place(address)
        before = self._users(at)
        self._forget_virtual_ip(at)
        self._account(at, before)

    def _forget_virtual_ip(self, at: int) -> None:
        known = self._virtual_ips.pop(at, None)
        if known is None:
            return
        if known.kept is not None:
            self._usage.keep_no_more(at, known.kept)
        self._offers.drop(known)
        for owner in {owner.key for owner in known.services}:
            _discard(self._named, owner, at)

    def put_service(self, service: ServiceView) -> None:
        """Know a Service, whoever owns it: the addresses that it shows are used."""
        known = self._services.get(service.key)
        self._services[service.key] = service
        before = () if known is None else known.shown
        if before != service.shown:
            self._show(service.key, before, service.shown)

    def drop_service(self, key: ServiceKey) -> None:
        known = self._services.pop(key, None)
        self._show(key, () if known is None else known.shown, ())

    def _show(
        self, key: ServiceKey, before: tuple[Address, ...], after: tuple[Address, ...]
    ) -> None:
        """A Service's status shows other addresses than before."""
        shown = {place(address) for address in after}
        for at in shown ^ {place(address) for address in before}:
            users = self._users(at)
            if at in shown:
                self._shown.setdefault(at, set()).add(key)
            else:
                _discard(self._shown, at, key)
            self._account(at, users)

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Know a namespace's labels, which pools may ask for."""
        self._namespaces[name] = labels

    def drop_namespace(self, name: str) -> None:
        self._namespaces.pop(name, None)

    def put_node(
        self,
        node: str,
        addresses: frozenset[Address],
        identity: frozenset[Address] = frozenset(),
    ) -> None:
        """Know a node's own addresses: they are never given.

        Args:
            node: its name.
            addresses: all of them, of its Node and its Speaker.
            identity: those that its Node is known by. The others may be a Service's that another
                controller has put on an interface, and can be adopted; these never.
        """
        if self._neighborhood.put_node(node, addresses, identity):
            self._changed()

    def drop_node(self, node: str) -> None:
        if self._neighborhood.drop_node(node):
            self._changed()

    def put_lan(
        self, node: str, subnets: frozenset[Subnet], gateways: frozenset[Address] = frozenset()
    ) -> None:
        """Know the subnets that a node has an address in, and its default gateways there.

        The subnets' network and broadcast addresses are never given, unless a pool allows it, and
        the gateways never.
        """
        if self._neighborhood.put_lan(node, subnets, gateways):
            self._changed()

    def put_cluster_range(
        self, kind: RangeKind, name: str, *networks: Subnet, created: str = ""
    ) -> None:
        """Know the ranges that an object says the cluster uses for itself: all that it says.

        Args:
            kind: the object's kind.
            name: its name.
            networks: the ranges, of both families.
            created: the object's creationTimestamp. A pool that is older goes on giving what is
                not in the ranges; a younger one gives nothing.
        """
        ranges = tuple(ClusterRange(kind, name, network, created) for network in networks)
        if self._neighborhood.put_range(kind, name, ranges):
            self._changed()

    def drop_cluster_range(self, kind: RangeKind, name: str) -> None:
        if self._neighborhood.drop_range(kind, name):
            self._changed()

    def put_macs(self, node: str, macs: frozenset[str]) -> None:
        """Know the MAC addresses of a node's interfaces."""
        self._neighborhood.put_macs(node, macs)

    def contested(self, virtual_ip: VirtualIPView) -> bool:
        """Whether a new address must be changed for another: a host that is none of ours has it.

        One that any node ever held is kept, and one that a Service showed before it had a
        VirtualIP: whoever uses it must mend the LAN, not learn a new one.
        """
        conflict = virtual_ip.conflict
        return (
            conflict is not None
            and conflict.reason is ConflictReason.ANSWERED_BY_FOREIGN_HOST
            and not (virtual_ip.ever_held or virtual_ip.adopted)
            and virtual_ip.holder is None
            and not self._neighborhood.has_mac(conflict.mac)
        )

    def service(self, key: ServiceKey) -> ServiceView | None:
        return self._services.get(key)

    def pool(self, name: str) -> PoolView | None:
        return self._pools.get(name)

    def virtual_ips(self) -> Collection[VirtualIPView]:
        """All VirtualIPs, in no order."""
        return self._virtual_ips.values()

    def virtual_ip(self, address: Address) -> VirtualIPView | None:
        return self._virtual_ips.get(place(address))

    def virtual_ips_of(self, key: ServiceKey) -> tuple[VirtualIPView, ...]:
        """The VirtualIPs that name a Service of this name, whatever its uid, lowest first."""
        named = self._named.get(key)
        return () if named is None else tuple([self._virtual_ips[at] for at in sorted(named)])

    def joinable(self, key: str, ports: Iterable[Port]) -> Iterator[VirtualIPView]:
        """The VirtualIPs that are shared under a key and have none of these ports, lowest first."""
        return (self._virtual_ips[at] for at in self._offers.shared(key, ports))

    def kept_for(self, service: ServiceKey) -> Iterator[VirtualIPView]:
        """The VirtualIPs that are reserved or kept for a Service, lowest first."""
        return (self._virtual_ips[at] for at in self._offers.kept_for(service))

    def granted_from(self, service: ServiceView) -> str:
        """The pool that this very Service's address is from; empty when no pool names it."""
        pools = (v.pool for v in self.virtual_ips_of(service.key) if service.ref in v.services)
        return next(filter(None, pools), "")

    def claimants(self, address: Address) -> tuple[ServiceView, ...]:
        """The Services whose status shows the address, oldest first."""
        services = (self._services[key] for key in self._shown.get(place(address), ()))
        return tuple(sorted(services, key=lambda service: service.seniority))

    def pool_of(self, address: Address) -> str | None:
        """The pool that names the address, the oldest if several do."""
        at = place(address)
        naming = [f.pool for f in self._judged().values() if at in f.addresses]
        return min(naming, key=lambda pool: pool.seniority).name if naming else None

    def pools_naming(self, address: Address) -> Iterator[str]:
        """The pools that count the address, whether they can give it or not."""
        return (f.pool.name for f in self.findings() if place(address) in f.named)

    def node_known_by(self, address: Address) -> str | None:
        """The node whose Node object names the address as the node's."""
        return self._neighborhood.known_by(address)

    def findings(self) -> tuple[PoolFinding, ...]:
        """What was found of each pool, in the order in which they are asked: by name."""
        return tuple(self._judged().values())

    def finding(self, pool: str) -> PoolFinding | None:
        """What was found of one pool; None when it is not there."""
        return self._judged().get(pool)

    def counts(self, pool: str, family: Family) -> PoolCounts:
        """How many addresses of a family the pool has, by what became of them."""
        shelf = self._shelf(pool, family)
        used, free = self._usage.count(shelf.named), self._usage.free(shelf)
        return PoolCounts(shelf.total, used, free, excluded=shelf.total - used - free)

    def kept(self, pool: str, family: Family) -> Mapping[Kept, int]:
        """How many of the used addresses no Service has, by why they are not given all the same."""
        return self._usage.kept(self._shelf(pool, family).named)

    def shortage(self, pool: str, family: Family) -> Refusal | None:
        """Why the pool has no address of a family to give; None when it has one."""
        total, used, free, excluded = self.counts(pool, family)
        kept = self.kept(pool, family).items()
        resting = tuple(f"{count} of them {reason.words}" for reason, count in kept if count)
        return shortage(pool, family, Stock(total, used, free, excluded, resting))

    def lowest_free(self, pool: str, family: Family) -> Address | None:
        """The lowest address of the pool that nobody uses; whether the pool gives is not asked."""
        lowest = self._usage.lowest_free(self._shelf(pool, family))
        return None if lowest is None else address_at(lowest)

    def why_not_free(self, address: Address) -> Refusal | None:
        """Why nobody new can have this address, whoever asks; None when it is free.

        Whether its pool gives at all, and to whom, is asked by
        `lbctl.core.allocation.grants.refusal`.
        """
        pool = self.pool_of(address)
        if pool is None:
            at = place(address)
            named = next((f for f in self._judged().values() if at in f.named), None)
            if named is not None:
                return address_refusal(named, address)
            return Refusal("", PoolRefusal.NOT_IN_POOL, f"{address} is in no pool")
        refused = address_refusal(self._judged()[pool], address)
        return self._why_used(pool, address) if refused is None else refused

    def _why_used(self, pool: str, address: Address) -> Refusal | None:
        known = self.virtual_ip(address)
        if known is not None:
            return occupied(pool, known)
        showing = next(iter(self.claimants(address)), None)
        if showing is None:
            return None
        return Refusal(pool, PoolRefusal.IN_USE, f"{address} is shown by {showing.key}")

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """The labels of a namespace; None when it is not known."""
        return self._namespaces.get(name)

    def used_by_namespace(self, pool: str, namespace: str) -> int:
        """How many addresses of the pool, of both families, the Services of a namespace have.

        Those of its VirtualIPs; where one is missing, those that a status shows. An address that
        is not in the pool any more does not count.
        """
        return self._usage.count_of(namespace, self._judged()[pool].addresses)

    def namespace_has(self, namespace: str, address: Address) -> bool:
        """Whether a Service of the namespace has the address."""
        return self._usage.has(namespace, place(address))

    def quota_reached(self, pool: str, namespace: str) -> bool:
        """Whether the Services of a namespace have as many addresses of the pool as they may."""
        known = self._pools.get(pool)
        allocation = None if known is None else known.allocation
        quota = None if allocation is None else allocation.quota_per_namespace
        return quota is not None and self.used_by_namespace(pool, namespace) >= quota

    def _judged(self) -> dict[str, PoolFinding]:
        if self._findings is None:
            pools = [self._pools[name] for name in sorted(self._pools)]
            self._findings = assess(pools, self._neighborhood.surroundings())
        return self._findings

    def _shelf(self, pool: str, family: Family) -> Shelf:
        shelf = self._shelves.get((pool, family))
        if shelf is None:
            shelf = self._shelves[pool, family] = Shelf(self._judged()[pool], family)
        return shelf

    def _changed(self) -> None:
        """A pool, or something that is in its way: all of them are judged anew."""
        self._findings = None
        self._shelves.clear()

    def _users(self, at: int) -> set[str]:
        """The namespaces that have the address at a place."""
        known = self._virtual_ips.get(at)
        if known is not None:
            return {ref.key.namespace for ref in known.services}
        return {key.namespace for key in self._shown.get(at, ())}

    def _account(self, at: int, before: set[str]) -> None:
        """Mark the address as used or free, and used by those namespaces that have it now."""
        users = self._users(at)
        if users and users == before:
            return
        used = at in self._virtual_ips or at in self._shown
        self._usage.mark(at, used=used)
        if not used:
            for shelf in self._shelves.values():
                shelf.freed(at)
        self._usage.change_namespaces(at, before, users)


def _intent(pool: PoolView) -> PoolView:
    return replace(pool, resource_version="")


def _discard(index: dict[_K, set[_V]], key: _K, value: _V) -> None:
    """Take a value out of an index of sets, and the set with its last value."""
    values = index[key]
    values.discard(value)
    if not values:
        del index[key]
