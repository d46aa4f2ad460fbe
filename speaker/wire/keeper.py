"""The addresses of the plan, each with its state: feeds the rules and does what they say.

Knows sockets only as `Port`s to send on; the loop gives it plans, frames and the time.
"""

import heapq
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from socket import AddressFamily
from typing import Final, assert_never

from speaker.messages import AddressReport, Entry, Plan, Role, State
from speaker.wire import holding, watch
from speaker.wire.families import FAMILIES, Family
from speaker.wire.frames import Frames
from speaker.wire.kinship import Kinship
from speaker.wire.neighbors import (
    NOBODY,
    Heard,
    Verdict,
    family_of,
    packed,
    peer_mac,
    show_mac,
    unpacked,
)
from speaker.wire.pace import Pace
from speaker.wire.sockets import PacketSocket
from speaker.wire.templates import Templates
from speaker.wire.watch import Action, Timings, Watch


@dataclass(slots=True)
class Totals:
    """What was sent, since the start."""

    replies: int = 0
    gratuitous: int = 0
    probes: int = 0
    unsent: int = 0
    conflicts: int = 0


@dataclass(slots=True)
class Line:
    """One family on an open interface."""

    family: Family
    socket: PacketSocket
    port: "Port"


@dataclass(slots=True)
class Port:
    """One open interface."""

    name: str
    lines: dict[AddressFamily, Line] = field(default_factory=dict)
    kept: "dict[bytes, Kept]" = field(default_factory=dict)
    """Addresses of the plan on this interface."""
    held: dict[bytes, Frames] = field(default_factory=dict)
    """Those that are answered for: all that the hot path looks at."""
    heard: bool = False
    """A frame has come since somebody last looked here."""
    cut_off: bool = False
    """Nothing at all is heard: addresses are silent."""
    witness: bytes = b""
    """The last host, not a peer, that was heard asking: it would answer us."""
    awaited: dict[bytes, float] = field(default_factory=dict)
    """Own addresses of dead peers that are asked for, and when one was last heard."""


@dataclass(slots=True)
class Kept:
    """One address of the plan. Without a port it waits for its interface."""

    address: bytes
    entry: Entry
    since: float
    rank: int | None = None
    """The own place in the succession; None when nobody is to stand by."""
    timings: Timings = field(default_factory=Timings)
    heirs: tuple[bytes, ...] = ()
    """The MACs of those that it is offered to, in order, when it is to be handed over."""
    kin: frozenset[bytes] | None = None
    """The MACs of all speakers that may hold it; None when not all of them are known."""
    line: Line | None = None
    watch: Watch | None = None
    frames: Frames | None = None
    regain: bool = False
    """It was held here when its interface vanished or changed."""


POLLS_PER_SECOND: Final = 200
"""Questions that a node's standbys ask, at most: the LAN's cost is bounded, whatever the plan."""

TIMERS_PER_TURN: Final = 128
"""A node that takes two thousand addresses must go on telling its peers that it lives."""

_IDLE: Final = State.IDLE
_log: Final = logging.getLogger("speaker.wire")


