"""AF_PACKET sockets, one for each interface and family.

Bound to ARP or IPv6, not to everything: what the node itself sends passes no filter of ours. Of
IPv6, which is all that the node receives, the kernel's filter hands over neighbour discovery alone.
Needs CAP_NET_RAW and nothing else; the interface is not put into promiscuous mode, so it sees what
its own MAC, broadcasts and the groups that it is in bring. Frames wait in a ring of the kernel's;
where it has no memory for one, in the socket's own queue, which is short.
"""

import ctypes
import logging
import socket
import struct
from typing import ClassVar, Final, Self

from speaker.wire.groups import Groups, link_local
from speaker.wire.neighbors import PACKET_OTHERHOST
from speaker.wire.ring import Ring

ETH_P_ARP: Final = 0x0806
ETH_P_IPV6: Final = 0x86DD
FRAME_BUFFER_BYTES: Final = 446
"""A neighbour discovery frame that carries more options than this is cut off, and refused."""

_log: Final = logging.getLogger("speaker.wire")

_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_SO_ATTACH_FILTER: Final = 26
_SNAP_BYTES: Final = 64
_QUEUE_FRAMES: Final = 10_000
"""More than the kernel's queue for a socket holds."""

Program = tuple[tuple[int, int, int, int], ...]

# Classic BPF, as `tcpdump -dd -s 64 arp` prints it: the EtherType at offset 12 is ARP, or drop.
_ARP_ONLY: Final[Program] = (
    (0x28, 0, 0, 12),
    (0x15, 0, 1, ETH_P_ARP),
    (0x06, 0, 0, _SNAP_BYTES),
    (0x06, 0, 0, 0),
)

# IPv6, next header 58 (at 20), and ICMPv6 type 135 or 136 (at 54): else drop.
_NDP_ONLY: Final[Program] = (
    (0x28, 0, 0, 12),
    (0x15, 0, 6, ETH_P_IPV6),
    (0x30, 0, 0, 20),
    (0x15, 0, 4, 58),
    (0x30, 0, 0, 54),
    (0x15, 1, 0, 135),
    (0x15, 0, 1, 136),
    (0x06, 0, 0, FRAME_BUFFER_BYTES),
    (0x06, 0, 0, 0),
)


class PacketSocket:
    """Frames of one family on one interface, in and out, without blocking. This one is ARP's."""

    family: ClassVar[socket.AddressFamily] = socket.AF_INET
    protocol: ClassVar[int] = ETH_P_ARP
    program: ClassVar[Program] = _ARP_ONLY
    frame_bytes: ClassVar[int] = _SNAP_BYTES

    def __init__(
        self, raw: socket.socket, name: str, ifindex: int, mac: bytes, ring: Ring | None = None
    ) -> None:
        self._raw = raw
        self._ring = ring
        self.name = name
        self.ifindex = ifindex
        self.mac = mac
        """The interface's MAC when the socket was opened."""
        self.source = b""
        """Our own address for questions that need one; empty when there is none, or no need."""
        self._drops = 0

    @classmethod
    def open(cls, name: str) -> Self:
        """Open the interface of this name.

        Raises:
            OSError: there is no such interface, it is down, or CAP_NET_RAW is missing.
        """
        ifindex = socket.if_nametoindex(name)
        # Protocol 0 receives nothing until bind names the interface: no frame of another one, and
        # none that the filter has not seen, can be in the queue.
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            raw.settimeout(0)
            attach_filter(raw, cls.program)
            ring = _ring_of(raw, cls.frame_bytes)
            raw.bind((name, cls.protocol))
            _raise_pending(raw, name)
            return cls(raw, name, ifindex, raw.getsockname()[4], ring)
        except BaseException:
            raw.close()
            raise

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        if self._ring is not None:
            self._ring.close()
        self._raw.close()

    def receive_into(self, buffer: bytearray) -> tuple[int, int] | None:
        """Length and packet type of the next frame; None when there is none.

        Raises:
            OSError: the interface went down or vanished.
        """
        if self._ring is not None:
            received = self._ring.receive_into(buffer)
            if received is None:
                return None
            length, packet_type, ifindex = received
            ours = ifindex == self.ifindex
        else:
            try:
                length, address = self._raw.recvfrom_into(buffer)
            except BlockingIOError:
                return None
            packet_type, ours = address[2], address[0] == self.name
        # A frame of a VLAN that has its own interface is that one's, though it comes here too.
        return length, packet_type if ours else PACKET_OTHERHOST

    def send(self, frame: bytes | bytearray) -> bool:
        """Whether the kernel took the frame."""
        try:
            self._raw.send(frame)
        except OSError:
            return False
        return True

    def listen_for(self, address: bytes) -> None:
        """Let questions for an address reach this interface. Broadcasts do in any case."""

    def ignore(self, address: bytes) -> None:
        """The opposite."""

    def refresh(self) -> None:
        """Look again at what the kernel may have changed or refused."""

    def discard_queue(self, buffer: bytearray) -> int:
        """Drop what waits in the queue; how many frames that were.

        No more than a queue holds: on a LAN that never falls silent it would never end.
        """
        for dropped in range(_QUEUE_FRAMES):
            if self.receive_into(buffer) is None:
                return dropped
        return _QUEUE_FRAMES

    def is_stale(self) -> bool:
        """Whether the interface is gone, was made anew, or has another MAC."""
        try:
            current = self._raw.getsockname()
            return socket.if_nametoindex(self.name) != self.ifindex or current[4] != self.mac
        except OSError:
            return True

    def drops(self) -> int:
        """Frames that the kernel dropped since the socket was opened: the queue was full."""
        try:
            packed = self._raw.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        except OSError:
            return self._drops
        # Reading resets the kernel's count.
        self._drops += struct.unpack("II", packed)[1]
        return self._drops


class NeighborSocket(PacketSocket):
    """The same for neighbour discovery: questions go to groups, which have to be joined."""

    family = socket.AF_INET6
    protocol = ETH_P_IPV6
    program = _NDP_ONLY
    frame_bytes = FRAME_BUFFER_BYTES

    def __init__(
        self, raw: socket.socket, name: str, ifindex: int, mac: bytes, ring: Ring | None = None
    ) -> None:
        super().__init__(raw, name, ifindex, mac, ring)
        self._groups = Groups(name, ifindex)
        self.source = link_local(ifindex)

    def close(self) -> None:
        super().close()
        self._groups.close()

    def listen_for(self, address: bytes) -> None:
        self._groups.join(address)

    def ignore(self, address: bytes) -> None:
        self._groups.leave(address)

    def refresh(self) -> None:
        self.source = link_local(self.ifindex)
        self._groups.retry()


def _raise_pending(raw: socket.socket, name: str) -> None:
    # Binding to an interface that is down succeeds, and leaves ENETDOWN for the next call.
    pending = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if pending:
        raise OSError(pending, f"{name} is down")


def _ring_of(raw: socket.socket, frame_bytes: int) -> Ring | None:
    try:
        return Ring.of(raw, frame_bytes=frame_bytes)
    except OSError as error:
        _log.warning("no ring for received frames, only a short queue: %s", error)
        return None


def attach_filter(raw: socket.socket, program: Program) -> None:
    """Let the kernel drop what a program of classic BPF refuses."""
    memory = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    # struct sock_fprog: a length and a pointer, which the kernel copies from during the call.
    fprog = struct.pack("HP", len(program), ctypes.addressof(memory))
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
