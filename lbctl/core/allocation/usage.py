"""Which addresses are used: by which namespaces, and why some of them though no Service has them.

Counted as they come and go, so that no question costs a look at all of them. Addresses are known by
their places.
"""

from collections import defaultdict
from collections.abc import Mapping

from lbctl.core.allocation.stock import Shelf
from lbctl.core.intervals import AddressSet, Occupancy
from lbctl.core.objects.pools import is_buggy
from lbctl.core.objects.virtualips import Kept


class Usage:
    """The used addresses."""

    def __init__(self) -> None:
        self._all = Occupancy()
        self._buggy = Occupancy()
        """Of those, the ones that end in .0 or .255."""
        self._of: defaultdict[str, Occupancy] = defaultdict(Occupancy)
        """Those that the Services of a namespace have."""
        self._kept: dict[Kept, Occupancy] = {reason: Occupancy() for reason in Kept}

    def mark(self, at: int, *, used: bool) -> None:
        """The address at a place is used, or is not."""
        change = Occupancy.add if used else Occupancy.discard
        change(self._all, at)
        if is_buggy(at):
            change(self._buggy, at)

    def change_namespaces(self, at: int, before: set[str], after: set[str]) -> None:
        """The Services of other namespaces than before have it."""
        for namespace in after - before:
            self._of[namespace].add(at)
        for namespace in before - after:
            self._of[namespace].discard(at)
            if not self._of[namespace]:
                del self._of[namespace]

    def keep(self, at: int, why: Kept) -> None:
        """No Service has it, and it is not given all the same."""
        self._kept[why].add(at)

    def keep_no_more(self, at: int, why: Kept) -> None:
        self._kept[why].discard(at)

    def count(self, addresses: AddressSet) -> int:
        """How many of these are used."""
        return self._all.count(addresses)

    def kept(self, addresses: AddressSet) -> Mapping[Kept, int]:
        """How many of these no Service has, by why they are not given all the same."""
        return {why: occupancy.count(addresses) for why, occupancy in self._kept.items()}

    def count_of(self, namespace: str, addresses: AddressSet) -> int:
        """How many of these the Services of a namespace have."""
        used = self._of.get(namespace)
        return 0 if used is None else used.count(addresses)

    def has(self, namespace: str, at: int) -> bool:
        """Whether a Service of the namespace has the address."""
        used = self._of.get(namespace)
        return used is not None and at in used

    def free(self, shelf: Shelf) -> int:
        """How many addresses of a shelf can be given."""
        used = self._all.count(shelf.giveable)
        if shelf.avoids_buggy:
            used -= self._buggy.count(shelf.giveable)
        return shelf.size - used

    def lowest_free(self, shelf: Shelf) -> int | None:
        """The place of the lowest of them; None without one."""
        return shelf.lowest_free(self._all)
