"""Who is whose partner, as stories."""

import pytest

from lbctl.core.entries import parse_entry
from lbctl.core.intervals import AddressSet
from lbctl.core.outcomes import Liveness
from lbctl.core.partners import SIDE, partnerships, watchers
from lbctl.core.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.succession import LENGTH, WATCHERS, Loads, plan
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


def test_of_two_lans_the_session_runs_on_the_one_with_a_pool() -> None:
    known = nodes(
        on("a", "10.0.0.1/24", "10.0.1.1/24"),
        on("b", "10.0.0.2/24", "10.0.1.2/24"),
        on("c", "10.0.0.3/24"),
    )
    pool = AddressSet.union([parse_entry("10.0.1.100-10.0.1.109")])

    def partners_of_a(*pools: AddressSet) -> dict[str, str]:
        return {one.node: str(one.address) for one in partnerships(known, pools)["a"]}

    assert partners_of_a() == {"b": "10.0.0.2", "c": "10.0.0.3"}
    assert partners_of_a(pool) == {"b": "10.0.1.2", "c": "10.0.0.3"}


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
        on("a", "10.0.0.1/24", "10.0.1.1/24"), on("b", "10.0.0.2/24"), on("c", "10.0.1.3/24")
    )
    drawn = partnerships(known)

    assert watchers(known["a"], ip("10.0.0.99"), drawn) == {"b"}
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
