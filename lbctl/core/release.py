"""Letting an address go: the next step, as a pure decision.

First the VirtualIP's service is emptied and every candidate falls silent; then a verifier asks
the LAN. Only when nobody answers is the VirtualIP deleted, and only then is the address free.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lbctl.core.speakers import NodeView, exclusion, rendezvous
from lbctl.core.virtualips import Quarantine, Release, ReleasedCondition, Stage, VirtualIPView


@dataclass(frozen=True, slots=True)
class Begin:
    """PUT under the resourceVersion: no services, a release with this verifier, and its label."""

    verifier: str | None
    quarantine: Quarantine | None = None


@dataclass(frozen=True, slots=True)
class Reassign:
    """PUT under the resourceVersion: this verifier and its label; the last one cannot answer."""

    verifier: str
    quarantine: Quarantine | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with uid and resourceVersion as preconditions: the address is free."""


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing to write. The verifier's answer, or another speaker, brings the next step."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """Nobody can ask the LAN. Say so on the VirtualIP: a person may know, or start a speaker."""

    message: str


QUARANTINE_SECONDS = 600
"""So long an address is not given for which a foreign host answered: it may be off for a while."""

Step = Begin | Reassign | Delete | Await | Stuck


def begin(
    virtual_ip: VirtualIPView,
    nodes: Mapping[str, NodeView],
    quarantine: Quarantine | None = None,
) -> Begin | Delete:
    """The first step, for a VirtualIP whose Service wants it no more, or must not have it."""
    if not virtual_ip.was_announced and quarantine is None:
        return Delete()
    return Begin(choose_verifier(virtual_ip, nodes), quarantine)


def proceed(virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView], now: str = "") -> Step:
    """The next step for a VirtualIP that is being released (`Stage.RELEASING`).

    Args:
        virtual_ip: the one.
        nodes: every node of the cluster, by name.
        now: RFC 3339 in UTC, by the seconds; a quarantine lasts until then.
    """
    if virtual_ip.stage is not Stage.RELEASING or virtual_ip.release is None:
        return Await("It is not being released.")
    if virtual_ip.release.quarantine is not None:
        return _sit_out(virtual_ip, nodes, virtual_ip.release.quarantine, now)
    return _free_when_silent(virtual_ip, virtual_ip.release, nodes)


def _free_when_silent(
    virtual_ip: VirtualIPView, release: Release, nodes: Mapping[str, NodeView]
) -> Step:
    if not virtual_ip.was_announced:
        return Delete()
    answer = _current_answer(virtual_ip)
    if answer is not None and answer.silent:
        return Delete()
    verifier = release.verifier
    if verifier is None or not _can_ask(verifier, virtual_ip, nodes):
        replacement = choose_verifier(virtual_ip, nodes)
        return Reassign(replacement) if replacement is not None else Stuck(_NOBODY_TO_ASK)
    if answer is not None:
        return Await(f"Somebody still answers for the address. {answer.message}".strip())
    return Await(f"The speaker of {verifier} has not said yet whether anybody answers.")


def _sit_out(
    virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView], quarantine: Quarantine, now: str
) -> Step:
    """While it lasts the address stays taken, silent or not. After it the LAN is asked anew."""
    release = virtual_ip.release or Release()
    over = now >= quarantine.until
    if not over and release.verifier is not None:
        return Await(f"{quarantine.mac} answered for it: not given before {quarantine.until}.")
    verifier = choose_verifier(virtual_ip, nodes)
    if verifier is None:
        return Stuck(_NOBODY_TO_ASK)
    return Reassign(verifier, None if over else quarantine)


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
