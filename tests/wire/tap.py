"""A raw socket on a host of the test network: sends frames and records what arrives."""

import select
import socket
import struct
import time
from collections.abc import Callable

from tests.wire.network import INTERFACE, Host, inside

ETH_P_ARP = 0x0806
_SOL_PACKET, _ADD_MEMBERSHIP, _MR_PROMISC = 263, 1, 1
PATIENCE = 30.0
"""Seconds after which a condition that should come is given up: generous, for busy machines."""


class Tap:
    """Everything about ARP that reaches one host."""

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
            self.frames.append(self._socket.recv(2048)[:42])

    def wait_for(self, wanted: Callable[[bytes], bool], *, patience: float = PATIENCE) -> bytes:
        """The next frame that is wanted. Everything that arrives is kept in `frames`."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0]:
                break
            frame = self._socket.recv(2048)
            self.frames.append(frame[:42])
            if wanted(frame[:42]):
                return frame[:42]
        raise AssertionError(f"not seen; seen were {[frame.hex() for frame in self.frames]}")

    def _open(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        raw.bind((INTERFACE, ETH_P_ARP))
        index = socket.if_nametoindex(INTERFACE)
        member = struct.pack("IHH8s", index, _MR_PROMISC, 0, b"")
        raw.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        return raw
