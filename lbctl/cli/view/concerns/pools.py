"""Pools that give nothing or soon will, and L2Advertisements by which nothing is announced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from lbctl.cli.state import State
from lbctl.cli.view.findings import Concern, Finding, Severity
from lbctl.core.addresses import Family, place
from lbctl.core.intervals import AddressSet, Interval
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.outcomes import PoolReason
from lbctl.core.succession.advertisement_findings import assess_advertisement, unadvertised

_NEARLY_FULL = 0.9
_NAMED = 3
"""So many ranges are named."""


def pools(state: State) -> Iterator[Finding]:
    """Pools that give nothing, or soon will."""
    found = judged(state)
    if not found:
        text = "There is no IPAddressPool: no Service gets an address."
        advice = "Create one with free addresses of your LAN."
        yield Finding(Severity.WARNING, Concern.NO_POOL, "ipaddresspools", text, advice)
    for one in found:
        subject = f"ipaddresspool/{one.pool.name}"
        match one.reason:
            case PoolReason.READY:
                pass
            case PoolReason.ADDRESSES_SKIPPED | PoolReason.DISABLED:
                yield Finding(Severity.NOTE, Concern.POOL_NOT_READY, subject, one.message)
            case PoolReason.OVERLAP | PoolReason.INVALID_ADDRESSES | PoolReason.NOT_ADVERTISED:
                yield Finding(Severity.WARNING, Concern.POOL_NOT_READY, subject, one.message)
            case _ as never:
                assert_never(never)
        if one.gives:
            yield from _stock(state, one.pool.name, subject)
            yield from _unreachable(state, one, subject)


def judged(state: State) -> tuple[PoolFinding, ...]:
    """What is found of each pool, and whether anybody announces it."""
    views = state.world.advertisement_views.values()
    return tuple(unadvertised(one, views) for one in state.ledger.findings())


def _unreachable(state: State, found: PoolFinding, subject: str) -> Iterator[Finding]:
    """Addresses that nobody on a LAN would ask a node for."""
    networks = {
        own.network
        for node in state.nodes.values()
        for interface in (() if node.speaker is None else node.speaker.interfaces)
        for own in interface.addresses
    }
    views = state.world.advertisement_views.values()
    if not networks or any(one.interfaces for one in views if one.takes(found.pool)):
        return  # Named interfaces announce what is in no subnet too.
    lans = AddressSet.union(
        Interval(place(one.network_address), place(one.broadcast_address)) for one in networks
    )
    outside = [*found.addresses.minus(lans)]
    if outside:
        listed = ", ".join(str(one) for one in outside[:_NAMED])
        more = f" and {len(outside) - _NAMED} more" if len(outside) > _NAMED else ""
        text = f"No node has an interface in a subnet with {listed}{more}: nobody can announce it."
        advice = "Compare spec.addresses with: kubectl get speakers -o wide"
        yield Finding(Severity.WARNING, Concern.UNREACHABLE_SUBNET, subject, text, advice)


def _stock(state: State, pool: str, subject: str) -> Iterator[Finding]:
    for family in Family:
        counts = state.ledger.counts(pool, family)
        able = counts.used + counts.free
        if not able:
            continue
        advice = "Add addresses, or another pool."
        if not counts.free:
            text = f"All {able} {family} addresses are used."
            yield Finding(Severity.WARNING, Concern.POOL_FULL, subject, text, advice)
        elif counts.used >= _NEARLY_FULL * able:
            text = f"{counts.used} of {able} {family} addresses are used."
            yield Finding(Severity.WARNING, Concern.POOL_NEARLY_FULL, subject, text, advice)


def advertisements(state: State) -> Iterator[Finding]:
    """L2Advertisements by which nothing is announced."""
    views = state.world.advertisement_views
    known = [finding.pool for finding in state.ledger.findings()]
    for one in views.values():
        found = assess_advertisement(one, others=views.values(), pools=known, nodes=state.nodes)
        if not found.ready:
            subject = f"l2advertisement/{one.name}"
            yield Finding(Severity.WARNING, Concern.ADVERTISEMENT, subject, found.message)
