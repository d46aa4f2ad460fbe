"""The rules of allocation once more, as simply as they can be said: sets of integers and loops.

No code is shared with `lbctl.core`, but for the words for pools and Services. Nothing is cached and
nothing is clever, so that it can be compared with the documentation line by line.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address, ip_network

from lbctl.core.addresses import Address, Family
from lbctl.core.pools import PoolView
from lbctl.core.selectors import Selector
from lbctl.core.services import ServiceKey, ServiceView


def expand(entries: tuple[str, ...]) -> set[Address]:
    """All addresses of some ranges `first-last`."""
    found: set[Address] = set()
    for entry in entries:
        first, _, last = entry.partition("-")
        low, high = ip_address(first), ip_address(last or first)
        found |= {type(low)(at) for at in range(int(low), int(high) + 1)}
    return found


@dataclass
class Naive:
    """What there is, and who may have what of it."""

    pools: dict[str, PoolView] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    own: dict[str, set[Address]] = field(default_factory=dict)
    """The addresses of each node."""
    gateways: set[Address] = field(default_factory=set)
    subnets: set[str] = field(default_factory=set)
    taken: dict[Address, ServiceKey | None] = field(default_factory=dict)
    """All that is not free, and whose it is."""

    def wanted(self, service: ServiceView) -> tuple[str, Address] | None:
        """The pool and the address that a Service without any must get now."""
        for pool in self.asked(service):
            free = [a for a in self.content(pool) if self.fits(a, pool, service)]
            if free:
                return pool.name, min(free)
        return None

    def asked(self, service: ServiceView) -> list[PoolView]:
        """The pools that give to this Service, in the order in which they are asked."""

        def rank(pool: PoolView) -> tuple[bool, bool, int, str]:
            rules = pool.allocation
            means = rules is not None and bool(
                rules.namespaces or rules.namespace_selectors or rules.service_selectors
            )
            priority = None if rules is None else rules.priority
            return (not means, priority is None, priority or 0, pool.name)

        return sorted((p for p in self.pools.values() if self.grants(p, service)), key=rank)

    def grants(self, pool: PoolView, service: ServiceView) -> bool:
        """Whether the pool gives to this Service at all."""
        if pool.disabled or not pool.auto_assign or self.overlaps_an_older(pool):
            return False
        rules = pool.allocation
        if rules is None:
            return True
        labels = self.namespaces.get(service.namespace)
        if rules.namespaces or rules.namespace_selectors:
            named = service.namespace in rules.namespaces
            selected = labels is not None and _any(rules.namespace_selectors, labels)
            if not named and not selected:
                return False
        if rules.service_selectors and not _any(rules.service_selectors, dict(service.labels)):
            return False
        quota = rules.quota_per_namespace
        return quota is None or self.used(pool, service.namespace) < quota

    def used(self, pool: PoolView, namespace: str) -> int:
        """How many addresses of the pool the Services of a namespace have."""
        content = self.content(pool)
        return sum(
            address in content and owner is not None and owner.namespace == namespace
            for address, owner in self.taken.items()
        )

    def content(self, pool: PoolView) -> set[Address]:
        """What is in the pool."""
        return expand(pool.entries) - expand(pool.exclude)

    def overlaps_an_older(self, pool: PoolView) -> bool:
        content = self.content(pool)
        return any(
            other.seniority < pool.seniority and content & self.content(other)
            for other in self.pools.values()
        )

    def fits(self, address: Address, pool: PoolView, service: ServiceView) -> bool:
        """Whether a free address of the pool may be this Service's."""
        if address in self.taken or address in self.gateways:
            return False
        if any(address in addresses for addresses in self.own.values()):
            return False
        if pool.avoid_buggy_ips and str(address).endswith((".0", ".255")):
            return False
        if not pool.allow_subnet_edges and any(address in _edges(text) for text in self.subnets):
            return False
        return (Family.IPV4 if isinstance(address, IPv4Address) else Family.IPV6) in (
            service.families[:1]
        )


def _any(selectors: tuple[Selector, ...], labels: dict[str, str]) -> bool:
    """The tests select by one label alone."""
    return any(
        all(labels.get(one.key) in one.values for one in selector.requirements)
        for selector in selectors
    )


def _edges(subnet: str) -> set[Address]:
    network = ip_network(subnet)
    edges: set[Address] = {network.network_address}
    return edges | ({network.broadcast_address} if network.version == 4 else set())
