"""Several wires on one simulated LAN, with BFD: whatever happens, in the end one node answers."""

import socket
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speaker.messages import Peer, PeerState
from speaker.wire.pace import Pace
from speaker.wire.watch import Timings
from tests.unit.speaker.simulation import TEMPLATES, VIP, Lan, Node

T = Timings()
HEALED_WITHIN = 2 * T.refresh + T.defend_interval + 5.0
"""Two holders hear each other at the next refresh, and the loser's questions take a moment."""
TAKEN_WITHIN = 0.45
"""A detection time of 0.3 s, and a turn."""


def settled(count: int, seed: int = 1) -> Lan:
    """A LAN whose first node holds, and everybody knows."""
    lan = Lan(count, seed)
    lan.run(5.0)
    assert lan.holders == [lan.nodes[0]]
    return lan


def trouble(  # noqa: C901, PLR0912  # a table: one row for each trouble
    lan: Lan, what: str, node: Node, other: Node
) -> None:
    match what:
        case "split":
            node.side = 1 - node.side
        case "one-way":
            lan.mute ^= {(node.name, other.name)}
        case "cable":
            node.plug(carrier=not node.carrier)
        case "restart":
            node.kill()
            node.start()
        case "stop":
            node.stop()
        case "kill":
            node.kill()
        case "freeze":
            node.freeze()
        case "thaw":
            node.thaw()
        case "plan":
            # Two nodes may see different plans for a while.
            rest = [each for each in lan.nodes if each is not other]
            node.obey(lan.plan_for(node, [other, *rest]))
        case "move":
            # A planned move; either of the two, or both, may have heard of it.
            rest = [each for each in lan.nodes if each is not other]
            plan = lan.plan_for(node, [other, *rest], outgoing=node)
            node.obey(plan)
            if lan.dice.random() < 0.5:
                other.obey(lan.plan_for(other, [other, *rest], outgoing=node))
        case "unable":
            node.obey(lan.plan_for(node, lan.nodes, serving=False))
        case "dropped":
            node.obey(lan.plan_for(node, [each for each in lan.nodes if each is not node]))
        case _:
            raise AssertionError(what)


TROUBLES = [
    "split", "one-way", "restart", "stop", "kill", "freeze", "thaw", "plan", "dropped", "move",
    "unable", "cable",
]  # fmt: skip
stories = st.lists(
    st.tuples(
        st.sampled_from(TROUBLES), st.integers(0, 4), st.integers(1, 4), st.floats(0.01, 4.0)
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(2, 5),
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    story=stories,
)
def test_whatever_happened_one_holds_once_the_network_heals(
    count: int, seed: int, loss: float, story: list[tuple[str, int, int, float]]
) -> None:
    lan = Lan(count, seed, loss)
    for what, which, offset, pause in story:
        node = lan.nodes[which % count]
        other = lan.nodes[(which + 1 + offset % (count - 1)) % count]
        trouble(lan, what, node, other if other is not node else lan.nodes[node is lan.nodes[0]])
        lan.run(pause)

    lan.heal()
    for node in lan.nodes:
        node.thaw()
        if not node.running:
            node.start()
        node.obey(lan.plan_for(node, lan.nodes))
    lan.run(HEALED_WITHIN)

    assert len(lan.holders) == 1
    holders = lan.holders
    for _ in range(30):
        lan.run(0.5)
        assert lan.holders == holders, "whoever holds, keeps"


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(3, 5),
    seed=st.integers(0, 2**32),
    story=st.lists(
        st.tuples(
            st.sampled_from(["restart", "stop", "kill", "freeze", "thaw"]),
            st.integers(0, 4),
            st.floats(0.01, 3.0),
        ),
        max_size=12,
    ),
)
def test_on_a_lan_that_works_nobody_takes_what_another_holds(
    count: int, seed: int, story: list[tuple[str, int, float]]
) -> None:
    lan = Lan(count, seed)
    for what, which, pause in story:
        trouble(lan, what, lan.nodes[which % count], lan.nodes[which % count])
        lan.run(pause)

    assert lan.takes_while_held == 0


@pytest.mark.parametrize("seed", range(10))
def test_a_switch_that_restarts_moves_nothing(seed: int) -> None:
    lan = settled(4, seed)
    first, second, *_ = lan.nodes
    first.kill()
    lan.run(1.0)
    assert lan.holders == [second]
    first.start()
    lan.run(5.0)

    for carrier in (False, True):
        for node in lan.nodes:
            node.plug(carrier=carrier)
        lan.run(3.0)
        assert lan.holders == ([second] if carrier else []), "who held it holds it again"
    lan.run(HEALED_WITHIN)
    assert lan.holders == [second]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("fault", ["stop", "kill", "freeze", "split"])
