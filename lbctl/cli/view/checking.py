"""What is wrong with manifests and with how a cluster is set up, before clients feel it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lbctl.cli.manifests import Manifest
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State
from lbctl.cli.view import writing
from lbctl.cli.view.concerns import rules
from lbctl.cli.view.findings import Finding, Severity
from lbctl.cli.view.mistakes import Mistake
from lbctl.core.outcomes import ConditionType
from lbctl.core.reading.objects import condition
from lbctl.kube.objects import SPEAKERS

CHECKS = (
    ConditionType.KERNEL_SILENT,
    ConditionType.REVERSE_PATH_OPEN,
    ConditionType.FORWARDING,
    ConditionType.ROUTER_ADVERTISEMENTS_HEARD,
    ConditionType.INTERFACES_SOUND,
    ConditionType.PARTNERS_REACHABLE,
    ConditionType.HAND_OFF_READY,
)
"""What speakers look at on their nodes."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a speaker says of its node."""

    node: str
    checks: dict[str, str]
    """By the type of the condition: ok, the reason why not, or unknown."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what was found."""

    well: bool
    files: int
    objects: int
    mistakes: tuple[Mistake, ...] = ()
    cluster: bool = False
    """Whether a cluster was looked at."""
    findings: tuple[Finding, ...] = ()
    nodes: tuple[Preflight, ...] = ()


def offline(manifests: list[Manifest], mistakes: tuple[Mistake, ...]) -> Check:
    """What is wrong with manifests alone."""
    return Check(
        well=all(one.severity is Severity.NOTE for one in mistakes),
        files=len({one.file for one in manifests}),
        objects=len(manifests),
        mistakes=mistakes,
    )


def online(snapshot: Snapshot, manifests: list[Manifest], mistakes: tuple[Mistake, ...]) -> Check:
    """What is wrong with a cluster; with manifests only what they would make wrong besides."""
    state = State(snapshot)
    found = rules.found(state, rules.OF_SETUP)
    if manifests:
        then = State(writing.write(snapshot, manifests))
        now = rules.found(then, rules.OF_SETUP)
        found = tuple(one for one in now if one not in found)
    alone = offline(manifests, mistakes)
    return Check(
        well=alone.well and all(one.severity is Severity.NOTE for one in found),
        files=alone.files,
        objects=alone.objects,
        mistakes=mistakes,
        cluster=True,
        findings=found,
        nodes=() if manifests else tuple(_preflight(snapshot)),
    )


def _preflight(snapshot: Snapshot) -> Iterator[Preflight]:
    for obj in sorted(snapshot.of(SPEAKERS), key=lambda one: str(one["metadata"]["name"])):
        checks: dict[str, str] = {}
        for kind in CHECKS:
            found = condition(obj, kind) or {}
            match found.get("status"):
                case "True":
                    checks[kind] = "ok"
                case "False":
                    checks[kind] = str(found.get("reason"))
                case _:
                    checks[kind] = "unknown"
        yield Preflight(obj["metadata"]["name"], checks)
