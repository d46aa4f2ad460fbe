"""What the planner promises, whatever the cluster looks like."""

from collections import Counter
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from math import ceil
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lbctl.core.release import Begin, Delete, Reassign, begin, proceed
from lbctl.core.services import ServiceRef
from lbctl.core.speakers import NodeView, exclusion
from lbctl.core.succession import LENGTH, Loads, SuccessionPlan, plan
from lbctl.core.virtualips import Release, ReleasedCondition, VirtualIPView
from tests.property.strategies import (
    LAN,
    addresses,
    clusters,
    holders,
    node_names,
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

    def plan(self) -> SuccessionPlan:
        return plan(
            self.address,
            current=self.current,
            holder=self.holder,
            nodes=self.nodes,
            loads=loads_of(self.book),
        )


situations = st.builds(Situation, addresses, clusters(), successions, holders, books)


@given(situations)
def test_a_plan_keeps_its_promises(situation: Situation) -> None:
    made, current, holder = situation.plan(), situation.current, situation.holder
    eligible = able(situation.nodes, situation.address)
    assert {one.node for one in made.left_out} == set(situation.nodes) - eligible
    assert made.message.endswith(".")
    if not eligible:
        assert (made.succession, made.planned) == (current, False), "fail static"
        return
    survivors = tuple(name for name in current if name in eligible)
    assert made.planned
    assert made.succession[: len(survivors)] == survivors, "survivors are never reordered"
    assert set(made.succession) <= eligible
    assert len(set(made.succession)) == len(made.succession)
    assert holder not in eligible or holder in made.succession, "a holder is never dropped"
    wanted = min(LENGTH, len(eligible))
    assert wanted <= len(made.succession) <= max(wanted, len(survivors) + 1)


@given(situations, st.randoms(use_true_random=False))
def test_a_plan_depends_on_the_world_alone(situation: Situation, chance: Random) -> None:
    nodes, book = list(situation.nodes.items()), list(situation.book.items())
    chance.shuffle(nodes)
    chance.shuffle(book)
    shuffled = replace(situation, nodes=dict(nodes), book=dict(book))
    assert shuffled.plan() == situation.plan()


@given(situations)
def test_a_plan_is_stable(situation: Situation) -> None:
    once = situation.plan()
    book = situation.book | {situation.address: once.succession}
    assert replace(situation, current=once.succession, book=book).plan() == once


@given(clusters(), st.lists(addresses, unique=True, min_size=1))
def test_first_placements_are_even(nodes: dict[str, NodeView], many: list[IPv4Address]) -> None:
    eligible = able(nodes, LAN + 1)
    loads, firsts = Loads(), Counter[str]()
    for address in many:
        made = plan(address, current=(), holder=None, nodes=nodes, loads=loads)
        loads.put(address, made.succession)
        firsts.update(made.succession[:1])
    assert not eligible or max(firsts.values()) <= ceil(len(many) / len(eligible))


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
    owner = ServiceRef("default", "web", "uid")
    announced = bool(succession) or holder is not None
    in_use = VirtualIPView(LAN + 1, service=owner, succession=succession, holder=holder)
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
    chosen = [one.verifier for one in (start, step) if isinstance(one, Begin | Reassign)]
    assert all(one is None or one in able(nodes, LAN + 1) for one in chosen)
    assert not isinstance(step, Reassign) or step.verifier != verifier