def test_the_next_takes_over_within_half_a_second(fault: str, seed: int) -> None:
    lan = settled(4, seed)
    first, second, *_ = lan.nodes

    trouble(lan, fault, first, second)
    lan.run(0.01 if fault == "stop" else TAKEN_WITHIN)

    assert [node for node in lan.holders if node is not first] == [second]


@pytest.mark.parametrize("another_answers", [False, True])
@pytest.mark.parametrize("tenths", range(25))
def test_the_first_takes_it_when_it_starts_long_after_the_others(
    tenths: int, *, another_answers: bool
) -> None:
    lan = Lan(3, seed=tenths)
    *others, first = lan.nodes
    for node in lan.nodes:
        node.kill()
        node.plan = lan.plan_for(node, [first, *reversed(others)])
    first.another_answers = another_answers
    lan.run(0.1)
    for node in others:
        node.start()
    lan.run(tenths / 10)

    first.start()
    lan.run(T.probes * T.probe_interval + 0.05)

    assert lan.holders == [first], "standbys that look for the holder do not stop it"


@pytest.mark.parametrize("count", [2, 3, 5])
def test_who_is_cut_off_takes_nothing_and_asks_when_it_hears_again(count: int) -> None:
    lan = settled(count)
    first, second, *rest = lan.nodes
    second.side = 1
    lan.run(1.0)
    assert not second.holds, "alone on its side, it knows nothing"

    first.side = 1
    lan.run(3.0)
    assert [node for node in lan.holders if node in (first, second)] == [first]
    if len(rest) > 1:
        assert [node for node in lan.holders if node in rest] == [rest[0]]


@pytest.mark.parametrize("what", ["plan", "dropped", "freeze"])
def test_who_is_cut_off_takes_nothing_whatever_else_happens_to_it(what: str) -> None:
    lan = settled(3)
    first, second, _ = lan.nodes
    second.side = 1
    lan.run(1.0)

    trouble(lan, what, second, second)
    lan.run(5.0)
    second.thaw()
    lan.run(5.0)

    assert lan.holders == [first]


def test_two_nodes_the_one_whose_machine_lives_is_called_and_answers() -> None:
    lan = settled(2)

    lan.nodes[0].kill()
    lan.run(TAKEN_WITHIN)

    assert lan.holders == [lan.nodes[1]], "the kernel of the dead wire's node proves that we hear"


@pytest.mark.parametrize("seed", range(40))
def test_the_third_takes_over_when_two_die_whoever_hears_of_it_first(seed: int) -> None:
    lan = settled(4, seed)
    first, second, third, _ = lan.nodes

    first.kill()
    lan.run(0.1 * (seed % 4) / 4)
    second.kill()
    lan.run(TAKEN_WITHIN + T.turn)

    assert lan.holders == [third]
    assert lan.takers == [first, third], "and nobody else for a moment"


def test_a_wire_that_was_restarted_costs_half_a_second_and_no_fight() -> None:
    lan = settled(3)

    trouble(lan, "restart", lan.nodes[0], lan.nodes[1])
    lan.run(2.0)

    assert len(lan.holders) == 1
    assert lan.takes_while_held == 0


def test_a_holder_whose_address_is_silent_is_replaced_whatever_bfd_says() -> None:
    lan = settled(3)
    first, second, _ = lan.nodes

    # Its plan does not name the address any more, theirs do; all sessions stay up.
    first.obey(lan.plan_for(first, lan.nodes[1:]))
    lan.run(T.polls * T.poll_interval * 1.2 + 2.0)

    assert len(lan.holders) == 1
    assert first not in lan.holders
    assert second.liveness.any_up("lan0")


def test_a_pause_of_all_machines_is_nobodys_death() -> None:
    lan = settled(3)

    for node in lan.nodes:
        node.freeze()
    lan.run(60.0)
    for node in lan.nodes:
        node.datagrams.clear()
        node.frames.clear()
        node.thaw()
    lan.run(3.0)

    assert lan.holders == [lan.nodes[0]]
    assert lan.takes_while_held == 0


def test_partners_that_the_plan_drops_one_after_the_other_cause_no_move() -> None:
    lan = settled(3)
    first, second, third = lan.nodes
    for node, other in ((first, second), (second, first)):
        peers = tuple(peer for peer in node.plan.peers if peer.node != other.name)
        plan = lan.plan_for(node, lan.nodes)
        node.obey(type(plan)(plan.entries, node.name, plan.bfd, peers))
        lan.run(2.0)
        assert lan.holders == [first]

    assert third.liveness.any_up("lan0")


