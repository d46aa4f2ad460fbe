"""What the graph of partners promises, whatever the cluster looks like."""

from ipaddress import IPv4Interface
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.outcomes import Liveness
from lbctl.core.succession.partners import SIDE, Partner, partnerships
from tests.property.strategies import LAN, NODE_NAMES, node_names

names = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
large = st.sets(names, min_size=2, max_size=60)


def on_one_lan(members: set[str]) -> dict[str, NodeView]:
    views = {}
    for name in members:
        # By the name, so that a node that comes or goes does not renumber the others.
        address = LAN + 1 + int.from_bytes(name.encode(), "big") % (2**24 - 2)
        interface = InterfaceView("eth0", f"mac-{name}", (IPv4Interface(f"{address}/8"),))
        views[name] = NodeView(name, SpeakerView(name, (interface,)), Liveness.FRESH)
    return views


def edges(nodes: dict[str, NodeView]) -> set[tuple[str, str]]:
    return {
        (name, partner.node)
        for name, partners in partnerships(nodes).items()
        for partner in partners
    }


def distinct(members: set[str]) -> set[str]:
    """Without those that happen to get another's address here."""
    by_place = {int.from_bytes(name.encode(), "big") % (2**24 - 2): name for name in members}
    return set(by_place.values())


def on_lans(lans_of: dict[str, set[int]]) -> dict[str, NodeView]:
    views = {}
    for name, lans in lans_of.items():
        host = 1 + NODE_NAMES.index(name)
        interfaces = tuple(
            InterfaceView(
                f"eth{lan}", f"mac-{name}-{lan}", (IPv4Interface(f"10.{lan}.0.{host}/16"),)
            )
            for lan in sorted(lans)
        )
        views[name] = NodeView(name, SpeakerView(name, interfaces), Liveness.STALE)
    return views


several_lans = st.dictionaries(node_names, st.sets(st.integers(0, 2))).map(on_lans)


@given(several_lans)
def test_partners_are_so_of_each_other_and_on_one_lan(nodes: dict[str, NodeView]) -> None:
    drawn = partnerships(nodes)
    for name, partners in drawn.items():
        for partner in partners:
            assert partner.node != name
            assert partner.mac.startswith(f"mac-{partner.node}-")
            speaker = nodes[name].speaker
            assert speaker is not None
            (via,) = (one for one in speaker.interfaces if one.reaches(partner.address))
            assert partner.interface == via.name
            there = partner.mac.rpartition("-")[2]
            back = Partner(name, via.addresses[0].ip, via.mac, f"eth{there}")
            assert back in drawn[partner.node]


@given(several_lans)
def test_each_lan_that_two_share_has_one_session(nodes: dict[str, NodeView]) -> None:
    drawn = partnerships(nodes)
    for name, partners in drawn.items():
        own = {one.name for one in _interfaces(nodes[name])}
        for other in drawn.keys() - {name}:
            shared = own & {one.name for one in _interfaces(nodes[other])}
            met = [one.interface for one in partners if one.node == other]
            assert sorted(met) == sorted(shared)


def _interfaces(node: NodeView) -> tuple[InterfaceView, ...]:
    return () if node.speaker is None else node.speaker.interfaces


@given(large)
def test_everybody_has_enough_partners_and_nobody_too_many(members: set[str]) -> None:
    members = distinct(members)
    drawn = partnerships(on_one_lan(members))
    others = len(members) - 1
    assert {len(partners) for partners in drawn.values()} == {min(others, 2 * SIDE)}


@given(large)
def test_nobody_is_cut_off(members: set[str]) -> None:
    members = distinct(members)
    graph = edges(on_one_lan(members))
    reached, front = set(), {min(members)}
    while front:
        reached |= front
        front = {other for one, other in graph if one in front} - reached
    assert reached == members


@given(large, names)
def test_a_node_that_comes_or_goes_changes_few_edges(members: set[str], other: str) -> None:
    more = distinct(members | {other})
    few = more - {other}
    before, after = edges(on_one_lan(few)), edges(on_one_lan(more))
    assert len(before ^ after) <= 2 * 3 * SIDE, "15 pairs, each seen from both ends"


@given(several_lans, st.randoms(use_true_random=False))
def test_the_graph_depends_on_the_world_alone(nodes: dict[str, NodeView], chance: Random) -> None:
    shuffled = [*nodes.items()]
    chance.shuffle(shuffled)
    assert partnerships(dict(shuffled)) == partnerships(nodes)
