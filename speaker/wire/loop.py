"""The wire's one thread: sockets, timers and the agent's channel."""

import logging
import os
import selectors
import socket
import time
from typing import Final

from speaker.messages import (
    DATAGRAM_BYTES,
    ENTRIES_PER_PART,
    Assembler,
    BadMessageError,
    Counters,
    FromWire,
    Hello,
    PeersReport,
    Plan,
    PlanBegin,
    PlanEnd,
    PlanPart,
    Report,
    ReportRequest,
    decode,
    encode,
)
from speaker.wire.echoes import Echoes, Listener
from speaker.wire.families import FAMILIES
from speaker.wire.heirs import Heirs
from speaker.wire.keeper import Keeper
from speaker.wire.links import Links
from speaker.wire.liveness import Liveness
from speaker.wire.neighbors import Verdict, show_mac
from speaker.wire.ports import Line
from speaker.wire.sockets import FRAME_BUFFER_BYTES, PacketSocket

_log: Final = logging.getLogger("speaker.wire")

TICK_SECONDS: Final = 0.5
"""The longest sleep: the parent and the clock are looked at this often, and interfaces too, though
events tell of them sooner."""

STALL_SECONDS: Final = 2.0
"""Standing still longer than this, beyond a tick, means that another node may have taken over. It
is far less than a Lease's duration, and more than a busy machine's worst scheduling delay. With
peers, it is a stall already when they have missed this node for their detection time."""

_LATE_SECONDS: Final = 0.01
"""Waking up so late, at least, is added to the time that peers have."""

COUNTERS_SECONDS: Final = 5.0

LEAVE_SECONDS: Final = 1.0
"""A wire that was told to stop goes on answering so long at most, until others have taken over."""

_FAREWELL_SECONDS: Final = 0.1
"""Between two farewells: the first may be lost."""

FRAMES_PER_TURN: Final = 64
"""Of one socket. Then timers and peers have their turn, and the rest waits in the queue."""
_MESSAGES_PER_TURN: Final = 16


