"""What alerts are made of: addresses that nobody answers for, conflicts, speakers that are out."""

from dataclasses import replace
from typing import Any

import pytest

from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import Conflict
from lbctl.core.outcomes import ConflictReason, Liveness, Unheld
from lbctl.operator import sight
from tests.unit.core.builders import allocated, node, releasing, reserved

FOREIGN = Conflict("02:00:00:00:00:99", ConflictReason.CLAIMED_BY_FOREIGN_HOST)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"holder": "n1"}, None, id="a node answers"),
        pytest.param({"succession": ("n1", "n2")}, Unheld.NOT_TAKEN, id="one should and does not"),
        pytest.param({}, Unheld.NOBODY_PLANNED, id="none can"),
        pytest.param(
            {"succession": ("n1",), "answered_by": "02:00:00:00:00:99"},
            Unheld.ANSWERED_BY_ANOTHER,
            id="another host answers, so that none takes it",
        ),
        pytest.param(
            {"succession": ("n1",), "answered_by_another": "somebody answers"},
            Unheld.ANSWERED_BY_ANOTHER,
            id="the same, of a speaker that only says so",
        ),
    ],
)
def test_why_nobody_answers(fields: dict[str, Any], expected: Unheld | None) -> None:
    view = allocated(".10", **fields)
    assert sight.without_holder([view]) == ({} if expected is None else {(expected,): 1})
    each = {("10.0.0.10", "lab", "default", "web", expected): 1.0}
    assert sight.each_unheld([view]) == ({} if expected is None else each)
    held = {("10.0.0.10", "lab", "default", "web", "n1"): 1.0}
    assert sight.each_held([view]) == (held if expected is None else {})


def test_an_address_without_a_service_needs_no_holder() -> None:
    assert sight.without_holder([releasing(".10"), reserved(".11")]) == {}
    assert sight.each_unheld([releasing(".10"), reserved(".11")]) == {}
    assert sight.each_held([releasing(".10", holder="n1"), reserved(".11")]) == {}


def test_conflicts_are_those_of_now() -> None:
    views = [
        allocated(".10"),
        allocated(".11", conflict=FOREIGN),
        allocated(".12", conflict=FOREIGN),
    ]
    assert sight.in_conflict(views) == {("ClaimedByForeignHost",): 2}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(node("n1"), {("n1",): 1.0}, id="it lives and is ready"),
        pytest.param(node("n1", liveness=Liveness.STALE), {("n1",): 0.0}, id="silent"),
        pytest.param(node("n1", liveness=Liveness.RELEASED), {("n1",): 0.0}, id="stopped"),
        pytest.param(node("n1", ready=False), {("n1",): 0.0}, id="not ready, as it says"),
        pytest.param(
            replace(node("n1"), reported_down=True), {("n1",): 0.0}, id="its partners saw it die"
        ),
        pytest.param(
            replace(node("n1", liveness=Liveness.STALE), draining=True), {}, id="away on purpose"
        ),
        pytest.param(NodeView("n1"), {}, id="no speaker was ever there"),
    ],
)
def test_speakers(one: NodeView, expected: dict[tuple[str], float]) -> None:
    assert sight.speakers_up([one]) == expected
