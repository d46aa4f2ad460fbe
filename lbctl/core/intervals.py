"""Sets of addresses as sorted intervals of their places on the line of all addresses."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lbctl.core.addresses import IPV6_BEGIN, Family, address_at

_LAST = IPV6_BEGIN + (1 << 128) - 1
"""The place of the last address there is."""


class Interval(NamedTuple):
    """The places from `first` to `last`, both included, on the line of all addresses."""

    first: int
    last: int

    def __str__(self) -> str:
        low, high = address_at(self.first), address_at(self.last)
        return str(low) if low == high else f"{low}-{high}"


@dataclass(frozen=True, slots=True)
class AddressSet:
    """An immutable set of addresses: ascending intervals with a gap between each two."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def union(cls, intervals: Iterable[Interval]) -> "AddressSet":
        """The set of all addresses in any of `intervals`."""
        merged: list[Interval] = []
        for first, last in sorted(intervals):
            if merged and first <= merged[-1].last + 1:
                merged[-1] = Interval(merged[-1].first, max(merged[-1].last, last))
            else:
                merged.append(Interval(first, last))
        return cls(tuple(merged))

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self.intervals, address, key=_first) - 1
        return at >= 0 and address <= self.intervals[at].last

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    def of(self, family: Family) -> "AddressSet":
        """Those of one family."""
        low, high = (0, IPV6_BEGIN - 1) if family is Family.IPV4 else (IPV6_BEGIN, _LAST)
        clipped = (Interval(max(first, low), min(last, high)) for first, last in self.intervals)
        return AddressSet(tuple(own for own in clipped if own.first <= own.last))

    @property
    def size(self) -> int:
        """How many addresses the set holds."""
        return sum(last - first + 1 for first, last in self.intervals)


def _first(interval: Interval) -> int:
    return interval.first


class Occupancy:
    """The mutable set of the addresses in use, kept as runs of neighbours.

    Addresses are given lowest first, so tens of thousands of them make few runs, and the lowest
    free address of a range is found by one bisection: it follows the run that covers its start.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self._firsts, address) - 1
        return at >= 0 and address <= self._lasts[at]

    def add(self, address: int) -> None:
        """Mark an address as used. Doing it twice changes nothing."""
        firsts, lasts = self._firsts, self._lasts
        after = bisect_right(firsts, address)
        if after and address <= lasts[after - 1]:
            return
        joins_left = after > 0 and lasts[after - 1] == address - 1
        joins_right = after < len(firsts) and firsts[after] == address + 1
        if joins_left and joins_right:
            lasts[after - 1] = lasts.pop(after)
            del firsts[after]
        elif joins_left:
            lasts[after - 1] = address
        elif joins_right:
            firsts[after] = address
        else:
            firsts.insert(after, address)
            lasts.insert(after, address)

    def discard(self, address: int) -> None:
        """Mark an address as free. Doing it twice changes nothing."""
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, address) - 1
        if at < 0 or lasts[at] < address:
            return
        first, last = firsts[at], lasts[at]
        if first == last:
            del firsts[at], lasts[at]
        elif address == first:
            firsts[at] = address + 1
        elif address == last:
            lasts[at] = address - 1
        else:
            lasts[at] = address - 1
            firsts.insert(at + 1, address + 1)
            lasts.insert(at + 1, last)

    def lowest_free(self, among: AddressSet) -> int | None:
        """The lowest address of `among` that is not in use; None when all are."""
        for first, last in among:
            at = bisect_right(self._firsts, first) - 1
            candidate = first if at < 0 else max(first, self._lasts[at] + 1)
            if candidate <= last:
                return candidate
        return None

    def count(self, among: AddressSet) -> int:
        """How many addresses of `among` are in use."""
        return sum(self._count(first, last) for first, last in among)

    def _count(self, first: int, last: int) -> int:
        at = max(bisect_right(self._firsts, first) - 1, 0)
        until = bisect_right(self._firsts, last)
        return sum(
            max(0, min(last, self._lasts[run]) - max(first, self._firsts[run]) + 1)
            for run in range(at, until)
        )
