"""The planner: which nodes may hold an address, and in which order they are to take it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import pairwise

from lbctl.core.speakers import Exclusion, NodeView, exclusion, rendezvous

LENGTH = 4
"""How many nodes a succession names, when there are so many. Each of them watches the address."""

_NAMED_AT_MOST = 12
"""A message names so many nodes and counts the rest."""


@dataclass(frozen=True, slots=True)
class SuccessionPlan:
    """The succession of one address, and why it is so."""

    succession: tuple[str, ...]
    left_out: tuple[Exclusion, ...]
    """Every node that cannot announce the address, by name."""
    planned: bool
    """False when no node is eligible: then the succession is what it was (fail static)."""
    message: str
    """A sentence for the condition `Planned`."""


class Loads:
    """How often each node is first, and how often it follows each other node, in all successions.

    `put` replaces what was counted for the address, `drop` forgets it; both may be repeated.
    """

    def __init__(self) -> None:
        self._successions: dict[IPv4Address, tuple[str, ...]] = {}
        self._firsts: Counter[str] = Counter()
        self._heirs: Counter[tuple[str, str]] = Counter()

    def put(self, address: IPv4Address, succession: tuple[str, ...]) -> None:
        self.drop(address)
        self._successions[address] = succession
        self._firsts.update(succession[:1])
        self._heirs.update(pairwise(succession))

    def drop(self, address: IPv4Address) -> None:
        succession = self._successions.pop(address, ())
        self._firsts.subtract(succession[:1])
        self._heirs.subtract(pairwise(succession))

    def firsts(self, node: str, *, besides: IPv4Address) -> int:
        """How many other addresses `node` takes when nobody holds them."""
        own = self._successions.get(besides)
        return self._firsts[node] - (own is not None and own[:1] == (node,))

    def heirs(self, before: str, node: str, *, besides: IPv4Address) -> int:
        """How many other addresses `node` takes next when `before` dies."""
        own = self._successions.get(besides)
        return self._heirs[before, node] - (own is not None and (before, node) in pairwise(own))


def plan(
    address: IPv4Address,
    *,
    current: tuple[str, ...],
    holder: str | None,
    nodes: Mapping[str, NodeView],
    loads: Loads,
) -> SuccessionPlan:
    """Plan one address.

    Survivors keep their order, the holder is never dropped while it is eligible, and new nodes are
    appended: nothing here moves an address that works.

    Args:
        address: the address to plan.
        current: its succession so far.
        holder: the node that announces it, as its status says.
        nodes: every node of the cluster, by name.
        loads: what the nodes carry already; this address's own share is not counted.
    """
    judged = {name: exclusion(nodes[name], address) for name in sorted(nodes)}
    left_out = tuple(found for found in judged.values() if found is not None)
    eligible = [name for name, found in judged.items() if found is None]
    if not eligible:
        message = f"No node can announce {address}. {_told(left_out) or 'There are no nodes.'}"
        return SuccessionPlan(current, left_out, planned=False, message=message.strip())
    able = frozenset(eligible)
    succession = [name for name in current if name in able]
    if holder in able and holder not in succession:
        succession.append(holder)
    if len(succession) < LENGTH:
        listed = frozenset(succession)
        _append((name for name in eligible if name not in listed), succession, address, loads)
    message = f"In this order: {', '.join(succession)}. {_told(left_out)}"
    return SuccessionPlan(tuple(succession), left_out, planned=True, message=message.strip())


def _append(
    newcomers: Iterable[str],
    succession: list[str],
    address: IPv4Address,
    loads: Loads,
) -> None:
    """Fill the succession up, so that nobody is first too often and a dead node's load scatters."""

    def burden(node: str) -> tuple[int, int]:
        return (loads.firsts(node, besides=address), rendezvous(node, address))

    def inherited(node: str) -> int:
        return loads.heirs(succession[-1], node, besides=address) if succession else 0

    ranked = sorted(newcomers, key=burden)
    while ranked and len(succession) < LENGTH:
        # Of those who inherit least from the last one, `min` returns the first: the least loaded.
        chosen = min(ranked, key=inherited)
        ranked.remove(chosen)
        succession.append(chosen)


def _told(left_out: tuple[Exclusion, ...]) -> str:
    if not left_out:
        return ""
    named = [str(one) for one in left_out[:_NAMED_AT_MOST]]
    if len(left_out) > _NAMED_AT_MOST:
        named.append(f"{len(left_out) - _NAMED_AT_MOST} more nodes")
    return f"Left out: {'; '.join(named)}."
