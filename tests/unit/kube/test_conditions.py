"""Conditions as the API conventions want them."""

from typing import Any

from lbctl.kube.conditions import Condition, merge

READY = Condition("Ready", status=True, reason="Ready", message="fine", generation=1)
OTHERS: list[dict[str, Any]] = [{"type": "Announced", "status": "True"}]


def test_a_condition_is_added_beside_those_of_others() -> None:
    merged = merge(OTHERS, READY, now="t1")
    assert merged is not None
    assert [entry["type"] for entry in merged] == ["Announced", "Ready"]
    assert merged[0] == OTHERS[0]


def test_saying_the_same_again_writes_nothing() -> None:
    merged = merge([], READY, now="t1")
    assert merged is not None
    assert merge(merged, READY, now="t2") is None


def test_what_nobody_can_tell_is_unknown() -> None:
    (entry,) = merge([], Condition("Ready", None, "NotChecked", "", 1), now="t1") or []
    assert entry["status"] == "Unknown"


def test_the_transition_time_moves_with_the_status_only() -> None:
    first = merge([], READY, now="t1") or []
    reworded = Condition("Ready", status=True, reason="Ready", message="finer", generation=2)
    second = merge(first, reworded, now="t2") or []
    assert second[0]["lastTransitionTime"] == "t1"
    assert second[0]["observedGeneration"] == 2
    broken = Condition("Ready", status=False, reason="Disabled", message="off", generation=2)
    third = merge(second, broken, now="t3") or []
    assert third[0]["lastTransitionTime"] == "t3"


def test_a_message_is_cut_by_bytes_and_between_characters() -> None:
    said = merge(
        [],
        Condition("Ready", status=True, reason="Full", message="x" + "€" * 20_000, generation=None),
        now="t1",
    )
    assert said is not None
    (entry,) = said
    assert len(entry["message"].encode()) == 32_767
    assert entry["message"].endswith("€")
