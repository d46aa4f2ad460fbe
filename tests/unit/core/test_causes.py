"""Why a succession is not what it was: the word that is counted."""

from typing import Any

import pytest

from lbctl.core.objects.speakers import Exclusion
from lbctl.core.outcomes import LeftOut, Replanned
from lbctl.core.succession.causes import begins_a_move, why_replanned
from lbctl.core.succession.planner import SuccessionPlan

OUT = (
    Exclusion("n3", LeftOut.DRAINING, "it is drained"),
    Exclusion("n4", LeftOut.REPORTED_DOWN, "its partners lost it"),
    Exclusion("n9", LeftOut.NO_SPEAKER, "it never had one"),
)


def plan(*succession: str, outgoing: str | None = None) -> SuccessionPlan:
    return SuccessionPlan(succession, OUT, planned=True, message="", outgoing=outgoing)


@pytest.mark.parametrize(
    ("before", "new", "kwargs", "expected"),
    [
        pytest.param(("n1", "n2"), plan("n1", "n2"), {}, None, id="it is what it was"),
        pytest.param((), plan("n1", "n2"), {}, Replanned.FIRST_PLAN, id="there was none"),
        pytest.param(
            ("n4", "n1"), plan("n1", "n2"), {}, LeftOut.REPORTED_DOWN, id="its holder died"
        ),
        pytest.param(
            ("n1", "n3"), plan("n1", "n2"), {}, LeftOut.DRAINING, id="one who waited is drained"
        ),
        pytest.param(("n1",), plan("n1", "n2"), {}, Replanned.NODE_JOINED, id="one more waits"),
        pytest.param(
            ("n1", "n2", "n5"),
            plan("n1", "n5", "n2"),
            {},
            Replanned.REORDERED,
            id="the same in another order",
        ),
        pytest.param(
            ("n1", "n2"),
            plan("n1", "n5"),
            {},
            Replanned.REORDERED,
            id="another waits, though nothing is held against the one before",
        ),
        pytest.param(
            ("n3", "n1"),
            plan("n1", outgoing="n3"),
            {},
            LeftOut.DRAINING,
            id="the holder hands over, for it is drained",
        ),
        pytest.param(
            ("n1", "n2"),
            plan("n2", "n1", outgoing="n1"),
            {},
            Replanned.PREFERRED,
            id="the holder is well, and another is preferred",
        ),
        pytest.param(
            ("n1", "n2"),
            plan("n2", "n1", outgoing="n1"),
            {"rebalanced": True},
            Replanned.REBALANCED,
            id="or was asked for",
        ),
        pytest.param(
            ("n3", "n1"),
            plan("n1", outgoing="n3"),
            {"rebalanced": True},
            LeftOut.DRAINING,
            id="a holder that must not go on would have moved anyway",
        ),
        pytest.param(
            ("n2", "n1"),
            plan("n2", "n1", outgoing="n1"),
            {"outgoing": "n1"},
            None,
            id="a move that is under way is told once",
        ),
    ],
)
def test_why(
    before: tuple[str, ...], new: SuccessionPlan, kwargs: dict[str, Any], expected: str | None
) -> None:
    outgoing = kwargs.get("outgoing")
    rebalanced = kwargs.get("rebalanced", False)
    assert why_replanned(before, outgoing, new, rebalanced=rebalanced) == expected


def test_a_move_begins_once() -> None:
    assert begins_a_move(None, plan("n1", outgoing="n3"))
    assert not begins_a_move("n3", plan("n1", outgoing="n3"))
    assert not begins_a_move(None, plan("n1"))
