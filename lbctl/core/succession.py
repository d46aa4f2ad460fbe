"""The planner: which nodes may hold an address, and in which order they are to take it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType

from lbctl.core.addresses import Address
from lbctl.core.advertisements import EVERYWHERE, Announcing
from lbctl.core.outcomes import LeftOut
from lbctl.core.partners import Partnerships, watchers
from lbctl.core.speakers import Exclusion, NodeView, exclusion, rendezvous
from lbctl.core.virtualips import UNTIMED, Timings

LENGTH = 4
"""How many nodes a succession names, when there are so many. Each of them watches the address."""

WATCHERS = 2
"""So many partners of the holder, when it has them, are in the succession: they see it die."""

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
    outgoing: str | None = None
    """The node that holds the address and is to hand it to the first of the succession."""
    interfaces: tuple[str, ...] = ()
    """`spec.interfaces`."""
    announcement: Timings = UNTIMED
    """`spec.announcement`."""
    again_in: float | None = None
    """After so many seconds a plan may differ though nothing happens: ask again then."""

    @property
    def seeing(self) -> tuple[str, ...]:
        """The nodes that must see the VirtualIP: candidates, and who hands over."""
        extra = () if self.outgoing in (None, *self.succession) else (self.outgoing,)
        return (*self.succession, *extra)


class Loads:
    """How often each node is first, and how often it follows each other node, in all successions.

    `put` replaces what was counted for the address, `drop` forgets it; both may be repeated.
    """

    def __init__(self) -> None:
        self._successions: dict[Address, tuple[str, ...]] = {}
        self._firsts: Counter[str] = Counter()
        self._heirs: Counter[tuple[str, str]] = Counter()

    def put(self, address: Address, succession: tuple[str, ...]) -> None:
        self.drop(address)
        self._successions[address] = succession
        self._firsts.update(succession[:1])
        self._heirs.update(pairwise(succession))

    def drop(self, address: Address) -> None:
        succession = self._successions.pop(address, ())
        self._firsts.subtract(succession[:1])
        self._heirs.subtract(pairwise(succession))

    def firsts(self, node: str, *, besides: Address) -> int:
        """How many other addresses `node` takes when nobody holds them."""
        own = self._successions.get(besides)
        return self._firsts[node] - (own is not None and own[:1] == (node,))

    def heirs(self, before: str, node: str, *, besides: Address) -> int:
        """How many other addresses `node` takes next when `before` dies."""
        own = self._successions.get(besides)
        return self._heirs[before, node] - (own is not None and (before, node) in pairwise(own))


def plan(
    address: Address,
    *,
    current: tuple[str, ...],
    holder: str | None,
    nodes: Mapping[str, NodeView],
    loads: Loads,
    drawn: Partnerships = MappingProxyType({}),
    advertisement: Announcing = EVERYWHERE,
    endpoints: frozenset[str] | None = None,
    outgoing: str | None = None,
) -> SuccessionPlan:
    """Plan one address.

    Survivors keep their order, the holder is never dropped while it is eligible, and new nodes are
    appended: nothing here moves an address that works. Those who are appended are partners of the
    holder (of the first one while nobody holds), for they see it die; others only when there are
    too few.

    Args:
        address: the address to plan.
        current: its succession so far.
        holder: the node that announces it, as its status says.
        nodes: every node of the cluster, by name.
        loads: what the nodes carry already; this address's own share is not counted.
        drawn: who is whose partner.
        advertisement: how it is announced.
        endpoints: the nodes with a ready endpoint of its Service, with `externalTrafficPolicy`
            Local; None = it may be any node.
        outgoing: who hands it over already, by `spec.outgoing`.
    """
    judged = {
        name: exclusion(nodes[name], address) or _no_endpoint(name, endpoints)
        for name in sorted(nodes)
    }
    left_out = tuple(found for found in judged.values() if found is not None)
    eligible = [name for name, found in judged.items() if found is None]
    if not eligible:
        message = f"No node can announce {address}. {_told(left_out) or 'There are no nodes.'}"
        return SuccessionPlan(
            current,
            left_out,
            planned=False,
            message=message.strip(),
            outgoing=outgoing if holder == outgoing else None,
            interfaces=advertisement.interfaces,
            announcement=advertisement.timings,
        )
    able = frozenset(eligible)
    succession = [name for name in current if name in able]
    if holder in able and holder not in succession:
        succession.append(holder)
    _Tail(address, eligible, nodes, loads, drawn).append_to(succession, holder)
    message = f"In this order: {', '.join(succession)}. {_told(left_out)}"
    return SuccessionPlan(
        tuple(succession),
        left_out,
        planned=True,
        message=message.strip(),
        outgoing=outgoing if holder == outgoing and outgoing != succession[0] else None,
        interfaces=advertisement.interfaces,
        announcement=advertisement.timings,
    )


def _no_endpoint(node: str, endpoints: frozenset[str] | None) -> Exclusion | None:
    if endpoints is None or node in endpoints:
        return None
    return Exclusion(node, LeftOut.NO_ENDPOINT, "no ready endpoint of the Service is on it")


@dataclass(frozen=True, slots=True)
class _Tail:
    """Who is appended: so that nobody is first too often, and a dead node's load scatters."""

    address: Address
    eligible: list[str]
    nodes: Mapping[str, NodeView]
    loads: Loads
    drawn: Partnerships

    def append_to(self, succession: list[str], holder: str | None) -> None:
        """Fill the succession up to its length, and beyond that until the holder is watched."""
        if not succession:
            succession.append(min(self.eligible, key=self._burden))
        watching = self._watching(holder if holder in succession else succession[0])
        unseen = WATCHERS - sum(name in watching for name in succession)
        wanted = max(LENGTH - len(succession), unseen)
        self._append(min(wanted, LENGTH + WATCHERS - len(succession)), succession, watching)
        self._append(LENGTH - len(succession), succession, frozenset(self.eligible))

    def _append(self, count: int, succession: list[str], among: frozenset[str]) -> None:
        if count <= 0 or not among:
            return
        listed = frozenset(succession)
        able = (name for name in self.eligible if name in among and name not in listed)
        ranked = sorted(able, key=self._burden)
        for _ in range(min(count, len(ranked))):
            # Of those who inherit least from the last one, `min` returns the first: the least
            # loaded.
            heirs = partial(self.loads.heirs, succession[-1], besides=self.address)
            chosen = min(ranked, key=heirs)
            ranked.remove(chosen)
            succession.append(chosen)

    def _burden(self, node: str) -> tuple[int, int]:
        return (self.loads.firsts(node, besides=self.address), rendezvous(node, self.address))

    def _watching(self, node: str) -> frozenset[str]:
        return watchers(self.nodes[node], self.address, self.drawn) if self.drawn else frozenset()


def _told(left_out: tuple[Exclusion, ...]) -> str:
    if not left_out:
        return ""
    named = [str(one) for one in left_out[:_NAMED_AT_MOST]]
    if len(left_out) > _NAMED_AT_MOST:
        named.append(f"{len(left_out) - _NAMED_AT_MOST} more nodes")
    return f"Left out: {'; '.join(named)}."
