"""What is held against the nodes, since when, and what of it is not believed.

Fail static: one broken thing, like a health check, a network of the control plane or a controller,
can make most nodes look ill at once, and moving every address then would be the only damage done.
So what is **observed** of nodes and newly fails for more than half of them at once, which is within
a minute, is doubted: reported, and not obeyed, until it passes. What a person **wrote**, like a
label or a selector, is obeyed: they meant it.

What nodes should not be at the first look counts as at once: a new leader cannot know since when it
is so, and leaders change when much fails. (Who cannot announce at the first look is believed: a
Lease that is seen for the first time is fresh.)

That covers a silent speaker too. When two of three nodes really die, their places in the plans stay
and harm nobody: the wire passes over the dead, and new addresses go to nodes without a doubt first.
What partners report is not doubted: it takes the word of the larger part of the LAN anyway.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lbctl.core.objects.speakers import Exclusion, InterfaceView, NodeView, not_alive, not_ready
from lbctl.core.outcomes import LeftOut

AT_ONCE = 60.0
"""Seconds within which failures count as one."""

DOUBTABLE = (
    LeftOut.SPEAKER_SILENT,
    LeftOut.SPEAKER_NOT_READY,
    LeftOut.NODE_NOT_READY,
    LeftOut.NETWORK_UNAVAILABLE,
    LeftOut.HAND_OFF_NOT_READY,
)
"""What is observed of nodes, whatever the address, and may be wrong of many at once."""

_CANNOT = frozenset({LeftOut.SPEAKER_SILENT, LeftOut.SPEAKER_NOT_READY})
_LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True)
class Steady:
    """A node as it has been for a while."""

    since: float
    """Monotonic seconds, at the first look at the earliest."""
    well: bool
    interfaces: tuple[InterfaceView, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the nodes' troubles. The caller keeps it from one look to the next."""

    failing: Mapping[LeftOut, Mapping[str, float]] = field(default_factory=dict)
    """For each rule the nodes that fail it, and since when."""
    doubted: Mapping[LeftOut, frozenset[str]] = field(default_factory=dict)
    """For each rule the nodes for which it is not obeyed."""
    steady: Mapping[str, Steady] = field(default_factory=dict)

    def doubts(self, found: Exclusion) -> bool:
        """Whether a trouble is reported and not obeyed."""
        return found.node in self.doubted.get(found.reason, ())

    def well_for(self, node: str, now: float) -> float:
        """Seconds for which nothing was held against the node; 0 when something is."""
        steady = self.steady.get(node)
        return now - steady.since if steady is not None and steady.well else 0.0


def look(before: Standing | None, nodes: Mapping[str, NodeView], now: float) -> Standing:
    """Look at the nodes.

    Args:
        before: what the last look found; None at the first. Who is well then begins to be so.
        nodes: every node, by name.
        now: monotonic seconds.
    """
    manned = {name: node for name, node in nodes.items() if node.speaker is not None}
    known = before or Standing(steady={})
    failing: dict[LeftOut, dict[str, float]] = {}
    for name, node in manned.items():
        joins = before is not None and name not in before.steady
        for found in observed(node):
            # A node that joins while it is ill has not failed.
            believed = joins or (before is None and found.reason in _CANNOT)
            fresh = _LONG_AGO if believed else now
            since = known.failing.get(found.reason, {}).get(name, fresh)
            failing.setdefault(found.reason, {})[name] = since
    return Standing(
        failing,
        {
            rule: doubted
            for rule, since in failing.items()
            if (doubted := _doubted(since, known.doubted.get(rule, frozenset()), len(manned), now))
        },
        {name: _steady(node, known.steady.get(name), now) for name, node in manned.items()},
    )


def observed(node: NodeView) -> Iterator[Exclusion]:
    """What of `DOUBTABLE` is held against a node."""
    for found in (not_alive(node), not_ready(node), *unfit(node)):
        if found is not None and found.reason in DOUBTABLE:
            yield found


def unfit(node: NodeView) -> Iterator[Exclusion]:
    """What is observed of a node that announces well enough, but should not."""
    if not node.ready:
        detail = "its Node is not ready; see kubectl describe node"
        yield Exclusion(node.name, LeftOut.NODE_NOT_READY, detail)
    if not node.network_available:
        detail = "its Node says that the pod network is not set up"
        yield Exclusion(node.name, LeftOut.NETWORK_UNAVAILABLE, detail)
    if node.speaker is not None and not node.speaker.hand_off_ready:
        said = node.speaker.hand_off_message or "no reason given"
        detail = f"its proxy cannot hand traffic on: {said}"
        yield Exclusion(node.name, LeftOut.HAND_OFF_NOT_READY, detail)


def _doubted(
    since: Mapping[str, float], doubted: frozenset[str], count: int, now: float
) -> frozenset[str]:
    recent = {name for name, start in since.items() if now - start < AT_ONCE}
    suspects = recent | (doubted & since.keys())
    return frozenset(suspects) if 2 * len(suspects) > count else doubted & since.keys()


def _steady(node: NodeView, before: Steady | None, now: float) -> Steady:
    interfaces = () if node.speaker is None else node.speaker.interfaces
    well = next(observed(node), None) is None and not (
        node.reported_down or node.excluded or node.draining
    )
    if before is not None and (before.well, before.interfaces) == (well, interfaces):
        return before
    return Steady(now, well, interfaces)
