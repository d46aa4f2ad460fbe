"""Sets of addresses as sorted intervals of their places on the line of all addresses."""

from bisect import bisect_left, bisect_right
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
        at = bisect_right(self.intervals, (address, _LAST)) - 1
        return at >= 0 and address <= self.intervals[at].last

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    def minus(self, others: "AddressSet") -> "AddressSet":
        """Those that are not in `others`."""
        if not others.intervals:
            return self
        kept: list[Interval] = []
        for first, last in self.intervals:
            start = first
            for gone in others.touching(first, last):
                if start < gone.first:
                    kept.append(Interval(start, gone.first - 1))
                start = gone.last + 1
            if start <= last:
                kept.append(Interval(start, last))
        return AddressSet(tuple(kept))

    def touching(self, first: int, last: int) -> Iterator[Interval]:
        """The intervals of the set that have an address from `first` to `last`, ascending."""
        for index in range(max(self.beginning_below(first), 0), len(self.intervals)):
            if self.intervals[index].first > last:
                return
            if self.intervals[index].last >= first:
                yield self.intervals[index]

    def beginning_below(self, address: int) -> int:
        """The index of the last interval that begins at the address or below; -1 without one."""
        return bisect_right(self.intervals, (address, _LAST)) - 1

    def of(self, family: Family) -> "AddressSet":
        """Those of one family."""
        low, high = (0, IPV6_BEGIN - 1) if family is Family.IPV4 else (IPV6_BEGIN, _LAST)
        clipped = (Interval(max(first, low), min(last, high)) for first, last in self.intervals)
        return AddressSet(tuple(own for own in clipped if own.first <= own.last))

    @property
    def size(self) -> int:
        """How many addresses the set holds."""
        return sum(last - first + 1 for first, last in self.intervals)


class Occupancy:
    """The mutable set of the addresses in use, as their places in ascending order.

    Every question is answered by bisection, whatever is in use and however it is scattered: the
    places from an index on are neighbours for as long as they grow as fast as the index does.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, address: int) -> bool:
        at = bisect_left(self._places, address)
        return at < len(self._places) and self._places[at] == address

    def add(self, address: int) -> None:
        """Mark an address as used. Doing it twice changes nothing."""
        at = bisect_left(self._places, address)
        if at == len(self._places) or self._places[at] != address:
            self._places.insert(at, address)

    def discard(self, address: int) -> None:
        """Mark an address as free. Doing it twice changes nothing."""
        at = bisect_left(self._places, address)
        if at < len(self._places) and self._places[at] == address:
            del self._places[at]

    def lowest_free(self, among: AddressSet, start: int = 0) -> int | None:
        """The lowest address of `among`, from `start` up, that is not in use; None without one."""
        for index in range(max(among.beginning_below(start), 0), len(among.intervals)):
            first, last = among.intervals[index]
            candidate = self._behind_run(max(first, start))
            if candidate <= last:
                return candidate
        return None

    def count(self, among: AddressSet) -> int:
        """How many addresses of `among` are in use."""
        places = self._places
        return sum(bisect_right(places, last) - bisect_left(places, first) for first, last in among)

    def _behind_run(self, address: int) -> int:
        """The first address from this one up that is not in use."""
        places = self._places
        begin = bisect_left(places, address)
        lead = address - begin
        end = bisect_right(range(begin, len(places)), lead, key=lambda at: places[at] - at)
        return address + end
