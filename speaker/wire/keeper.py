"""The addresses of the plan, each with its state: feeds the rules and does what they say.

Knows sockets only as `Port`s to send on; the loop gives it plans, frames and the time.
"""

import heapq
import logging
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from speaker.messages import AddressReport, Entry, Plan, Role, State
from speaker.wire import holding, watch
from speaker.wire.arp import NO_ADDRESS, Arp, Operation, Verdict, peer_mac, read, show_mac
from speaker.wire.pace import Pace
from speaker.wire.sockets import PacketSocket
from speaker.wire.templates import Frames, Templates, frames_for
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
class Port:
    """One open interface."""

    socket: PacketSocket
    kept: "dict[bytes, Kept]" = field(default_factory=dict)
    """Addresses of the plan on this interface."""
    held: dict[bytes, Frames] = field(default_factory=dict)
    """Those that are answered for: all that the hot path looks at."""
    heard: bool = False
    """A frame has come since somebody last looked here."""
    cut_off: bool = False
    """Nothing at all is heard: addresses are silent."""
    witness: bytes = NO_ADDRESS
    """The last host, not a peer, that was heard asking: it would answer us."""


@dataclass(slots=True)
class Kept:
    """One address of the plan. Without a port it waits for its interface."""

    address: bytes
    entry: Entry
    since: float
    rank: int | None = None
    """The own place in the succession; None when nobody is to stand by."""
    port: Port | None = None
    watch: Watch | None = None
    frames: Frames | None = None


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
    def interfaces(self) -> set[str]:
        """Those that the plan needs."""
        return {kept.entry.interface for kept in self._kept.values()}

    @property
    def ports(self) -> dict[str, Port]:
        return self._ports

    @property
    def addresses(self) -> set[bytes]:
        return set(self._kept)

    def apply(self, plan: Plan) -> None:
        """Obey a complete plan. An address that it does not name is silent at once."""
        entries = {socket.inet_aton(entry.address): entry for entry in plan.entries}
        self._peer_macs = frozenset(peer_mac(peer.mac) for peer in plan.peers)
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
            elif kept.entry == entry and kept.rank == rank and kept.watch is not None:
                continue
            elif kept.entry.interface != entry.interface:
                self._let_go(kept)
            if kept.entry.generation != entry.generation:
                self.changed.add(address)
            kept.entry, kept.rank = entry, rank
            self._plan(kept)

    def open(self, packet_socket: PacketSocket) -> None:
        """An interface of the plan is there: its addresses ask first."""
        port = Port(socket=packet_socket)
        self._ports[packet_socket.name] = port
        self.frames.setdefault(packet_socket.name, [0] * len(Verdict))
        for kept in self._kept.values():
            self._plan(kept)

    def close(self, name: str) -> PacketSocket:
        """An interface is gone, or no longer needed: its addresses are not held any more."""
        port = self._ports.pop(name)
        for kept in list(port.kept.values()):
            self._let_go(kept)
        return port.socket

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

    def call(self, interface: str, addresses: Iterable[bytes]) -> None:
        """Ask hosts for their own addresses, only to hear anything at all."""
        port = self._ports[interface]
        for address in addresses:
            frames = frames_for(self._templates, own_mac=port.socket.mac, address=address)
            port.socket.send(frames.probe)

    def stalled(self) -> None:
        """This process stood still: nothing is held until the LAN has been asked again."""
        for kept in self._kept.values():
            self._step(kept, watch.Stalled())
            self._stay_cut_off(kept)

    def frame(self, port: Port, buffer: bytearray, length: int, packet_type: int) -> None:
        """One received frame."""
        port.heard = True
        arp = read(buffer, length, packet_type, port.socket.mac)
        verdict = arp if isinstance(arp, Verdict) else self._heard(port, arp)
        self.frames[port.socket.name][verdict] += 1

    def report(self, address: bytes) -> AddressReport:
        """The state of one address; `idle` when the plan does not name it."""
        text = socket.inet_ntoa(address)
        kept = self._kept.get(address)
        if kept is None:
            return AddressReport(address=text, state=_IDLE, since=self._wall_clock())
        by = watch.answered_by(kept.watch) if kept.watch else None
        return AddressReport(
            address=text,
            state=watch.outcome(kept.watch) if kept.watch else _IDLE,
            generation=kept.entry.generation,
            by_mac=show_mac(by) if by else None,
            interface=kept.entry.interface,
            mac=show_mac(kept.port.socket.mac) if kept.port else None,
            since=kept.since,
        )

    def _heard(self, port: Port, arp: Arp) -> Verdict:
        if arp.operation == Operation.REQUEST and arp.sender_mac not in self._peer_macs:
            port.witness = arp.sender
        claimed = port.kept.get(arp.sender)
        if claimed is not None:
            if arp.sender in port.held:
                self.totals.conflicts += 1
            self._step(claimed, watch.Claimed(by=arp.sender_mac))
        if arp.operation == Operation.REPLY:
            return Verdict.REPLY if claimed is None else Verdict.CLAIM
        frames = port.held.get(arp.target)
        if frames is not None and arp.target != arp.sender:
            self._answer(port, frames, arp)
            return Verdict.ANSWERED if claimed is None else Verdict.CLAIM
        if claimed is not None:
            return Verdict.CLAIM
        return self._not_answered(port, arp)

    def _answer(self, port: Port, frames: Frames, arp: Arp) -> None:
        if port.socket.send(frames.answer(arp.sender_mac, arp.sender)):
            self.totals.replies += 1
        else:
            self.totals.unsent += 1

    def _not_answered(self, port: Port, arp: Arp) -> Verdict:
        kept = port.kept.get(arp.target)
        if kept is None:
            return Verdict.NOT_PLANNED
        # A probe to this interface alone is a standby that looks after its holder, not a rival.
        if arp.sender != NO_ADDRESS or not arp.broadcast:
            return Verdict.NOT_HELD
        self._step(kept, watch.Probed(by=arp.sender_mac))
        return Verdict.RIVAL_PROBE

    def _plan(self, kept: Kept) -> None:
        planned = watch.Planned(
            role=kept.entry.role, generation=kept.entry.generation, rank=kept.rank
        )
        if kept.watch is not None:
            self._step(kept, planned)
            self._stay_cut_off(kept)
            return
        port = self._ports.get(kept.entry.interface)
        if port is None:
            return
        mac = port.socket.mac
        kept.port = port
        kept.frames = frames_for(self._templates, own_mac=mac, address=kept.address)
        port.kept[kept.address] = kept
        begun, actions = holding.begin(
            mac, planned, now=self._clock(), chance=self._chance(), timings=self._timings
        )
        self._become(kept, begun, actions)
        self._stay_cut_off(kept)

    def _stay_cut_off(self, kept: Kept) -> None:
        # Whatever else has happened: while nothing is heard, silence is no answer.
        if kept.port is not None and kept.port.cut_off:
            self._step(kept, watch.CutOff())

    def _step(self, kept: Kept, event: watch.Event) -> None:
        if kept.watch is None:
            return
        after, actions = holding.step(
            kept.watch, event, now=self._clock(), chance=self._chance(), timings=self._timings
        )
        if actions and isinstance(event, watch.Claimed):
            _log_conflict(kept, after, event)
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
        if kept.port is None or kept.frames is None or kept.watch is None:
            return
        if isinstance(kept.watch.state, watch.Holding):
            kept.port.held[kept.address] = kept.frames
        else:
            kept.port.held.pop(kept.address, None)

    def _act(self, kept: Kept, action: Action) -> None:
        if kept.port is None or kept.frames is None:
            return
        match action:
            case Action.PROBE:
                self._ask(kept, kept.port, kept.frames.probe)
            case Action.POLL:
                if not self._pace.allows(self._clock()):
                    self._step(kept, watch.Unsent())
                    return
                by = watch.answered_by(kept.watch) if kept.watch else None
                frame = kept.frames.poll(by) if by else kept.frames.probe
                self._ask(kept, kept.port, frame)
            case Action.ANNOUNCE:
                for frame in kept.frames.announcements:
                    if kept.port.socket.send(frame):
                        self.totals.gratuitous += 1
                    else:
                        self.totals.unsent += 1
            case _:
                assert_never(action)

    def _ask(self, kept: Kept, port: Port, frame: bytes) -> None:
        if port.socket.send(frame):
            self.totals.probes += 1
        else:
            self.totals.unsent += 1
            self._step(kept, watch.Unsent())

    def _let_go(self, kept: Kept) -> None:
        if kept.port is not None:
            if kept.address in kept.port.held:
                _log.info("%s on %s: let go", kept.entry.address, kept.port.socket.name)
            kept.port.held.pop(kept.address, None)
            kept.port.kept.pop(kept.address, None)
        kept.port = kept.watch = kept.frames = None
        kept.since = self._wall_clock()
        self.changed.add(kept.address)


def _rank(entry: Entry, plan: Plan) -> int | None:
    # Without peers nobody can be missed: then only the first of the succession may take.
    stands_by = plan.peers and entry.role is not Role.VERIFY and plan.node in entry.succession
    return entry.succession.index(plan.node) if stands_by else None


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


def _log_conflict(kept: Kept, after: Watch, claimed: watch.Claimed) -> None:
    kept_it = watch.outcome(after) is State.HOLDING
    outcome = "kept, announcing again" if kept_it else "silent, asking"
    _log.warning("%s claims %s: %s", show_mac(claimed.by), kept.entry.address, outcome)


def _told(after: Watch) -> tuple[State, bytes | None]:
    return watch.outcome(after), watch.answered_by(after)
