"""The rules of allocation once more, as simply as they can be said: sets of addresses and loops.

Written from docs/pools.md and docs/services.md, whose words it uses. No code is shared with
`lbctl.core`, but for the words for pools, Services and VirtualIPs. Nothing is cached and nothing is
clever, so that it can be compared with the documentation line by line.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import NamedTuple

from lbctl.core.addresses import Address, Family
from lbctl.core.objects.pools import Allocation, OnRemoval, PoolView, SharingScope
from lbctl.core.objects.services import FamilyPolicy, ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Terms, VirtualIPView
from lbctl.core.selectors import Selector

EVERYBODY = Allocation()


class Due(NamedTuple):
    """What a Service must get now."""

    addresses: frozenset[Address]
    """One of these; none: it has to wait."""
    rule: str
    """The rule that says so."""

    def __bool__(self) -> bool:
        return bool(self.addresses)


def due(addresses: Iterable[Address], rule: str) -> Due:
    return Due(frozenset(addresses), rule)


def family_of(address: Address) -> Family:
    return Family.IPV4 if isinstance(address, IPv4Address) else Family.IPV6


def expand(entries: tuple[str, ...]) -> set[Address]:
    """All addresses of some ranges `first-last`."""
    found: set[Address] = set()
    for entry in entries:
        first, _, last = entry.partition("-")
        low, high = ip_address(first), ip_address(last or first)
        found |= {type(low)(at) for at in range(int(low), int(high) + 1)}
    return found


def selects(selectors: tuple[Selector, ...], labels: dict[str, str]) -> bool:
    """The tests select by one label alone."""
    return any(
        all(labels.get(one.key) in one.values for one in selector.requirements)
        for selector in selectors
    )


def edges(subnet: str) -> set[Address]:
    network = ip_network(subnet)
    found: set[Address] = {network.network_address}
    return found | ({network.broadcast_address} if network.version == 4 else set())


@dataclass
class Naive:
    """What there is, and who may have what of it."""

    pools: dict[str, PoolView] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    own: dict[str, set[Address]] = field(default_factory=dict)
    """The addresses of each node."""
    gateways: set[Address] = field(default_factory=set)
    subnets: set[str] = field(default_factory=set)
    services: dict[ServiceKey, ServiceView] = field(default_factory=dict)
    virtual_ips: dict[Address, VirtualIPView] = field(default_factory=dict)

    # ---- docs/services.md: what a Service gets

    def due(self, service: ServiceView, family: Family, leaves: Address | None = None) -> Due:
        """What a Service must get that has no address of the family, or is to leave this one."""
        request = service.request
        if request.problems:
            return due((), "its request cannot be read")
        asked = request.address(family)
        if asked is not None:
            can = self.kept_for(asked, service, leaves) or any(
                self.gives(pool, asked, service, leaves, by_name=True)
                for pool in self.pools.values()
                if self.can_have(asked, service)
                and (not request.pools or pool.name in request.pools)
            )
            return due({asked} if can else (), "it asks for this one")
        kept = {a for a in self.virtual_ips if family_of(a) is family}
        if kept := {a for a in kept if self.kept_for(a, service, leaves)}:
            return due(kept, "it is kept for it")
        pools = [self.pools[name] for name in request.pools if name in self.pools]
        in_order = pools if request.pools else self.in_order(service)
        for how, is_so in (("shared", self.can_join), ("free", self.is_free)):
            for pool in in_order:
                found = {
                    a
                    for a in self.content(pool)
                    if family_of(a) is family
                    and is_so(a, service)
                    and self.gives(pool, a, service, leaves, by_name=bool(request.pools))
                }
                if found:
                    return due({min(found)}, f"it is the lowest {how} one of {pool.name}")
        return due((), "no pool gives one")

    def can_have(self, address: Address, service: ServiceView) -> bool:
        """Whether nobody is in the way, whatever pools say."""
        return (
            self.is_free(address, service)
            or self.can_join(address, service)
            or self.was_its(address, service)
        )

    def kept_for(self, address: Address, service: ServiceView, leaves: Address | None) -> bool:
        """Whether the address is reserved for the Service, or retained for it."""
        view = self.virtual_ips.get(address)
        if view is None or service.ref in view.services:
            return False
        if view.reserved_for == service.key:
            return self.fits(service, view)
        pool = self.home(view)
        if pool is None or (service.request.pools and pool.name not in service.request.pools):
            return False
        if view.release is not None and view.release.retained_for is not None:
            kept = view.release.retained_for.key == service.key
        else:
            kept = self.was_its(address, service) and pool.retain_for > 0
        return (
            kept
            and self.would_give(pool, address, service)
            and self.within_quota(pool, address, service, leaves)
        )

    def was_its(self, address: Address, service: ServiceView) -> bool:
        """Whether nobody but its namesake of before has the address."""
        view = self.virtual_ips.get(address)
        has = () if view is None else view.services
        return bool(has) and all(r.key == service.key and r.uid != service.uid for r in has)

    def suppose(self, service: ServiceView, address: Address) -> None:
        """The Service has the address, as far as what follows is concerned."""
        view = self.virtual_ips.get(address) or VirtualIPView(address)
        its = Terms(service.ports, _pods(service) if service.local else None)
        terms = {**view.terms, service.uid: its}
        has = replace(view, services=(*view.services, service.ref), terms=terms)
        self.virtual_ips = {**self.virtual_ips, address: has}

    def is_free(self, address: Address, _: ServiceView) -> bool:
        shown = any(address in one.shown for one in self.services.values())
        return address not in self.virtual_ips and not shown

    def can_join(self, address: Address, service: ServiceView) -> bool:
        view = self.virtual_ips.get(address)
        if view is None or service.ref in view.services:
            return False
        return any(ref.key != service.key for ref in view.services) and self.fits(service, view)

    def fits(self, service: ServiceView, view: VirtualIPView) -> bool:
        """Whether the Service can have the address beside those who have it, if anybody has."""
        others = [ref for ref in view.services if ref.key != service.key]
        terms = [view.terms[ref.uid] for ref in others]
        pool = self.home(view)
        across = pool is not None and (pool.allocation or EVERYBODY).sharing
        return not others or (
            service.request.sharing_key != ""
            and service.request.sharing_key == view.sharing_key
            and not self.takes_a_port(service, view)
            and (
                across is SharingScope.ACROSS_NAMESPACES
                or all(ref.namespace == service.namespace for ref in others)
            )
            and (
                all(ref.namespace == service.namespace for ref in others)
                and service.selector != {}
                and all(one.local_pods == _pods(service) for one in terms)
                if service.local
                else all(one.local_pods is None for one in terms)
            )
        )

    def takes_a_port(self, service: ServiceView, view: VirtualIPView) -> bool:
        """Whether somebody was there first with one of its ports."""
        others = [ref.uid for ref in view.services if ref.key != service.key]
        return any(port in view.terms[uid].ports for uid in others for port in service.ports)

    def should_leave(self, service: ServiceView, address: Address) -> bool:
        """Whether a Service gets another address than it has, if it can have one."""
        view, request = self.virtual_ips[address], service.request
        if not self.fits(service, view):
            return True
        if request.problems:
            return False
        if (asked := request.address(family_of(address))) is not None:
            if asked != address:
                return True
        elif request.pools and view.reserved_for != service.key:
            pool = self.home(view)
            if (view.pool if pool is None else pool.name) not in request.pools:
                return True
        return self.reassigned(service, view)

    def reassigned(self, service: ServiceView, view: VirtualIPView) -> bool:
        """Whether somebody edited the pool so that the address is not its any more."""
        pool = self.home(view)
        if pool is None or pool.on_removal is OnRemoval.KEEP or view.reserved_for == service.key:
            return False
        named = service.namespace in self.namespaces
        return (
            view.address not in self.content(pool)
            or self.is_avoided(pool, view.address)
            or pool.disabled
            or (named and not self.means(pool, service))
        )

    # ---- docs/pools.md: what a pool gives

    def gives(
        self,
        pool: PoolView,
        address: Address,
        service: ServiceView,
        leaves: Address | None,
        *,
        by_name: bool,
    ) -> bool:
        """Whether the pool gives this address to the Service now."""
        view = self.virtual_ips.get(address)
        return (
            (pool.auto_assign or by_name)
            and not self.overlaps_an_older(pool)
            and self.would_give(pool, address, service)
            and self.within_quota(pool, address, service, leaves)
            and (view is None or self.home(view) is pool)
        )

    def would_give(self, pool: PoolView, address: Address, service: ServiceView) -> bool:
        """Whether it is an address of the pool, and the pool is for this Service."""
        return (
            not pool.disabled
            and address in self.content(pool)
            and not self.is_avoided(pool, address)
            and not self.is_in_the_way(pool, address)
            and self.means(pool, service)
        )

    def in_order(self, service: ServiceView) -> list[PoolView]:
        """The pools in the order in which they are asked."""

        def rank(pool: PoolView) -> tuple[bool, bool, int, str]:
            rules = pool.allocation or EVERYBODY
            for_some = rules.namespaces or rules.namespace_selectors or rules.service_selectors
            meant = bool(for_some) and self.means(pool, service)
            return (not meant, rules.priority is None, rules.priority or 0, pool.name)

        return sorted(self.pools.values(), key=rank)

    def means(self, pool: PoolView, service: ServiceView) -> bool:
        """Whether the Service may have addresses of the pool at all."""
        rules = pool.allocation or EVERYBODY
        if rules.namespaces or rules.namespace_selectors:
            labels = self.namespaces.get(service.namespace)
            selected = labels is not None and selects(rules.namespace_selectors, labels)
            if service.namespace not in rules.namespaces and not selected:
                return False
        chosen = selects(rules.service_selectors, dict(service.labels))
        return not rules.service_selectors or chosen

    def within_quota(
        self, pool: PoolView, address: Address, service: ServiceView, leaves: Address | None = None
    ) -> bool:
        """Whether the namespace would have no more addresses than it may, or no more than now."""
        quota = (pool.allocation or EVERYBODY).quota_per_namespace
        content = self.content(pool)
        before = {a for a in content if service.namespace in self.namespaces_at(a)}
        after = before | ({address} & content)
        if leaves is not None and self.namespaces_at(leaves, but=service) == set():
            after -= {leaves}
        return quota is None or len(after) <= quota or len(after) <= len(before)

    def namespaces_at(self, address: Address, but: ServiceView | None = None) -> set[str]:
        """The namespaces that have Services with this address."""
        view = self.virtual_ips.get(address)
        if view is None:
            has = [one for one in self.services.values() if address in one.shown]
            return {one.namespace for one in has if one is not but}
        left = [ref for ref in view.services if but is None or ref.key != but.key]
        return {ref.namespace for ref in left if but is None or ref.namespace == but.namespace}

    def content(self, pool: PoolView) -> set[Address]:
        return expand(pool.entries) - expand(pool.exclude)

    def is_avoided(self, pool: PoolView, address: Address) -> bool:
        return pool.avoid_buggy_ips and str(address).endswith((".0", ".255"))

    def is_in_the_way(self, pool: PoolView, address: Address) -> bool:
        """A node's own, a gateway's, or the edge of a subnet."""
        if any(address in own for own in self.own.values()) or address in self.gateways:
            return True
        return not pool.allow_subnet_edges and any(address in edges(one) for one in self.subnets)

    def overlaps_an_older(self, pool: PoolView) -> bool:
        content = self.content(pool)
        return any(
            other.seniority < pool.seniority and content & self.content(other)
            for other in self.pools.values()
        )

    def home(self, view: VirtualIPView) -> PoolView | None:
        """The pool of an address that was given: that one, while it has it; or who has it now."""
        given_from = self.pools.get(view.pool or "")
        if given_from is not None and view.address in self.content(given_from):
            return given_from
        having = [p for p in self.pools.values() if view.address in self.content(p)]
        return min(having, key=lambda pool: pool.seniority, default=given_from)


def families(service: ServiceView) -> tuple[Family, ...]:
    """The families that it wants an address of, in their order."""
    single = service.family_policy is FamilyPolicy.SINGLE_STACK
    return service.families[:1] if single else service.families


def _pods(service: ServiceView) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(service.selector.items()))
