"""What a pool has of one family, and where to look for the next free address."""

from heapq import heappop, heappush

from lbctl.core.addresses import Family
from lbctl.core.intervals import AddressSet, Occupancy
from lbctl.core.objects.pools import PoolFinding, buggy_within, is_buggy

_REMEMBERED = 4096
"""So many freed addresses are remembered of a pool that nobody asks."""


class Shelf:
    """The addresses of one family in a pool.

    It remembers how far it is full, and what became free below that: addresses are given lowest
    first, so whoever looks for the next one does not pass again and again over what is given, or
    never is.
    """

    __slots__ = ("_freed", "_full_below", "avoids_buggy", "giveable", "named", "size", "total")

    def __init__(self, finding: PoolFinding, family: Family) -> None:
        self.named: AddressSet = finding.named.of(family)
        self.giveable: AddressSet = finding.giveable.of(family)
        self.avoids_buggy = finding.pool.avoid_buggy_ips
        self.total = self.named.size
        self.size = self.giveable.size
        """How many can be given while nobody uses them."""
        if self.avoids_buggy:
            self.size -= buggy_within(self.giveable)
        self._full_below = 0
        self._freed: list[int] = []
        """A heap with all that is free below that, and with some that is not."""

    def lowest_free(self, occupied: Occupancy) -> int | None:
        """The place of the lowest address that can be given; None without one."""
        while self._freed:
            if self._freed[0] not in occupied and self._gives(self._freed[0]):
                return self._freed[0]
            heappop(self._freed)
        found = occupied.lowest_free(self.giveable, self._full_below)
        while found is not None and self.avoids_buggy and is_buggy(found):
            found = occupied.lowest_free(self.giveable, found + 1)
        if found is not None:
            self._full_below = found
        elif self.giveable.intervals:
            self._full_below = self.giveable.intervals[-1].last + 1
        return found

    def freed(self, at: int) -> None:
        """Nobody uses the address at this place any more."""
        if at < self._full_below:
            heappush(self._freed, at)
        if len(self._freed) > _REMEMBERED:
            self._full_below = self._freed[0]
            self._freed.clear()

    def _gives(self, at: int) -> bool:
        return at in self.giveable and not (self.avoids_buggy and is_buggy(at))
