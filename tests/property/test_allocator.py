"""The allocator never gives an address twice, whatever happens in whatever order.

Two operators are active at once on purpose. Both see the world late, each event of its own accord;
both may die between any two writes. Services come and go, change type and come back under old
names; pools are edited; VirtualIPs are deleted by hand; speakers fall silent late. In the end,
when all is quiet, every Service that can have an address has one, alone.
"""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from lbctl.core.addresses import Address, Family, family_of, place
from lbctl.core.allocation.decisions import Take
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import FamilyPolicy, ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Stage
from tests.property.cluster import OWNERSHIP, Operator, Server, verify
from tests.property.strategies import entries
from tests.unit.core.builders import node, nodes

KEYS = tuple(ServiceKey("default", name) for name in "abcd")
WHO = st.sampled_from([0, 1])
keys = st.sampled_from(KEYS)
deaths = st.none() | st.integers(1, 2)
picks = st.integers(0, 5)


class Allocator(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.nodes = nodes(node("n1", "10.0.0.201/24", "fd00::201/64"))
        self.operators = [self.newborn(), self.newborn()]
        self.answering: set[Address] = set()
        self.births = 0

    def newborn(self) -> Operator:
        return Operator(self.server, self.nodes, self.check_nobody_else_answers)

    def check_nobody_else_answers(self, take: Take, service: ServiceView) -> None:
        address = take.address
        if take.existing is not None or address in self.server.objects:
            return  # Not given newly, or not at all: somebody was faster.
        assert address not in self.answering or address in service.shown, (
            f"{address} is given to {service.key} while a speaker answers for it"
        )
        for other in self.server.services():
            # A mirror that lags may miss what another Service shows; then the older one keeps it.
            if other.key != service.key and address in other.shown and self.all_is_seen():
                assert address in service.shown, f"{other.key} shows {address}"

    def all_is_seen(self) -> bool:
        return all(operator.seen >= len(self.server.log) - 1 for operator in self.operators)

    def picked(self, pick: int) -> Address | None:
        """One of the addresses that are taken."""
        taken = sorted((view.address for view in self.server.virtual_ips()), key=place)
        return taken[pick % len(taken)] if taken else None

    @initialize(given=entries)
    def there_is_a_pool(self, given: tuple[str, ...]) -> None:
        self.server.put(PoolView("pool-0", "2026-01-01T00:00:00Z", given, uid="p0"))

    @rule(number=st.integers(0, 1), given=entries, disabled=st.booleans())
    def a_pool_is_edited(self, number: int, given: tuple[str, ...], *, disabled: bool) -> None:
        created = f"2026-01-0{number + 1}T00:00:00Z"
        self.server.put(PoolView(f"pool-{number}", created, given, disabled=disabled, uid="p"))

    @rule(
        key=keys,
        named_class=st.sampled_from([None, OWNERSHIP.load_balancer_class]),
        families=st.permutations([*Family]).map(tuple)
        | st.sampled_from([(family,) for family in Family]),
    )
    def a_service_is_created(
        self, key: ServiceKey, named_class: str | None, families: tuple[Family, ...]
    ) -> None:
        if key not in self.server.objects:
            self.births += 1
            created = f"2026-01-01T00:{self.births // 60:02}:{self.births % 60:02}Z"
            born = ServiceView(*key, uid=f"s{self.births}", created=created)
            policy = FamilyPolicy.PREFER_DUAL_STACK if families[1:] else FamilyPolicy.SINGLE_STACK
            self.server.create(
                replace(
                    born,
                    load_balancer_class=named_class,
                    families=families,
                    family_policy=policy,
                )
            )

    @rule(key=keys)
    def a_service_is_deleted(self, key: ServiceKey) -> None:
        if key in self.server.objects:
            self.server.delete(key)

    @rule(key=keys)
    def a_service_changes_its_type(self, key: ServiceKey) -> None:
        service = self.server.objects.get(key)
        if isinstance(service, ServiceView):
            # The API server empties the status of what is no load balancer any more.
            self.server.update(service, is_load_balancer=not service.is_load_balancer, ingress=())

    @rule(pick=picks)
    def a_virtual_ip_is_deleted_by_hand(self, pick: int) -> None:
        address = self.picked(pick)
        if address is not None:
            self.server.delete(address)
            self.answering.discard(address)

    @rule()
    def the_speakers_obey(self) -> None:
        self.answering = {
            view.address for view in self.server.virtual_ips() if view.stage is Stage.ALLOCATED
        }

    @rule(pick=picks)
    def the_verifier_asks(self, pick: int) -> None:
        address = self.picked(pick)
        if address is not None:
            verify(self.server, address, anybody_answers=address in self.answering)

    @rule(who=WHO, count=st.integers(1, 8))
    def an_operator_sees(self, who: int, count: int) -> None:
        self.operators[who].watch(count)

    @rule(who=WHO, key=keys, dies_after=deaths)
    def an_operator_reconciles(self, who: int, key: ServiceKey, dies_after: int | None) -> None:
        self.operators[who].reconcile(key, dies_after=dies_after)
        if dies_after is not None:
            self.an_operator_starts_anew(who)

    @rule(key=keys, dies_after=deaths)
    def both_reconcile_at_once(self, key: ServiceKey, dies_after: int | None) -> None:
        for operator in self.operators:
            operator.watch(len(self.server.log) - operator.seen - 1)
        for operator in self.operators:
            operator.reconcile(key, dies_after=dies_after)

    @rule(who=WHO, pick=picks)
    def an_operator_finishes_a_release(self, who: int, pick: int) -> None:
        address = self.picked(pick)
        if address is not None:
            self.operators[who].finish_release(address)

    @rule(who=WHO)
    def an_operator_starts_anew(self, who: int) -> None:
        self.operators[who] = self.newborn()
        self.operators[who].watch(len(self.server.log))

    @invariant()
    def a_virtual_ip_has_one_service_and_one_name(self) -> None:
        for view in self.server.virtual_ips():
            assert view.stage is not Stage.RESERVED

    @precondition(lambda self: self.server.services())
    @rule()
    def all_becomes_quiet(self) -> None:
        """Both see everything and work until nothing changes: the end state is always right."""
        for _ in range(60):
            before = len(self.server.log)
            for operator in self.operators:
                operator.watch(len(self.server.log))
                for key in KEYS:
                    operator.reconcile(key)
                self.the_speakers_obey()
                for view in self.server.virtual_ips():
                    answer = view.released
                    if answer is None or not (
                        answer.silent and answer.observed_generation == view.generation
                    ):
                        verify(self.server, view.address, anybody_answers=False)
                    operator.read(view.address)
                    operator.finish_release(view.address)
            if len(self.server.log) == before:
                break
        else:
            raise AssertionError("the operators never come to rest")
        self.check_the_end_state()

    def check_the_end_state(self) -> None:
        ours = {s.ref: s for s in self.server.services() if OWNERSHIP.ours(s)}
        held: dict[tuple[object, Family], Address] = {}
        for view in self.server.virtual_ips():
            (ref,) = view.services
            assert ref in ours, f"{view.address} belongs to nobody"
            slot = (ref, family_of(view.address))
            assert slot not in held, f"{ref} has two {slot[1]} addresses"
            held[slot] = view.address
        ledger = self.operators[0].ledger
        waiting: set[Family] = set()
        for ref, service in ours.items():
            has = [held[ref, family] for family in service.families if (ref, family) in held]
            if has:
                assert service.shown == (*has,)
            if has or not service.shown:
                waiting |= {family for family in service.families if (ref, family) not in held}
            else:
                # Nobody can tell any more who wrote it: no VirtualIP, no pool, no class of ours.
                assert not OWNERSHIP.explicit(service)
                assert any(ledger.pool_of(address) is None for address in service.shown)
        giving = [finding.pool.name for finding in ledger.findings() if finding.gives]
        for family in waiting:
            free = sum(ledger.counts(name, family).free for name in giving)
            assert not free, "a Service waits while an address is free"


TestAllocator = Allocator.TestCase
