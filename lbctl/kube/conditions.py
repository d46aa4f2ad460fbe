"""``metav1.Condition``: a list in a status, whose entries may belong to several writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_MESSAGE_LENGTH = 32768
"""The API conventions' limit."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What somebody says about an object.

    ``generation`` is the one of the spec that was read; None where the API server counts none.
    """

    type: str
    status: bool | None
    """None is ``Unknown``: nobody could tell."""
    reason: str
    message: str
    generation: int | None


def find(conditions: Sequence[Mapping[str, Any]], condition_type: str) -> Mapping[str, Any] | None:
    """The entry of this type, as it is in the object."""
    return next((entry for entry in conditions if entry.get("type") == condition_type), None)


def merge(
    conditions: Sequence[Mapping[str, Any]], condition: Condition, *, now: str | None = None
) -> list[dict[str, Any]] | None:
    """The list with this condition in it, the others untouched; None when it says that already.

    ``lastTransitionTime`` moves only when the status changes, as the API conventions ask.
    """
    old = find(conditions, condition.type)
    status = {True: "True", False: "False", None: "Unknown"}[condition.status]
    same_status = old is not None and old.get("status") == status
    entry: dict[str, Any] = {
        "type": condition.type,
        "status": status,
        "reason": condition.reason,
        "message": condition.message[:_MESSAGE_LENGTH],
        "lastTransitionTime": old["lastTransitionTime"] if old and same_status else now or _now(),
    }
    if condition.generation is not None:
        entry["observedGeneration"] = condition.generation
    if old == entry:
        return None
    others = [dict(other) for other in conditions if other.get("type") != condition.type]
    return sorted([*others, entry], key=lambda one: str(one.get("type")))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
