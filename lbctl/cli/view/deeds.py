"""What a person wants done, as one look at the cluster has it: the next write, or how far it is.

Each deed is a pure function from what is there to its next step, asked again after every look. So a
deed that was begun by somebody else, or broken off, is gone on with, and what is done is not done
again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from lbctl.cli.state import State
from lbctl.cli.view.concerns.programs import operators
from lbctl.cli.view.findings import Concern, Severity
from lbctl.kube.objects import Kind, Object, uid_of


class End(StrEnum):
    """How it ended for who waited."""

    DONE = "done"
    STUCK = "stuck"
    """It was not done, or not all of it, and waiting changes nothing."""
    UNDER_WAY = "underWay"
    """It goes on, and nobody waited longer."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write that brings it about."""

    verb: Literal["create", "patch", "delete"]
    kind: Kind
    name: str
    said: str
    """What it does, for who waits."""
    body: Mapping[str, object] = field(default_factory=dict)
    """The object, or a merge patch of it."""
    uid: str = ""
    resource_version: str = ""
    """With the uid the preconditions of a deletion; those of a patch stand in it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Others have to act: the operator, the speakers, time."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """There is nothing to wait for."""

    end: End
    message: str
    advice: str = ""
    """What to do next, if anything."""


Step = Write | Waiting | Ended

Decide = Callable[[State, Collection[str]], Step]
"""The next step, after this command has written the objects of these names."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, as it is printed."""

    objects: tuple[str, ...]
    """What it was about, as kubectl names them."""
    end: End
    message: str
    advice: str = ""


def patch(kind: Kind, obj: Object, said: str, body: Mapping[str, object]) -> Write:
    """Change an object if it is still the one that was read."""
    meta = obj["metadata"]
    given = body.get("metadata")
    merged = {
        **(given if isinstance(given, Mapping) else {}),
        "resourceVersion": meta["resourceVersion"],
    }
    return Write("patch", kind, meta["name"], said, {**body, "metadata": merged})


def deletion(kind: Kind, obj: Object, said: str) -> Write:
    """Delete an object if it is still the one that was read."""
    meta = obj["metadata"]
    version = str(meta["resourceVersion"])
    return Write("delete", kind, meta["name"], said, uid=uid_of(obj), resource_version=version)


def waiting(state: State, message: str) -> Waiting:
    """Wait, and say when nobody is there to wait for."""
    for one in operators(state):
        if one.severity is Severity.BROKEN and one.concern is Concern.NO_OPERATOR:
            return Waiting(f"{message} {one.message}")
    return Waiting(message)