class Keeper:
    """Every address of the plan, and when it is next due."""

    def __init__(
        self,
        templates: Templates,
        timings: Timings,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._templates = templates
        self._base = self._timings = timings
        self._peer_macs: frozenset[bytes] = frozenset()
        self._kinship = Kinship(Plan())
        self._awaited: set[bytes] = set()
        self._stopping = False
        self._pace = Pace(POLLS_PER_SECOND, now=clock())
        self._clock = clock
        self._wall_clock = wall_clock
        self._chance = chance
        self._kept: dict[bytes, Kept] = {}
        self._ports: dict[str, Port] = {}
        self._timers: list[tuple[float, bytes]] = []
        self.frames: dict[str, list[int]] = {}
        """interface -> frames received, indexed by verdict."""
        self.totals = Totals()
        self.changed: set[bytes] = set()
        """Addresses whose state the agent has not heard of."""

    @property
    def wanted(self) -> set[tuple[str, AddressFamily]]:
        """Interfaces that the plan needs, and the families on each."""
        return {
            (kept.entry.interface, family_of(kept.entry.address)) for kept in self._kept.values()
        }

    @property
    def ports(self) -> dict[str, Port]:
        return self._ports

    @property
    def addresses(self) -> set[bytes]:
        return set(self._kept)

    @property
    def awaits_heirs(self) -> bool:
        """Whether, while this process stops, an address is held that another could take."""
        return any(not port.held.keys().isdisjoint(self._awaited) for port in self._ports.values())

    def apply(self, plan: Plan) -> None:
        """Obey a complete plan. An address that it does not name is silent at once."""
        if self._stopping:
            return
        entries = {packed(entry.address): entry for entry in plan.entries}
        self._peer_macs = frozenset(peer_mac(peer.mac) for peer in plan.peers)
        self._kinship = Kinship(plan)
        self._timings = _stretched(self._base, len(entries))
        for address in self._kept.keys() - entries.keys():
            self._let_go(self._kept.pop(address))
        for address, entry in entries.items():
            rank = _rank(entry, plan)
            kept = self._kept.get(address)
            if kept is None:
                kept = Kept(address=address, entry=entry, since=self._wall_clock())
                self._kept[address] = kept
                self.changed.add(address)
            kept.timings = _timings(self._timings, entry)
            kept.heirs, kept.kin = self._kinship.heirs(entry), self._kinship.kin(entry)
            if kept.entry == entry and kept.rank == rank and kept.watch is not None:
                continue
            if kept.entry.interface != entry.interface:
                self._let_go(kept)
            if kept.entry.generation != entry.generation:
                self.changed.add(address)
            kept.entry, kept.rank = entry, rank
            self._plan(kept)

    def open(self, packet_socket: PacketSocket) -> Line:
        """A family of an interface is there: its addresses ask first."""
        name, family = packet_socket.name, packet_socket.family
        port = self._ports.setdefault(name, Port(name))
        line = port.lines[family] = Line(FAMILIES[family], packet_socket, port)
        self.frames.setdefault(name, [0] * len(Verdict))
        for kept in self._kept.values():
            self._plan(kept)
        return line

    def close(self, name: str) -> list[PacketSocket]:
        """An interface is gone, or no longer needed: its addresses are not held any more."""
        port = self._ports.pop(name)
        for kept in list(port.kept.values()):
            kept.regain = kept.watch is not None and watch.regains(kept.watch)
            self._let_go(kept)
        return [line.socket for line in port.lines.values()]

    def due(self) -> float | None:
        """When `run_timers` is to be called next."""
        return self._timers[0][0] if self._timers else None

    def run_timers(self) -> None:
        """What is due, as much of it as one turn may do."""
        now = self._clock()
        for _ in range(TIMERS_PER_TURN):
            if not self._timers or self._timers[0][0] > now:
                return
            when, address = heapq.heappop(self._timers)
            kept = self._kept.get(address)
            # A timer that was overtaken stays in the heap until its time; here it is recognised.
            if kept is not None and kept.watch is not None and watch.due(kept.watch) == when:
                self._step(kept, watch.Due())

    def kept_on(self, interface: str) -> list[Kept]:
        """The addresses of the plan on an open interface."""
        port = self._ports.get(interface)
        return list(port.kept.values()) if port is not None else []

    def give(self, address: bytes, event: watch.Event) -> None:
        """Something happened that concerns an address; nothing if the plan has dropped it."""
        kept = self._kept.get(address)
        if kept is not None:
            self._step(kept, event)

    def call(self, interface: str, addresses: Iterable[bytes]) -> bool:
        """Ask hosts for their own addresses, only to hear anything at all.

        Returns:
            Whether all were asked; the silence of one who was not means nothing.
        """
        lines = self._ports[interface].lines
        asked = True
        for address in addresses:
            line = lines.get(family_of(unpacked(address)))
            question = line and line.family.call(self._templates, line.socket, address)
            asked &= bool(line and question and line.socket.send(question))
        return asked

    def stop(self) -> None:
        """This process ends soon: go on answering until others have taken, and take nothing."""
        self._stopping = True
        for kept in self._kept.values():
            if kept.line is not None and kept.address in kept.line.port.held and kept.heirs:
                self._awaited.add(kept.address)
            self._step(kept, watch.Stopping())

    def stalled(self) -> None:
        """This process stood still: nothing is held until the LAN has been asked again."""
        for kept in self._kept.values():
            self._step(kept, watch.Stalled())
            self._stay_cut_off(kept)

    def frame(self, line: Line, buffer: bytearray, length: int, packet_type: int) -> None:
        """One received frame."""
        line.port.heard = True
        heard = line.family.read(buffer, length, packet_type, line.socket.mac)
        verdict = heard if isinstance(heard, Verdict) else self._heard(line, heard)
        self.frames[line.port.name][verdict] += 1

    def report(self, address: bytes) -> AddressReport:
        """The state of one address; `idle` when the plan does not name it."""
        kept = self._kept.get(address)
        if kept is None:
            text = unpacked(address)
            return AddressReport(address=text, state=_IDLE, since=self._wall_clock())
        by = watch.answered_by(kept.watch) if kept.watch else None
        stranger = watch.intruder(kept.watch) if kept.watch else None
        return AddressReport(
            address=kept.entry.address,
            state=watch.outcome(kept.watch) if kept.watch else _IDLE,
            generation=kept.entry.generation,
            by_mac=show_mac(by) if by else None,
            interface=kept.entry.interface,
            mac=show_mac(kept.line.socket.mac) if kept.line else None,
            since=kept.since,
            claimed_by=show_mac(stranger.by) if stranger else None,
            claims=stranger.claims if stranger else 0,
        )

    def _heard(self, line: Line, heard: Heard) -> Verdict:
        port = line.port
        if heard.question and heard.sender not in NOBODY and heard.mac not in self._peer_macs:
            port.witness = heard.sender
        if heard.sender in port.awaited:
            port.awaited[heard.sender] = self._clock()
        claimed = port.kept.get(heard.sender)
        if claimed is not None:
            if heard.sender in port.held and not _leaves(claimed):
                self.totals.conflicts += 1
            foreign = claimed.kin is not None and heard.mac not in claimed.kin
            self._step(claimed, watch.Claimed(by=heard.mac, foreign=foreign))
        if not heard.question:
            return Verdict.REPLY if claimed is None else Verdict.CLAIM
        frames = port.held.get(heard.target)
        if frames is not None and heard.target != heard.sender:
            if heard.sender in NOBODY and _leaves(port.kept[heard.target]):
                return self._asked_for(port.kept[heard.target], line, frames, heard)
            self._answer(line, frames, heard)
            return Verdict.ANSWERED if claimed is None else Verdict.CLAIM
        if claimed is not None:
            return Verdict.CLAIM
        return self._not_answered(port, heard)

    def _asked_for(self, kept: Kept, line: Line, frames: Frames, heard: Heard) -> Verdict:
        """A probe for an address that is held and to be handed over."""
        if not self._stopping:
            self._answer(line, frames, heard)
            self._step(kept, watch.Probed(by=heard.mac, directed=not heard.to_all))
            return Verdict.ANSWERED
        # The next one asks because this node ends: an answer would make it wait.
        return Verdict.RIVAL_PROBE

    def _answer(self, line: Line, frames: Frames, heard: Heard) -> None:
        if line.socket.send(frames.answer(heard.mac, heard.sender)):
            self.totals.replies += 1
        else:
            self.totals.unsent += 1

    def _not_answered(self, port: Port, heard: Heard) -> Verdict:
        kept = port.kept.get(heard.target)
        if kept is None:
            return Verdict.NOT_PLANNED
        if heard.sender not in NOBODY:
            return Verdict.NOT_HELD
        self._step(kept, watch.Probed(by=heard.mac, directed=not heard.to_all))
        # A probe to this interface alone is a standby that takes it for the holder, or an offer.
        return Verdict.RIVAL_PROBE if heard.to_all else Verdict.NOT_HELD

    def _plan(self, kept: Kept) -> None:
        entry = kept.entry
        planned = watch.Planned(
            role=entry.role,
            generation=entry.generation,
            rank=kept.rank,
            outgoing=self._kinship.outgoing(entry),
            hands_over=self._kinship.hands_over(entry),
            serving=entry.serving,
        )
        if kept.watch is not None:
            self._step(kept, planned)
            self._stay_cut_off(kept)
            return
        port = self._ports.get(kept.entry.interface)
        line = port.lines.get(family_of(kept.entry.address)) if port is not None else None
        if line is None or self._stopping:
            return
        mac = line.socket.mac
        kept.line = line
        kept.frames = line.family.frames(self._templates, mac, kept.address)
        line.port.kept[kept.address] = kept
        line.socket.listen_for(kept.address)
        begun, actions = holding.begin(
            mac,
            planned,
            now=self._clock(),
            chance=self._chance(),
            timings=kept.timings,
            regain=kept.regain,
        )
        kept.regain = False
        self._become(kept, begun, actions)
        self._stay_cut_off(kept)

    def _stay_cut_off(self, kept: Kept) -> None:
        # Whatever else has happened: while nothing is heard, silence is no answer.
        if kept.line is not None and kept.line.port.cut_off:
            self._step(kept, watch.CutOff())

    def _step(self, kept: Kept, event: watch.Event) -> None:
        if kept.watch is None:
            return
        after, actions = holding.step(
            kept.watch, event, now=self._clock(), chance=self._chance(), timings=kept.timings
        )
        if isinstance(event, watch.Claimed) and isinstance(kept.watch.state, watch.Holding):
            _log_claim(kept, after, event, defended=bool(actions))
        self._become(kept, after, actions)

    def _become(self, kept: Kept, after: Watch, actions: tuple[Action, ...]) -> None:
        before = kept.watch
        kept.watch = after
        self._set_held(kept)
        if before is None or _told(before) != _told(after):
            if before is None or watch.outcome(before) != watch.outcome(after):
                kept.since = self._wall_clock()
            _log_state(kept, after)
            self.changed.add(kept.address)
        when = watch.due(after)
        if when is not None and (before is None or watch.due(before) != when):
            heapq.heappush(self._timers, (when, kept.address))
        for action in actions:
            self._act(kept, action)

    def _set_held(self, kept: Kept) -> None:
        if kept.line is None or kept.frames is None or kept.watch is None:
            return
        held = kept.line.port.held
        if isinstance(kept.watch.state, watch.Holding):
            held[kept.address] = kept.frames
        else:
            held.pop(kept.address, None)

    def _act(self, kept: Kept, action: Action) -> None:
        if kept.line is None or kept.frames is None:
            return
        via = kept.line.socket
        match action:
            case Action.PROBE:
                self._ask(kept, via, kept.frames.probe)
            case Action.POLL:
                if not self._pace.allows(self._clock()):
                    self._step(kept, watch.Unsent())
                    return
                by = watch.answered_by(kept.watch) if kept.watch else None
                frame = kept.frames.poll(by, via.source) if by else kept.frames.probe
                self._ask(kept, via, frame)
            case Action.ANNOUNCE:
                self._announce(via, kept.frames)
            case Action.OFFER:
                self._offer(kept, via, kept.frames)
            case Action.CHALLENGE:
                stranger = watch.intruder(kept.watch) if kept.watch else None
                if stranger is not None:
                    self._ask(kept, via, kept.frames.poll(stranger.by, via.source))
            case _:
                assert_never(action)

    def _announce(self, via: PacketSocket, frames: Frames) -> None:
        for frame in frames.announcements:
            if via.send(frame):
                self.totals.gratuitous += 1
            else:
                self.totals.unsent += 1

    def _offer(self, kept: Kept, via: PacketSocket, frames: Frames) -> None:
        """Ask the next of the heirs for the address, each in turn; all, when none is known."""
        state = kept.watch.state if kept.watch else None
        if isinstance(state, watch.Holding) and self._pace.allows(self._clock()):
            heir = kept.heirs[(state.offers - 1) % len(kept.heirs)] if kept.heirs else b""
            # Of either family by nobody, as a probe: no kernel asks one host alone like that.
            self._ask(kept, via, heir + frames.probe[len(heir) :])

    def _ask(self, kept: Kept, via: PacketSocket, frame: bytes | bytearray) -> None:
        if via.send(frame):
            self.totals.probes += 1
        else:
            self.totals.unsent += 1
            self._step(kept, watch.Unsent())

    def _let_go(self, kept: Kept) -> None:
        if kept.line is not None:
            port = kept.line.port
            if kept.address in port.held:
                _log.info("%s on %s: let go", kept.entry.address, port.name)
            port.held.pop(kept.address, None)
            port.kept.pop(kept.address, None)
            kept.line.socket.ignore(kept.address)
        kept.line = kept.watch = kept.frames = None
        kept.since = self._wall_clock()
        self.changed.add(kept.address)


def _rank(entry: Entry, plan: Plan) -> int | None:
    # Without peers nobody can be missed: then only the first of the succession may take.
    stands_by = plan.peers and entry.role is not Role.VERIFY and plan.node in entry.succession
    return entry.succession.index(plan.node) if stands_by else None


def _leaves(kept: Kept) -> bool:
    return kept.watch is not None and kept.watch.leaves


def _timings(timings: Timings, entry: Entry) -> Timings:
    """With those that the plan gives for one address."""
    if entry.burst is None and entry.refresh is None:
        return timings
    burst = timings.burst if entry.burst is None else entry.burst
    refresh = timings.refresh if entry.refresh is None else entry.refresh
    return replace(timings, burst=burst, refresh=refresh)


def _stretched(timings: Timings, addresses: int) -> Timings:
    """So many standbys ask less often, and stay within the node's share of the LAN."""
    slowest = max(timings.poll_interval, addresses / POLLS_PER_SECOND)
    return replace(timings, poll_interval=slowest)


def _log_state(kept: Kept, after: Watch) -> None:
    state = watch.outcome(after)
    by = watch.answered_by(after)
    level = logging.DEBUG if state in (State.ASKING, State.IDLE) else logging.INFO
    who = f", {show_mac(by)} answers" if by else ""
    _log.log(level, "%s on %s: %s%s", kept.entry.address, kept.entry.interface, state, who)


def _log_claim(kept: Kept, after: Watch, claimed: watch.Claimed, *, defended: bool) -> None:
    who, address = show_mac(claimed.by), kept.entry.address
    if watch.outcome(after) is not State.HOLDING:
        if _leaves(kept):
            _log.info("%s has taken %s over", who, address)
        else:
            _log.warning("%s claims %s: silent, asking", who, address)
    elif defended:
        _log.warning("%s claims %s: kept, announcing again", who, address)


def _told(after: Watch) -> tuple[State, bytes | None, bytes | None]:
    stranger = watch.intruder(after)
    return watch.outcome(after), watch.answered_by(after), stranger.by if stranger else None
