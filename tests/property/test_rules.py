"""Who gets which address, against a model that knows the rules and nothing else.

The operator sees everything at once here; that it may see late, and die, is the story of
`test_allocator.py`. Whenever an address is given, the model says which one it had to be. When all
is quiet, nobody waits to whom the model would give one.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lbctl.core.addresses import Address, Family
from lbctl.core.pools import Allocation, PoolView
from lbctl.core.services import ServiceKey, ServiceView
from lbctl.core.virtualips import VirtualIPView
from tests.property.cluster import OWNERSHIP, Operator, Server
from tests.property.naive import Naive
from tests.property.strategies import GOLD
from tests.unit.core.builders import node, nodes

NAMESPACES = ("blue", "red")
KEYS = tuple(ServiceKey(namespace, name) for namespace in NAMESPACES for name in "abcd")
POOLS = tuple(f"pool-{number}" for number in range(4))
SUBNETS = ("10.0.1.0/30", "fd00::100/126")
"""Their edges are within the pools' reach."""

LOW, LOW6 = IPv4Address("10.0.0.250"), IPv6Address("fd00::fa")
"""Six below an address that ends in .0."""

keys = st.sampled_from(KEYS)
golden = st.sampled_from([{}, {"tier": "gold"}])
addresses: st.SearchStrategy[Address] = st.integers(0, 14).flatmap(
    lambda host: st.sampled_from([LOW + host, LOW6 + host])
)
ranges = st.tuples(st.sampled_from([LOW, LOW6]), st.integers(0, 12), st.integers(0, 4)).map(
    lambda drawn: f"{drawn[0] + drawn[1]}-{drawn[0] + drawn[1] + drawn[2]}"
)
entries = st.lists(ranges, min_size=1, max_size=3).map(tuple)
allocations = st.none() | st.builds(
    Allocation,
    priority=st.sampled_from([None, 1, 2]),
    namespaces=st.sampled_from([(), (), (), ("blue",), ("green",)]),
    namespace_selectors=st.sampled_from([(), (), (GOLD,)]),
    service_selectors=st.sampled_from([(), (), (GOLD,)]),
    quota_per_namespace=st.sampled_from([None, 1, 2]),
)
pools = st.builds(
    PoolView,
    name=st.sampled_from(POOLS),
    created=st.just(""),
    entries=entries,
    exclude=st.just(()) | st.lists(ranges, max_size=2).map(tuple),
    disabled=st.sampled_from([False] * 7 + [True]),
    auto_assign=st.sampled_from([True] * 7 + [False]),
    avoid_buggy_ips=st.booleans(),
    allow_subnet_edges=st.booleans(),
    allocation=allocations,
)