def test_a_peer_whose_mac_the_plan_does_not_know_is_replaced_after_asking() -> None:
    lan = settled(3)
    for node in lan.nodes:
        plan = replace(
            lan.plan_for(node, lan.nodes), peers=tuple(map(without_mac, node.plan.peers))
        )
        holder = replace(plan.entries[0], holder=lan.nodes[0].name)
        node.obey(replace(plan, entries=(holder,)))

    lan.nodes[0].kill()
    lan.run(T.polls * T.poll_interval * 1.2 + 2.0)

    assert len(lan.holders) == 1


def without_mac(peer: Peer) -> Peer:
    return replace(peer, mac="")


def test_a_death_is_told_to_the_agent_once_and_a_return_is_no_death() -> None:
    lan = settled(2)
    first, second = lan.nodes
    first.side = 1
    lan.run(1.0)
    dead = second.liveness.reports()[0]
    assert (dead.state, dead.diagnostic) == (PeerState.DOWN, "control-detection-time-expired")

    first.side = 0
    lan.run(3.0)

    assert second.liveness.reports()[0].state is PeerState.UP


def move(lan: Lan, outgoing: Node, incoming: Node) -> None:
    """A planned move, as the operator writes it."""
    rest = [node for node in lan.nodes if node is not incoming]
    for node in lan.nodes:
        node.obey(lan.plan_for(node, [incoming, *rest], outgoing=outgoing))


@pytest.mark.parametrize("loss", [0.0, 0.3])
@pytest.mark.parametrize("count", [2, 4])
def test_a_planned_move_makes_before_it_breaks(count: int, loss: float) -> None:
    lan = settled(count)
    first, *_, last = lan.nodes
    lan.loss = loss

    move(lan, first, last)
    if not loss:
        lan.run(0.01)
        assert lan.holders == [last]
    lan.run(0.5)
    lan.loss = 0.0
    lan.run(HEALED_WITHIN)

    assert lan.holders == [last]
    assert lan.silent_for == 0.0, "there was always one that answered"


@pytest.mark.parametrize("order", ["outgoing first", "incoming first"])
def test_a_move_waits_for_the_plan_of_both(order: str) -> None:
    lan = settled(3)
    first, _, last = lan.nodes
    early, late = (first, last) if order == "outgoing first" else (last, first)

    # The late one does not know of the move, and until then does not stand by either.
    late.obey(lan.plan_for(late, [first, lan.nodes[1]] if late is last else lan.nodes))
    early.obey(lan.plan_for(early, [last, first, lan.nodes[1]], outgoing=first))
    lan.run(30.0)
    assert lan.holders == [first]
    late.obey(lan.plan_for(late, [last, first, lan.nodes[1]], outgoing=first))
    lan.run(0.5)

    assert lan.holders == [last]
    assert (lan.takes_while_held, lan.silent_for) == (0, 0.0)


def test_if_the_new_one_never_comes_the_outgoing_goes_on() -> None:
    lan = settled(3)
    first, second, last = lan.nodes
    last.kill()

    for node in (first, second):
        node.obey(lan.plan_for(node, [last, first, second], outgoing=first))
    lan.run(60.0)

    assert lan.holders == [first]
    assert lan.silent_for == 0.0


@pytest.mark.parametrize("agents", [0, 1, 2])
def test_who_cannot_hand_on_traffic_gives_to_the_next_that_can(agents: int) -> None:
    lan = settled(4)
    unable = lan.nodes[: 1 + agents]

    for node in reversed(unable):
        node.obey(lan.plan_for(node, lan.nodes, serving=False))
    lan.run(1.0)
    assert lan.holders == [lan.nodes[1 + agents]]
    for node in unable:
        node.obey(lan.plan_for(node, lan.nodes))
    lan.run(20.0)

    assert lan.holders == [lan.nodes[1 + agents]], "whoever holds, keeps"
    assert (lan.takes_while_held, lan.silent_for) == (0, 0.0)


def test_where_nobody_can_hand_on_traffic_the_holder_goes_on() -> None:
    lan = settled(3)

    for node in lan.nodes:
        node.obey(lan.plan_for(node, lan.nodes, serving=False))
    lan.run(30.0)

    assert lan.holders == [lan.nodes[0]]
    assert lan.silent_for == 0.0


@pytest.mark.parametrize("blocked", [False, True])
def test_a_stop_makes_before_it_breaks(*, blocked: bool) -> None:
    lan = settled(3)
    first, second, _ = lan.nodes
    lan.deaf_to_bfd = blocked

    first.stop()
    lan.run(0.2 if blocked else 0.01)

    assert lan.holders == [second]
    assert lan.silent_for == 0.0
    assert not first.running, "and it ends as soon as it is relieved"


