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
    PlanBegin,
    PlanEnd,
    PlanPart,
    Report,
    ReportRequest,
    decode,
    encode,
)
from speaker.wire.arp import Verdict, show_mac
from speaker.wire.keeper import Keeper, Port
from speaker.wire.sockets import PacketSocket

_log: Final = logging.getLogger("speaker.wire")

TICK_SECONDS: Final = 0.5
"""The longest sleep: interfaces, the parent and the clock are looked at this often."""

STALL_SECONDS: Final = 2.0
"""Standing still longer than this, beyond a tick, means that another node may have taken over. It
is far less than a Lease's duration, and more than a busy machine's worst scheduling delay."""

COUNTERS_SECONDS: Final = 5.0

_FRAMES_PER_TURN: Final = 64
_MESSAGES_PER_TURN: Final = 16
_FRAME_BUFFER_BYTES: Final = 128


def boot_clock() -> float:
    """Seconds since boot, suspended time included: a suspended machine must notice that it was."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ChannelClosedError(Exception):
    """Nobody is left at the other end: no agent, no supervisor."""


class Loop:
    """Runs until the process is told to stop, or is left alone."""

    def __init__(self, channel: socket.socket, keeper: Keeper, *, restarts: int = 0) -> None:
        self._channel = channel
        self._keeper = keeper
        self._plan = Assembler()
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(_FRAME_BUFFER_BYTES)
        self._parent = os.getppid()
        self._hello_owed = True
        self._counters_due = 0.0
        self._tick_due = 0.0
        self._request = 0
        self._restarts = restarts
        self._refused: dict[str, str] = {}

    def run(self) -> None:
        """Work, turn by turn.

        Raises:
            ChannelClosedError: the supervisor is gone. To end is to be silent.
        """
        self._channel.settimeout(0)
        self._selector.register(self._channel, selectors.EVENT_READ)
        woke = boot_clock()
        while True:
            ready = self._selector.select(self._patience())
            slept_from, woke = woke, boot_clock()
            if woke - slept_from > TICK_SECONDS + STALL_SECONDS:
                self._resume(woke - slept_from)
                ready = []
            for key, _ in ready:
                if key.data is None:
                    self._read_channel()
                else:
                    self._read_port(key.data)
            self._keeper.run_timers()
            if woke >= self._tick_due:
                self._tick_due = woke + TICK_SECONDS
                self._tick()
            self._tell()

    def _patience(self) -> float:
        due = self._keeper.due()
        now = boot_clock()
        until = self._tick_due if due is None else min(due, self._tick_due)
        return max(0.0, min(until - now, TICK_SECONDS))

    def _resume(self, gap: float) -> None:
        _log.warning("stood still for %.1f s: asking the LAN before answering again", gap)
        for name, port in list(self._keeper.ports.items()):
            # Who asked back then has asked somebody else since.
            try:
                stale = port.socket.discard_queue(self._buffer)
            except OSError:
                self._close(name, "it went down")
                continue
            self._keeper.frames[name][Verdict.STALE] += stale
        self._keeper.stalled()

    def _read_port(self, port: Port) -> None:
        if self._keeper.ports.get(port.socket.name) is not port:
            return  # closed a moment ago, by a plan that came in the same turn
        try:
            for _ in range(_FRAMES_PER_TURN):
                received = port.socket.receive_into(self._buffer)
                if received is None:
                    return
                self._keeper.frame(port, self._buffer, *received)
        except OSError as error:
            self._close(port.socket.name, str(error))

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
                        self._keeper.apply(plan.entries)
                        self._open_ports()
                case ReportRequest(id=request):
                    self._request = request
                    self._keeper.changed |= self._keeper.addresses
                    self._counters_due = 0.0
                case _:
                    _log.error("the agent sent a %s", type(message).__name__)

    def _tick(self) -> None:
        if os.getppid() != self._parent:
            raise ChannelClosedError
        for name, port in list(self._keeper.ports.items()):
            if port.socket.is_stale():
                self._close(name, "it is gone or has changed")
        self._open_ports()

    def _open_ports(self) -> None:
        wanted, ports = self._keeper.interfaces, self._keeper.ports
        for name in ports.keys() - wanted:
            self._close(name, "the plan does not name it any more")
        for name in wanted - ports.keys():
            try:
                packet_socket = PacketSocket.open(name)
            except OSError as error:
                if self._refused.get(name) != str(error):
                    _log.warning("cannot open %s: %s", name, error)
                    self._refused[name] = str(error)
                continue
            self._refused.pop(name, None)
            _log.info("listening on %s, %s", name, show_mac(packet_socket.mac))
            self._keeper.open(packet_socket)
            self._selector.register(packet_socket, selectors.EVENT_READ, ports[name])

    def _close(self, name: str, why: str) -> None:
        _log.info("not listening on %s: %s", name, why)
        packet_socket = self._keeper.close(name)
        self._selector.unregister(packet_socket)
        packet_socket.close()

    def _tell(self) -> None:
        """Send what the agent has not heard; what does not fit in the socket stays owed."""
        if self._hello_owed:
            self._hello_owed = not self._send(Hello(pid=os.getpid()))
        changed = self._keeper.changed
        while changed:
            batch = [address for address, _ in zip(changed, range(ENTRIES_PER_PART), strict=False)]
            if not self._send(Report(tuple(self._keeper.report(address) for address in batch))):
                break
            changed.difference_update(batch)
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
            frames[name]["dropped-by-kernel"] = port.socket.drops()
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
        )
