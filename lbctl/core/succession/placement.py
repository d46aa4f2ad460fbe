"""Where an address is placed: what nodes carry already, and who comes next.

Nobody is loaded far above the average while somebody else is below it, whatever is preferred; a
dead node's addresses scatter over many heirs, in other zones than those that are listed before.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from lbctl.core.addresses import Address
from lbctl.core.objects.speakers import NodeView, lowest
from lbctl.core.succession.eligibility import Judgement


class Loads:
    """How often each node is first, and how often it follows each other node, in all successions.

    `put` replaces what was counted for the address, `drop` forgets it; both may be repeated.
    """

    def __init__(self) -> None:
        self._orders: dict[Address, tuple[str, ...]] = {}
        self._firsts: Counter[str] = Counter()
        self._heirs: Counter[tuple[str, str]] = Counter()
        self._bequests: Counter[str] = Counter()
        self._next: Counter[tuple[str, str]] = Counter()

    def put(self, address: Address, succession: tuple[str, ...], holder: str | None = None) -> None:
        """Count an address.

        Args:
            address: the address.
            succession: its succession.
            holder: who holds it, unless it is handed over to the first of the succession just now.
        """
        self.drop(address)
        order = succession
        if holder in succession[1:]:
            order = (holder, *(node for node in succession if node != holder))
        self._orders[address] = order
        self._firsts.update(order[:1])
        self._heirs.update(pairwise(order))
        self._bequests.update(order[:-1])
        self._next.update(pairwise(order[:2]))

    def drop(self, address: Address) -> None:
        order = self._orders.pop(address, ())
        self._firsts.subtract(order[:1])
        self._heirs.subtract(pairwise(order))
        self._bequests.subtract(order[:-1])
        self._next.subtract(pairwise(order[:2]))

    def firsts(self, node: str, *, besides: Address | None = None) -> int:
        """How many other addresses `node` holds, or takes when nobody holds them."""
        own = () if besides is None else self._orders.get(besides, ())
        return self._firsts[node] - (own[:1] == (node,))

    def carried(self, nodes: Iterable[str], *, besides: Address) -> dict[str, int]:
        """`firsts` of many nodes at once."""
        counts = self._firsts
        found = {node: counts.get(node, 0) for node in nodes}
        own = self._orders.get(besides, ())
        if own and own[0] in found:
            found[own[0]] -= 1
        return found

    def next_of(self, first: str, node: str, *, besides: Address) -> int:
        """How many other addresses `node` takes when `first` dies, which is first."""
        own = self._orders.get(besides, ())
        return self._next[first, node] - (own[:2] == (first, node))

    def heirs(self, before: str, node: str, *, besides: Address) -> int:
        """For how many other addresses `node` follows `before`, wherever they stand."""
        own = self._orders.get(besides, ())
        return self._heirs[before, node] - ((before, node) in pairwise(own))

    def bequests(self, before: str, *, besides: Address) -> int:
        """For how many other addresses somebody follows `before`."""
        own = self._orders.get(besides, ())
        return self._bequests[before] - (before in own[:-1])


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one address may go."""

    address: Address
    judged: Judgement
    nodes: Mapping[str, NodeView]
    loads: Loads
    beside: tuple[tuple[str, ...], ...] = ()
    """The successions of the other addresses of its Services: they prefer the same nodes."""

    def first(self, among: Iterable[str] | None = None) -> str:
        """The node to place the address on: of all that are eligible, unless `among` says.

        One after the other: without a doubt, below the bound, preferred, beside the Service's
        other address, updated, least loaded; each step looks at those only that the last one left.
        """
        carried = self.loads.carried(self.judged.eligible, besides=self.address)
        bound = self.bound(sum(carried.values()))
        left = [*(carried if among is None else among)]
        if self.judged.doubted:
            left = [node for node in left if node not in self.judged.doubted] or left
        left = [node for node in left if carried[node] < bound] or left
        if weights := self.judged.weights:
            heaviest = max(weights.get(node, 0) for node in left)
            left = [node for node in left if weights.get(node, 0) == heaviest]
        left = [node for node in left if node in self._beside(0)] or left
        left = [node for node in left if self.nodes[node].updated] or left
        least = min(carried[node] for node in left)
        return lowest([node for node in left if carried[node] == least], self.address)

    def _beside(self, position: int) -> frozenset[str]:
        """The nodes that stand there for the other addresses of its Services."""
        return frozenset(order[position] for order in self.beside if position < len(order))

    def with_room(self, among: list[str]) -> list[str]:
        """The nodes that the address lifts no higher than the bound."""
        if not among:
            return []
        carried = self.loads.carried(self.judged.eligible, besides=self.address)
        bound = self.bound(sum(carried.values()))
        return [node for node in among if carried[node] < bound]

    def bound(self, carried: int) -> int:
        """So many addresses a node may have while another has fewer: ceil(all / nodes) + 1."""
        return -(-(carried + 1) // len(self.judged.eligible)) + 1

    def next_after(self, listed: list[str], among: Iterable[str]) -> str | None:
        """Who takes the address when those that are listed, and last the last, are dead.

        Args:
            listed: the succession so far, not empty.
            among: the nodes to choose from; the eligible ones that are not listed count.
        """
        named = frozenset(listed)
        able = [node for node in among if node in self.judged.able and node not in named]
        if not able:
            return None
        last, zones = listed[-1], {self.nodes[node].zone for node in listed} - {""}
        # Whoever dies spreads what it had over all that may follow it, listed already or not.
        followers = len(able) + len(listed) - 1
        at_once = len(listed) == 1
        left = (self.loads.firsts if at_once else self.loads.bequests)(last, besides=self.address)
        inherited = self.loads.next_of if at_once else self.loads.heirs
        share = -(-(left + 1) // followers) + 1

        beside = self._beside(len(listed))

        def rank(node: str) -> tuple[bool, bool, int, bool, bool, int, int]:
            inherits = inherited(last, node, besides=self.address)
            return (
                node in self.judged.doubted,
                inherits + 1 > share,
                -self.judged.weights.get(node, 0),
                node not in beside,
                self.nodes[node].zone in zones,
                inherits,
                self.loads.firsts(node, besides=self.address),
            )

        ranked = [(rank(node), node) for node in able]
        best = min(one for one, _ in ranked)
        return lowest([node for one, node in ranked if one == best], self.address)
