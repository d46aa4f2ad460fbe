"""Whether it is well, and what to look at first: one answer that fits a screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lbctl.cli.snapshot import time_of
from lbctl.cli.state import State
from lbctl.cli.view.concerns import nodes, pools, rules
from lbctl.cli.view.findings import Finding, Severity
from lbctl.core.addresses import Family
from lbctl.core.objects.speakers import Exclusion, NodeView, SpeakerView
from lbctl.core.objects.virtualips import Stage
from lbctl.core.outcomes import LeftOut, Liveness, PartnerState


@dataclass(frozen=True, slots=True)
class PoolUse:
    """What became of a pool's addresses of one family."""

    pool: str
    family: str
    used: int
    """Services have them."""
    kept: int
    """Nobody has them, and nobody gets them now: reserved, resting, in quarantine."""
    free: int
    reason: str
    """The reason of the pool's condition Ready."""
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node does for the LAN."""

    name: str
    announces: bool
    """Whether it can announce addresses."""
    reason: str
    """Why it cannot."""
    holds: int
    """How many addresses it announces."""
    next_for: int
    """How many it takes when their holders die."""
    interfaces: tuple[str, ...]
    partners_up: int
    partners: int
    version: str
    zone: str


@dataclass(frozen=True, slots=True)
class AddressUse:
    """The addresses, by what they are doing."""

    allocated: int
    """Services have them."""
    held: int
    """Of these, a node that lives announces them."""
    moving: int
    """Of these, one node hands them to another."""
    releasing: int
    """No Service has them any more; they rest, or the LAN is asked."""
    reserved: int
    """A person keeps them."""


@dataclass(frozen=True, slots=True)
class Leader:
    """The operator that leads."""

    identity: str
    ready: int
    wanted: int
    version: str
    silent_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Whether all is well."""

    well: bool
    """Nothing is broken and nothing is to be done."""
    findings: tuple[Finding, ...]
    pools: tuple[PoolUse, ...]
    addresses: AddressUse
    nodes: tuple[NodeState, ...]
    services: int
    """The Services that are lbctl's."""
    operator: Leader


def status(state: State) -> Status:
    """Look at everything."""
    found = rules.found(state, rules.OF_NOW)
    return Status(
        well=all(one.severity is Severity.NOTE for one in found),
        findings=found,
        pools=tuple(_pools(state)),
        addresses=_addresses(state),
        nodes=tuple(_nodes(state)),
        services=len(state.services),
        operator=_leader(state),
    )


def _pools(state: State) -> Iterator[PoolUse]:
    for one in pools.judged(state):
        for family in Family:
            counts = state.ledger.counts(one.pool.name, family)
            if not counts.total:
                continue
            kept = sum(state.ledger.kept(one.pool.name, family).values())
            yield PoolUse(
                pool=one.pool.name,
                family=family,
                used=counts.used - kept,
                kept=kept,
                free=counts.free,
                reason=one.reason,
                addresses=one.pool.entries,
            )


def _addresses(state: State) -> AddressUse:
    views = [*state.ledger.virtual_ips()]
    return AddressUse(
        allocated=len(state.allocated),
        held=sum(state.held(view) for view in state.allocated),
        moving=sum(view.outgoing is not None for view in state.allocated),
        releasing=sum(view.stage is Stage.RELEASING for view in views),
        reserved=sum(view.stage is Stage.RESERVED for view in views),
    )


def _nodes(state: State) -> Iterator[NodeState]:
    holders = Counter(one.holder for one in state.allocated if state.held(one))
    heirs = Counter(state.heir(one) for one in state.allocated)
    for name in sorted(state.nodes):
        yield _node(state.nodes[name], holders[name], heirs[name])


def _node(view: NodeView, holds: int, next_for: int) -> NodeState:
    out = nodes.barrier(view)
    if view.speaker is None:
        out = Exclusion(view.name, LeftOut.NO_SPEAKER, "")
    speaker = view.speaker or SpeakerView(view.name)
    # What a silent speaker said last of its partners says nothing of now.
    reports = speaker.reports if view.liveness is Liveness.FRESH else ()
    return NodeState(
        name=view.name,
        announces=out is None,
        reason="" if out is None else out.reason,
        holds=holds,
        next_for=next_for,
        interfaces=tuple(
            f"{one.name} {', '.join(map(str, one.addresses))}".strip() for one in speaker.interfaces
        ),
        partners_up=len({one.node for one in reports if one.state is PartnerState.UP}),
        partners=len({one.node for one in reports}),
        version=speaker.version,
        zone=view.zone,
    )


def _leader(state: State) -> Leader:
    installed, lease = state.snapshot.installation, state.snapshot.operator_lease
    spec = (lease or {}).get("spec") or {}
    renewed = time_of(spec.get("renewTime"))
    age = None if renewed is None else (state.snapshot.now - renewed).total_seconds()
    return Leader(
        identity=spec.get("holderIdentity") or "",
        ready=installed.ready,
        wanted=installed.wanted,
        version=installed.version,
        silent_seconds=None if age is None else max(0, round(age)),
    )
