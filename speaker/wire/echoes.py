"""Sockets that hear echo requests, where nobody else answers them: on each line that is open."""

import logging
import selectors
import socket
from collections.abc import Callable
from typing import Final

from speaker.wire import echo
from speaker.wire.keeper import Keeper
from speaker.wire.neighbors import PACKET_OTHERHOST, Verdict
from speaker.wire.pace import Pace
from speaker.wire.ports import Line
from speaker.wire.sockets import ETH_P_IPV6, attach_filter

_log: Final = logging.getLogger("speaker.wire")

ECHOES_PER_SECOND: Final = 500
"""Answered by one node: enough for people and their monitoring, and no means to flood others."""
_PER_TURN: Final = 16
_FRAME_BYTES: Final = 65_536
_QUEUE_BYTES: Final = 65_536
_ETH_P_IP: Final = 0x0800

# Classic BPF: IPv4 without options (at 14), whole (the fragment field at 20), ICMP (at 23), type 8.
_IPV4_ECHO: Final = (
    (0x28, 0, 0, 12),
    (0x15, 0, 9, _ETH_P_IP),
    (0x30, 0, 0, 14),
    (0x15, 0, 7, 0x45),
    (0x30, 0, 0, 23),
    (0x15, 0, 5, 1),
    (0x28, 0, 0, 20),
    (0x45, 3, 0, 0x3FFF),
    (0x30, 0, 0, 34),
    (0x15, 0, 1, 8),
    (0x06, 0, 0, _FRAME_BYTES),
    (0x06, 0, 0, 0),
)

# IPv6, next header 58 (at 20), and ICMPv6 type 128 (at 54).
_IPV6_ECHO: Final = (
    (0x28, 0, 0, 12),
    (0x15, 0, 5, ETH_P_IPV6),
    (0x30, 0, 0, 20),
    (0x15, 0, 3, 58),
    (0x30, 0, 0, 54),
    (0x15, 0, 1, 128),
    (0x06, 0, 0, _FRAME_BYTES),
    (0x06, 0, 0, 0),
)

_FAMILIES: Final = {
    socket.AF_INET: (echo.IPV4, _ETH_P_IP, _IPV4_ECHO),
    socket.AF_INET6: (echo.IPV6, ETH_P_IPV6, _IPV6_ECHO),
}


class Echoes:
    """Answers pings to the addresses that are held, where the plan says so.

    Args:
        keeper: whose lines, and who says what is held.
        selector: where the sockets are waited for; their data is what `read` takes.
        clock: seconds that never go back.
    """

    def __init__(
        self, keeper: Keeper, selector: selectors.BaseSelector, *, clock: Callable[[], float]
    ) -> None:
        self.wanted = False
        """Whether pings are answered to any address."""
        self._keeper = keeper
        self._selector = selector
        self._clock = clock
        self._pace = Pace(ECHOES_PER_SECOND, clock())
        self._buffer = bytearray(_FRAME_BYTES)
        self._open: dict[tuple[str, socket.AddressFamily], Listener] = {}

    def follow(self) -> None:
        """Have a socket for each line that is open, if pings are answered, and no other."""
        lines = {
            (port.name, family): line
            for port in self._keeper.ports.values()
            for family, line in port.lines.items()
            if self.wanted
        }
        for at, listener in list(self._open.items()):
            if lines.get(at) is not listener.line:
                self._close(at)
        for at, line in lines.items():
            if at not in self._open:
                self._listen(at, line)

    def read(self, listener: "Listener") -> None:
        """Answer what has come. What is too much for one turn waits."""
        at = (listener.line.port.name, listener.line.socket.family)
        if self._open.get(at) is not listener:
            return  # closed a moment ago
        try:
            for _ in range(_PER_TURN):
                length, address = listener.raw.recvfrom_into(self._buffer)
                verdict = self._answer(listener, length, address)
                self._keeper.frames[at[0]][verdict] += 1
        except BlockingIOError:
            return
        except OSError as error:
            _log.info("no pings on %s: %s", at[0], error)
            self._close(at)

    def _answer(self, listener: "Listener", length: int, address: tuple[str, int, int]) -> Verdict:
        line = listener.line
        answer = echo.answer(
            _FAMILIES[line.socket.family][0],
            self._buffer,
            length,
            # A frame of a VLAN that has its own interface is that one's, though it comes here too.
            address[2] if address[0] == line.port.name else PACKET_OTHERHOST,
            own_mac=line.socket.mac,
            answers=line.port.answers_ping,
        )
        if isinstance(answer, Verdict):
            return answer
        if not self._pace.allows(self._clock()):
            return Verdict.ECHO_TOO_OFTEN
        if not line.socket.send(answer):
            self._keeper.totals.unsent += 1
        return Verdict.ECHOED

    def _listen(self, at: tuple[str, socket.AddressFamily], line: Line) -> None:
        try:
            listener = Listener(line)
        except OSError as error:
            _log.debug("no pings on %s: %s", at[0], error)
            return
        self._open[at] = listener
        self._selector.register(listener, selectors.EVENT_READ, listener)

    def _close(self, at: tuple[str, socket.AddressFamily]) -> None:
        listener = self._open.pop(at)
        self._selector.unregister(listener)
        listener.raw.close()


class Listener:
    """Hears echo requests on one line. Raises OSError where that cannot be."""

    def __init__(self, line: Line) -> None:
        self.line = line
        _, protocol, program = _FAMILIES[line.socket.family]
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self.raw.settimeout(0)
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
            attach_filter(self.raw, program)
            self.raw.bind((line.port.name, protocol))
        except BaseException:
            self.raw.close()
            raise

    def fileno(self) -> int:
        return self.raw.fileno()
