"""The ledger: which addresses are in use, by whom, and what is free. A mirror that can be stale.

The truth is the API server: an address is taken by the creation of its VirtualIP, and whoever comes
second is refused there. The ledger only says where to try first, and it errs on the safe side.
"""

from collections.abc import Collection
from typing import TypeVar

from lbctl.core.addresses import Address, Family, address_at, place
from lbctl.core.intervals import Occupancy
from lbctl.core.outcomes import ConflictReason
from lbctl.core.pools import PoolCounts, PoolFinding, PoolView, assess
from lbctl.core.services import ServiceKey, ServiceView
from lbctl.core.virtualips import VirtualIPView

_K = TypeVar("_K")
_V = TypeVar("_V")


class Ledger:
    """What is used: VirtualIPs, the addresses that Services show, and the nodes' own.

    Each `put_` replaces what the ledger knew of that object, each `drop_` forgets it; both may be
    repeated. All of them cost the logarithm of what is in use, so live updates need no rebuild.
    """

    def __init__(self) -> None:
        self._pools: dict[str, PoolView] = {}
        self._findings: dict[str, PoolFinding] | None = None
        self._virtual_ips: dict[Address, VirtualIPView] = {}
        self._named: dict[ServiceKey, set[Address]] = {}
        self._services: dict[ServiceKey, ServiceView] = {}
        self._shown: dict[Address, set[ServiceKey]] = {}
        self._nodes: dict[str, frozenset[Address]] = {}
        self._own: dict[Address, set[str]] = {}
        self._identities: dict[str, frozenset[Address]] = {}
        self._macs: dict[str, frozenset[str]] = {}
        self._quarantined: set[Address] = set()
        self._occupied = Occupancy()

    def put_pool(self, pool: PoolView) -> None:
        self._pools[pool.name] = pool
        self._findings = None

    def drop_pool(self, name: str) -> None:
        if self._pools.pop(name, None) is not None:
            self._findings = None

    def put_virtual_ip(self, virtual_ip: VirtualIPView) -> None:
        self.drop_virtual_ip(virtual_ip.address)
        self._virtual_ips[virtual_ip.address] = virtual_ip
        if virtual_ip.release is not None and virtual_ip.release.quarantine is not None:
            self._quarantined.add(virtual_ip.address)
        if virtual_ip.service is not None:
            self._named.setdefault(virtual_ip.service.key, set()).add(virtual_ip.address)
        self._occupied.add(place(virtual_ip.address))

    def drop_virtual_ip(self, address: Address) -> None:
        known = self._virtual_ips.pop(address, None)
        self._quarantined.discard(address)
        if known is None:
            return
        if known.service is not None:
            _discard(self._named, known.service.key, address)
        self._free_unless_used(address)

    def put_service(self, service: ServiceView) -> None:
        """Know a Service, whoever owns it: the addresses that it shows are used."""
        self.drop_service(service.key)
        self._services[service.key] = service
        for address in service.shown:
            self._shown.setdefault(address, set()).add(service.key)
            self._occupied.add(place(address))

    def drop_service(self, key: ServiceKey) -> None:
        known = self._services.pop(key, None)
        for address in known.shown if known is not None else ():
            _discard(self._shown, address, key)
            self._free_unless_used(address)

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
        if self._nodes.get(node) == addresses and self._identities.get(node) == identity:
            return
        self.drop_node(node)
        self._nodes[node] = addresses
        self._identities[node] = identity
        for address in addresses:
            self._own.setdefault(address, set()).add(node)
            self._occupied.add(place(address))

    def drop_node(self, node: str) -> None:
        self._identities.pop(node, None)
        self._macs.pop(node, None)
        for address in self._nodes.pop(node, ()):
            _discard(self._own, address, node)
            self._free_unless_used(address)
        self._findings = None

    def put_macs(self, node: str, macs: frozenset[str]) -> None:
        """Know the MAC addresses of a node's interfaces."""
        self._macs[node] = macs

    def contested(self, virtual_ip: VirtualIPView) -> bool:
        """Whether a new address must be changed for another: a host that is none of ours has it.

        One that any node ever held is kept: whoever uses it must mend the LAN, not learn a new one.
        """
        conflict = virtual_ip.conflict
        return (
            conflict is not None
            and conflict.reason is ConflictReason.ANSWERED_BY_FOREIGN_HOST
            and not virtual_ip.ever_held
            and virtual_ip.holder is None
            and not any(conflict.mac in macs for macs in self._macs.values())
        )

    def service(self, key: ServiceKey) -> ServiceView | None:
        return self._services.get(key)

    def pool(self, name: str) -> PoolView | None:
        return self._pools.get(name)

    def virtual_ips(self) -> Collection[VirtualIPView]:
        """All VirtualIPs, in no order."""
        return self._virtual_ips.values()

    def virtual_ip(self, address: Address) -> VirtualIPView | None:
        return self._virtual_ips.get(address)

    def virtual_ips_of(self, key: ServiceKey) -> tuple[VirtualIPView, ...]:
        """The VirtualIPs that name a Service of this name, whatever its uid, lowest first."""
        return tuple(
            self._virtual_ips[address] for address in sorted(self._named.get(key, ()), key=place)
        )

    def claimants(self, address: Address) -> tuple[ServiceView, ...]:
        """The Services whose status shows the address, oldest first."""
        services = (self._services[key] for key in self._shown.get(address, ()))
        return tuple(sorted(services, key=lambda service: service.seniority))

    def pool_of(self, address: Address) -> str | None:
        """The pool that names the address, the oldest if several do."""
        naming = [f.pool for f in self.findings() if place(address) in f.addresses]
        return min(naming, key=lambda pool: pool.seniority).name if naming else None

    def node_known_by(self, address: Address) -> str | None:
        """The node whose Node object names the address as the node's."""
        owners = self._own.get(address, ())
        return min((n for n in owners if address in self._identities[n]), default=None)

    def findings(self) -> tuple[PoolFinding, ...]:
        """What was found of each pool, in the order in which they are asked: by name."""
        return tuple(self._judged().values())

    def counts(self, pool: str, family: Family) -> PoolCounts:
        """How many addresses of a family the pool has, by what became of them."""
        addresses = self._judged()[pool].addresses.of(family)
        occupied = self._occupied.count(addresses)
        idle_own = sum(place(own) in addresses and not self._is_given(own) for own in self._own)
        return PoolCounts(addresses.size, occupied - idle_own, addresses.size - occupied)

    def quarantined(self, pool: str, family: Family) -> int:
        """How many of the used addresses are not given because a foreign host answered for them."""
        addresses = self._judged()[pool].addresses.of(family)
        return sum(place(address) in addresses for address in self._quarantined)

    def lowest_free(self, pool: str, family: Family) -> Address | None:
        """The lowest address of the pool that nobody uses; whether the pool gives is not asked."""
        lowest = self._occupied.lowest_free(self._judged()[pool].addresses.of(family))
        return None if lowest is None else address_at(lowest)

    def _judged(self) -> dict[str, PoolFinding]:
        if self._findings is None:
            pools = [self._pools[name] for name in sorted(self._pools)]
            self._findings = assess(pools, {own: min(nodes) for own, nodes in self._own.items()})
        return self._findings

    def _is_given(self, address: Address) -> bool:
        return address in self._virtual_ips or address in self._shown

    def _free_unless_used(self, address: Address) -> None:
        if not self._is_given(address) and address not in self._own:
            self._occupied.discard(place(address))


def _discard(index: dict[_K, set[_V]], key: _K, value: _V) -> None:
    """Take a value out of an index of sets, and the set with its last value."""
    values = index[key]
    values.discard(value)
    if not values:
        del index[key]
