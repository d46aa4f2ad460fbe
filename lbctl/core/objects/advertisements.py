"""L2Advertisements: which nodes announce an address, on which interfaces, and who goes first.

Without any, every node announces every address. Several that match one address combine: see
`combine`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.speakers import Exclusion, NodeView, Taint
from lbctl.core.objects.virtualips import UNTIMED, HandOff, Timings
from lbctl.core.outcomes import LeftOut
from lbctl.core.selectors import Selector, any_matches

HOLD_OFF = 300.0
"""Seconds for which a preferred node must have been well, unless the advertisement says."""


@dataclass(frozen=True, slots=True)
class AvoidedTaint:
    """A taint that keeps a node from announcing; None stands for any value or effect."""

    key: str
    value: str | None = None
    effect: str | None = None

    def means(self, taint: Taint) -> bool:
        return (
            self.key == taint.key
            and self.value in {None, taint.value}
            and self.effect in {None, taint.effect}
        )


@dataclass(frozen=True, slots=True)
class Preference:
    """Nodes that are to come first: the more weight, the sooner."""

    weight: int
    selector: Selector


@dataclass(frozen=True, slots=True)
class Admission:
    """The nodes that one L2Advertisement lets announce."""

    selectors: tuple[Selector, ...] = ()
    """One of them must match; without any, every node is selected."""
    avoided: tuple[AvoidedTaint, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        return not self.selectors or any_matches(self.selectors, labels)

    def avoids(self, taints: Iterable[Taint]) -> Taint | None:
        """The first taint that keeps a node out."""
        return next((t for t in taints if any(one.means(t) for one in self.avoided)), None)


@dataclass(frozen=True, slots=True)
class Announcing:
    """How one address is announced: all L2Advertisements that match it, combined."""

    names: tuple[str, ...] = ()
    """The advertisements, the oldest first."""
    admissions: tuple[Admission, ...] = ()
    """A node that one of them lets in announces; without any, every node does."""
    interfaces: tuple[str, ...] = ()
    """Those that may be used; empty = the one whose subnet holds the address."""
    preferences: tuple[Preference, ...] = ()
    """A node's weight is the sum of those that select it."""
    timings: Timings = UNTIMED
    hand_off: HandOff = HandOff.CLUSTER_PROXY
    fail_back_after: float | None = None
    """Seconds for which a preferred node must have been well to get an address back; None = it
    does not get it back."""
    each: "tuple[Announcing, ...]" = ()
    """When Services share the address and their advertisements differ: how each of them is
    announced. Then a node must be let in by all of these."""
    remarks: tuple[str, ...] = field(default=(), compare=False)
    """What is not obeyed of the Services that share it, in sentences."""

    def weight(self, labels: Mapping[str, str]) -> int:
        """How much a node with these labels is preferred."""
        return sum(one.weight for one in self.preferences if one.selector.matches(labels))

    def exclusion(self, node: NodeView) -> Exclusion | None:
        """Why no advertisement lets the node announce; None when one does."""
        if self.each:
            return next((why for one in self.each if (why := one.exclusion(node))), None)
        selecting = [one for one in self.admissions if one.selects(node.labels)]
        if self.admissions and not selecting:
            detail = f"no nodeSelectors of {_list(self.names)} select it"
            return Exclusion(node.name, LeftOut.NOT_SELECTED, detail)
        taints = [one.avoids(node.taints) for one in selecting]
        if not taints or None in taints:
            return None
        detail = f"{_list(self.names)} avoids its taint {taints[0]}"
        return Exclusion(node.name, LeftOut.TAINTED, detail)


EVERYWHERE = Announcing()
"""Without any L2Advertisement: every node, on its interface in the subnet of the address."""


@dataclass(frozen=True, slots=True)
class AdvertisementView:
    """The part of an L2Advertisement that a decision depends on."""

    name: str
    created: str = ""
    """creationTimestamp as the API server writes it: RFC 3339 in UTC, so strings sort by age."""
    pools: tuple[str, ...] = ()
    pool_selectors: tuple[Selector, ...] = ()
    service_selectors: tuple[Selector, ...] = ()
    admission: Admission = Admission()
    interfaces: tuple[str, ...] = ()
    preferences: tuple[Preference, ...] = ()
    timings: Timings = UNTIMED
    hand_off: HandOff | None = None
    """None = it says nothing about it."""
    fail_back_after: float | None = None
    generation: int = 1
    uid: str = ""
    resource_version: str = ""

    @property
    def seniority(self) -> tuple[str, str]:
        """A total order by age."""
        return (self.created, self.name)

    def takes(self, pool: PoolView | None) -> bool:
        """Whether it is about the addresses of a pool; None = a pool that is gone."""
        if not self.pools and not self.pool_selectors:
            return True
        return pool is not None and (
            pool.name in self.pools or any_matches(self.pool_selectors, pool.labels)
        )

    def matches(self, pool: PoolView | None, service_labels: Mapping[str, str]) -> bool:
        """Whether it is about an address of a pool that a Service with these labels has."""
        return self.takes(pool) and (
            not self.service_selectors or any_matches(self.service_selectors, service_labels)
        )


def announcing(
    advertisements: Iterable[AdvertisementView],
    pool: PoolView | None,
    service_labels: Mapping[str, str],
) -> Announcing | None:
    """How an address is announced; None when an advertisement is needed and none is about it.

    Args:
        advertisements: all of them.
        pool: the address's pool; None when that is gone.
        service_labels: the labels of the Service that has it.
    """
    known = sorted(advertisements, key=lambda one: one.seniority)
    if not known:
        return EVERYWHERE if pool is None or pool.announced_unasked else None
    matching = [one for one in known if one.matches(pool, service_labels)]
    return combine(matching) if matching else None


def combine(matching: Iterable[AdvertisementView]) -> Announcing:
    """Several that match one address, as one.

    Nodes: those that any of them lets in. Interfaces: all that are named, or by subnet if one
    names none. Weights add up. Each timing, and how it is handed on, is that of the oldest that
    sets it. Fail-back: if one wants it, after the longest hold-off.
    """
    ordered = sorted(matching, key=lambda one: one.seniority)
    named = [one.interfaces for one in ordered]
    hand_offs = (one.hand_off for one in ordered if one.hand_off is not None)
    hold_offs = [one.fail_back_after for one in ordered if one.fail_back_after is not None]
    return Announcing(
        names=tuple(one.name for one in ordered),
        admissions=tuple(dict.fromkeys(one.admission for one in ordered)),
        interfaces=tuple(dict.fromkeys(i for own in named for i in own)) if all(named) else (),
        preferences=tuple(one for each in ordered for one in each.preferences),
        timings=_oldest(one.timings for one in ordered),
        hand_off=next(hand_offs, HandOff.CLUSTER_PROXY),
        fail_back_after=max(hold_offs, default=None),
    )


def _oldest(timings: Iterable[Timings]) -> Timings:
    bursts, refreshes = zip(*((t.burst_milliseconds, t.refresh_seconds) for t in timings),
                            strict=True)  # fmt: skip
    return Timings(
        next((burst for burst in bursts if burst is not None), None),
        next((refresh for refresh in refreshes if refresh is not None), None),
    )


def _list(names: Iterable[str]) -> str:
    return "L2Advertisement " + ", ".join(names)
