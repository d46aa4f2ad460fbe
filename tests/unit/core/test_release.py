"""Letting an address go, as stories: two steps, and nobody is given it while anybody answers."""

from typing import Any

import pytest

from lbctl.core.outcomes import Liveness
from lbctl.core.release import (
    _NOBODY_TO_ASK,
    Await,
    Begin,
    Delete,
    Reassign,
    Step,
    Stuck,
    begin,
    proceed,
)
from lbctl.core.speakers import NodeView, rendezvous
from lbctl.core.virtualips import Quarantine, ReleasedCondition, VirtualIPView
from tests.unit.core.builders import allocated, ip, node, nodes, releasing, reserved

ELSEWHERE = node("far", "192.168.1.5/24")


@pytest.mark.parametrize(
    ("rule", "virtual_ip", "known", "step"),
    [
        (
            "an address that was never announced is free at once",
            allocated(".10"),
            nodes("a"),
            Delete(),
        ),
        (
            "the holder knows best when its last frame went out",
            allocated(".10", succession=("a", "b"), holder="b"),
            nodes("a", "b"),
            Begin("b"),
        ),
        (
            "without a holder the first of the succession asks",
            allocated(".10", succession=("b", "a")),
            nodes("a", "b"),
            Begin("b"),
        ),
        (
            "a dead holder cannot ask",
            allocated(".10", succession=("a", "b"), holder="a"),
            nodes(node("a", liveness=Liveness.STALE), "b"),
            Begin("b"),
        ),
        (
            "an unplugged holder cannot ask",
            allocated(".10", succession=("a", "b"), holder="a"),
            nodes(node("a", carrier=False), "b"),
            Begin("b"),
        ),
        (
            "when all of the succession are gone, anybody in the subnet asks",
            allocated(".10", succession=("gone",), holder="gone"),
            nodes(ELSEWHERE, "z"),
            Begin("z"),
        ),
        (
            "without anybody the release begins all the same: every candidate falls silent",
            allocated(".10", succession=("a",), holder="a"),
            nodes(ELSEWHERE),
            Begin(None),
        ),
        (
            "a holder without a plan was announced too",
            allocated(".10", holder="a"),
            nodes("a"),
            Begin("a"),
        ),
    ],
)
def test_a_release_begins(
    rule: str,
    virtual_ip: VirtualIPView,
    known: dict[str, NodeView],
    step: Step,
) -> None:
    assert begin(virtual_ip, known) == step, rule


SILENT = ReleasedCondition(silent=True, observed_generation=3)
ANSWERED = ReleasedCondition(silent=False, observed_generation=3, message="02:00:00:00:00:07.")
PLAN: dict[str, Any] = {"succession": ("a", "b"), "generation": 3}


@pytest.mark.parametrize(
    ("rule", "virtual_ip", "known", "step"),
    [
        (
            "the verifier has not spoken",
            releasing(verifier="a", **PLAN),
            nodes("a", "b"),
            Await("The speaker of a has not said yet whether anybody answers."),
        ),
        (
            "nobody answers: the address is free",
            releasing(verifier="a", released=SILENT, **PLAN),
            nodes("a", "b"),
            Delete(),
        ),
        (
            "silence is silence, even if the verifier died since",
            releasing(verifier="a", released=SILENT, **PLAN),
            nodes("b"),
            Delete(),
        ),
        (
            "an answer to an older question proves nothing",
            releasing(verifier="a", released=SILENT, succession=("a",), generation=4),
            nodes("a"),
            Await("The speaker of a has not said yet whether anybody answers."),
        ),
        (
            "somebody answers: the address stays taken",
            releasing(verifier="a", released=ANSWERED, **PLAN),
            nodes("a", "b"),
            Await("Somebody still answers for the address. 02:00:00:00:00:07."),
        ),
        (
            "a verifier that died is replaced",
            releasing(verifier="a", **PLAN),
            nodes(node("a", liveness=Liveness.STALE), "b"),
            Reassign("b"),
        ),
        (
            "a verifier that died after it heard somebody is replaced too",
            releasing(verifier="a", released=ANSWERED, **PLAN),
            nodes("b"),
            Reassign("b"),
        ),
        (
            "one that does its work is not replaced by a better one",
            releasing(verifier="b", holder="a", **PLAN),
            nodes("a", "b"),
            Await("The speaker of b has not said yet whether anybody answers."),
        ),
        (
            "the first speaker that comes back is asked",
            releasing(**PLAN),
            nodes("b"),
            Reassign("b"),
        ),
        (
            "while nobody can ask, nothing is free",
            releasing(verifier="a", **PLAN),
            nodes(ELSEWHERE),
            Stuck(_NOBODY_TO_ASK),
        ),
        (
            "a release of an address that nobody announced needs no question",
            releasing(),
            nodes(),
            Delete(),
        ),
        (
            "a reservation is not a release",
            reserved(".10"),
            nodes("a"),
            Await("It is not being released."),
        ),
        (
            "nor is an address that is in use",
            allocated(".10"),
            nodes("a"),
            Await("It is not being released."),
        ),
    ],
)
def test_a_release_proceeds(
    rule: str,
    virtual_ip: VirtualIPView,
    known: dict[str, NodeView],
    step: Step,
) -> None:
    assert proceed(virtual_ip, known) == step, rule


def test_those_who_ask_for_strangers_take_turns() -> None:
    known = nodes(*"abc")
    chosen = {begin(allocated(f".{n}", holder="gone"), known) for n in range(50)}
    assert chosen == {Begin("a"), Begin("b"), Begin("c")}
    best = min("abc", key=lambda name: rendezvous(name, ip(".1")))
    assert begin(allocated(".1", holder="gone"), known) == Begin(best)


UNTIL = Quarantine("02:00:00:00:00:77", "2026-01-01T00:10:00Z")
BEFORE, AFTER = "2026-01-01T00:09:59Z", "2026-01-01T00:10:00Z"
SILENT = ReleasedCondition(silent=True, observed_generation=1)


@pytest.mark.parametrize(
    ("rule", "virtual_ip", "now", "step"),
    [
        (
            "however silent the LAN is, it lasts",
            releasing(".10", "a", SILENT, UNTIL),
            BEFORE,
            Await("02:00:00:00:00:77 answered for it: not given before 2026-01-01T00:10:00Z."),
        ),
        (
            "then somebody asks anew: an old silence proves nothing",
            releasing(".10", "a", SILENT, UNTIL),
            AFTER,
            Reassign("a"),
        ),
        (
            "who asks is chosen meanwhile, if there was nobody",
            releasing(".10", None, None, UNTIL),
            BEFORE,
            Reassign("a", UNTIL),
        ),
    ],
)
def test_a_quarantine(rule: str, virtual_ip: VirtualIPView, now: str, step: Step) -> None:
    assert proceed(virtual_ip, nodes("a"), now) == step, rule


def test_an_address_that_no_node_ever_held_is_quarantined_too() -> None:
    assert begin(allocated(".10"), nodes("a"), UNTIL) == Begin("a", UNTIL)
