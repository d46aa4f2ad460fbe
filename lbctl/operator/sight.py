"""What is seen of the cluster at each scrape: addresses nobody holds, conflicts, speakers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import Liveness, Unheld
from lbctl.telemetry.families import Values


def without_holder(views: Iterable[VirtualIPView]) -> Values:
    """Addresses that Services have and that nobody answers for, by who is at fault."""
    return Counter((unheld(view),) for view in _given(views) if view.holder is None)


def unheld(view: VirtualIPView) -> Unheld:
    """Why nobody answers for an address, as far as its VirtualIP says."""
    if view.answered_by_another or view.answered_by:
        return Unheld.ANSWERED_BY_ANOTHER
    return Unheld.NOT_TAKEN if view.succession else Unheld.NOBODY_PLANNED


def in_conflict(views: Iterable[VirtualIPView]) -> Values:
    """Addresses that a foreign host has or claims, by the condition's reason."""
    return Counter((str(view.conflict.reason),) for view in views if view.conflict is not None)


def each_held(views: Iterable[VirtualIPView]) -> Values:
    """A 1 for each address that a node answers for, and each of its Services."""
    return {
        (*names, view.holder): 1.0
        for view in _given(views)
        if view.holder is not None
        for names in _named(view)
    }


def each_unheld(views: Iterable[VirtualIPView]) -> Values:
    """A 1 for each address that nobody answers for, and each of its Services."""
    return {
        (*names, unheld(view)): 1.0
        for view in _given(views)
        if view.holder is None
        for names in _named(view)
    }


def speakers_up(nodes: Iterable[NodeView]) -> Values:
    """Whether speakers live and are ready. A node that somebody drains is no news."""
    return {
        (node.name,): float(
            node.speaker.ready and node.liveness is Liveness.FRESH and not node.reported_down
        )
        for node in nodes
        if node.speaker is not None and not node.draining
    }


def _given(views: Iterable[VirtualIPView]) -> Iterator[VirtualIPView]:
    return (view for view in views if view.stage is Stage.ALLOCATED)


def _named(view: VirtualIPView) -> Iterator[tuple[str, ...]]:
    """An address by its labels, once for each of its Services."""
    for ref in view.services:
        yield str(view.address), view.pool or "", ref.namespace, ref.name