class Rules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.model = Naive()
        self.nodes = nodes(node("n1", "10.0.0.201/24", "fd00::201/64"))
        self.operator = self.newborn()
        self.births = 0
        self.lags = False
        self.order = [*KEYS]

    def newborn(self) -> Operator:
        """An operator that knows what its watches told it."""
        one = Operator(self.server, self.nodes, self.check_it_had_to_be_this_one)
        for name, labels in self.model.namespaces.items():
            one.ledger.put_namespace(name, labels)
        for name, own in self.model.own.items():
            one.ledger.put_node(name, frozenset(own), frozenset(own))
        self.tell_of_the_lan(one)
        return one

    def tell_of_the_lan(self, one: Operator) -> None:
        subnets = frozenset(ip_network(text) for text in self.model.subnets)
        one.ledger.put_lan("n9", subnets, frozenset(self.model.gateways))

    def look(self) -> None:
        """Operator and model see all that there is."""
        self.operator.watch(len(self.server.log))
        services = self.server.services()
        shown = {address: one.key for one in services for address in one.shown}
        held = {
            view.address: None if view.service is None else view.service.key
            for view in self.server.virtual_ips()
        }
        self.model.taken = {**shown, **held}
        self.model.pools = {
            p.name: p for p in self.server.objects.values() if isinstance(p, PoolView)
        }

    def check_it_had_to_be_this_one(self, address: Address, service: ServiceView) -> None:
        if address not in service.shown:
            wanted = self.model.wanted(service)
            assert wanted is not None, f"{address} may not be given to {service.key}"
            assert wanted[1] == address, f"{service.key} had to get {wanted}"

    @initialize(pool=pools)
    def there_is_a_pool(self, pool: PoolView) -> None:
        self.a_pool_is_made_or_edited(pool)

    @initialize(labels=golden)
    def one_namespace_has_many_services(self, labels: dict[str, str]) -> None:
        for key in KEYS[:4]:
            self.a_service_is_created(key, labels, Family.IPV4)

    @rule(pool=pools)
    def a_pool_is_made_or_edited(self, pool: PoolView) -> None:
        old = self.server.objects.get(pool.name)
        self.births += 1
        created = old.created if isinstance(old, PoolView) else f"2026-01-01T{self.births:06}Z"
        self.server.put(replace(pool, created=created, uid=pool.name))

    @rule(name=st.sampled_from(POOLS))
    def a_pool_is_deleted(self, name: str) -> None:
        if name in self.server.objects:
            self.server.delete(name)

    @rule(name=st.sampled_from(NAMESPACES), labels=golden)
    def a_namespace_is_labelled(self, name: str, labels: dict[str, str]) -> None:
        self.model.namespaces[name] = labels
        self.operator.ledger.put_namespace(name, labels)

    @rule(name=st.sampled_from(NAMESPACES))
    def a_namespace_is_not_known(self, name: str) -> None:
        self.model.namespaces.pop(name, None)
        self.operator.ledger.drop_namespace(name)

    @rule(name=st.sampled_from(["n7", "n8"]), own=st.sets(addresses, max_size=2))
    def a_node_has_addresses(self, name: str, own: set[Address]) -> None:
        self.model.own[name] = own
        self.operator.ledger.put_node(name, frozenset(own), frozenset(own))

    @rule(subnets=st.sets(st.sampled_from(SUBNETS)), gateways=st.sets(addresses, max_size=1))
    def the_lan_is_seen(self, subnets: set[str], gateways: set[Address]) -> None:
        self.model.subnets, self.model.gateways = subnets, gateways
        self.tell_of_the_lan(self.operator)

    @rule(key=keys, labels=golden, family=st.sampled_from(Family))
    def a_service_is_created(self, key: ServiceKey, labels: dict[str, str], family: Family) -> None:
        if key not in self.server.objects:
            self.births += 1
            born = ServiceView(*key, uid=f"s{self.births}", created=f"2026-01-01T{self.births:06}Z")
            self.server.create(replace(born, labels=labels, families=(family,)))

    @rule(key=keys)
    def a_service_is_deleted(self, key: ServiceKey) -> None:
        if key in self.server.objects:
            self.server.delete(key)

    @rule(address=addresses)
    def somebody_reserves_an_address(self, address: Address) -> None:
        if address not in self.server.objects:
            self.server.create(VirtualIPView(address))

    @rule(address=addresses)
    def a_virtual_ip_is_deleted_by_hand(self, address: Address) -> None:
        if address in self.server.objects:
            self.server.delete(address)

    @rule(order=st.permutations(KEYS))
    def the_operator_is_busy_for_a_while(self, order: list[ServiceKey]) -> None:
        """It lags, and goes through what happened in whatever order."""
        self.lags, self.order = not self.lags, order

    @rule()
    def the_operator_starts_anew(self) -> None:
        self.operator = self.newborn()

    def work(self, key: ServiceKey) -> None:
        self.look()
        self.operator.reconcile(key)
        self.look()

    @invariant()
    def all_becomes_quiet(self) -> None:
        if self.lags:
            return
        for _ in range(10):
            before = len(self.server.log)
            for key in self.order:
                self.work(key)
            for view in self.server.virtual_ips():
                if view.release is not None:
                    self.server.delete(view.address)
            if len(self.server.log) == before:
                break
        else:
            raise AssertionError("the operator never comes to rest")
        self.check_nobody_waits_in_vain()

    def check_nobody_waits_in_vain(self) -> None:
        for service in filter(OWNERSHIP.ours, self.server.services()):
            has = [view.address for view in self.operator.ledger.virtual_ips_of(service.key)]
            assert tuple(has) == service.shown
            if not has:
                assert self.model.wanted(service) is None, f"{service.key} waits for nothing"


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=settings().max_examples // 2)
