"""Who claims an address that an older one has claimed already. A sweep: n log n for n ranges."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from lbctl.core.intervals import Interval


class Claim(NamedTuple):
    """A range of addresses that something has, or wants."""

    interval: Interval
    seniority: tuple[str, str]
    """Of two that overlap, the lower one keeps the addresses."""
    owner: str
    text: str
    """What the range is called in a message."""

    @property
    def rank(self) -> tuple[tuple[str, str], str]:
        return (self.seniority, self.owner)


class Overlap(NamedTuple):
    """A range, and the older one that it overlaps."""

    own: Claim
    older: Claim


def overlaps(claims: Iterable[Claim]) -> dict[str, Overlap]:
    """For each owner that overlaps an older one: the first such pair, from the lowest address up.

    Claims of one owner do not conflict. The order in which they are given says nothing.
    """
    ordered = sorted(claims)
    ranks = {rank: at for at, rank in enumerate(sorted({claim.rank for claim in ordered}))}
    sweep = _Sweep(ordered, [ranks[claim.rank] for claim in ordered])
    for at in range(len(ordered)):
        sweep.open(at)
    return sweep.found


@dataclass(slots=True)
class _Sweep:
    """The ranges that are open at one address: two heaps, from which what has ended goes late."""

    claims: list[Claim]
    ranks: list[int]
    found: dict[str, Overlap] = field(default_factory=dict)
    oldest: list[tuple[int, int]] = field(default_factory=list)
    newest: list[tuple[int, int]] = field(default_factory=list)
    """Of these, nobody has been found to overlap an older one yet."""

    def open(self, at: int) -> None:
        """The next range begins."""
        current, rank = self.claims[at], self.ranks[at]
        while self.oldest and self._ended(self.oldest[0][1], current):
            heappop(self.oldest)
        if self.oldest and self.oldest[0][0] < rank:
            self._find(current, self.claims[self.oldest[0][1]])
        while self.newest:
            other = self.newest[0][1]
            if not self._ended(other, current):
                if self.ranks[other] <= rank:
                    break
                self._find(self.claims[other], current)
            heappop(self.newest)
        heappush(self.oldest, (rank, at))
        if current.owner not in self.found:
            heappush(self.newest, (-rank, at))

    def _ended(self, at: int, current: Claim) -> bool:
        return self.claims[at].interval.last < current.interval.first

    def _find(self, newer: Claim, older: Claim) -> None:
        self.found.setdefault(newer.owner, Overlap(newer, older))