def test_the_last_node_ends_at_once() -> None:
    lan = Lan(1, 1)
    lan.run(2.0)
    (only,) = lan.nodes

    only.stop()
    lan.run(0.01)

    assert not only.running


@pytest.mark.parametrize("known", [True, False])
def test_a_replaced_node_under_the_same_name_moves_nothing(*, known: bool) -> None:
    """Another machine with the same name and address: the others have its MAC late, or at once."""
    lan = settled(3)
    first, second, third = lan.nodes
    second.kill()
    lan.run(2.0)
    second.mac = bytes([2, 0, 0, 0, 0, 0x42])
    second.plan = lan.plan_for(second, lan.nodes)
    second.start()
    if known:
        for node in (first, third):
            node.obey(lan.plan_for(node, lan.nodes))
    lan.run(10.0)
    assert lan.holders == [first]
    assert lan.takes_while_held == 0

    first.kill()
    lan.run(TAKEN_WITHIN)
    assert lan.holders == [second]


def test_a_replaced_holder_finds_its_address_with_the_next() -> None:
    lan = settled(3)
    first, second, third = lan.nodes
    first.kill()
    lan.run(1.0)
    first.mac = bytes([2, 0, 0, 0, 0, 0x42])
    first.plan = lan.plan_for(first, lan.nodes)
    first.start()
    lan.run(20.0)

    assert lan.holders == [second]
    second.kill()
    lan.run(30.0)
    assert len(lan.holders) == 1, "the others know its new MAC by what it answers, or not at all"
    assert third.running


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_all_candidates_are_dead_at_once_and_the_first_that_returns_takes(fault: str) -> None:
    lan = settled(4)
    *candidates, last = lan.nodes
    for node in lan.nodes:
        node.obey(lan.plan_for(node, candidates))
    for node in candidates:
        trouble(lan, fault, node, last)
    lan.run(5.0)
    assert lan.holders == []

    candidates[2].start()
    lan.run(12.0)
    assert lan.holders == [candidates[2]], "asked, and nobody answered, whatever its rank"
    for node in candidates[:2]:
        node.start()
    lan.run(10.0)
    assert lan.holders == [candidates[2]]


def test_a_holder_that_the_api_has_forgotten_is_silent_and_another_takes() -> None:
    lan = settled(3)
    _, second, third = lan.nodes

    # A plan that names it no more silences it at once; the others ask before they take.
    for node in lan.nodes:
        node.obey(lan.plan_for(node, [second, third]))
    lan.run(2.0)

    assert lan.holders == [second]
    assert lan.takes_while_held == 0


@pytest.mark.parametrize("stale", [0, 1, 2])
def test_a_node_with_an_old_plan_and_no_api_costs_no_second_holder(stale: int) -> None:
    lan = settled(3)
    old = lan.nodes[stale]
    others = [node for node in lan.nodes if node is not old]

    # The operator plans around it, for it renews no Lease; it goes on by what it knows.
    for node in others:
        node.obey(lan.plan_for(node, others, outgoing=old))
    lan.run(30.0)
    assert len(lan.holders) == 1
    holder = lan.holders[0]
    assert holder is lan.nodes[0], "whoever holds, keeps"

    holder.kill()
    lan.run(TAKEN_WITHIN + T.turn)
    assert len(lan.holders) == 1


@pytest.mark.parametrize("which", [0x00, 0x77])
def test_a_stranger_that_claims_the_address_later_does_not_get_it(which: int) -> None:
    lan = settled(3)
    stranger = bytes([2, 0, 0, 0, 0, which])  # lower than the holder's MAC, and higher
    claim = TEMPLATES.arp.announce_request.fill(own_mac=stranger, address=socket.inet_aton(VIP))
    for _ in range(5):
        lan.foreign(bytes(claim))
        lan.run(1.0)

    assert lan.holders == [lan.nodes[0]]
    report = lan.nodes[0].keeper.report(socket.inet_aton(VIP))
    assert (report.claimed_by, report.claims) == (stranger.hex(":"), 5)
    lan.run(5 * T.defend_interval)
    assert lan.nodes[0].keeper.report(socket.inet_aton(VIP)).claimed_by is None

    lan.foreign(bytes(claim))
    lan.run(0.1)
    lan.nodes[0].kill()
    lan.run(TAKEN_WITHIN)
    assert lan.holders == [lan.nodes[1]], "the stranger made nobody forget who held it"


def test_standbys_of_thousands_keep_within_their_share_of_the_lan() -> None:
    pace = Pace(200, now=0.0)
    asked = sum(pace.allows(at / 1000) for at in range(10_000))

    assert 1_990 <= asked <= 2_020
