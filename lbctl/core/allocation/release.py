"""Letting an address go: the next step, as a pure decision.

First the VirtualIP's service is emptied and every candidate falls silent; then a verifier asks
the LAN. Only when nobody answers is the VirtualIP deleted, and only then is the address free. One
that rests (`cooldown`), or that is kept for its Service (`retainFor`), stays until that is over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.speakers import NodeView, exclusion, rendezvous
from lbctl.core.objects.virtualips import (
    Quarantine,
    Release,
    ReleasedCondition,
    Retention,
    Stage,
    VirtualIPView,
)
from lbctl.core.outcomes import PlannedReason


@dataclass(frozen=True, slots=True)
class Begin:
    """PUT under the resourceVersion: no services, this release, and its verifier's label."""

    release: Release


@dataclass(frozen=True, slots=True)
class Reassign:
    """PUT under the resourceVersion: this release and its verifier's label, in place of the last.

    The verifier cannot answer any more, or something that kept the address is over.
    """

    release: Release


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with uid and resourceVersion as preconditions: the address is free."""


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing to write. The verifier's answer, or another speaker, brings the next step."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Say so, and look again at that time: the address is kept until then, silent or not."""

    reason: PlannedReason
    message: str
    until: str
    """RFC 3339 in UTC, by the seconds."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """Nobody can ask the LAN. Say so on the VirtualIP: a person may know, or start a speaker."""

    message: str


QUARANTINE_SECONDS = 600
"""So long an address is not given for which a foreign host answered: it may be off for a while."""

Step = Begin | Reassign | Delete | Await | Rest | Stuck

AT_ONCE = Release()
"""Nothing keeps the address once the LAN is silent."""


def resting(
    later: Callable[[int], str],
    *,
    cooldown: int = 0,
    retain_for: int = 0,
    service: ServiceKey | None = None,
) -> Release:
    """What keeps an address that is let go now, by the rules of its pool.

    Args:
        later: the time so many seconds from now, RFC 3339 in UTC by the seconds.
        cooldown: seconds that it rests.
        retain_for: seconds that it is kept for its Service.
        service: who had it and is gone; None when its Service goes on without it.
    """
    retained = None
    if service is not None and retain_for:
        retained = Retention(*service, later(retain_for))
    # What is kept for longer than it rests need not rest.
    rests = cooldown and (retained is None or cooldown > retain_for)
    return Release(cooling_until=later(cooldown) if rests else "", retained_for=retained)


def begin(
    virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView], rest: Release = AT_ONCE
) -> Begin | Delete:
    """The first step, for a VirtualIP whose Service wants it no more, or must not have it.

    Args:
        virtual_ip: the one.
        nodes: every node of the cluster, by name.
        rest: what keeps it after that; its verifier is chosen here.
    """
    if not virtual_ip.was_announced and rest == AT_ONCE:
        return Delete()
    return Begin(replace(rest, verifier=choose_verifier(virtual_ip, nodes)))


def proceed(virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView], now: str = "") -> Step:
    """The next step for a VirtualIP that is being released (`Stage.RELEASING`).

    Args:
        virtual_ip: the one.
        nodes: every node of the cluster, by name.
        now: RFC 3339 in UTC, by the seconds; what keeps the address lasts until then.
    """
    release = virtual_ip.release
    if virtual_ip.stage is not Stage.RELEASING or release is None:
        return Await("It is not being released.")
    if release.quarantine is not None:
        return _sit_out(virtual_ip, release, release.quarantine, nodes, now)
    step = _free_when_silent(virtual_ip, release, nodes)
    if isinstance(step, Reassign):
        return step
    return _rest(release, now) or step


def _rest(release: Release, now: str) -> Rest | Reassign | None:
    """What keeps the address, silent or not; None when nothing does any more."""
    retained = release.retained_for
    if retained is not None and now < retained.until:
        return Rest(
            PlannedReason.RETAINED,
            f"Kept until {retained.until} for the Service {retained.key}, should it come back.",
            retained.until,
        )
    if now >= release.cooling_until:
        return None
    if retained is not None:
        return Reassign(replace(release, retained_for=None))
    message = f"It was let go and rests: not given before {release.cooling_until}."
    return Rest(PlannedReason.COOLING_DOWN, message, release.cooling_until)


def _free_when_silent(
    virtual_ip: VirtualIPView, release: Release, nodes: Mapping[str, NodeView]
) -> Delete | Reassign | Await | Stuck:
    if not virtual_ip.was_announced:
        return Delete()
    answer = _current_answer(virtual_ip)
    if answer is not None and answer.silent:
        return Delete()
    verifier = release.verifier
    if verifier is None or not _can_ask(verifier, virtual_ip, nodes):
        replacement = choose_verifier(virtual_ip, nodes)
        if replacement is None:
            return Stuck(_NOBODY_TO_ASK)
        return Reassign(replace(release, verifier=replacement))
    if answer is not None:
        return Await(f"Somebody still answers for the address. {answer.message}".strip())
    return Await(f"The speaker of {verifier} has not said yet whether anybody answers.")


def _sit_out(
    virtual_ip: VirtualIPView,
    release: Release,
    quarantine: Quarantine,
    nodes: Mapping[str, NodeView],
    now: str,
) -> Step:
    """While it lasts the address stays taken, silent or not. After it the LAN is asked anew."""
    over = now >= quarantine.until
    if not over and release.verifier is not None:
        return Rest(
            PlannedReason.QUARANTINED,
            f"{quarantine.mac} answered for it: not given before {quarantine.until}.",
            quarantine.until,
        )
    verifier = choose_verifier(virtual_ip, nodes)
    if verifier is None:
        return Stuck(_NOBODY_TO_ASK)
    return Reassign(
        replace(release, verifier=verifier, quarantine=None if over else quarantine),
    )


_NOBODY_TO_ASK = (
    "It is being released, but no speaker that lives has an interface in its subnet, so nobody can "
    "ask whether a node still answers for it. Start a speaker there; or, if you know that nobody "
    "answers, delete this VirtualIP."
)


def _current_answer(virtual_ip: VirtualIPView) -> ReleasedCondition | None:
    """What the verifier said of this generation: of an older one, others may have answered."""
    answer = virtual_ip.released
    current = answer is not None and answer.observed_generation == virtual_ip.generation
    return answer if current else None


def choose_verifier(virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView]) -> str | None:
    """Who asks the LAN: the holder if it can, else the first of the succession, else anybody.

    The holder is best, because it knows when its own last frame went out. None when no speaker
    that lives has an interface in the subnet.
    """
    for node in (virtual_ip.holder, *virtual_ip.succession):
        if node is not None and _can_ask(node, virtual_ip, nodes):
            return node
    others = (node for node in sorted(nodes) if _can_ask(node, virtual_ip, nodes))
    return min(others, key=lambda node: rendezvous(node, virtual_ip.address), default=None)


def _can_ask(node: str, asked: VirtualIPView, nodes: Mapping[str, NodeView]) -> bool:
    return node in nodes and exclusion(nodes[node], asked.address, asked.interfaces) is None
