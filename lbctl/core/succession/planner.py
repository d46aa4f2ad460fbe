"""The planner: which nodes may hold an address, in which order they take it, and who hands over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lbctl.core.addresses import Address
from lbctl.core.objects.advertisements import EVERYWHERE, Announcing
from lbctl.core.objects.speakers import Exclusion, NodeView
from lbctl.core.objects.virtualips import UNTIMED, Timings
from lbctl.core.outcomes import PlannedReason
from lbctl.core.succession.eligibility import Cluster, Judgement
from lbctl.core.succession.partners import Partnerships, watchers
from lbctl.core.succession.placement import Loads, Placement

LENGTH = 4
"""How many nodes a succession names, when there are so many. Each of them watches the address."""

WATCHERS = 2
"""So many partners of the holder, when it has them, are in the succession: they see it die."""

ROOM_PAUSE = 2.0
"""Seconds until an address asks again that must wait for others to have moved."""


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
    reason: PlannedReason = PlannedReason.PLANNED
    """The reason of that condition."""
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


def plan(
    address: Address,
    *,
    current: tuple[str, ...],
    holder: str | None,
    nodes: Mapping[str, NodeView],
    loads: Loads,
    drawn: Partnerships = MappingProxyType({}),
    advertisement: Announcing | None = EVERYWHERE,
    endpoints: frozenset[str] | None = None,
    outgoing: str | None = None,
    interfaces: tuple[str, ...] = (),
    timings: Timings = UNTIMED,
    wanted: str | None = None,
    room: bool = True,
    beside: tuple[tuple[str, ...], ...] = (),
    now: float = 0.0,
) -> SuccessionPlan:
    """Plan one address.

    Survivors keep their order, the holder is never dropped while it is eligible, and new nodes are
    appended: no death moves an address that works. Those who are appended are partners of the
    holder (of the first one while nobody holds), for they see it die; others only when there are
    too few.

    A holder that lives and must not go on, and one from whom the address is to move, hand over: the
    plan names another node first and the holder as outgoing, until that one holds it.

    Args:
        address: the address to plan.
        current: its succession so far.
        holder: the node that announces it, as its status says.
        nodes: every node of the cluster, by name. A `Cluster` keeps what was judged of them for the
            next address, and knows the partners.
        loads: what the nodes carry already; this address's own share is not counted.
        drawn: who is whose partner, when `nodes` is no `Cluster`.
        advertisement: how it is announced; None when there are L2Advertisements and none matches.
        endpoints: the nodes with a ready endpoint of its Service, with `externalTrafficPolicy`
            Local; None = it may be any node.
        outgoing: who hands it over already, by `spec.outgoing`.
        interfaces: its `spec.interfaces` so far, which stay when it is not advertised any more, or
            when nobody can announce it.
        timings: its `spec.announcement` so far, likewise.
        wanted: the node that it is to be moved to, if that can announce it.
        room: whether it may begin to fail back now: only few addresses do at a time.
        beside: the successions of the other addresses of its Services, who holds each first.
        now: monotonic seconds.
    """
    cluster = nodes if isinstance(nodes, Cluster) else Cluster(nodes, drawn)
    announcing = advertisement or Announcing(interfaces=interfaces, timings=timings)
    planner = _Planner(
        address,
        cluster,
        announcing,
        cluster.judge(address, announcing, endpoints),
        loads,
        beside,
        wanted=wanted,
        room=room,
        now=now,
    )
    under_way = outgoing if outgoing == holder else None
    if advertisement is None:
        return planner.stays(current, under_way, PlannedReason.NOT_ADVERTISED)
    if not planner.judged.sure:
        stays = planner.stays(current, under_way, PlannedReason.NO_ELIGIBLE_SPEAKER)
        # An interface that no node has must not silence the one who answers on another.
        return replace(stays, interfaces=interfaces) if current else stays
    return planner.plan(current, holder, under_way)


@dataclass(frozen=True, slots=True)
class _Planner:
    """Plans one address, for which the nodes have been judged."""

    address: Address
    cluster: Cluster
    announcing: Announcing
    judged: Judgement
    loads: Loads
    beside: tuple[tuple[str, ...], ...]
    wanted: str | None
    room: bool
    now: float

    @property
    def placement(self) -> Placement:
        return Placement(self.address, self.judged, self.cluster, self.loads, self.beside)

    def stays(
        self, current: tuple[str, ...], outgoing: str | None, reason: PlannedReason
    ) -> SuccessionPlan:
        """Fail static: the plan is what it was, whatever is held against whom."""
        if reason is PlannedReason.NOT_ADVERTISED:
            said = (
                f"No L2Advertisement is about {self.address}: its plan stays as it was. "
                "Compare ipAddressPools and serviceSelectors of the L2Advertisements."
            )
        else:
            told = self.judged.told or "There are no nodes."
            said = f"No node can announce {self.address}. {self._remarked(told)}"
        return self._made(current, outgoing, said, reason)

    def _remarked(self, said: str) -> str:
        return " ".join((said, *self.announcing.remarks)).strip()

    def plan(
        self, current: tuple[str, ...], holder: str | None, under_way: str | None
    ) -> SuccessionPlan:
        """Plan, when a node can surely announce."""
        succession = [node for node in current if node in self.judged.able]
        if holder is None or holder not in self.judged.able:
            leaves = holder if holder in self.judged.able_to_hand_over else None
            return self._handed_over(succession, leaves)
        if holder not in succession:
            succession.append(holder)
        if under_way is not None and succession[0] != holder and succession[0] == current[0]:
            return self._finished(succession, holder, None)
        target, again_in = self._target(holder)
        if target is None:
            return self._finished(succession, None, again_in, anchor=holder)
        return self._finished(self._moved(succession, target, holder), holder, None)

    def _handed_over(self, succession: list[str], leaves: str | None) -> SuccessionPlan:
        """Nobody who may holds it. If it is held by somebody who may not, they hand it over."""
        sure = [node for node in succession if node not in self.judged.mute]
        if leaves is not None and sure and sure[0] != succession[0]:
            succession.remove(sure[0])
            succession.insert(0, sure[0])
        if not succession or (leaves is not None and not sure):
            succession.insert(0, self.placement.first())
        return self._finished([*dict.fromkeys(succession)], leaves, None)

    def _target(self, holder: str) -> tuple[str | None, float | None]:
        """Where it moves to though its holder is well, and when to ask again."""
        wanted = self.wanted
        if wanted is not None and wanted != holder and wanted in self.judged.able:
            return (None if wanted in self.judged.doubted else wanted), None
        after, weights = self.announcing.fail_back_after, self.judged.weights
        if after is None:
            return None, None
        own = weights.get(holder, 0)
        better = [
            node
            for node in self.judged.eligible
            if weights.get(node, 0) > own and node not in self.judged.doubted
        ]
        better = self.placement.with_room(better)
        if not better:
            return None, None
        best = self.placement.first(better)
        remaining = after - self.cluster.standing.well_for(best, self.now)
        if remaining > 0:
            return None, remaining
        return (best, None) if self.room else (None, ROOM_PAUSE)

    def _moved(self, succession: list[str], target: str, holder: str) -> list[str]:
        """The target first, then the holder and those who watch the target, as they stood."""
        watching = self._watching(target) or frozenset(succession)
        rest = [node for node in succession if node == holder or node in watching - {target}]
        surplus = [node for node in rest if node != holder][LENGTH - 2 :]
        return [target, *(node for node in rest if node not in surplus)]

    def _finished(
        self,
        succession: list[str],
        outgoing: str | None,
        again_in: float | None,
        anchor: str | None = None,
    ) -> SuccessionPlan:
        """Fill the succession up to its length, and beyond that until the holder is watched."""
        if not succession:
            succession.append(self.placement.first())
        watching = self._watching(anchor or succession[0])
        unseen = WATCHERS - sum(node in watching for node in succession)
        wanted = max(LENGTH - len(succession), unseen)
        self._append(min(wanted, LENGTH + WATCHERS - len(succession)), succession, watching)
        self._append(LENGTH - len(succession), succession, self.judged.eligible)
        disobeyed = bool(self.judged.disobeyed or self.announcing.remarks)
        reason = PlannedReason.RULE_NOT_OBEYED if disobeyed else PlannedReason.PLANNED
        handed = "" if outgoing is None else f"{outgoing} hands over to {succession[0]}. "
        said = f"In this order: {', '.join(succession)}. {handed}{self._remarked(self.judged.told)}"
        return self._made(tuple(succession), outgoing, said, reason, again_in)

    def _append(
        self, count: int, succession: list[str], among: tuple[str, ...] | frozenset[str]
    ) -> None:
        for _ in range(count):
            node = self.placement.next_after(succession, among)
            if node is None:
                return
            succession.append(node)

    def _watching(self, node: str) -> frozenset[str]:
        drawn = self.cluster.drawn
        if not drawn:
            return frozenset()
        return watchers(self.cluster[node], self.address, drawn, self.announcing.interfaces)

    def _made(
        self,
        succession: tuple[str, ...],
        outgoing: str | None,
        message: str,
        reason: PlannedReason,
        again_in: float | None = None,
    ) -> SuccessionPlan:
        return SuccessionPlan(
            succession,
            self.judged.left_out,
            planned=reason in {PlannedReason.PLANNED, PlannedReason.RULE_NOT_OBEYED},
            message=message.strip(),
            reason=reason,
            outgoing=outgoing if succession and outgoing != succession[0] else None,
            interfaces=self.announcing.interfaces,
            announcement=self.announcing.timings,
            again_in=again_in,
        )
