"""An address, whether anybody has it or not: whose it is, was, or why it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass

from lbctl.cli.state import State
from lbctl.cli.view.address import Story, story
from lbctl.cli.view.words import listed, sentence
from lbctl.core.addresses import Address, family_of, place
from lbctl.core.outcomes import PoolRefusal


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of an address."""

    address: str
    family: str
    pools: tuple[str, ...]
    """The pools that name it."""
    free: bool
    """Whether a Service can have it now."""
    reason: str
    """Why not, as `PoolRefusal` has it."""
    message: str
    shown_by: tuple[str, ...]
    """The Services whose status shows it."""
    lan: tuple[str, ...]
    """The nodes with an interface in a subnet that holds it."""
    story: Story | None = None
    """If it has a VirtualIP."""


def whereabouts(state: State, address: Address) -> Whereabouts:
    """Look for an address everywhere."""
    ledger = state.ledger
    naming = [one.pool.name for one in ledger.findings() if place(address) in one.named]
    view = ledger.virtual_ip(address)
    refused = ledger.why_not_free(address)
    finding = None if (pool := ledger.pool_of(address)) is None else ledger.finding(pool)
    reason = "" if refused is None else str(refused.reason)
    message = f"It is free; a Service gets it that asks for it. {_how(address)}"
    if refused is not None:
        message = sentence(refused.message) + _whose(state, address, refused.reason)
    elif finding is not None and not finding.gives:
        reason, message = str(finding.reason), f"Nobody has it, but: {finding.message}"
    return Whereabouts(
        address=str(address),
        family=family_of(address),
        pools=tuple(naming),
        free=not reason,
        reason=reason,
        message=message,
        shown_by=tuple(str(one.key) for one in ledger.claimants(address)),
        lan=tuple(sorted(_on_its_lan(state, address))),
        story=None if view is None else story(state, view),
    )


def _how(address: Address) -> str:
    return f'Annotate the Service: lbctl.io/addresses: "{address}".'


def _whose(state: State, address: Address, reason: PoolRefusal) -> str:
    """More on an address that is in no pool."""
    if reason is not PoolRefusal.NOT_IN_POOL:
        return ""
    owners = [
        name
        for name, node in state.nodes.items()
        for interface in (() if node.speaker is None else node.speaker.interfaces)
        if any(own.ip == address for own in interface.addresses)
    ]
    node = state.ledger.node_known_by(address)
    if owners or node is not None:
        return f" It is node {listed(sorted(owners)) if owners else node}'s own."
    return "" if state.ledger.findings() else " There is no pool."


def _on_its_lan(state: State, address: Address) -> set[str]:
    return {
        name
        for name, node in state.nodes.items()
        for interface in (() if node.speaker is None else node.speaker.interfaces)
        if interface.reaches(address)
    }
