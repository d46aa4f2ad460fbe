"""What the planner promises, whatever the cluster looks like."""

from collections import Counter
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from math import ceil
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from lbctl.core.allocation.release import Begin, Delete, Reassign, begin, proceed
from lbctl.core.objects.advertisements import EVERYWHERE, Announcing
from lbctl.core.objects.services import ServiceKey, ServiceRef
from lbctl.core.objects.speakers import NodeView, exclusion
from lbctl.core.objects.virtualips import Release, ReleasedCondition, VirtualIPView
from lbctl.core.outcomes import LeftOut
from lbctl.core.succession.eligibility import Cluster, Judgement
from lbctl.core.succession.partners import partnerships
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import LENGTH, WATCHERS, SuccessionPlan, plan
from lbctl.core.succession.standing import look
from tests.property.strategies import (
    LAN,
    addresses,
    announcings,
    clusters,
    holders,
    node_names,
    node_view,
    successions,
)

books = st.dictionaries(addresses, successions, max_size=12)


def loads_of(book: dict[IPv4Address, tuple[str, ...]]) -> Loads:
    loads = Loads()
    for address, succession in book.items():
        loads.put(address, succession)
    return loads


def able(nodes: dict[str, NodeView], address: IPv4Address) -> set[str]:
    return {name for name, view in nodes.items() if exclusion(view, address) is None}


@dataclass(frozen=True)
class Situation:
    """All that a plan depends on."""

    address: IPv4Address
    nodes: dict[str, NodeView]
    current: tuple[str, ...]
    holder: str | None
    book: dict[IPv4Address, tuple[str, ...]]
    announcing: Announcing
    endpoints: frozenset[str] | None
    hands_over: bool
    wanted: str | None
    well_for: int

    @property
    def outgoing(self) -> str | None:
        return self.holder if self.hands_over else None

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.nodes, partnerships(self.nodes), look(None, self.nodes, 0))

    @property
    def judged(self) -> Judgement:
        return self.cluster.judge(self.address, self.announcing, self.endpoints)

    def plan(self) -> SuccessionPlan:
        return plan(
            self.address,
            current=self.current,
            holder=self.holder,
            nodes=self.cluster,
            loads=loads_of(self.book),
            advertisement=self.announcing,
            endpoints=self.endpoints,
            outgoing=self.outgoing,
            wanted=self.wanted,
            now=self.well_for,
        )

    def after(self, made: SuccessionPlan, holder: str | None) -> "Situation":
        """The plan is written, and who holds it has said so."""
        return replace(
            self,
            current=made.succession,
            holder=holder,
            hands_over=made.outgoing is not None,
            book=self.book | {self.address: made.succession},
            wanted=None,
        )


situations = st.builds(
    Situation,
    addresses,
    clusters(),
    successions,
    holders,
    books,
    announcings,
    st.none() | st.frozensets(node_names),
    st.booleans(),
    st.none() | node_names,
    st.sampled_from([0, 30, 600]),
)

untouched = situations.map(
    lambda one: replace(
        one,
        wanted=None,
        hands_over=False,
        announcing=replace(one.announcing, fail_back_after=None),
    )
)
"""Nobody asks for a move, and nobody gets anything back."""


@given(situations)
def test_every_node_is_eligible_or_has_a_named_reason(situation: Situation) -> None:
    made, judged = situation.plan(), situation.judged
    assert {one.node for one in made.left_out} == situation.nodes.keys() - judged.able
    assert len(made.left_out) + len(judged.eligible) == len(situation.nodes)
    assert made.message.endswith(".")
    firm = {name for name in situation.nodes if exclusion(situation.nodes[name], situation.address)}
    assert not firm & judged.able, "who cannot announce is never eligible at the first look"


@given(situations)
def test_without_an_eligible_node_the_plan_stays(situation: Situation) -> None:
    made = situation.plan()
    assert made.planned == bool(situation.judged.eligible)
    if not made.planned:
        assert made.succession == situation.current
        assert made.outgoing in {None, situation.outgoing}


