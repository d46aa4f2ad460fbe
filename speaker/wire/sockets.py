"""One AF_PACKET socket per interface.

Bound to ARP, not to everything: the kernel then hands over the LAN's ARP frames alone, and none of
the node's own traffic passes a filter of ours. Needs CAP_NET_RAW and nothing else; the interface is
not put into promiscuous mode, so it sees what its own MAC and broadcasts bring.
"""

import ctypes
import socket
import struct
from typing import Final, Self

ETH_P_ARP: Final = 0x0806
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_SO_ATTACH_FILTER: Final = 26
_SNAP_BYTES: Final = 64

# Classic BPF, as `tcpdump -dd -s 64 arp` prints it: the EtherType at offset 12 is ARP, or drop.
_ARP_ONLY: Final = (
    (0x28, 0, 0, 12),
    (0x15, 0, 1, ETH_P_ARP),
    (0x06, 0, 0, _SNAP_BYTES),
    (0x06, 0, 0, 0),
)


class PacketSocket:
    """ARP frames of one interface, in and out, without blocking."""

    def __init__(self, raw: socket.socket, name: str, ifindex: int, mac: bytes) -> None:
        self._raw = raw
        self.name = name
        self.ifindex = ifindex
        self.mac = mac
        """The interface's MAC when the socket was opened."""
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
            _attach_filter(raw)
            raw.bind((name, ETH_P_ARP))
            _raise_pending(raw, name)
            return cls(raw, name, ifindex, raw.getsockname()[4])
        except BaseException:
            raw.close()
            raise

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()

    def receive_into(self, buffer: bytearray) -> tuple[int, int] | None:
        """Length and packet type of the next frame; None when there is none.

        Raises:
            OSError: the interface went down or vanished.
        """
        try:
            length, address = self._raw.recvfrom_into(buffer)
        except BlockingIOError:
            return None
        return length, address[2]

    def send(self, frame: bytes | bytearray) -> bool:
        """Whether the kernel took the frame."""
        try:
            self._raw.send(frame)
        except OSError:
            return False
        return True

    def discard_queue(self, buffer: bytearray) -> int:
        """Drop what waits in the queue; how many frames that were."""
        dropped = 0
        while self.receive_into(buffer) is not None:
            dropped += 1
        return dropped

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


def _raise_pending(raw: socket.socket, name: str) -> None:
    # Binding to an interface that is down succeeds, and leaves ENETDOWN for the next call.
    pending = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if pending:
        raise OSError(pending, f"{name} is down")


def _attach_filter(raw: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *line) for line in _ARP_ONLY)
    memory = ctypes.create_string_buffer(program)
    # struct sock_fprog: a length and a pointer, which the kernel copies from during the call.
    fprog = struct.pack("HP", len(_ARP_ONLY), ctypes.addressof(memory))
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
