"""Rebalancing on request: which addresses move next, few at a time, until nodes carry alike.

Nothing is moved unasked: nodes that join stay empty until new addresses come. Whoever carries a
request out asks `next_step` again and again, and hands each node on to `plan(wanted=...)`, until
there is nothing left to move and no move is under way. Nothing of it is remembered: what is under
way says `spec.outgoing`, and what is left to do the nodes' loads.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from lbctl.core.addresses import Address, place
from lbctl.core.objects.speakers import rendezvous
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import RebalancedReason
from lbctl.core.succession.eligibility import Judgement
from lbctl.core.succession.placement import Loads

AT_A_TIME = 5
"""So many addresses move at once though their holders are well."""

STEP_PAUSE = 2.0
"""Seconds between the end of some moves and the next ones."""


@dataclass(frozen=True, slots=True)
class Move:
    """One address that is to move."""

    address: Address
    to: str
    """The node that it is handed over to."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a request is, and what is to move next."""

    reason: RebalancedReason
    message: str
    """For the condition `Rebalanced`: a sentence for a person."""
    moves: tuple[Move, ...] = ()
    """Empty while others are under way."""

    @property
    def done(self) -> bool:
        return self.reason is RebalancedReason.BALANCED


Judge = Callable[[VirtualIPView], Judgement | None]
"""Who may announce an address; None while nobody can tell, or nobody is to."""


def next_step(
    virtual_ips: Collection[VirtualIPView],
    judge: Judge,
    loads: Loads,
    *,
    nodes: Iterable[str],
    wanted: Collection[Address] = (),
) -> Step:
    """What is to be done for a request: wait until all former moves were made, move, or nothing.

    Args:
        virtual_ips: the addresses of the pool that Services have.
        judge: who may announce each.
        loads: what all nodes carry.
        nodes: all of them.
        wanted: the addresses whose moves were asked for and are not planned yet.
    """
    under_way = [
        f"{one.address} to {one.succession[0]}"
        for one in sorted(virtual_ips, key=lambda one: place(one.address))
        if one.outgoing is not None and one.succession
    ]
    said = _carried(loads, nodes)
    if under_way or any(one.address in wanted for one in virtual_ips):
        more = len(under_way) - AT_A_TIME
        tail = f" and {more} more" if more > 0 else ""
        listed = ", ".join(under_way[:AT_A_TIME]) or "the next ones"
        return Step(RebalancedReason.MOVING, f"Under way: {listed}{tail}. {said}")
    moves = next_moves(virtual_ips, judge, loads)
    if moves:
        return Step(RebalancedReason.MOVING, f"More is to move. {said}", moves)
    return Step(RebalancedReason.BALANCED, f"No move makes it more even. {said}")


def _carried(loads: Loads, nodes: Iterable[str]) -> str:
    """The extremes of what nodes carry, of all pools."""
    counts = sorted((loads.firsts(node), node) for node in nodes)
    if not counts:
        return "There are no nodes."
    (least, emptiest), (most, fullest) = counts[0], counts[-1]
    return f"Nodes carry from {least} ({emptiest}) to {most} ({fullest}) addresses of all pools."


def next_moves(
    virtual_ips: Iterable[VirtualIPView],
    judge: Judge,
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
        judged = judge(one) if one.outgoing is None else None
        if judged is None or one.holder not in judged.able or one.holder in judged.doubted:
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
