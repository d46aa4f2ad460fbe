"""Nodes with thousands of addresses: none is late, and each address has one heir."""

import socket
from collections import Counter
from dataclasses import replace

import pytest

from speaker.messages import Entry, Plan, Role, State
from speaker.wire.keeper import ENTRIES_PER_TURN
from speaker.wire.pace import Slots
from speaker.wire.speech import REPEATS_PER_SECOND
from speaker.wire.watch import Timings
from tests.unit.speaker.simulation import INTERFACE, Lan, Node

T = Timings()
MANY = 600
ADDRESSES = [f"10.77.{number // 250}.{number % 250 + 1}" for number in range(MANY)]


def plan(lan: Lan, node: Node, addresses: list[str] = ADDRESSES, *, in_turns: bool = True) -> Plan:
    """The first holds all; the others are next, in turns or always the second."""
    first, second, third = (each.name for each in lan.nodes)
    orders = ((first, second, third), (first, third, second))
    entries = tuple(
        Entry(
            address, INTERFACE, 1, "", Role.CLAIM if node.name == first else Role.KEEP, 1,
            orders[at % 2 if in_turns else 0],
        )
        for at, address in enumerate(addresses)
    )  # fmt: skip
    return replace(lan.plan_for(node, lan.nodes), entries=entries)


def states(node: Node) -> Counter[State]:
    return Counter(node.keeper.report(socket.inet_aton(each)).state for each in ADDRESSES)


def settled(*, in_turns: bool = True) -> Lan:
    lan = Lan(3, seed=1)
    for node in lan.nodes:
        node.obey(plan(lan, node, in_turns=in_turns))
    lan.run(12.0)  # standbys of so many ask each of them once in three seconds
    assert states(lan.nodes[0]) == {State.HOLDING: MANY}
    return lan


def test_a_plan_of_thousands_is_obeyed_in_parts_and_the_newest_counts() -> None:
    lan = Lan(3, seed=1)
    (node, *_) = lan.nodes
    node.keeper.apply(plan(lan, node))
    assert len(node.keeper.addresses) == ENTRIES_PER_TURN, "the rest must wait for its turn"
    assert node.keeper.due() == lan.now

    node.keeper.apply(plan(lan, node, ADDRESSES[:150]))
    for _ in range(20):
        node.keeper.run_timers()

    assert len(node.keeper.addresses) == 150
    assert node.keeper.due() != lan.now


def test_what_the_plan_drops_is_silent_before_anything_else_is_done() -> None:
    lan = settled()
    (node, *_) = lan.nodes

    node.keeper.apply(plan(lan, node, ADDRESSES[300:]))

    assert states(node)[State.HOLDING] == 300
    released = [replace(each, role=Role.VERIFY) for each in plan(lan, node).entries[-20:]]
    node.keeper.apply(replace(plan(lan, node), entries=(*plan(lan, node).entries[:-20], *released)))
    assert states(node)[State.HOLDING] == 280, "and so is what is being released"


@pytest.mark.parametrize("slowness", [0.0001, 0.0005])
def test_each_address_of_a_dead_node_has_one_heir_however_slow_the_heirs_are(
    slowness: float,
) -> None:
    lan = settled()
    first, second, third = lan.nodes
    second.slowness = third.slowness = slowness
    first.kill()

    lan.run(10.0)

    assert states(second)[State.HOLDING] == states(third)[State.HOLDING] == MANY // 2
    assert second.keeper.totals.conflicts == third.keeper.totals.conflicts == 0
    assert second.liveness.any_up(INTERFACE), "and neither was late for the other"


def test_an_heir_that_is_slow_is_waited_for_as_long_as_it_goes_on_taking() -> None:
    lan = settled(in_turns=False)
    first, second, third = lan.nodes
    second.slowness = 0.0004  # two frames for each address: half a second, three turns
    first.kill()

    lan.run(5.0)

    assert states(second)[State.HOLDING] == MANY
    assert third.keeper.totals.gratuitous == 0, "and nobody else ever took one"


def test_an_heir_that_takes_nothing_is_not_waited_for() -> None:
    lan = settled()
    first, second, third = lan.nodes
    # It lives, and has an older plan that says nothing of these addresses.
    second.obey(replace(plan(lan, second), entries=()))
    lan.run(0.5)

    first.kill()
    lan.run(0.3 + T.turn + 0.1)

    assert states(third)[State.HOLDING] == MANY


def test_repeated_announcements_keep_to_their_rate_and_first_ones_wait_for_nothing() -> None:
    lan = settled()
    first, second, third = lan.nodes
    third.kill()
    lan.run(5.0)
    before = second.keeper.totals.gratuitous
    first.kill()
    lan.run(0.5)
    assert states(second)[State.HOLDING] == MANY

    frames, seconds = 2, 3.0
    lan.run(seconds)

    sent = second.keeper.totals.gratuitous - before - frames * MANY
    assert 0 < sent <= frames * REPEATS_PER_SECOND * (seconds + 0.5)


def test_moments_are_given_once_and_in_order() -> None:
    slots = Slots(100)
    given = [slots.next(10.0) for _ in range(8)]

    assert given[:6] == [None] * 6, "a quiet time saves some up"
    assert given[6:] == pytest.approx([10.01, 10.02])
    assert slots.next(11.0) is None
