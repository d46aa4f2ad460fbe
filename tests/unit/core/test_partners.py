"""Who is whose partner, as stories."""

from ipaddress import ip_interface

import pytest

from lbctl.core.intervals import AddressSet
from lbctl.core.objects.entries import parse_entry
from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.outcomes import Liveness
from lbctl.core.succession.partners import MOST, SIDE, partnerships, watchers
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import LENGTH, WATCHERS, plan
from tests.unit.core.builders import ip, node, nodes


def on(name: str, *addresses: str, liveness: Liveness = Liveness.FRESH) -> NodeView:
    return node(name, *addresses, liveness=liveness)


def names(known: dict[str, NodeView]) -> dict[str, set[str]]:
    return {
        name: {partner.node for partner in partners}
        for name, partners in partnerships(known).items()
    }


def lan(count: int) -> dict[str, NodeView]:
    return nodes(*(on(f"n{number:03}", f"10.0.{number}.1/16") for number in range(count)))


A, B, C = (on(name, f"10.0.0.{last}/24") for last, name in enumerate("abc", start=1))


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        ("a node alone has nobody", [A], {"a": set()}),
        ("two watch each other", [A, B], {"a": {"b"}, "b": {"a"}}),
        ("on a small LAN all do", [A, B, C], {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}),
        ("not beyond the LAN", [A, on("b", "10.0.1.2/24")], {"a": set(), "b": set()}),
        (
            "one who is on both LANs has partners on both",
            [A, on("b", "10.0.0.2/24", "10.0.1.2/24"), on("c", "10.0.1.3/24")],
            {"a": {"b"}, "b": {"a", "c"}, "c": {"b"}},
        ),
        (
            "the dead stay partners: only so they are seen to come back",
            [A, on("b", "10.0.0.2/24", liveness=Liveness.STALE)],
            {"a": {"b"}, "b": {"a"}},
        ),
        ("a node without a speaker is nobody's", [A, NodeView("b")], {"a": set()}),
        ("an address that two show is nobody's own", [A, on("b", "10.0.0.1/24")],
         {"a": set(), "b": set()}),
    ],
)  # fmt: skip
def test_who_is_whose_partner(
    rule: str, known: list[NodeView], expected: dict[str, set[str]]
) -> None:
    assert names(nodes(*known)) == expected, rule


def wired(name: str, *interfaces: str) -> NodeView:
    """A node with interfaces eth0, eth1...; each with these addresses, blanks between them."""
    views = tuple(
        InterfaceView(f"eth{index}", f"mac-{name}-{index}", tuple(map(ip_interface, one.split())))
        for index, one in enumerate(interfaces)
    )
    return NodeView(name, SpeakerView(name, views), Liveness.FRESH)


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        (
            "each LAN that two share has a session",
            [
                wired("a", "10.0.0.1/24", "10.0.1.1/24"),
                wired("b", "10.0.0.2/24", "10.0.1.2/24"),
                wired("c", "10.0.0.3/24"),
            ],
            ["b eth0 10.0.0.2", "b eth1 10.0.1.2", "c eth0 10.0.0.3"],
        ),
        (
            "a LAN of both families has one session, over IPv4",
            [wired("a", "10.0.0.1/24 fd00::1/64"), wired("b", "fd00::2/64 10.0.0.2/24")],
            ["b eth0 10.0.0.2"],
        ),
        (
            "where one has no IPv4 it is IPv6",
            [
                wired("a", "10.0.0.1/24 fd00::1/64"),
                wired("b", "10.0.0.2/24 fd00::2/64"),
                wired("c", "fd00::3/64"),
            ],
            ["b eth0 10.0.0.2", "c eth0 fd00::3"],
        ),
        (
            "the families may be on LANs of their own",
            [wired("a", "10.0.0.1/24", "fd00::1/64"), wired("b", "fd00::2/64", "10.0.0.2/24")],
            ["b eth0 10.0.0.2", "b eth1 fd00::2"],
        ),
        (
            "of several subnets on a LAN the lowest has the session",
            [wired("a", "10.0.1.1/24 10.0.0.1/24"), wired("b", "10.0.0.2/24 10.0.1.2/24")],
            ["b eth0 10.0.0.2"],
        ),
        (
            "of several addresses in a subnet the first is the node's",
            [wired("a", "fd00::1/64"), wired("b", "fd00::9/64 fd00::2/64")],
            ["b eth0 fd00::9"],
        ),
        (
            "a session has two ends: who is met on one interface is not met there again",
            [wired("a", "10.0.0.1/24 10.0.1.1/24"), wired("b", "10.0.0.2/24", "10.0.1.2/24")],
            ["b eth0 10.0.0.2"],
        ),
        (
            "link-local addresses are on every link and make no LAN",
            [wired("a", "fe80::1/64"), wired("b", "fe80::2/64")],
            [],
        ),
        (
            "an address alone, like one of DHCPv6, makes no LAN",
            [wired("a", "fd00::1/128"), wired("b", "fd00::2/128")],
            [],
        ),
    ],
)
def test_on_which_lans_two_have_a_session(
    rule: str, known: list[NodeView], expected: list[str]
) -> None:
    drawn = partnerships(nodes(*known))

    assert [f"{one.node} {one.interface} {one.address}" for one in drawn["a"]] == expected, rule
    for name, rows in drawn.items():
        for row in rows:
            assert [back.node for back in drawn[row.node]].count(name) == [
                again.node for again in rows
            ].count(row.node), "each session is in both lists"


