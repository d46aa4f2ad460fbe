"""Rebalancing on request: which addresses move next, few at a time, until nodes carry alike.

Nothing is moved unasked: nodes that join stay empty until new addresses come. Whoever carries a
request out asks `next_moves` again and again, and hands each node on to `plan(wanted=...)`, until
there is nothing left to move and no move is under way. Nobody does yet: see docs/operator.md.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lbctl.core.addresses import Address, place
from lbctl.core.eligibility import Judgement
from lbctl.core.placement import Loads
from lbctl.core.speakers import rendezvous
from lbctl.core.virtualips import VirtualIPView

AT_A_TIME = 5
"""So many addresses of a pool are handed over at once."""


@dataclass(frozen=True, slots=True)
class Move:
    """One address that is to move."""

    address: Address
    to: str
    """The node that it is handed over to."""


def next_moves(
    virtual_ips: Iterable[VirtualIPView],
    judge: Callable[[VirtualIPView], Judgement],
    loads: Loads,
    *,
    at_a_time: int = AT_A_TIME,
) -> tuple[Move, ...]:
    """The next moves. None, when nodes carry alike or as many moves are under way already.

    An address goes from the node that carries most to one that carries at least two less, is
    preferred as much, and against which nothing is held.

    Args:
        virtual_ips: the addresses that may move.
        judge: who may announce each.
        loads: what all nodes carry, these addresses included.
        at_a_time: moves that may be under way together.
    """
    known = sorted(virtual_ips, key=lambda one: place(one.address))
    free = at_a_time - sum(one.outgoing is not None for one in known)
    carried = _Carried(loads)
    least: dict[int, int] = {}
    """The lowest load of each judgement, which thousands of addresses share."""
    moves: list[Move] = []
    for one in sorted(known, key=lambda each: -carried[each.holder or ""]):
        if len(moves) >= free:
            break
        judged = judge(one)
        if one.outgoing is not None or one.holder not in judged.able - judged.doubted:
            continue
        if id(judged) not in least:
            least[id(judged)] = min(carried[node] for node in judged.eligible)
        if carried[one.holder] <= least[id(judged)] + 1:
            continue  # Nobody eligible carries less by two.
        target = _target(one.address, one.holder, judged, carried)
        if target is not None:
            carried.move(one.holder, target)
            least.clear()
            moves.append(Move(one.address, target))
    return tuple(moves)


class _Carried:
    """What nodes carry, with the moves that were chosen already."""

    def __init__(self, loads: Loads) -> None:
        self._loads = loads
        self._moved: dict[str, int] = {}

    def __getitem__(self, node: str) -> int:
        return self._loads.firsts(node) + self._moved.get(node, 0)

    def move(self, one: str, other: str) -> None:
        self._moved[one] = self._moved.get(one, 0) - 1
        self._moved[other] = self._moved.get(other, 0) + 1


def _target(address: Address, holder: str, judged: Judgement, carried: _Carried) -> str | None:
    weight = judged.weights.get(holder, 0)
    below = [
        node
        for node in judged.eligible
        if carried[node] + 1 < carried[holder]
        and judged.weights.get(node, 0) == weight
        and node not in judged.doubted
    ]
    return min(below, key=lambda node: (carried[node], rendezvous(node, address)), default=None)
