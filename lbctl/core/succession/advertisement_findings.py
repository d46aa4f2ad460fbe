"""What is found of L2Advertisements among the pools and nodes that there are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from lbctl.core.objects.advertisements import AdvertisementView
from lbctl.core.objects.pools import PoolFinding, PoolView
from lbctl.core.objects.speakers import NodeView
from lbctl.core.outcomes import AdvertisementReason, PoolReason

_NAMED_AT_MOST = 8
"""A message names so many offenders and counts the rest."""


@dataclass(frozen=True, slots=True)
class AdvertisementFinding:
    """What an L2Advertisement selects, and what is wrong with it."""

    advertisement: AdvertisementView
    reason: AdvertisementReason
    message: str
    pools: int
    nodes: int
    """Nodes with a speaker."""

    @property
    def ready(self) -> bool:
        return self.reason.announces


def assess_advertisement(
    advertisement: AdvertisementView,
    *,
    others: Collection[AdvertisementView],
    pools: Collection[PoolView],
    nodes: Mapping[str, NodeView],
) -> AdvertisementFinding:
    """Judge one L2Advertisement.

    Args:
        advertisement: the one.
        others: all of them; it may be among them.
        pools: every pool.
        nodes: every node, by name.
    """
    taken = [pool for pool in pools if advertisement.takes(pool)]
    selected = [
        node
        for node in nodes.values()
        if node.speaker is not None and advertisement.admission.selects(node.labels)
    ]
    older = [one for one in others if one.seniority < advertisement.seniority]
    reason, message = _verdict(advertisement, taken, selected, older)
    return AdvertisementFinding(advertisement, reason, message, len(taken), len(selected))


def unadvertised(
    finding: PoolFinding, advertisements: Collection[AdvertisementView]
) -> PoolFinding:
    """The finding of a pool, and that no L2Advertisement is about it, if that is so."""
    if not finding.gives or (not advertisements and finding.pool.announced_unasked):
        return finding
    if any(one.takes(finding.pool) for one in advertisements):
        return finding
    message = (
        "The pool gives addresses, but no L2Advertisement is about it, so no node announces them. "
        f'Write "{finding.pool.name}" into the ipAddressPools of one{_or_delete(finding.pool)}.'
    )
    return replace(finding, reason=PoolReason.NOT_ADVERTISED, message=message)


def _or_delete(pool: PoolView) -> str:
    return ", or delete them all" if pool.announced_unasked else ""


def _verdict(
    one: AdvertisementView,
    taken: list[PoolView],
    selected: list[NodeView],
    older: list[AdvertisementView],
) -> tuple[AdvertisementReason, str]:
    missing = sorted({*one.pools} - {pool.name for pool in taken})
    if not taken:
        found = (
            f"There is no IPAddressPool {_named(missing, 'or')}." if missing else "It selects none."
        )
        return AdvertisementReason.SELECTS_NO_POOL, (
            f"{found} Compare ipAddressPools and ipAddressPoolSelectors with "
            "kubectl get ipaddresspools --show-labels."
        )
    if not selected:
        return AdvertisementReason.SELECTS_NO_NODE, (
            "No node with a speaker is selected: no address can be announced by it. "
            "Compare nodeSelectors with kubectl get nodes --show-labels."
        )
    if one.interfaces and not any(_has_one(node, one.interfaces) for node in selected):
        return AdvertisementReason.INTERFACE_NOT_FOUND, (
            f"No node that it selects has an interface {_named(one.interfaces, 'or')}. "
            "Compare interfaces with kubectl get speakers -o yaml."
        )
    if missing:
        return AdvertisementReason.POOL_NOT_FOUND, (
            f"There is no IPAddressPool {_named(missing, 'or')}; the others are announced."
        )
    if winners := _timed_before(one, taken, older):
        return AdvertisementReason.TIMINGS_OVERRIDDEN, (
            f"The older L2Advertisement {_named(winners)} is about the same pool and sets other "
            "timings, which are used for the addresses that both match. Make them equal."
        )
    return AdvertisementReason.READY, "Addresses are announced by it."


def _has_one(node: NodeView, interfaces: tuple[str, ...]) -> bool:
    found = () if node.speaker is None else node.speaker.interfaces
    return any(interface.name in interfaces for interface in found)


def _timed_before(
    one: AdvertisementView, taken: list[PoolView], older: list[AdvertisementView]
) -> list[str]:
    return [
        other.name
        for other in sorted(older, key=lambda each: each.seniority)
        if any(other.takes(pool) for pool in taken) and _differ(one, other)
    ]


def _differ(one: AdvertisementView, other: AdvertisementView) -> bool:
    """Whether both set a timing, and not the same."""
    pairs = (
        (one.timings.burst_milliseconds, other.timings.burst_milliseconds),
        (one.timings.refresh_seconds, other.timings.refresh_seconds),
    )
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _named(names: Collection[str], word: str = "and") -> str:
    shown = [f'"{name}"' for name in [*names][:_NAMED_AT_MOST]]
    if len(names) > _NAMED_AT_MOST:
        shown.append(f"{len(names) - _NAMED_AT_MOST} more")
    *first, last = shown or [""]
    return f"{', '.join(first)} {word} {last}" if first else last
