"""Planned moves: make before break. The new one is first, the old one is named as outgoing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lbctl.core.objects.advertisements import Announcing, combine
from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import Timings
from lbctl.core.outcomes import Liveness, PlannedReason
from lbctl.core.succession.eligibility import Cluster
from lbctl.core.succession.partners import partnerships
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import LENGTH, ROOM_PAUSE, WATCHERS, SuccessionPlan, plan
from lbctl.core.succession.standing import Standing, look
from tests.unit.core.builders import ip, node, nodes
from tests.unit.core.test_advertisements import GOLD, advertisement

ADDRESS = ip(".10")


def planned(
    known: Mapping[str, NodeView],
    current: str = "abc",
    holder: str | None = "a",
    outgoing: str | None = None,
    **more: Any,
) -> SuccessionPlan:
    more.setdefault("loads", Loads())
    return plan(
        ADDRESS, current=tuple(current), holder=holder, outgoing=outgoing, nodes=known, **more
    )


def but(known: dict[str, NodeView], name: str, **fields: Any) -> dict[str, NodeView]:
    return known | {name: replace(known[name], **fields)}


@pytest.mark.parametrize("why", ["draining", "excluded"])
def test_a_holder_that_must_not_go_on_hands_over_to_the_next(why: str) -> None:
    made = planned(but(nodes(*"abc"), "a", **{why: True}))
    assert (made.succession, made.outgoing) == (("b", "c"), "a")
    assert made.seeing == ("b", "c", "a"), "it has to see that it hands over"
    assert "a hands over to b." in made.message


def test_a_holder_without_an_endpoint_hands_over() -> None:
    made = planned(nodes(*"abc"), endpoints=frozenset("c"))
    assert (made.succession, made.outgoing) == (("c",), "a")


def test_the_plan_stands_while_the_move_goes_on() -> None:
    known = but(nodes(*"abc"), "a", draining=True)
    once = planned(known)
    again = planned(known, "".join(once.succession), "a", once.outgoing)
    assert again == once


def test_it_is_over_when_the_new_one_holds() -> None:
    made = planned(but(nodes(*"abc"), "a", draining=True), "bc", "b", "a")
    assert (made.succession, made.outgoing, made.seeing) == (("b", "c"), None, ("b", "c"))


def test_who_is_dead_hands_nothing_over() -> None:
    known = nodes(node("a", liveness=Liveness.RELEASED), "b", "c")
    made = planned(known, "abc", "a", "a")
    assert (made.succession, made.outgoing) == (("b", "c"), None)


def test_who_drains_and_then_comes_back_keeps_what_it_still_holds() -> None:
    made = planned(nodes(*"abc"), "bc", "a", "a")
    assert (made.succession, made.outgoing) == (("b", "c", "a"), "a"), "the move is under way"
    held = planned(nodes(*"abc"), "bca", "b", "a")
    assert (held.succession, held.outgoing) == (("b", "c", "a"), None)


def test_who_is_to_take_over_dies_meanwhile() -> None:
    known = but(nodes(*"abc"), "b", liveness=Liveness.STALE)
    back = planned(known, "bca", "a", "a")
    assert (back.succession, back.outgoing) == (("c", "a"), None), "a may keep it, and does"
    drained = planned(but(known, "a", draining=True), "bc", "a", "a")
    assert (drained.succession, drained.outgoing) == (("c",), "a")


def test_a_third_one_took_it_meanwhile() -> None:
    made = planned(nodes(*"abc"), "bca", "c", "a")
    assert (made.succession, made.outgoing) == (("b", "c", "a"), None)


def test_with_nobody_left_the_plan_and_the_move_stay() -> None:
    known = but(nodes("a"), "a", draining=True)
    made = planned(known, "xy", "a", "a")
    assert (made.succession, made.outgoing, made.planned) == (("x", "y"), "a", False)
    assert made.reason is PlannedReason.NO_ELIGIBLE_SPEAKER


def test_a_drained_holder_hands_over_to_somebody_who_surely_lives() -> None:
    before = look(None, nodes(*"abcd"), 0)
    known = nodes("a", "d", *(node(name, liveness=Liveness.STALE) for name in "bc"))
    known = but(known, "a", draining=True)
    standing = look(before, but(known, "d", liveness=Liveness.STALE), 1)
    assert standing.doubted, "b, c and d, three of four, fell silent"
    standing = look(standing, known, 2)
    made = planned(Cluster(known, standing=standing), "abcd")
    assert (made.succession, made.outgoing) == (("d", "b", "c"), "a")
    assert made.reason is PlannedReason.RULE_NOT_OBEYED
    assert made.planned


@pytest.mark.parametrize(
    ("rule", "current", "wanted", "succession", "outgoing"),
    [
        ("to one that is listed", "abcd", "c", "cabd", "a"),
        ("to one that is not: the last makes room", "abcd", "e", "eabc", "a"),
        ("to its holder", "abcd", "a", "abcd", None),
        ("to one that cannot", "abcd", "x", "abcd", None),
    ],
)
def test_a_move_on_request(
    rule: str, current: str, wanted: str, succession: str, outgoing: str | None
) -> None:
    made = planned(nodes(*"abcde", node("x", carrier=False)), current, wanted=wanted)
    assert ("".join(made.succession), made.outgoing) == (succession, outgoing), rule


def test_a_move_that_was_requested_goes_on_when_the_request_is_forgotten() -> None:
    made = planned(nodes(*"abc"), "cab", "a", "a")
    assert (made.succession, made.outgoing) == (("c", "a", "b"), "a")


def test_whoever_gets_it_is_watched_on_a_large_lan() -> None:
    known = {f"n{n}": node(f"n{n}", f"10.0.0.{100 + n}/24") for n in range(40)}
    drawn = partnerships(known)
    first = planned(known, "", None, drawn=drawn).succession
    target = next(name for name in known if name not in first and not any(
        partner.node in first for partner in drawn[name]))  # fmt: skip
    made = plan(
        ADDRESS, current=first, holder=first[0], nodes=known, loads=Loads(), drawn=drawn,
        wanted=target,
    )  # fmt: skip
    assert made.succession[:2] == (target, first[0])
    watching = {partner.node for partner in drawn[target]}
    assert len(watching & {*made.succession}) >= WATCHERS
    assert len(made.succession) == LENGTH


def fails_back(after: int = 60, **spec: Any) -> Announcing:
    return combine(
        [
            advertisement(
                preferredNodes=[{"weight": 1, "nodeSelector": GOLD}],
                failback="AfterHoldOff",
                holdOffSeconds=after,
                **spec,
            )
        ]
    )


def golden(*names: str) -> dict[str, NodeView]:
    return {name: replace(node(name), labels={"tier": "gold"}) for name in names}


def seen_at(*times: float, known: dict[str, NodeView]) -> Standing:
    standing = None
    for time in times:
        standing = look(standing, known, time)
    assert standing is not None
    return standing


def test_a_preferred_node_gets_it_back_after_the_hold_off() -> None:
    known = nodes("a", "b") | golden("g")
    cluster = Cluster(known, standing=seen_at(100, known=known))
    waits = planned(cluster, "agb", advertisement=fails_back(), now=130)
    assert (waits.succession, waits.outgoing, waits.again_in) == (("a", "g", "b"), None, 30)
    moves = planned(cluster, "agb", advertisement=fails_back(), now=160)
    assert (moves.succession, moves.outgoing, moves.again_in) == (("g", "a", "b"), "a", None)


def test_it_waits_while_others_move_and_finishes_what_was_begun() -> None:
    known = nodes("a", "b") | golden("g")
    cluster = Cluster(known, standing=seen_at(100, known=known))
    waits = planned(cluster, "agb", advertisement=fails_back(), now=160, room=False)
    assert (waits.succession, waits.outgoing) == (("a", "g", "b"), None)
    assert waits.again_in == ROOM_PAUSE
    begun = planned(cluster, "gab", "a", "a", advertisement=fails_back(), now=160, room=False)
    assert (begun.succession, begun.outgoing) == (("g", "a", "b"), "a")


def test_never_is_never() -> None:
    known = nodes("a") | golden("g")
    never = combine([advertisement(preferredNodes=[{"weight": 1, "nodeSelector": GOLD}])])
    cluster = Cluster(known, standing=seen_at(0, known=known))
    made = planned(cluster, "ag", advertisement=never, now=1e6)
    assert (made.succession, made.outgoing, made.again_in) == (("a", "g"), None, None)


def test_it_does_not_go_to_and_fro_between_equals() -> None:
    known = golden("g", "h")
    cluster = Cluster(known, standing=seen_at(0, known=known))
    made = planned(cluster, "hg", "h", advertisement=fails_back(), now=1e6)
    assert (made.outgoing, made.again_in) == (None, None)


def test_a_preferred_node_that_has_its_share_gets_no_more() -> None:
    known = nodes("a") | golden("g")
    loads = Loads()
    for host in (1, 2):
        loads.put(ip(f".{host}"), ("g", "a"))
    loads.put(ADDRESS, ("a", "g"), "a")
    cluster = Cluster(known, standing=seen_at(0, known=known))
    full = planned(cluster, "ag", loads=loads, advertisement=fails_back(), now=1e6)
    assert full.outgoing == "a", "three addresses on two nodes: up to ceil(3 / 2) + 1 = 3"
    loads.put(ip(".3"), ("g", "a"))
    full = planned(cluster, "ag", loads=loads, advertisement=fails_back(), now=1e6)
    assert full.outgoing is None, "a fourth would be one more than ceil(4 / 2) + 1"


def test_interfaces_and_timings_are_those_of_the_advertisements() -> None:
    timed = combine([advertisement(interfaces=["eth0"], announcement={"refreshSeconds": 60})])
    made = planned(nodes(*"abc"), advertisement=timed)
    assert (made.interfaces, made.announcement) == (("eth0",), Timings(None, 60))


def test_an_interface_that_no_node_has_silences_nobody() -> None:
    named = combine([advertisement(interfaces=["eth9"])])
    made = planned(nodes(*"abc"), advertisement=named, interfaces=("eth0",))
    assert (made.succession, made.planned) == (("a", "b", "c"), False)
    assert made.interfaces == ("eth0",), "who holds it goes on where it does"
    new = planned(nodes(*"abc"), "", None, advertisement=named)
    assert (new.succession, new.interfaces) == ((), ("eth9",))


def test_what_no_advertisement_is_about_stays_as_it_was() -> None:
    made = planned(
        nodes(*"abcd"), "xa", "a", advertisement=None, interfaces=("eth1",), timings=Timings((10,))
    )
    assert (made.succession, made.planned) == (("x", "a"), False)
    assert made.reason is PlannedReason.NOT_ADVERTISED
    assert (made.interfaces, made.announcement) == (("eth1",), Timings((10,)))
    assert made.message == (
        "No L2Advertisement is about 10.0.0.10: its plan stays as it was. "
        "Compare ipAddressPools and serviceSelectors of the L2Advertisements."
    )