@given(untouched)
def test_a_plan_keeps_its_promises(situation: Situation) -> None:
    made, current, holder = situation.plan(), situation.current, situation.holder
    able = situation.judged.able
    assume(made.planned)
    survivors = tuple(name for name in current if name in able)
    assert made.succession[: len(survivors)] == survivors, "survivors are never reordered"
    assert {*made.succession} <= able
    assert len({*made.succession}) == len(made.succession)
    assert holder not in able or holder in made.succession, "a holder is never dropped"
    wanted = min(LENGTH, len(able))
    assert wanted <= len(made.succession) <= max(wanted + WATCHERS, len(survivors) + 1)


@given(situations)
def test_who_hands_over_lives_and_is_not_who_takes_over(situation: Situation) -> None:
    made, judged = situation.plan(), situation.judged
    if made.outgoing is None:
        return
    assert made.outgoing == situation.holder, "nobody else has anything to hand over"
    assert made.succession[0] != made.outgoing, "the API server would refuse it"
    assert {*made.seeing} == {*made.succession, made.outgoing}
    if made.planned:
        assert made.outgoing in judged.able | judged.able_to_hand_over


@given(situations)
def test_a_holder_that_may_not_go_on_and_lives_hands_over(situation: Situation) -> None:
    made, holder = situation.plan(), situation.holder
    if made.planned and holder in situation.judged.able_to_hand_over:
        assert made.outgoing == holder
        assert holder not in made.succession


@given(situations)
def test_only_who_can_still_announce_hands_over(situation: Situation) -> None:
    judged = situation.judged
    why = {one.node: one.reason for one in judged.left_out}
    assert {why[node] for node in judged.able_to_hand_over} <= {
        LeftOut.EXCLUDED,
        LeftOut.DRAINING,
        LeftOut.NOT_SELECTED,
        LeftOut.NODE_NOT_READY,
        LeftOut.NETWORK_UNAVAILABLE,
        LeftOut.NO_ENDPOINT,
    }


@given(situations, st.randoms(use_true_random=False))
def test_a_plan_depends_on_the_world_alone(situation: Situation, chance: Random) -> None:
    nodes, book = list(situation.nodes.items()), list(situation.book.items())
    chance.shuffle(nodes)
    chance.shuffle(book)
    shuffled = replace(situation, nodes=dict(nodes), book=dict(book))
    assert shuffled.plan() == situation.plan()


@given(situations)
def test_a_plan_stands_until_something_happens(situation: Situation) -> None:
    once = situation.plan()
    again = situation.after(once, situation.holder).plan()
    assert (again.succession, again.outgoing) == (once.succession, once.outgoing)


@given(situations)
def test_a_move_ends_when_the_new_one_holds(situation: Situation) -> None:
    first = situation.plan()
    assume(first.planned)
    second = situation.after(first, first.succession[0])
    done = replace(second, well_for=0).plan()
    assert done.outgoing is None
    assert done.succession[0] == first.succession[0]


@given(untouched, node_names)
def test_a_death_moves_only_what_the_dead_one_held(situation: Situation, dead: str) -> None:
    before = situation.plan()
    assume(before.planned)
    held = situation.after(before, before.succession[0])
    nodes = {name: node for name, node in situation.nodes.items() if name != dead}
    after = replace(held, nodes=nodes)
    made = after.plan()
    # Another's death may leave nobody but those whom only their Node's state speaks against.
    assume(made.planned and after.judged.able >= situation.judged.able - {dead})
    left = tuple(name for name in before.succession if name != dead)
    assert made.outgoing is None
    assert made.succession[: len(left)] == left
    assert before.succession[0] in {made.succession[0], dead}


@given(untouched)
def test_who_joins_gets_nothing_that_is_held(situation: Situation) -> None:
    before = situation.plan()
    assume(before.planned and not situation.judged.doubted)
    held = situation.after(before, before.succession[0])
    made = replace(held, nodes={**situation.nodes, "n9": node_view("n9", {})}).plan()
    assert made.outgoing is None
    assert made.succession[: len(before.succession)] == before.succession


