"""Who gets which address, against a model that knows the rules and nothing else.

The operator sees everything at once here; that it may see late, and die, is the story of
`test_allocator.py`. Whenever an address is given, the model says which one it had to be. When all
is quiet, nobody waits to whom the model would give one, nobody has an address who may not, and
what rests or is kept does so to the second.
"""

from dataclasses import replace
from ipaddress import ip_network
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lbctl.core.addresses import Address
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import How, Take
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from tests.property import people
from tests.property.cluster import Operator, Server, verify
from tests.property.judge import OWNERSHIP, Judge
from tests.property.people import KEYS, NAMESPACES, POOLS, SUBNETS, Said, addresses, golden, keys
from tests.property.rests import Rests
from tests.unit.core.builders import node, nodes

pools, pool_edits = people.seeded(people.pool), people.seeded(people.pool_edit)
specs, edits = people.seeded(people.spec), people.seeded(people.edit)
requests = people.seeded(people.request)


class Rules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.judge = Judge()
        self.model = self.judge.model
        self.nodes = nodes(node("n1", "10.0.0.201/24", "fd00::201/64"))
        self.operator = self.newborn()
        self.births = 0
        self.lags = False
        self.announces = True
        self.order = [*KEYS]
        self.chances = Random(0)  # noqa: S311 - no secret
        self.rests = Rests(self.server, self.model)

    def newborn(self) -> Operator:
        """An operator that knows what its watches told it."""
        one = Operator(self.server, self.nodes, self.check_it_may_have_it)
        for name, labels in self.model.namespaces.items():
            one.ledger.put_namespace(name, labels)
        self.tell_of_the_lan(one)
        return one

    def tell_of_the_lan(self, one: Operator) -> None:
        for name, own in self.model.own.items():
            one.ledger.put_node(name, frozenset(own), frozenset(own))
        subnets = frozenset(ip_network(text) for text in self.model.subnets)
        one.ledger.put_lan("n9", subnets, frozenset(self.model.gateways))

    def look(self) -> None:
        """Operator and model see all that there is."""
        self.operator.watch(len(self.server.log))
        things = self.server.objects.values()
        self.rests.follow()
        self.model.services = {one.key: one for one in self.server.services()}
        self.model.virtual_ips = {one.address: one for one in self.server.virtual_ips()}
        self.model.pools = {one.name: one for one in things if isinstance(one, PoolView)}

    # ---- what people do

    @initialize(
        many=st.tuples(*[pools] * 3),
        each=st.tuples(*[specs] * 8),
        chances=people.seeded(lambda chances: chances),
    )
    def there_is_much(
        self, many: tuple[PoolView, ...], each: tuple[Said, ...], chances: Random
    ) -> None:
        self.chances = chances
        for pool in many:
            self.a_pool_is_made(pool)
        self.services_are_created([*zip(KEYS, each, strict=False)])

    @rule(pool=pools)
    def a_pool_is_made(self, pool: PoolView) -> None:
        if pool.name not in self.server.objects:
            self.births += 1
            created = f"2026-01-01T{self.births:06}Z"
            self.server.create(replace(pool, created=created, uid=f"p{self.births}"))

    @rule(edits=st.lists(pool_edits, min_size=1, max_size=3))
    def pools_are_edited(self, edits: list[tuple[str, Said]]) -> None:
        for name, said in edits:
            pool = self.server.objects.get(name)
            if pool is not None:
                self.server.update(pool, **said)

    @rule(name=st.sampled_from(POOLS))
    def a_pool_is_deleted(self, name: str) -> None:
        if name in self.server.objects and len(self.model.pools) > 1:
            self.server.delete(name)

    @rule(name=st.sampled_from(NAMESPACES), labels=st.none() | golden)
    def a_namespace_has_labels(self, name: str, labels: dict[str, str] | None) -> None:
        """Or they are not known."""
        if labels is None:
            self.model.namespaces.pop(name, None)
            self.operator.ledger.drop_namespace(name)
        else:
            self.model.namespaces[name] = labels
            self.operator.ledger.put_namespace(name, labels)

    @rule(each=st.lists(st.tuples(keys, specs), min_size=1, max_size=3))
    def services_are_created(self, each: list[tuple[ServiceKey, Said]]) -> None:
        for key, spec in each:
            self.a_service_is_created(key, spec)

    def a_service_is_created(self, key: ServiceKey, spec: Said) -> None:
        if key not in self.server.objects:
            self.births += 1
            born = ServiceView(*key, uid=f"s{self.births}", created=f"2026-01-01T{self.births:06}Z")
            self.server.create(replace(born, **spec))

    @rule(edits=st.lists(edits, min_size=1, max_size=4))
    def services_are_edited(self, edits: list[tuple[ServiceKey, Said]]) -> None:
        for key, said in edits:
            service = self.server.objects.get(key)
            if isinstance(service, ServiceView):
                self.server.update(service, **said)

    @rule(key=keys, request=requests)
    def a_service_asks(self, key: ServiceKey, request: Request) -> None:
        self.services_are_edited([(key, {"request": request})])

    @rule(key=keys)
    def a_service_changes_its_type(self, key: ServiceKey) -> None:
        """To ClusterIP; whoever was one is none any more."""
        for service in self.server.services():
            if not service.is_load_balancer:
                self.server.update(service, is_load_balancer=True)
            elif service.key == key:
                # The API server empties the status of what is no load balancer any more.
                self.server.update(service, is_load_balancer=False, ingress=())

    @rule(key=keys)
    def a_service_is_deleted(self, key: ServiceKey) -> None:
        if key in self.server.objects:
            self.server.delete(key)

    @rule(key=keys, spec=specs)
    def a_service_is_deleted_and_created_anew(self, key: ServiceKey, spec: Said) -> None:
        self.a_service_is_deleted(key)
        self.a_service_is_created(key, spec)

    @rule(address=addresses, whose=st.none() | keys)
    def somebody_reserves_an_address(self, address: Address, whose: ServiceKey | None) -> None:
        every = [one for one in self.server.virtual_ips() if one.stage is Stage.RESERVED]
        for other in every[2:]:  # They shall not have it all.
            self.a_virtual_ip_is_deleted_by_hand(other.address)
        view = self.server.virtual_ip(address)
        if view is None:
            self.server.create(VirtualIPView(address, reserved_for=whose))
        elif view.stage is not Stage.RELEASING:
            self.server.update(view, reserved_for=whose, generation=view.generation + 1)

    @rule(address=addresses)
    def a_virtual_ip_is_deleted_by_hand(self, address: Address) -> None:
        if address in self.server.objects:
            self.rests.given_up_by_hand(address)
            self.server.delete(address)

    # ---- what the machines do

    @rule(
        own=st.sets(addresses, max_size=2),
        subnets=st.sets(st.sampled_from(SUBNETS)),
        gateways=st.sets(addresses, max_size=1),
    )
    def the_lan_is_seen(self, own: set[Address], subnets: set[str], gateways: set[Address]) -> None:
        self.model.own = {"n9": own}
        self.model.subnets, self.model.gateways = subnets, gateways
        self.tell_of_the_lan(self.operator)

    @rule(seconds=st.integers(1, 20))
    def time_goes_on(self, seconds: int) -> None:
        self.server.seconds += seconds

    @rule(early=st.sampled_from([0, 1]))
    def what_rests_has_rested(self, early: int) -> None:
        """To the second, or not yet."""
        end = self.rests.next_end()
        if end is not None:
            self.server.seconds = end - early

    @rule(order=st.permutations(KEYS), lags=st.booleans(), starts=st.booleans())
    def the_operator_is_busy(self, order: list[ServiceKey], *, lags: bool, starts: bool) -> None:
        """It goes through what happened in whatever order, or begins anew."""
        self.order, self.lags = order, lags
        if starts:
            self.operator = self.newborn()

    @rule(announces=st.booleans())
    def speakers_take_new_addresses(self, *, announces: bool) -> None:
        """Or none of them does."""
        self.announces = announces

    def the_speakers_work(self) -> None:
        """Holders announce and withdraw; the verifier finds a silent LAN."""
        for view in self.server.virtual_ips():
            if view.stage is Stage.ALLOCATED and view.holder is None and self.announces:
                self.server.update(view, holder="n1", ever_held=True)
            elif view.stage is Stage.RELEASING and view.holder is not None:
                self.server.update(view, holder=None)
            elif view.stage is Stage.RELEASING and not self.is_verified(view):
                verify(self.server, view.address, anybody_answers=False)

    # ---- what the operator does about it

    def work(self, key: ServiceKey) -> None:
        self.look()
        before = self.server.objects.get(key)
        had = {view.address: view for view in self.server.virtual_ips()}
        self.operator.reconcile(key)
        self.look()
        service = self.server.objects.get(key)
        if (
            isinstance(before, ServiceView)
            and isinstance(service, ServiceView)
            and OWNERSHIP.ours(service)
        ):
            self.judge.takes_nothing_away(before, service, had)
            self.judge.gives_both_or_none(before, service)

    @invariant()
    def all_becomes_quiet(self) -> None:
        if self.lags:
            return
        for _ in range(12):
            before = len(self.server.log)
            for key in self.order:
                self.work(key)
            self.the_speakers_work()
            for address in [view.address for view in self.server.virtual_ips()]:
                self.look()
                self.operator.follow_the_pool(address)
                self.operator.finish_release(address)
            self.look()
            if len(self.server.log) == before:
                break
        else:
            raise AssertionError("the operator never comes to rest")
        for service in filter(self.is_served, self.server.services()):
            self.judge.shows_what_it_has(service)
            self.judge.is_at_rest(service, moving=not self.announces)
        for view in self.server.virtual_ips():
            self.judge.shares_rightly(view)
            self.rests.check(view)
        for _ in range(4):
            self.check_what_would_be()

    # ---- what must be so

    def check_it_may_have_it(self, take: Take, service: ServiceView) -> None:
        """At the moment when an address becomes a Service's."""
        self.look()
        self.judge.gives_rightly(take, service)

    def check_what_would_be(self) -> None:
        """If somebody came, or changed, just now: nothing happens, but all rules are asked."""
        key, said = people.edit(self.chances)
        here = self.server.objects.get(key)
        if not isinstance(here, ServiceView):
            here = ServiceView(*key, uid="new", created="9")
            said = people.spec(self.chances)
        changed = replace(here, **said)
        self.model.services[key] = changed
        self.operator.ledger.put_service(changed)
        decision = decide(key, self.operator.ledger, OWNERSHIP)
        takes = [take for take in decision.takes if take.how is not How.RENEWED]
        if takes:
            self.judge.gives_rightly(takes[0], changed)
        elif not decision.release and self.is_served(changed):
            self.judge.is_at_rest(changed, moving=not self.announces)
        if key in self.server.objects:
            self.operator.ledger.put_service(here)
        else:
            self.operator.ledger.drop_service(key)
        self.look()

    # ---- words for that

    def is_served(self, service: ServiceView) -> bool:
        return OWNERSHIP.ours(service) and not self.judge.is_foreign(service)

    def is_verified(self, view: VirtualIPView) -> bool:
        return view.released is not None and view.released.observed_generation == view.generation


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=settings().max_examples // 2)
