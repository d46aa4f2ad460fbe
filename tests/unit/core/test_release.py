"""Letting an address go, as stories: two steps, and nobody is given it while anybody answers."""

from typing import Any

import pytest

from lbctl.core.allocation.release import (
    _NOBODY_TO_ASK,
    Await,
    Begin,
    Delete,
    Reassign,
    Rest,
    Step,
    Stuck,
    begin,
    proceed,
    resting,
)
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.speakers import NodeView, rendezvous
from lbctl.core.objects.virtualips import (
    Quarantine,
    Release,
    ReleasedCondition,
    Retention,
    VirtualIPView,
)
from lbctl.core.outcomes import Liveness, PlannedReason
from tests.unit.core.builders import allocated, ip, key, node, nodes, releasing, reserved

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
            Begin(Release("b")),
        ),
        (
            "without a holder the first of the succession asks",
            allocated(".10", succession=("b", "a")),
            nodes("a", "b"),
            Begin(Release("b")),
        ),
        (
            "a dead holder cannot ask",
            allocated(".10", succession=("a", "b"), holder="a"),
            nodes(node("a", liveness=Liveness.STALE), "b"),
            Begin(Release("b")),
        ),
        (
            "an unplugged holder cannot ask",
            allocated(".10", succession=("a", "b"), holder="a"),
            nodes(node("a", carrier=False), "b"),
            Begin(Release("b")),
        ),
        (
            "when all of the succession are gone, anybody in the subnet asks",
            allocated(".10", succession=("gone",), holder="gone"),
            nodes(ELSEWHERE, "z"),
            Begin(Release("z")),
        ),
        (
            "without anybody the release begins all the same: every candidate falls silent",
            allocated(".10", succession=("a",), holder="a"),
            nodes(ELSEWHERE),
            Begin(Release()),
        ),
        (
            "a holder without a plan was announced too",
            allocated(".10", holder="a"),
            nodes("a"),
            Begin(Release("a")),
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
            Reassign(Release("b")),
        ),
        (
            "a verifier that died after it heard somebody is replaced too",
            releasing(verifier="a", released=ANSWERED, **PLAN),
            nodes("b"),
            Reassign(Release("b")),
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
            Reassign(Release("b")),
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
    assert chosen == {Begin(Release("a")), Begin(Release("b")), Begin(Release("c"))}
    best = min("abc", key=lambda name: rendezvous(name, ip(".1")))
    assert begin(allocated(".1", holder="gone"), known) == Begin(Release(best))


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
            Rest(
                PlannedReason.QUARANTINED,
                "02:00:00:00:00:77 answered for it: not given before 2026-01-01T00:10:00Z.",
                "2026-01-01T00:10:00Z",
            ),
        ),
        (
            "then somebody asks anew: an old silence proves nothing",
            releasing(".10", "a", SILENT, UNTIL),
            AFTER,
            Reassign(Release("a")),
        ),
        (
            "who asks is chosen meanwhile, if there was nobody",
            releasing(".10", None, None, UNTIL),
            BEFORE,
            Reassign(Release("a", UNTIL)),
        ),
    ],
)
def test_a_quarantine(rule: str, virtual_ip: VirtualIPView, now: str, step: Step) -> None:
    assert proceed(virtual_ip, nodes("a"), now) == step, rule


def test_an_address_that_no_node_ever_held_is_quarantined_too() -> None:
    assert begin(allocated(".10"), nodes("a"), Release(None, UNTIL)) == Begin(Release("a", UNTIL))


NOW = "2026-01-01T00:00:00Z"
MINUTE, HOUR = "2026-01-01T00:01:00Z", "2026-01-01T01:00:00Z"
FOR_WEB = Retention("default", "web", HOUR)


@pytest.mark.parametrize(
    ("rule", "cooldown", "retain_for", "service", "kept"),
    [
        ("a pool that asks for nothing keeps nothing", 0, 0, key(), Release()),
        ("an address rests", 60, 0, key(), Release(cooling_until=MINUTE)),
        ("it is kept for its Service", 0, 3600, key(), Release(retained_for=FOR_WEB)),
        (
            "what is kept for longer than it rests need not rest",
            60,
            3600,
            key(),
            Release(retained_for=FOR_WEB),
        ),
        (
            "what rests for longer than it is kept does both",
            3600,
            60,
            key(),
            Release(cooling_until=HOUR, retained_for=Retention("default", "web", MINUTE)),
        ),
        (
            "it is kept for nobody whose Service goes on without it",
            60,
            3600,
            None,
            Release(cooling_until=MINUTE),
        ),
    ],
)
def test_what_keeps_an_address_that_is_let_go(
    rule: str, cooldown: int, retain_for: int, service: ServiceKey | None, kept: Release
) -> None:
    later = {60: MINUTE, 3600: HOUR}.__getitem__
    assert resting(later, cooldown=cooldown, retain_for=retain_for, service=service) == kept, rule


@pytest.mark.parametrize(
    ("rule", "release", "now", "step"),
    [
        (
            "until its time has come it rests, silent or not",
            Release("a", cooling_until=HOUR),
            MINUTE,
            Rest(
                PlannedReason.COOLING_DOWN,
                f"It was let go and rests: not given before {HOUR}.",
                HOUR,
            ),
        ),
        ("then it is free", Release("a", cooling_until=HOUR), HOUR, Delete()),
        (
            "it is kept for its Service",
            Release("a", retained_for=FOR_WEB),
            MINUTE,
            Rest(
                PlannedReason.RETAINED,
                f"Kept until {HOUR} for the Service default/web, should it come back.",
                HOUR,
            ),
        ),
        ("and then it is free", Release("a", retained_for=FOR_WEB), HOUR, Delete()),
        (
            "one that is kept no more and rests yet is its Service's no more",
            Release("a", cooling_until=HOUR, retained_for=Retention("default", "web", MINUTE)),
            MINUTE,
            Reassign(Release("a", cooling_until=HOUR)),
        ),
        (
            "a verifier that died is replaced meanwhile, and it rests on",
            Release("gone", cooling_until=HOUR, retained_for=FOR_WEB),
            MINUTE,
            Reassign(Release("a", cooling_until=HOUR, retained_for=FOR_WEB)),
        ),
    ],
)
def test_an_address_rests(rule: str, release: Release, now: str, step: Step) -> None:
    answered = None if release.verifier == "gone" else SILENT
    view = VirtualIPView(ip(".10"), release=release, succession=("a",), released=answered)
    assert proceed(view, nodes("a"), now) == step, rule


def test_rest_does_not_replace_silence() -> None:
    view = VirtualIPView(ip(".10"), release=Release("a", cooling_until=MINUTE), succession=("a",))
    assert isinstance(proceed(view, nodes("a"), HOUR), Await), "nobody has said that it is silent"


def test_an_address_that_was_never_announced_rests_too() -> None:
    """Its Service showed it: clients may know it."""
    kept = Release(cooling_until=MINUTE)
    assert begin(allocated(".10"), nodes(), kept) == Begin(kept)
    view = VirtualIPView(ip(".10"), release=kept)
    assert isinstance(proceed(view, nodes(), NOW), Rest)
    assert proceed(view, nodes(), MINUTE) == Delete()
