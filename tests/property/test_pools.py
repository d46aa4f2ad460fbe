"""Pools and the ledger against the simplest models there are: sets, and each pair compared."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lbctl.core.addresses import Address, Family, Subnet, address_at, family_of, place
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.overlaps import Claim, overlaps
from lbctl.core.allocation.pool_findings import RangeKind
from lbctl.core.intervals import AddressSet, Interval
from lbctl.core.objects.entries import parse_entry
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import Ingress, ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from tests.property.strategies import intervals

OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@given(st.lists(intervals, max_size=6), st.lists(intervals, max_size=6))
def test_a_difference_is_one(some: list[Interval], others: list[Interval]) -> None:
    left = AddressSet.union(some).minus(AddressSet.union(others))
    expected = {
        n
        for n in range(80)
        if any(first <= n <= last for first, last in some)
        and not any(first <= n <= last for first, last in others)
    }
    assert {n for n in range(80) if n in left} == expected
    assert left.size == len(expected)
    assert left == AddressSet.union(left.intervals), "it has no empty and no touching intervals"


claims = st.lists(
    st.tuples(intervals, st.integers(0, 2), st.sampled_from("abcdef")).map(
        lambda drawn: Claim(drawn[0], (str(drawn[1]), drawn[2]), drawn[2], str(drawn[0]))
    ),
    max_size=12,
)


@given(claims)
def test_the_sweep_finds_what_comparing_each_with_each_finds(drawn: list[Claim]) -> None:
    ages = {claim.owner: claim.seniority for claim in drawn}  # One owner has one age.
    every = [claim._replace(seniority=ages[claim.owner]) for claim in drawn]
    younger = {
        one.owner
        for one in every
        for other in every
        if one.owner != other.owner
        and one.rank > other.rank
        and one.interval.first <= other.interval.last
        and other.interval.first <= one.interval.last
    }
    found = overlaps(every)
    assert found.keys() == younger
    assert found == overlaps(reversed(every))
    for owner, (own, older) in found.items():
        assert own.owner == owner
        assert older.rank < own.rank
        assert own.interval.first <= older.interval.last
        assert older.interval.first <= own.interval.last


# The end of one /24 and the beginning of the next, so that .0 and .255 are among them.
BASE = IPv4Address("10.0.0.250")
SIZE = 20
hosts = st.integers(0, SIZE - 1).map(lambda number: BASE + number)
entries = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, 8)).map(
        lambda drawn: f"{BASE + drawn[0]}-{BASE + min(drawn[0] + drawn[1], SIZE - 1)}"
    )
    | st.sampled_from(["10.0.0.252/30", "10.0.1.0/29", "fd00::/126", "fd00::1"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
excluded = st.lists(
    hosts.map(str) | st.sampled_from(["10.0.1.0/30", "fd00::/127"]), max_size=2, unique=True
).map(tuple)
subnets = st.frozensets(
    st.sampled_from([*map(ip_network, ("10.0.0.0/24", "10.0.1.0/28", "10.0.1.4/31", "fd00::/64"))]),
    max_size=2,
)
names = st.sampled_from(["a", "b"])
services = st.tuples(st.sampled_from(["red", "blue"]), st.sampled_from(["s", "t"]))
ALL = [*(BASE + number for number in range(SIZE)), *(ip_network("fd00::/125"))]


@dataclass
class Model:
    """All that the ledger was told, and nothing derived."""

    pools: dict[str, PoolView] = field(default_factory=dict)
    virtual_ips: dict[Address, VirtualIPView] = field(default_factory=dict)
    services: dict[tuple[str, str], ServiceView] = field(default_factory=dict)
    nodes: dict[str, Address] = field(default_factory=dict)
    lans: dict[str, tuple[frozenset[Subnet], frozenset[Address]]] = field(default_factory=dict)
    ranges: dict[str, tuple[Subnet, str]] = field(default_factory=dict)

    def used(self) -> set[Address]:
        shown = {address for service in self.services.values() for address in service.shown}
        return shown | self.virtual_ips.keys()

    def used_by(self, namespace: str) -> set[Address]:
        named = {
            address
            for address, view in self.virtual_ips.items()
            if view.service is not None and view.service.namespace == namespace
        }
        return named | {
            address
            for service in self.services.values()
            for address in service.shown
            if service.namespace == namespace and address not in self.virtual_ips
        }

    def named(self, pool: PoolView) -> set[Address]:
        return _addresses(pool.entries, whole=False)

    def inside(self, pool: PoolView) -> set[Address]:
        return self.named(pool) - _addresses(pool.exclude, whole=True)

    def giveable(self, pool: PoolView) -> set[Address]:
        return {
            address
            for address in self.inside(pool)
            if not (pool.avoid_buggy_ips and str(address).endswith((".0", ".255")))
            and address not in self.nodes.values()
            and not any(address in gateways for _, gateways in self.lans.values())
            and not any(address in network for network, _ in self.ranges.values())
            and (
                pool.allow_subnet_edges
                or not any(_edge(address, net) for nets, _ in self.lans.values() for net in nets)
            )
        }


def _addresses(written: tuple[str, ...], *, whole: bool) -> set[Address]:
    return {
        address_at(at)
        for entry in written
        for interval in [parse_entry(entry, whole=whole)]
        for at in range(interval.first, interval.last + 1)
    }


def _edge(address: Address, subnet: Subnet) -> bool:
    if subnet.num_addresses <= 2:
        return False
    broadcast = {subnet.broadcast_address} if subnet.version == 4 else set()
    return address in {subnet.network_address, *broadcast}


class Ledgers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.model = Model()

    @initialize(given_entries=entries)
    def there_is_a_pool(self, given_entries: tuple[str, ...]) -> None:
        self._put(PoolView("a", OLD, given_entries))

    def _put(self, pool: PoolView) -> None:
        self.ledger.put_pool(pool)
        self.model.pools[pool.name] = pool

    @rule(
        name=names,
        given_entries=entries,
        exclude=excluded,
        avoid=st.booleans(),
        edges=st.booleans(),
    )
    def a_pool_is_written(
        self,
        name: str,
        given_entries: tuple[str, ...],
        exclude: tuple[str, ...],
        *,
        avoid: bool,
        edges: bool,
    ) -> None:
        self._put(
            PoolView(
                name,
                OLD,
                given_entries,
                exclude=exclude,
                avoid_buggy_ips=avoid,
                allow_subnet_edges=edges,
            )
        )

    @rule(name=names)
    def a_pool_goes(self, name: str) -> None:
        self.ledger.drop_pool(name)
        self.model.pools.pop(name, None)

    @rule(address=st.sampled_from(ALL), owner=st.none() | services)
    def a_virtual_ip_is_written(self, address: Address, owner: tuple[str, str] | None) -> None:
        ref = None if owner is None else ServiceView(*owner, "u", OLD).ref
        view = VirtualIPView(address, services=() if ref is None else (ref,))
        self.ledger.put_virtual_ip(view)
        self.model.virtual_ips[address] = view

    @rule(address=st.sampled_from(ALL))
    def a_virtual_ip_goes(self, address: Address) -> None:
        self.ledger.drop_virtual_ip(address)
        self.model.virtual_ips.pop(address, None)

    @rule(name=services, shown=st.lists(st.sampled_from(ALL), max_size=3))
    def a_service_shows(self, name: tuple[str, str], shown: list[Address]) -> None:
        ingress = tuple(Ingress(ip=str(address)) for address in shown)
        service = ServiceView(*name, "u", OLD, ingress=ingress)
        self.ledger.put_service(service)
        self.model.services[name] = service

    @rule(name=services)
    def a_service_goes(self, name: tuple[str, str]) -> None:
        self.ledger.drop_service(ServiceView(*name, "u", OLD).key)
        self.model.services.pop(name, None)

    @rule(
        node=st.sampled_from(["n1", "n2"]),
        own=hosts,
        nets=subnets,
        gateways=st.frozensets(hosts, max_size=1),
    )
    def a_node_says(
        self, node: str, own: Address, nets: frozenset[Subnet], gateways: frozenset[Address]
    ) -> None:
        self.ledger.put_node(node, frozenset({own}))
        self.ledger.put_lan(node, nets, gateways)
        self.model.nodes[node] = own
        self.model.lans[node] = (nets, gateways)

    @rule(node=st.sampled_from(["n1", "n2"]))
    def a_node_goes(self, node: str) -> None:
        self.ledger.drop_node(node)
        self.model.nodes.pop(node, None)
        self.model.lans.pop(node, None)

    @rule(network=st.sampled_from([None, *map(ip_network, ("10.0.1.8/29", "fd00::2/127"))]))
    def the_clusters_range_changes(self, network: Subnet | None) -> None:
        """It is younger than every pool, so they all go on giving what is outside of it."""
        if network is None:
            self.ledger.drop_cluster_range(RangeKind.SERVICES, "more")
            self.model.ranges.pop("more", None)
        else:
            self.ledger.put_cluster_range(RangeKind.SERVICES, "more", network, created=NEW)
            self.model.ranges["more"] = (network, NEW)

    @invariant()
    def counts_are_the_models(self) -> None:
        used = self.model.used()
        for name, pool in self.model.pools.items():
            free = self.model.giveable(pool) - used
            for family in Family:
                named, left = _of(family, self.model.named(pool)), _of(family, free)
                expected = (
                    len(named),
                    len(named & used),
                    len(left),
                    len(named - used - left),
                )
                assert self.ledger.counts(name, family) == expected
                lowest = self.ledger.lowest_free(name, family)
                assert lowest == min(left, key=place, default=None)

    @invariant()
    def a_namespace_uses_what_it_has(self) -> None:
        for name, pool in self.model.pools.items():
            for namespace in ("red", "blue"):
                have = self.model.used_by(namespace) & self.model.inside(pool)
                assert self.ledger.used_by_namespace(name, namespace) == len(have)

    @invariant()
    def an_address_is_free_or_there_is_a_reason(self) -> None:
        """Of the pool that has it, the oldest if several do."""
        for address in ALL:
            having = [p for p in self.model.pools.values() if address in self.model.inside(p)]
            pool = min(having, key=lambda p: p.seniority, default=None)
            free = (
                pool is not None
                and address in self.model.giveable(pool)
                and address not in self.model.used()
            )
            assert (self.ledger.why_not_free(address) is None) == free
            assert self.ledger.pool_of(address) == (None if pool is None else pool.name)


def _of(family: Family, addresses: set[Address]) -> set[Address]:
    return {address for address in addresses if family_of(address) is family}


TestLedgers = Ledgers.TestCase
