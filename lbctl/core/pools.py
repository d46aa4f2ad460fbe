"""Pools: what a user wrote, what is wrong with it, and what can be given from it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lbctl.core.addresses import Address, place
from lbctl.core.entries import AddressError, parse_entry
from lbctl.core.intervals import AddressSet, Interval
from lbctl.core.outcomes import PoolReason

_NAMED_AT_MOST = 8
"""A message names so many offenders and counts the rest: conditions hold 32 KiB, people fewer."""


@dataclass(frozen=True, slots=True)
class PoolView:
    """The part of an IPAddressPool that a decision depends on."""

    name: str
    created: str
    """creationTimestamp as the API server writes it: RFC 3339 in UTC, so strings sort by age."""
    entries: tuple[str, ...] = ()
    """`spec.addresses`, as the user wrote it."""
    disabled: bool = False
    generation: int = 1
    uid: str = ""
    resource_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def seniority(self) -> tuple[str, str]:
        """A total order by age: of two pools that overlap, the lower one gives."""
        return (self.created, self.name)


class PoolCounts(NamedTuple):
    """How many addresses of a pool there are, and what became of them."""

    total: int
    """Every address that the pool names."""
    used: int
    """Those that a VirtualIP or a Service's status names."""
    free: int
    """Those that can still be given: neither used nor a node's own."""


@dataclass(frozen=True, slots=True)
class PoolFinding:
    """What was found of a pool among its peers and on these nodes."""

    pool: PoolView
    addresses: AddressSet
    reason: PoolReason
    message: str

    @property
    def gives(self) -> bool:
        """Whether the pool hands out addresses. What it gave before keeps working either way."""
        return self.reason.gives


def assess(
    pools: Iterable[PoolView],
    node_addresses: Mapping[Address, str],
) -> dict[str, PoolFinding]:
    """Judge every pool, by what only the whole can know.

    Args:
        pools: all of them; a disabled one too can make a newer one overlap.
        node_addresses: every address that is a node's own, and the node's name.
    """
    drafts = [_Draft.read(pool) for pool in pools]
    overlaps = _overlaps(drafts)
    return {
        draft.pool.name: draft.finding(overlaps.get(draft.pool.name), node_addresses)
        for draft in drafts
    }


class _Range(NamedTuple):
    """One entry of one pool, ordered by where it starts."""

    interval: Interval
    seniority: tuple[str, str]
    position: int
    entry: str

    def __str__(self) -> str:
        return f'spec.addresses[{self.position}] "{self.entry}"'


@dataclass(frozen=True, slots=True)
class _Draft:
    """A pool that has been read, and not yet compared."""

    pool: PoolView
    ranges: tuple[_Range, ...]
    error: str

    @classmethod
    def read(cls, pool: PoolView) -> "_Draft":
        ranges: list[_Range] = []
        errors: list[str] = []
        for index, entry in enumerate(pool.entries):
            try:
                ranges.append(_Range(parse_entry(entry), pool.seniority, index, entry))
            except AddressError as error:
                errors.append(f"spec.addresses[{index}]: {error}")
        return cls(pool, tuple(ranges), "; ".join(errors))

    def finding(
        self,
        overlap: tuple[_Range, _Range] | None,
        node_addresses: Mapping[Address, str],
    ) -> PoolFinding:
        addresses = AddressSet.union(own.interval for own in self.ranges)
        reason, message = self._verdict(addresses, overlap, node_addresses)
        return PoolFinding(self.pool, addresses, reason, message)

    def _verdict(
        self,
        addresses: AddressSet,
        overlap: tuple[_Range, _Range] | None,
        node_addresses: Mapping[Address, str],
    ) -> tuple[PoolReason, str]:
        if self.error:
            return PoolReason.INVALID_ADDRESSES, self.error
        if overlap is not None:
            own, older = overlap
            return PoolReason.OVERLAP, (
                f'{own} overlaps {older} of the older pool "{older.seniority[1]}", so this pool '
                "gives nothing; what it gave keeps working. "
                "Take the shared addresses out of one of the two."
            )
        if self.pool.disabled:
            return PoolReason.DISABLED, (
                "spec.disabled is true: the pool keeps what it gave and gives nothing new."
            )
        skipped = [(a, node) for a, node in node_addresses.items() if place(a) in addresses]
        if skipped:
            return PoolReason.NODE_ADDRESSES_SKIPPED, _skipped_message(skipped)
        return PoolReason.READY, "The pool gives addresses."


def _skipped_message(skipped: list[tuple[Address, str]]) -> str:
    first = sorted(skipped, key=lambda one: place(one[0]))[:_NAMED_AT_MOST]
    named = [f"{address} (node {node})" for address, node in first]
    if len(skipped) > _NAMED_AT_MOST:
        named.append(f"{len(skipped) - _NAMED_AT_MOST} more")
    return (
        f"Never given, because they are nodes' own addresses: {', '.join(named)}. "
        "Take them out of spec.addresses."
    )


def _overlaps(drafts: Iterable[_Draft]) -> dict[str, tuple[_Range, _Range]]:
    """For each pool that overlaps an older one: its lowest such range, and the older one's."""
    found: dict[str, tuple[_Range, _Range]] = {}
    for one, other in _crossings(drafts):
        newer, older = (one, other) if one.seniority > other.seniority else (other, one)
        found.setdefault(newer.seniority[1], (newer, older))
    return found


def _crossings(drafts: Iterable[_Draft]) -> Iterator[tuple[_Range, _Range]]:
    """Every two ranges of different pools that share an address, from the lowest address up."""
    open_ranges: list[_Range] = []
    for current in sorted(own for draft in drafts for own in draft.ranges):
        open_ranges = [r for r in open_ranges if r.interval.last >= current.interval.first]
        for other in open_ranges:
            if other.seniority != current.seniority:
                yield current, other
        open_ranges.append(current)