def boot_clock() -> float:
    """Seconds since boot, suspended time included: a suspended machine must notice that it was."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ChannelClosedError(Exception):
    """Nobody is left at the other end: no agent, no supervisor."""


class Loop:
    """Runs until the process is told to stop, or is left alone."""

    def __init__(
        self, channel: socket.socket, keeper: Keeper, liveness: Liveness, *, restarts: int = 0
    ) -> None:
        self._channel = channel
        self._keeper = keeper
        self._liveness = liveness
        self._heirs = Heirs(keeper, liveness, clock=boot_clock)
        self._links = Links.open()
        self._plan = Assembler()
        self._selector = selectors.DefaultSelector()
        self._echoes = Echoes(keeper, self._selector, clock=boot_clock)
        self._buffer = bytearray(FRAME_BUFFER_BYTES)
        self._parent = os.getppid()
        self._hello_owed = True
        self._counters_due = 0.0
        self._tick_due = 0.0
        self._request = 0
        self._asked: int | None = None
        """A request for everything, which waits until the plan before it is obeyed."""
        self._restarts = restarts
        self._refused: dict[tuple[str, socket.AddressFamily], str] = {}
        self._stop_asked, self._stop_asker = socket.socketpair()
        self._stalls = 0
        self._leave_at: float | None = None
        self._farewell_due = 0.0

    def run(self) -> None:
        """Work, turn by turn.

        Raises:
            ChannelClosedError: the supervisor is gone. To end is to be silent.
        """
        self._channel.settimeout(0)
        self._selector.register(self._channel, selectors.EVENT_READ)
        if self._links is not None:
            self._selector.register(self._links, selectors.EVENT_READ, self._links)
        self._selector.register(self._stop_asked, selectors.EVENT_READ, self._begin_to_leave)
        woke = boot_clock()
        while True:
            patience = self._patience()
            planned = boot_clock() + patience
            ready = self._selector.select(patience)
            slept_from, woke = woke, boot_clock()
            gap = woke - slept_from
            missed = self._liveness.missed_by_peers(woke)
            if missed or gap > TICK_SECONDS + STALL_SECONDS:
                self._liveness.excuse(gap)
                self._read_peers()
                self._resume(gap)
                ready = []
            else:
                if woke - planned > _LATE_SECONDS:
                    self._liveness.excuse(woke - planned)
                self._read_peers()
            self._turn(ready, woke)
            if self._leave_at is not None and self._has_left(self._leave_at):
                return

    def stop(self) -> None:
        """Let `run` return soon. May be called from a signal handler, in the middle of anything."""
        self._stop_asker.send(b"\0")

    def _begin_to_leave(self) -> None:
        """Say so to the peers at once; answer until another one has each address.

        It makes before it breaks: between the last answer of this node and the first of the next
        there is no gap.
        """
        self._selector.unregister(self._stop_asked)
        self._leave_at = boot_clock() + LEAVE_SECONDS
        self._keeper.stop()

    def _has_left(self, deadline: float) -> bool:
        now = boot_clock()
        if now >= self._farewell_due:
            self._farewell_due = now + _FAREWELL_SECONDS
            self._liveness.farewell()
        return now >= deadline or not self._keeper.awaits_heirs

    def _turn(self, ready: list[tuple[selectors.SelectorKey, int]], woke: float) -> None:
        for key, _ in ready:
            if key.data is None:
                self._read_channel()
            elif key.data == self._begin_to_leave:
                self._begin_to_leave()
            elif isinstance(key.data, Line):
                self._read_line(key.data)
            elif isinstance(key.data, Listener):
                self._echoes.read(key.data)
            elif isinstance(key.data, Links) and key.data.drain():
                self._look_at_links()
        # Judged by the time before the sockets were read: what had come by then has been heard.
        self._liveness.run_timers(woke)
        self._learn()
        self._heirs.run()
        self._keeper.run_timers()
        if woke >= self._tick_due:
            self._tick_due = woke + TICK_SECONDS
            self._tick()
        self._tell()

    def _patience(self) -> float:
        now = boot_clock()
        times = [self._keeper.due(), self._liveness.due(), self._heirs.due(), self._tick_due]
        if self._leave_at is not None:
            times.append(self._farewell_due)
        until = min(when for when in times if when is not None)
        return max(0.0, min(until - now, TICK_SECONDS))

    def _read_peers(self) -> None:
        """Hear every peer before anyone is judged."""
        for name in self._liveness.listening:
            if self._liveness.receive(name):
                self._heirs.heard(name)
        self._learn()

    def _learn(self) -> None:
        while self._liveness.news:
            self._heirs.learn(self._liveness.news.popleft())

    def _resume(self, gap: float) -> None:
        self._stalls += 1
        _log.warning("stood still for %.1f s: asking the LAN before answering again", gap)
        for name, port in list(self._keeper.ports.items()):
            # Who asked back then has asked somebody else since.
            try:
                stale = sum(line.socket.discard_queue(self._buffer) for line in port.lines.values())
            except OSError:
                self._close(name, "it went down")
                continue
            self._keeper.frames[name][Verdict.STALE] += stale
        self._heirs.stalled()
        self._keeper.stalled()

    def _read_line(self, line: Line) -> None:
        port = line.port
        if port.lines.get(line.socket.family) is not line:
            return  # closed a moment ago, by a plan that came in the same turn
        try:
            for _ in range(FRAMES_PER_TURN):
                received = line.socket.receive_into(self._buffer)
                if received is None:
                    return
                self._keeper.frame(line, self._buffer, *received)
        except OSError as error:
            self._close(port.name, str(error))
        finally:
            if port.heard:
                port.heard = False
                self._heirs.heard(port.name)

    def _read_channel(self) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            try:
                datagram = self._channel.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            if not datagram:
                raise ChannelClosedError
            try:
                message = decode(datagram)
            except BadMessageError as error:
                _log.error("from the agent: %s", error)
                continue
            match message:
                case PlanBegin() | PlanPart() | PlanEnd():
                    plan = self._plan.feed(message)
                    if plan is not None:
                        self._obey(plan)
                case ReportRequest(id=request):
                    self._asked = request
                case _:
                    _log.error("the agent sent a %s", type(message).__name__)

    def _obey(self, plan: Plan) -> None:
        moved = plan.bfd.port != self._liveness.port
        self._liveness.apply(plan)
        if moved:
            for name in self._liveness.listening:
                self._stop_listening(name)
        self._heirs.apply(plan)
        self._keeper.apply(plan)
        self._echoes.wanted = any(entry.ping for entry in plan.entries)
        self._open_ports()

    def _tick(self) -> None:
        if os.getppid() != self._parent:
            raise ChannelClosedError
        # Events tell sooner; this is for one that was never sent.
        self._look_at_links()

    def _look_at_links(self) -> None:
        for name, port in list(self._keeper.ports.items()):
            if any(line.socket.is_stale() for line in port.lines.values()):
                self._close(name, "it is gone or has changed")
                continue
            for line in port.lines.values():
                line.socket.refresh()
                self._look_at_carrier(line.socket)
        self._open_ports()

    def _look_at_carrier(self, on: PacketSocket) -> None:
        if self._links is not None:
            self._heirs.carrier(on.name, present=self._links.has_carrier(on.ifindex))

    def _open_ports(self) -> None:
        ports = self._keeper.ports
        wanted = self._keeper.wanted | self._liveness.wanted
        for name in ports.keys() - {name for name, _ in wanted}:
            self._close(name, "the plan does not name it any more")
        opened = {(port.name, family) for port in ports.values() for family in port.lines}
        for name, family in sorted(opened - wanted):
            self._close_line(name, family)
        for name, family in sorted(wanted):
            if name not in ports or family not in ports[name].lines:
                self._open(name, family)
        for name in ports:
            for receiver in self._liveness.open(name):
                self._selector.register(receiver, selectors.EVENT_READ, receiver)
        self._echoes.follow()

    def _open(self, name: str, family: socket.AddressFamily) -> None:
        try:
            packet_socket = FAMILIES[family].open(name)
        except OSError as error:
            if self._refused.get((name, family)) != str(error):
                _log.warning("cannot open %s: %s", name, error)
                self._refused[name, family] = str(error)
            return
        self._refused.pop((name, family), None)
        _log.info("listening on %s, %s", name, show_mac(packet_socket.mac))
        line = self._keeper.open(packet_socket)
        self._selector.register(packet_socket, selectors.EVENT_READ, line)
        self._look_at_carrier(packet_socket)

    def _stop_listening(self, name: str) -> None:
        for receiver in self._liveness.receivers_on(name):
            self._selector.unregister(receiver)
        self._liveness.close(name)

    def _close(self, name: str, why: str) -> None:
        _log.info("not listening on %s: %s", name, why)
        self._stop_listening(name)
        self._heirs.close(name)
        for packet_socket in self._keeper.close(name):
            self._selector.unregister(packet_socket)
            packet_socket.close()

    def _close_line(self, name: str, family: socket.AddressFamily) -> None:
        _log.info("not listening on %s for %s any more", name, family.name)
        packet_socket = self._keeper.close_line(name, family)
        self._selector.unregister(packet_socket)
        packet_socket.close()

    def _tell(self) -> None:
        """Send what the agent has not heard; what does not fit in the socket stays owed."""
        if self._hello_owed:
            self._hello_owed = not self._send(Hello(pid=os.getpid()))
        if self._asked is not None and self._keeper.obeyed:
            self._request, self._asked = self._asked, None
            self._keeper.changed |= self._keeper.addresses
            self._liveness.changed = True
            self._counters_due = 0.0
        changed = self._keeper.changed
        while changed:
            batch = [address for address, _ in zip(changed, range(ENTRIES_PER_PART), strict=False)]
            if not self._send(Report(tuple(self._keeper.report(address) for address in batch))):
                break
            changed.difference_update(batch)
        # Who hears nothing knows nothing: it says nothing about others.
        if self._liveness.changed and not self._heirs.cut_off:
            self._liveness.changed = not self._send(PeersReport(self._liveness.reports()))
        now = boot_clock()
        if now >= self._counters_due:
            self._counters_due = now + COUNTERS_SECONDS
            self._send(self._counters())

    def _send(self, message: FromWire) -> bool:
        try:
            self._channel.send(encode(message))
        except BlockingIOError:
            return False
        except OSError as error:
            raise ChannelClosedError from error
        return True

    def _counters(self) -> Counters:
        frames = {
            name: {Verdict(at).label: count for at, count in enumerate(counts) if count}
            for name, counts in self._keeper.frames.items()
        }
        for name, port in self._keeper.ports.items():
            drops = sum(line.socket.drops() for line in port.lines.values())
            frames[name]["dropped-by-kernel"] = drops
        totals = self._keeper.totals
        return Counters(
            request=self._request,
            restarts=self._restarts,
            frames=frames,
            replies=totals.replies,
            gratuitous=totals.gratuitous,
            probes=totals.probes,
            unsent=totals.unsent,
            conflicts=totals.conflicts,
            bfd=dict(self._liveness.packets),
            stalls=self._stalls,
            taken={why.value: count for why, count in totals.taken.items()},
            lost=dict(self._liveness.lost),
            failovers=totals.failovers.counts,
            failover_seconds=totals.failovers.seconds,
            round_trips=self._liveness.round_trips.counts,
            round_trip_seconds=self._liveness.round_trips.seconds,
        )
