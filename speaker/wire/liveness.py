"""The BFD sessions with the peers of the plan: who lives, who died, who is in doubt.

Owns the sessions and their sockets; the loop gives it plans, readable sockets and the time, and
takes the news from it.
"""

import logging
import secrets
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from socket import AddressFamily
from typing import Final

from speaker.messages import ROUND_TRIP_BOUNDS, Bfd, Peer, PeerReport, PeerState, Plan
from speaker.wire import bfd
from speaker.wire.bfd import Diagnostic, Packet, Phase, Verdict
from speaker.wire.datagrams import Receiver, Sender
from speaker.wire.neighbors import family_of
from speaker.wire.session import Fate, Session
from speaker.wire.spread import Spread

_log: Final = logging.getLogger("speaker.wire")

PACKETS_PER_TURN: Final = 512
"""Of one receiver. Whoever floods the port faster than this stops no answer: the rest waits, and
nobody is judged by silence until it was read."""

SENT: Final = "sent"
UNSENT: Final = "unsent"

Path = tuple[str, str]
"""An interface of ours and an address of a peer: who sends from there is that peer."""

Who = tuple[str, str]
"""A peer's node and an interface of ours: each LAN that both share has a session of its own."""

_STATES: Final = {
    Fate.UNKNOWN: PeerState.NEVER_UP,
    Fate.UP: PeerState.UP,
    Fate.TIMED_OUT: PeerState.DOWN,
    Fate.DOUBTFUL: PeerState.DOWN,
    Fate.STOPPED: PeerState.ADMIN_DOWN,
}

_WHY: Final = {
    Fate.TIMED_OUT: Diagnostic.CONTROL_DETECTION_TIME_EXPIRED,
    Fate.STOPPED: Diagnostic.NEIGHBOR_SIGNALED_SESSION_DOWN,
    # Also of one that timed out and is heard again: the agent is to hear no second death.
    Fate.DOUBTFUL: Diagnostic.NEIGHBOR_SIGNALED_SESSION_DOWN,
}


class Kind(Enum):
    """What has become of a peer."""

    UP = auto()
    """For the first time."""
    BACK = auto()
    """Up again."""
    DIED = auto()
    """Its session was up and timed out, or it said AdminDown."""
    IN_DOUBT = auto()
    """It took the session down itself: its wire has restarted, or its plan has changed."""
    DEAF_TO_US = auto()
    """It took the session down because it hears nothing of us: it may have taken what we hold."""


@dataclass(frozen=True, slots=True)
class News:
    peer: Peer
    kind: Kind


@dataclass(slots=True)
class Link:
    """One peer and the session with it."""

    peer: Peer
    session: Session
    since: float
    """When its fate began, by the wall clock."""
    sender: Sender | None = None


