"""The solicited-node groups that questions for our addresses are sent to (RFC 4291 section 2.7.1).

Joining by the socket option, not by a filter on the MAC alone, makes the kernel say so by MLD: a
switch that snoops would keep the questions from us otherwise. The sockets are there for that; no
datagram is ever sent to them.
"""

import logging
import socket
import struct
from collections import Counter
from contextlib import suppress
from typing import Final

from speaker.wire.ndp import SOLICITED_NODE

_log: Final = logging.getLogger("speaker.wire")

_PER_SOCKET: Final = 200
"""The kernel charges memberships to the socket's option memory: 20 kB, 56 bytes each, on kernels
before 6.7."""

_ALL_NODES: Final = "ff02::1"
_ANY_PORT: Final = 9


class Groups:
    """Memberships on one interface. Addresses that end alike share a group."""

    def __init__(self, name: str, ifindex: int) -> None:
        self._name = name
        self._ifindex = ifindex
        self._members: Counter[bytes] = Counter()
        """Group -> addresses that need it."""
        self._joined: dict[bytes, socket.socket] = {}
        self._sockets: dict[socket.socket, int] = {}
        """Socket -> memberships."""
        self._refused: set[bytes] = set()

    def join(self, address: bytes) -> None:
        """Hear questions for an address. What the kernel refuses is tried again by `retry`."""
        group = SOLICITED_NODE + address[len(SOLICITED_NODE) :]
        self._members[group] += 1
        if group not in self._joined:
            self._join(group)

    def leave(self, address: bytes) -> None:
        """The address is no concern of ours any more."""
        group = SOLICITED_NODE + address[len(SOLICITED_NODE) :]
        self._members[group] -= 1
        if self._members[group] > 0:
            return
        del self._members[group]
        self._refused.discard(group)
        udp = self._joined.pop(group, None)
        if udp is None:
            return
        with suppress(OSError):  # the interface is gone, and the membership with it
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP, self._request(group))
        self._sockets[udp] -= 1
        if not self._sockets[udp]:
            del self._sockets[udp]
            udp.close()

    def retry(self) -> None:
        """Join what was refused."""
        for group in list(self._refused):
            self._join(group)

    def close(self) -> None:
        """Leave all of them."""
        for udp in self._sockets:
            udp.close()
        self._sockets.clear()
        self._joined.clear()
        self._members.clear()
        self._refused.clear()

    def _join(self, group: bytes) -> None:
        try:
            udp = self._roomy()
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, self._request(group))
        except OSError as error:
            if group not in self._refused:
                text = socket.inet_ntop(socket.AF_INET6, group)
                _log.warning("%s: cannot join %s: %s", self._name, text, error)
            self._refused.add(group)
            return
        self._refused.discard(group)
        self._joined[group] = udp
        self._sockets[udp] += 1

    def _roomy(self) -> socket.socket:
        for udp, memberships in self._sockets.items():
            if memberships < _PER_SOCKET:
                return udp
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._sockets[udp] = 0
        return udp

    def _request(self, group: bytes) -> bytes:
        return group + struct.pack("@I", self._ifindex)


def link_local(ifindex: int) -> bytes:
    """The interface's link-local address, by the kernel's choice; empty when it has none (yet)."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.connect((_ALL_NODES, _ANY_PORT, 0, ifindex))  # sends nothing
            found = udp.getsockname()[0].partition("%")[0]
    except OSError:
        return b""
    address = socket.inet_pton(socket.AF_INET6, found)
    # fe80::/10 (RFC 4291 section 2.5.6): another scope would be no neighbour's.
    return address if address[0] == 0xFE and address[1] & 0xC0 == 0x80 else b""  # noqa: PLR2004  # the prefix