def test_who_is_on_too_many_lans_has_sessions_where_pools_are() -> None:
    """64 of one kind; the LAN of the pool comes first, the others by their networks."""
    lans = [f"10.{number}.0" for number in range(MOST + 2)]
    known = nodes(
        *(wired(name, *(f"{lan}.{host}/24" for lan in lans)) for host, name in enumerate("ab", 1))
    )
    pool = AddressSet.union([parse_entry(f"{lans[-1]}.100-{lans[-1]}.109")])

    drawn = partnerships(known, [pool])

    networks = {str(one.address).rpartition(".")[0] for one in drawn["a"]}
    assert networks == {*lans[: MOST - 1], lans[-1]}
    assert {one.interface for one in drawn["b"]} == {one.interface for one in drawn["a"]}


def test_a_partner_is_told_by_the_address_and_mac_that_it_has_on_the_lan() -> None:
    lans = (
        InterfaceView("eth0", "02:00:00:00:00:0a", on("b").speaker.interfaces[0].addresses),  # type: ignore[union-attr]  # it has one
        *on("b", "192.168.0.2/24").speaker.interfaces,  # type: ignore[union-attr]  # the same
    )
    known = nodes(on("a", "10.0.0.9/24"), NodeView("b", SpeakerView("b", lans)))

    (partner,) = partnerships(known)["a"]

    assert (partner.address, partner.mac) == (ip("10.0.0.201"), "02:00:00:00:00:0a")


def test_of_two_interfaces_on_one_lan_the_one_with_a_carrier_speaks() -> None:
    dead, alive = node("b", "10.0.0.2/24", carrier=False), node("b", "10.0.0.3/24")
    both = [view.speaker.interfaces[0] for view in (dead, alive) if view.speaker is not None]
    known = nodes(A, NodeView("b", SpeakerView("b", tuple(both))))

    assert [str(partner.address) for partner in partnerships(known)["a"]] == ["10.0.0.3"]


@pytest.mark.parametrize(
    ("count", "degree"), [(2, 1), (8, 7), (2 * SIDE + 1, 10), (12, 10), (200, 10)]
)
def test_a_large_cluster_costs_a_node_no_more_than_ten_partners(count: int, degree: int) -> None:
    assert {len(partners) for partners in names(lan(count)).values()} == {degree}


def test_a_watcher_is_on_the_lan_of_the_address() -> None:
    known = nodes(
        wired("a", "10.0.0.1/24 fd00::1/64", "10.0.1.1/24"),
        wired("b", "10.0.0.2/24"),
        wired("c", "10.0.1.3/24"),
        wired("d", "fd00::4/64"),
    )
    drawn = partnerships(known)

    assert watchers(known["a"], ip("10.0.0.99"), drawn) == {"b", "d"}, "they are on one LAN"
    assert watchers(known["a"], ip("fd00::99"), drawn) == {"b", "d"}
    assert watchers(known["a"], ip("10.0.1.99"), drawn) == {"c"}
    assert watchers(NodeView("d"), ip("10.0.1.99"), drawn) == frozenset()


def test_a_new_succession_is_of_partners() -> None:
    known = lan(60)
    drawn = partnerships(known)
    address = ip("10.0.200.1")

    made = plan(address, current=(), holder=None, nodes=known, loads=Loads(), drawn=drawn)

    first, *tail = made.succession
    assert len(tail) == LENGTH - 1
    assert set(tail) <= watchers(known[first], address, drawn)


def test_a_holder_that_nobody_of_the_succession_sees_gets_watchers() -> None:
    """After a few deaths: those who are named were partners of another."""
    known = lan(60)
    drawn = partnerships(known)
    address = ip("10.0.200.1")
    strangers = sorted(set(known) - watchers(known["n000"], address, drawn) - {"n000"})
    current = ("n000", *strangers[: LENGTH - 1])

    made = plan(address, current=current, holder="n000", nodes=known, loads=Loads(), drawn=drawn)

    assert made.succession[:LENGTH] == current, "nobody is moved"
    assert len(made.succession) == LENGTH + WATCHERS
    assert set(made.succession[LENGTH:]) <= watchers(known["n000"], address, drawn)


def test_where_partners_are_too_few_others_fill_up() -> None:
    """The holder's only partners cannot announce; the rest of the LAN can."""
    known = lan(60)
    drawn = partnerships(known)
    address = ip("10.0.200.1")
    for name in watchers(known["n000"], address, drawn):
        known[name] = node(name, "10.0.0.1/16", liveness=Liveness.STALE)

    made = plan(address, current=("n000",), holder="n000", nodes=known, loads=Loads(), drawn=drawn)

    assert len(made.succession) == LENGTH
