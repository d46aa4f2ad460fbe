"""From the news about a peer to what it means for each address.

The interface is judged first: a peer that falls silent while nothing else is heard either may be
alive, and this node the one that is cut off.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from speaker.messages import Peer, Plan
from speaker.wire import watch
from speaker.wire.keeper import Keeper
from speaker.wire.liveness import Kind, Liveness, News
from speaker.wire.neighbors import packed, peer_mac
from speaker.wire.ports import Kept
from speaker.wire.vitals import Vitals

_log: Final = logging.getLogger("speaker.wire")

SILENCE_SECONDS: Final = 0.15
"""Something is heard more often than this from peers that live: 100 ms, and a late wake-up."""

GRACE_SECONDS: Final = 0.2
"""For hosts that are called to answer, before this node believes that it is cut off."""

CALL_SECONDS: Final = 1.0
"""Between two calls of a node that is cut off."""

_EVENTS_PER_TURN: Final = 32


@dataclass(slots=True)
class Ear:
    """What is heard on one interface."""

    heard_at: float
    lost: list[tuple[Peer, float]] = field(default_factory=list)
    """Peers that died while nothing else was heard, and when."""
    since: float = 0.0
    """Of the first of them, or of being cut off."""
    cut_off: bool = False
    call_due: float = 0.0
    carrier: bool = True
    """Without one the node is cut off, and what is still read was sent before."""


class Heirs:
    """Tells the keeper what the death, the doubt or the return of a peer means."""

    def __init__(self, keeper: Keeper, liveness: Liveness, *, clock: Callable[[], float]) -> None:
        self._keeper = keeper
        self._liveness = liveness
        self._clock = clock
        self._plan = Plan()
        self._ears: dict[str, Ear] = {}
        self._events: deque[tuple[bytes, watch.Event]] = deque()
        self._later: deque[tuple[bytes, watch.Event]] = deque()
        """What is not this node's turn: when it has taken what is."""
        self._vitals = Vitals(keeper, liveness, clock=clock)

    @property
    def cut_off(self) -> bool:
        """Whether no interface hears anything: then nothing is known about anybody."""
        return bool(self._ears) and all(ear.cut_off for ear in self._ears.values())

    def apply(self, plan: Plan) -> None:
        """A new plan: other peers, other successions."""
        self._plan = plan
        self._vitals.keep(plan.peers)

    def close(self, interface: str) -> None:
        """An interface is gone."""
        self._ears.pop(interface, None)
        self._vitals.close(interface)

    def heard(self, interface: str) -> None:
        """A frame or a packet of another host came in."""
        now = self._clock()
        ear = self._ears.setdefault(interface, Ear(now))
        if not ear.carrier:
            return
        ear.heard_at = now
        if ear.cut_off:
            _log.warning("%s: something is heard again; asking for every address", interface)
            ear.cut_off = False
            self._set_cut_off(interface, cut_off=False)
        lost, ear.lost = ear.lost, []
        for peer, at in lost:
            self._bereave(peer, at)

    def carrier(self, interface: str, *, present: bool) -> None:
        """The kernel says whether there is a link. Without one, nobody need wait for silence.

        When it is back, the node asks as soon as it hears anything: a switch may take half a
        minute before it forwards, and its silence is no answer. Where the plan names no peer there,
        nobody else takes the addresses, and it asks at once.
        """
        now = self._clock()
        ear = self._ears.setdefault(interface, Ear(now))
        if present == ear.carrier:
            return
        ear.carrier = present
        _log.warning("%s: %s", interface, "the link is up" if present else "no carrier: silent")
        ear.call_due = now
        alone = all(peer.interface != interface for peer in self._plan.peers)
        if present and alone:
            self.heard(interface)
        elif not ear.cut_off:
            ear.cut_off, ear.since = True, now
            self._set_cut_off(interface, cut_off=True)

    def learn(self, news: News) -> None:
        """What has become of a peer."""
        interface = news.peer.interface
        self._vitals.learn(news)
        match news.kind:
            case Kind.UP:
                pass
            case Kind.BACK:
                self._tell_all(interface, watch.PeerBack())
            case Kind.DIED:
                self._died(news.peer)
            case Kind.IN_DOUBT:
                self._doubt(news.peer)
            case Kind.DEAF_TO_US:
                if not self._liveness.any_up(interface):
                    _log.warning("%s: no peer hears this node: asking before answering", interface)
                    self._tell_all(interface, watch.Stalled())

    def stalled(self) -> None:
        """This process stood still: what it was about to do is out of date."""
        self._events.clear()
        self._later.clear()
        self._vitals.stalled()
        for ear in self._ears.values():
            ear.lost.clear()

    def due(self) -> float | None:
        """When `run` is to be called next."""
        if self._events or self._later:
            return self._clock()
        times = [ear.since + GRACE_SECONDS for ear in self._ears.values() if ear.lost]
        times += [ear.call_due for ear in self._ears.values() if ear.cut_off and ear.carrier]
        if (vital := self._vitals.due()) is not None:
            times.append(vital)
        return min(times, default=None)

    def run(self) -> None:
        """As much as one turn may do."""
        for _ in range(_EVENTS_PER_TURN):
            waiting = self._events or self._later
            if not waiting:
                break
            self._keeper.give(*waiting.popleft())
        now = self._clock()
        for interface, ear in self._ears.items():
            if ear.lost and now >= ear.since + GRACE_SECONDS:
                self._judge(interface, ear, now)
            if ear.cut_off and ear.carrier and now >= ear.call_due:
                ear.call_due = now + CALL_SECONDS
                self._call(interface)
        self._vitals.run(self._heard_at)

    def _heard_at(self, interface: str) -> float:
        ear = self._ears.get(interface)
        return ear.heard_at if ear is not None else 0.0

    def _died(self, peer: Peer) -> None:
        now = self._clock()
        ear = self._ears.setdefault(peer.interface, Ear(now))
        if not ear.carrier:
            return
        if now - ear.heard_at <= SILENCE_SECONDS and not ear.cut_off:
            self._bereave(peer, now)
            return
        if not ear.lost:
            ear.since = now
            self._call(peer.interface)
        ear.lost.append((peer, now))

    def _judge(self, interface: str, ear: Ear, now: float) -> None:
        if self._liveness.any_up(interface):
            ear.since = now  # the last session decides; look again in a while
            return
        ear.lost.clear()
        _log.warning("%s: nothing is heard any more: silent until something is", interface)
        ear.cut_off, ear.since, ear.call_due = True, now, now
        self._set_cut_off(interface, cut_off=True)

    def _set_cut_off(self, interface: str, *, cut_off: bool) -> None:
        port = self._keeper.ports.get(interface)
        if port is not None:
            port.cut_off = cut_off
        # At once, for the next frame may be a question.
        for kept in self._keeper.kept_on(interface):
            self._keeper.give(kept.address, watch.CutOff() if cut_off else watch.Rejoined())

    def _call(self, interface: str) -> None:
        port = self._keeper.ports.get(interface)
        if port is None:
            return
        addresses = [
            packed(peer.address) for peer in self._plan.peers if peer.interface == interface
        ]
        if port.witness:
            addresses.append(port.witness)
        self._keeper.call(interface, addresses)

    def _bereave(self, peer: Peer, at: float) -> None:
        mac = peer_mac(peer.mac)
        for kept in self._keeper.kept_on(peer.interface):
            by = watch.answered_by(kept.watch) if kept.watch else None
            ahead = self._ahead(kept, peer)
            turn = self._later if ahead else self._events
            if by == mac:
                turn.append((kept.address, watch.Bereaved(mac, ahead, at)))
            elif kept.watch and watch.succeeds(kept.watch):
                if peer.node in kept.entry.succession[: kept.rank or 0]:
                    turn.append((kept.address, watch.Promoted(ahead)))
            elif by is None and kept.entry.holder == peer.node:
                # Only the API says so, and it may be late: ask.
                self._events.append((kept.address, watch.Doubted(ahead, at)))

    def _doubt(self, peer: Peer) -> None:
        mac = peer_mac(peer.mac)
        for kept in self._keeper.kept_on(peer.interface):
            by = watch.answered_by(kept.watch) if kept.watch else None
            if by == mac or (by is None and kept.entry.holder == peer.node):
                event = watch.Doubted(self._ahead(kept, peer))
                self._events.append((kept.address, event))

    def _ahead(self, kept: Kept, holder: Peer) -> int:
        """Nodes that come first and are not known to be dead on this LAN."""
        before = kept.entry.succession[: kept.rank or 0]
        return sum(
            node != holder.node and not self._liveness.dead(node, holder.interface)
            for node in before
        )

    def _tell_all(self, interface: str, event: watch.Event) -> None:
        self._events.extend((kept.address, event) for kept in self._keeper.kept_on(interface))