class Liveness:
    """Every session, and what is to be told about them."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        chance: Callable[[], float],
        listen: Callable[[str, int, AddressFamily], Receiver] = Receiver.open,
        reach: Callable[[Peer, int], Sender] = Sender.open,
    ) -> None:
        self._listen = listen
        self._reach = reach
        self._clock = clock
        self._wall_clock = wall_clock
        self._chance = chance
        self._settings = Bfd()
        self._peers: dict[Who, Peer] = {}
        self._named_at: dict[Who, float] = {}
        """When the plan first named a peer, by the wall clock."""
        self._links: dict[Who, Link] = {}
        """Only of peers whose interface is open."""
        self._leaving: list[Link] = []
        self._answers: dict[Who, bool] = {}
        """Of dead peers: whether their own address was found to answer."""
        self._by_discriminator: dict[int, Link] = {}
        self._by_address: dict[Path, Link] = {}
        self._receivers: dict[tuple[str, AddressFamily], Receiver] = {}
        self._refused: dict[tuple[str, AddressFamily], str] = {}
        self._behind: set[str] = set()
        """Interfaces on which more packets wait than were read."""
        self.packets: Counter[str] = Counter()
        """Verdict -> packets."""
        self.lost: Counter[str] = Counter()
        """Node -> sessions with it that were up and timed out."""
        self.round_trips = Spread(ROUND_TRIP_BOUNDS)
        self.news: deque[News] = deque()
        self.changed = False
        """Whether the agent has not heard of the newest."""

    @property
    def wanted(self) -> set[tuple[str, AddressFamily]]:
        """Interfaces that peers are on, and the families of their addresses there."""
        return {(peer.interface, family_of(peer.address)) for peer in self._peers.values()}

    @property
    def listening(self) -> set[str]:
        """The interfaces that are listened on."""
        return {name for name, _ in self._receivers}

    def receivers_on(self, name: str) -> list[Receiver]:
        """What listens on an interface, one for each family."""
        return [receiver for (on, _), receiver in self._receivers.items() if on == name]

    @property
    def port(self) -> int:
        """The UDP port."""
        return self._settings.port

    def dead(self, node: str, interface: str) -> bool:
        """Whether the session on an interface says so; without one, nothing is known."""
        link = self._links.get((node, interface))
        return link is not None and link.session.fate.dead

    def any_up(self, interface: str) -> bool:
        return any(
            link.peer.interface == interface and link.session.fate is Fate.UP
            for link in self._links.values()
        )

    def apply(self, plan: Plan) -> None:
        """Obey a complete plan. With another port, the caller closes and opens every interface."""
        wanted = {_who(peer): peer for peer in plan.peers}
        if plan.bfd.port != self._settings.port:
            for link in list(self._links.values()):
                self._retire(link)
            self.run_timers(self._clock())
        self._settings = plan.bfd
        self.changed |= wanted != self._peers
        self._peers = wanted
        now = self._wall_clock()
        self._named_at = {who: self._named_at.get(who, now) for who in wanted}
        for link in list(self._links.values()):
            peer = wanted.get(_who(link.peer))
            if peer is None or _path(peer) != _path(link.peer):
                self._retire(link)
                continue
            link.peer = peer
            link.session.change(interval=self._interval, multiplier=plan.bfd.multiplier)
        self._begin()

    def open(self, name: str) -> list[Receiver]:
        """An interface is there: listen for the peers on it that are not listened for yet.

        What cannot be opened is tried again at the next call.

        Returns:
            What is new.
        """
        opened = []
        for on, family in sorted(self.wanted - self._receivers.keys()):
            receiver = self._open(name, family) if on == name else None
            if receiver is not None:
                opened.append(receiver)
        if opened:
            self._begin()
        return opened

    def close(self, name: str) -> None:
        """An interface is gone: what its sessions said holds no longer."""
        for path in [path for path in self._receivers if path[0] == name]:
            self._receivers.pop(path).close()
        for link in [*self._links.values(), *self._leaving]:
            if link.peer.interface == name:
                self._drop(link)
        self.changed = True

    def receive(self, name: str) -> bool:
        """What waits on an interface; whether a peer was heard."""
        heard = False
        self._behind.discard(name)
        for receiver in self.receivers_on(name):
            for _ in range(PACKETS_PER_TURN):
                if (received := receiver.receive()) is None:
                    break
                verdict = self._accept(name, *received)
                self.packets[verdict] += 1
                heard |= verdict is Verdict.ACCEPTED
            else:
                self._behind.add(name)
        return heard

    def due(self) -> float | None:
        """When `run_timers` is to be called next."""
        times = (link.session.due() for link in (*self._links.values(), *self._leaving))
        return min((when for when in times if when is not None), default=None)

    def run_timers(self, now: float) -> None:
        """Send what is due and judge who is silent.

        Args:
            now: a time before which every packet that had arrived was received, or is known to
                wait still.
        """
        for link in (*self._links.values(), *self._leaving):
            before = link.session.fate
            drained = link.peer.interface not in self._behind
            packet = link.session.run(now=now, chance=self._chance(), drained=drained)
            self._told_by(link, before)
            self._send(link, packet)
        for link in [link for link in self._leaving if link.session.over]:
            self._drop(link)

    def excuse(self, seconds: float) -> None:
        """This process stood still: nobody is dead for not having been heard by it."""
        for link in self._links.values():
            link.session.excuse(seconds)

    def missed_by_peers(self, now: float) -> bool:
        """Whether this node was silent for so long that a peer takes it for dead."""
        return any(
            link.session.phase is Phase.UP
            and now - link.session.last_sent > link.session.patience_of_peer
            for link in self._links.values()
        )

    def found(self, peer: Peer, *, answers: bool) -> None:
        """Whether the own address of a dead peer answers. Forgotten when its session changes."""
        link = self._links.get(_who(peer))
        if link is not None and link.session.fate.dead:
            self.changed |= self._answers.get(_who(peer)) is not answers
            self._answers[_who(peer)] = answers

    def farewell(self) -> None:
        """Say AdminDown to everybody: the next ones take over at once."""
        for link in self._links.values():
            self._send(link, link.session.stop())

    def reports(self) -> tuple[PeerReport, ...]:
        """Every peer of the plan."""
        return tuple(self._report(who) for who in self._peers)

    @property
    def _interval(self) -> int:
        return self._settings.interval_ms * 1000

    def _open(self, name: str, family: AddressFamily) -> Receiver | None:
        try:
            receiver = self._listen(name, self._settings.port, family)
        except OSError as error:
            if self._refused.get((name, family)) != str(error):
                port = self._settings.port
                _log.warning("cannot listen on %s, UDP port %d: %s", name, port, error)
                self._refused[name, family] = str(error)
            return None
        self._refused.pop((name, family), None)
        self._receivers[name, family] = receiver
        return receiver

    def _begin(self) -> None:
        for who, peer in self._peers.items():
            listening = (peer.interface, family_of(peer.address)) in self._receivers
            if who in self._links or not listening:
                continue
            for link in [link for link in self._leaving if _path(link.peer) == _path(peer)]:
                self._drop(link)
            session = Session(
                discriminator=self._free_discriminator(),
                interval=self._interval,
                multiplier=self._settings.multiplier,
                now=self._clock(),
            )
            link = Link(peer, session, since=self._wall_clock())
            self._links[who] = self._by_discriminator[session.discriminator] = link
            self._by_address[_path(peer)] = link

    def _free_discriminator(self) -> int:
        while True:
            # Hard to guess, so that nobody off the LAN can end a session by luck.
            number = 1 + secrets.randbelow(0xFFFFFFFF)
            if number not in self._by_discriminator:
                return number

    def _retire(self, link: Link) -> None:
        _log.info("no session with %s on %s any more: the plan has changed", *_who(link.peer))
        link.session.retire(self._clock())
        self._links.pop(_who(link.peer))
        self._by_address.pop(_path(link.peer))
        self._answers.pop(_who(link.peer), None)
        self._leaving.append(link)

    def _drop(self, link: Link) -> None:
        if self._links.get(_who(link.peer)) is link:
            del self._links[_who(link.peer)], self._by_address[_path(link.peer)]
            self._answers.pop(_who(link.peer), None)
        if link in self._leaving:
            self._leaving.remove(link)
        del self._by_discriminator[link.session.discriminator]
        if link.sender is not None:
            link.sender.close()

    def _accept(self, name: str, data: bytes, ttl: int, source: str) -> Verdict:
        if ttl != bfd.TTL:
            return Verdict.BAD_TTL
        packet = bfd.read(data)
        if isinstance(packet, Verdict):
            return packet
        link = self._by_address.get((name, source))
        if packet.your_discriminator:
            named = self._by_discriminator.get(packet.your_discriminator)
            if named is not None and named.session.retired:
                return Verdict.SESSION_STOPPED
            if link is not None and named is not link:
                return Verdict.WRONG_DISCRIMINATOR
        if link is None:
            return Verdict.UNKNOWN_PEER
        before = link.session.fate
        answer = link.session.receive(packet, now=self._clock(), chance=self._chance())
        if link.session.round_trip is not None:
            self.round_trips.observe(link.session.round_trip)
            link.session.round_trip = None
        self._told_by(link, before)
        self._send(link, answer)
        return Verdict.ACCEPTED

    def _told_by(self, link: Link, before: Fate) -> None:
        fate = link.session.fate
        if fate is before:
            return
        self.changed = True
        self._answers.pop(_who(link.peer), None)
        link.since = self._wall_clock()
        kind = _kind(before, link.session)
        _log.info("session with %s on %s: %s", *_who(link.peer), _in_words(link.session))
        if kind is Kind.DIED and fate is Fate.TIMED_OUT:
            self.lost[link.peer.node] += 1
        if kind is not None:
            self.news.append(News(link.peer, kind))

    def _send(self, link: Link, packet: Packet | None) -> None:
        if packet is None:
            return
        try:
            link.sender = link.sender or self._reach(link.peer, self._settings.port)
            sent = link.sender.send(bfd.write(packet))
        except OSError:
            sent = False
        self.packets[SENT if sent else UNSENT] += 1

    def _report(self, who: Who) -> PeerReport:
        link, peer = self._links.get(who), self._peers[who]
        if link is None:
            return PeerReport(
                peer.node,
                PeerState.NEVER_UP,
                since=self._named_at[who],
                interface=peer.interface,
                address=peer.address,
            )
        session = link.session
        return PeerReport(
            node=peer.node,
            state=_STATES[session.fate],
            since=link.since,
            remote_state=session.heard.phase.label if session.heard else Phase.DOWN.label,
            diagnostic=_WHY.get(session.fate, Diagnostic.NONE).label,
            heard=session.heard is not None,
            interface=peer.interface,
            address=peer.address,
            answers=self._answers.get(who),
        )


def _path(peer: Peer) -> Path:
    return peer.interface, peer.address


def _who(peer: Peer) -> Who:
    return peer.node, peer.interface


def _kind(before: Fate, session: Session) -> Kind | None:
    match before, session.fate:
        case Fate.UNKNOWN, Fate.UP:
            return Kind.UP
        case _, Fate.UP:
            return Kind.BACK
        case Fate.UP, (Fate.TIMED_OUT | Fate.STOPPED):
            return Kind.DIED
        case Fate.UP, Fate.DOUBTFUL:
            missed = Diagnostic.CONTROL_DETECTION_TIME_EXPIRED
            theirs = session.heard.diagnostic if session.heard else Diagnostic.NONE
            return Kind.DEAF_TO_US if theirs is missed else Kind.IN_DOUBT
        case _:
            return None


def _in_words(session: Session) -> str:
    words = {
        Fate.UP: "up",
        Fate.TIMED_OUT: f"nothing heard for {session.detection:.2f} s: down",
        Fate.STOPPED: "it stops",
        Fate.DOUBTFUL: "in doubt",
        Fate.UNKNOWN: "not up yet",
    }
    return words[session.fate]
