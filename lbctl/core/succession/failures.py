"""Which node is dead, so that its pods may be marked not ready: the judgement and its limits.

More than `lbctl.core.succession.deaths` asks for: a speaker that fell silent says nothing of its
node. Here at least two partners must have lost the node and found its own address silent, and none
may say otherwise; the operator's own look at the kubelet comes on top. Whoever marks pods not ready
takes traffic from them, so there are limits, and beyond them nothing is done.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from lbctl.core.objects.speakers import NodeView, PartnerReport
from lbctl.core.outcomes import Liveness, PartnerState, Spared

WORDS = 2
"""So many partners must have lost the node."""
FEWEST_NODES = 3
"""Of two nodes each could take the other for dead."""
WINDOW_SECONDS = 300.0
"""The time in which not more than a share of the nodes are marked."""
SHARE = 5
"""Not more than one node of so many; always one."""
MARKING_SECONDS = 10.0
"""A replica that began to mark a node's pods is done, or gone, after this time."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A node that at least one living partner has lost."""

    node: str
    words: tuple[str, ...]
    """The partners that lost it and found its own address silent."""
    spared: Spared | None
    """Why it is not dead by the word of its partners; None when it is."""

    @property
    def open(self) -> bool:
        """Whether it may be dead: it is, or the partners have not said all yet."""
        return self.spared in {None, Spared.TOO_FEW_WORDS}


def suspicions(nodes: Mapping[str, NodeView]) -> dict[str, Suspicion]:
    """The nodes that somebody has lost, by name, and whether they are dead for their partners.

    A witness counts while its speaker lives and it sees, with itself, more than half of its
    partners: when a whole LAN goes down nobody does, and nobody is accused.
    """
    seen = {name: rows for name, node in nodes.items() if (rows := _rows(node))}
    accusers: dict[str, set[str]] = defaultdict(set)
    for witness, rows in seen.items():
        if _credible(rows):
            for accused, said in rows.items():
                if _lost(said):
                    accusers[accused].add(witness)
    condemned = {name for name, words in accusers.items() if len(words) >= WORDS}
    return {
        name: _judge(name, frozenset(words - condemned), seen, condemned)
        for name, words in sorted(accusers.items())
        if name in nodes
    }


def alive(node: str, nodes: Mapping[str, NodeView]) -> bool:
    """Whether a partner that lives sees the node alive."""
    return any(_up(rows.get(node, ())) for name, one in nodes.items() if (rows := _rows(one)))


_Rows = Mapping[str, tuple[PartnerReport, ...]]
"""What a speaker says of each of its partners: a row for each of its interfaces."""


def _rows(node: NodeView) -> _Rows:
    """What the node's speaker says; nothing when it does not live."""
    speaker = node.speaker
    if speaker is None or not speaker.ready or node.liveness is not Liveness.FRESH:
        return {}
    rows: dict[str, tuple[PartnerReport, ...]] = {}
    for report in speaker.reports:
        rows[report.node] = (*rows.get(report.node, ()), report)
    return rows


def _up(said: tuple[PartnerReport, ...]) -> bool:
    return any(row.state is PartnerState.UP for row in said)


def _lost(said: tuple[PartnerReport, ...]) -> bool:
    """Whether a session was up and fell silent, and none is up. A planned stop is no loss."""
    return not _up(said) and any(row.state is PartnerState.DOWN for row in said)


def _credible(rows: _Rows) -> bool:
    seeing = 1 + sum(map(_up, rows.values()))
    return 2 * seeing > 1 + len(rows)


def _judge(
    node: str, words: frozenset[str], seen: Mapping[str, _Rows], condemned: set[str]
) -> Suspicion:
    witnesses = [rows[node] for name, rows in seen.items() if node in rows]
    trusted = [rows[node] for name, rows in seen.items() if node in rows and name not in condemned]
    silent = tuple(sorted(name for name in words if _silent(seen[name][node])))
    if any(map(_up, trusted)):
        return Suspicion(node, silent, Spared.SEEN_ALIVE)
    if any(row.answers for said in witnesses for row in said):
        return Suspicion(node, silent, Spared.ADDRESS_ANSWERS)
    return Suspicion(node, silent, None if len(silent) >= WORDS else Spared.TOO_FEW_WORDS)


def _silent(said: tuple[PartnerReport, ...]) -> bool:
    """Whether the node's own address was asked for, wherever a session was lost, and is silent."""
    lost = [row for row in said if row.state is PartnerState.DOWN]
    return bool(lost) and all(row.answers is False for row in lost)


def recent(marked: Mapping[str, float], now: float) -> dict[str, float]:
    """The nodes whose marking counts for the limit.

    The times were written by several machines' clocks. One that is wrong moves the limit by as much
    as that, and one that lies in a distant future, or past, counts for nothing.
    """
    return {node: at for node, at in marked.items() if abs(now - at) < WINDOW_SECONDS}


@dataclass(slots=True)
class Incidents:
    """The nodes that this process marked, and whether it may mark another one."""

    _open: dict[str, set[str]] = field(default_factory=dict)
    """The pods, by uid, that are done with, of each node that has not come back."""
    _under_way: str | None = None

    def admit(
        self, node: str, *, nodes: int, marked: Mapping[str, float], now: float
    ) -> Spared | None:
        """Why the node must not be marked now; None when it may be.

        Args:
            node: whom its partners and its kubelet's silence prove dead.
            nodes: how many nodes there are.
            marked: when pods of nodes were marked, by any replica (Unix seconds).
            now: Unix seconds.
        """
        if nodes < FEWEST_NODES:
            return Spared.TOO_FEW_NODES
        others = {name: at for name, at in recent(marked, now).items() if name != node}
        if len(others) >= max(1, nodes // SHARE):
            return Spared.LIMIT_REACHED
        elsewhere = any(
            now - at < MARKING_SECONDS and not self.is_done(name) for name, at in others.items()
        )
        if elsewhere or self._under_way not in {None, node}:
            return Spared.ONE_AT_A_TIME
        return None

    def begin(self, node: str) -> set[str]:
        """Take up a node. Returns the pods that are done with, to which the caller adds."""
        self._under_way = node
        return self._open.setdefault(node, set())

    def pods(self, node: str) -> frozenset[str]:
        """The pods of the node, by uid, that are done with."""
        return frozenset(self._open.get(node, ()))

    def done(self, node: str) -> None:
        """All pods of the node are done with: the next node may be taken up."""
        self._release(node)

    def is_done(self, node: str) -> bool:
        """Whether nothing is left to do for the node in this incident."""
        return node in self._open and self._under_way != node

    def over(self, node: str) -> bool:
        """The node lives, or is no more. True when that ends an incident."""
        self._release(node)
        return self._open.pop(node, None) is not None

    def nodes(self) -> tuple[str, ...]:
        """The nodes whose incident is not over."""
        return tuple(self._open)

    def _release(self, node: str) -> None:
        if self._under_way == node:
            self._under_way = None