@given(clusters(), announcings, st.lists(addresses, unique=True, min_size=1))
def test_no_placement_lifts_a_node_far_above_its_share(
    nodes: dict[str, NodeView], announcing: Announcing, many: list[IPv4Address]
) -> None:
    loads, cluster = Loads(), Cluster(nodes)
    for number, address in enumerate(many, start=1):
        made = plan(address, current=(), holder=None, nodes=cluster, loads=loads,
                    advertisement=announcing)  # fmt: skip
        loads.put(address, made.succession)
        if made.planned:
            judged = cluster.judge(address, announcing)
            counts = {name: loads.firsts(name) for name in judged.eligible}
            bound = ceil(number / len(judged.eligible)) + 1
            assert counts[made.succession[0]] <= bound or min(counts.values()) >= bound


@given(clusters(), st.lists(addresses, unique=True, min_size=1))
def test_without_preferences_placements_are_even(
    nodes: dict[str, NodeView], many: list[IPv4Address]
) -> None:
    updated = {name: replace(node, updated=True) for name, node in nodes.items()}
    loads, cluster = Loads(), Cluster(updated)
    for address in many:
        made = plan(address, current=(), holder=None, nodes=cluster, loads=loads)
        loads.put(address, made.succession)
    counts = [loads.firsts(name) for name in cluster.judge(many[0], EVERYWHERE).eligible]
    assert not counts or max(counts) - min(counts) <= 1


@given(st.integers(2, 8), st.integers(1, 40))
def test_what_a_dead_node_had_scatters(count: int, many: int) -> None:
    nodes = {f"n{number}": node_view(f"n{number}", {}) for number in range(count)}
    loads, cluster = Loads(), Cluster(nodes, partnerships(nodes))
    orders = []
    for number in range(many):
        made = plan(LAN + number, current=(), holder=None, nodes=cluster, loads=loads)
        loads.put(LAN + number, made.succession)
        orders.append(made.succession)
    for dead in nodes:
        heirs = Counter(order[1] for order in orders if order[0] == dead)
        assert not heirs or max(heirs.values()) <= ceil(heirs.total() / (count - 1)) + 1


@given(books, st.lists(st.tuples(addresses, successions), max_size=30))
def test_loads_are_those_of_what_is_left(
    book: dict[IPv4Address, tuple[str, ...]],
    edits: list[tuple[IPv4Address, tuple[str, ...]]],
) -> None:
    loads = loads_of(book)
    for address, succession in edits:
        book[address] = succession
        loads.put(address, succession)
    for address in [*book][::2]:
        del book[address]
        loads.drop(address)
    for one in ("n0", "n1", "n2"):
        expected = sum(succession[:1] == (one,) for succession in book.values())
        assert loads.firsts(one, besides=LAN) == expected


@given(
    clusters(),
    successions,
    holders,
    st.none() | node_names,
    st.none() | st.builds(ReleasedCondition, st.booleans(), st.integers(1, 2)),
)
def test_nothing_is_free_before_somebody_found_the_lan_silent(
    nodes: dict[str, NodeView],
    succession: tuple[str, ...],
    holder: str | None,
    verifier: str | None,
    answer: ReleasedCondition | None,
) -> None:
    owner = ServiceRef(ServiceKey("default", "web"), "uid")
    announced = bool(succession) or holder is not None
    in_use = VirtualIPView(LAN + 1, services=(owner,), succession=succession, holder=holder)
    start = begin(in_use, nodes)
    assert isinstance(start, Delete) == (not announced)
    leaving = VirtualIPView(
        LAN + 1,
        generation=2,
        succession=succession,
        holder=holder,
        release=Release(verifier),
        released=answer,
    )
    step = proceed(leaving, nodes)
    silent = answer is not None and answer.silent and answer.observed_generation == 2
    assert isinstance(step, Delete) == (silent or not announced)
    chosen = [one.release.verifier for one in (start, step) if isinstance(one, Begin | Reassign)]
    assert all(one is None or one in able(nodes, LAN + 1) for one in chosen)
    assert not isinstance(step, Reassign) or step.release.verifier != verifier
