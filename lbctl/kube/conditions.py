"""``metav1.Condition``: a list in a status, whose entries may belong to several writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_MESSAGE_BYTES = 32768
"""The limit of metav1.Condition. Of a Service's conditions the API server counts bytes; where a CRD
says `maxLength` it counts characters, which are never more."""


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
        "message": _cut(condition.message),
        "lastTransitionTime": old["lastTransitionTime"] if old and same_status else now or _now(),
    }
    if condition.generation is not None:
        entry["observedGeneration"] = condition.generation
    if old == entry:
        return None
    others = [dict(other) for other in conditions if other.get("type") != condition.type]
    return sorted([*others, entry], key=lambda one: str(one.get("type")))


def _cut(message: str) -> str:
    """As much of a message as fits, without half a character at its end."""
    return message.encode()[:_MESSAGE_BYTES].decode(errors="ignore")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
