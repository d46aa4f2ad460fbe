"""A raw socket on a host of the test network: sends frames and records what arrives."""

import select
import socket
import struct
import time
from collections.abc import Callable

from tests.wire.network import INTERFACE, Host, inside

ETH_P_ARP = 0x0806
ETH_P_IPV6 = 0x86DD
_TESTED = bytes.fromhex("fd000009000000000000000000000100")[:15]
_SOL_PACKET, _ADD_MEMBERSHIP, _MR_PROMISC = 263, 1, 1
PATIENCE = 30.0
"""Seconds after which a condition that should come is given up: generous, for busy machines."""


class Tap:
    """Everything about ARP that reaches one host."""

    protocol = ETH_P_ARP

    def __init__(self, host: Host) -> None:
        self.host = host
        self._socket = inside(host.namespace, self._open)
        self.frames: list[bytes] = []

    def close(self) -> None:
        self._socket.close()

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def drain(self) -> None:
        """Keep what has arrived by now."""
        while select.select([self._socket], [], [], 0)[0]:
            self._receive()

    def wait_for(self, wanted: Callable[[bytes], bool], *, patience: float = PATIENCE) -> bytes:
        """The next frame that is wanted. Everything that arrives is kept in `frames`."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0]:
                break
            frame = self._receive()
            if frame is not None and wanted(frame):
                return frame
        raise AssertionError(f"not seen; seen were {[frame.hex() for frame in self.frames]}")

    def _open(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind((INTERFACE, self.protocol))
        index = socket.if_nametoindex(INTERFACE)
        member = struct.pack("IHH8s", index, _MR_PROMISC, 0, b"")
        raw.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        return raw

    def _receive(self) -> bytes | None:
        frame = self._cut(self._socket.recv(2048))
        if frame is not None:
            self.frames.append(frame)
        return frame

    def _cut(self, frame: bytes) -> bytes | None:
        """The frame without padding; None when it is not what this tap is about."""
        return frame[:42]


class NdpTap(Tap):
    """Everything about neighbours in fd00:9::100/120 that reaches one host.

    What the kernels of the hosts ask about each other is left out.
    """

    protocol = ETH_P_IPV6

    def _cut(self, frame: bytes) -> bytes | None:
        ours = frame[20:21] == b"\x3a" and frame[54:55] in (b"\x87", b"\x88")
        return frame if ours and frame[62:77] == _TESTED else None
