"""Hears who announces an address: a packet socket in the client's namespace."""

import select
import socket
import struct
import threading
import time
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Self

from tests.bench.outage.figures import Claim
from tests.lab import Lab
from tests.wire import frames
from tests.wire.network import inside
from tests.wire.tap import ETH_P_ARP

INTERFACE = "eth0"
_SO_TIMESTAMPNS = 35
"""The kernel's own time of arrival (socket(7)): how late this process wakes does not count."""
_ONE_GO_SECONDS = 0.0001
_ANSWER_SECONDS = 0.3


class Listener:
    """Records every frame on the LAN that says where an address is."""

    def __init__(self, lab: Lab, address: str) -> None:
        self.claims: list[Claim] = []
        self._address = IPv4Address(address)
        client = lab.spec.host("client")
        self._mac, self._own = bytes.fromhex(client.mac().replace(":", "")), client.address()
        self._socket = inside(lab.spec.namespace("client"), self._open)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def answering(self) -> set[str]:
        """The MACs that answer one broadcast question."""
        asked = time.monotonic()
        self._socket.send(frames.request(self._mac, self._own, str(self._address)))
        time.sleep(_ANSWER_SECONDS)  # how long somebody may take to answer
        return {each.mac for each in list(self.claims) if each.at >= asked}

    def changes_since(self, moment: float) -> list[float]:
        """When the announcing MAC changed, since then."""
        claims = [each for each in list(self.claims) if each.at >= moment]
        return [after.at for before, after in pairwise(claims) if before.mac != after.mac]

    def _open(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        raw.bind((INTERFACE, ETH_P_ARP))
        return raw

    def _listen(self) -> None:
        while not self._ending.is_set():
            if not select.select([self._socket], [], [], 0.2)[0]:
                continue
            frame, control, _, _ = self._socket.recvmsg(2048, 64)
            if frame[28:32] == self._address.packed:
                self.claims.append(Claim(_arrived(control), frame[22:28].hex(":")))


def _arrived(control: list[tuple[int, int, bytes]]) -> float:
    """The arrival by the monotonic clock; the kernel stamps frames by the time of day."""
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", data)
            stamped: float = seconds + nanoseconds / 1e9
            return stamped - _ahead()
    return time.monotonic()


def _ahead() -> float:
    """How far the time of day is ahead of the monotonic clock: read in one go, or once more."""
    while True:
        before, day, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < _ONE_GO_SECONDS:
            return day - before
