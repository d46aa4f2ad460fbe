"""UDP sockets for BFD (RFC 5881): one that listens on an interface, one that sends per session.

Binding a socket to an interface needs no more than the CAP_NET_RAW that the wire has.
"""

import errno
import random
import socket
import sys
from typing import Final, Self

from speaker.messages import Peer
from speaker.wire.bfd import SOURCE_PORTS, TTL
from speaker.wire.neighbors import family_of

_IP_RECVTTL: Final = 12  # <linux/in.h>
_V4, _V6 = socket.AF_INET, socket.AF_INET6
_HOP_LIMITS: Final = frozenset(
    {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)}
)
"""The ancillary data that says a datagram's TTL, or hop limit."""
_ANCILLARY_BYTES: Final = 64
_DATAGRAM_BYTES: Final = 256
_RECEIVE_BUFFER: Final = 1 << 20
"""Asked for; the kernel gives what the system allows. It must hold a stall's worth of packets."""
_INTERNETWORK_CONTROL: Final = 0xC0
"""DSCP CS6, in the TOS byte: a switch that is full drops something else first (RFC 4594)."""
_ATTEMPTS: Final = 16


class Receiver:
    """Control packets of one family that arrive on one interface, without blocking."""

    def __init__(self, udp: socket.socket, name: str) -> None:
        self._udp = udp
        self.name = name

    @classmethod
    def open(cls, name: str, port: int, family: socket.AddressFamily = _V4) -> Self:
        """Listen on an interface.

        Raises:
            OSError: another program has the port, or there is no such interface.
        """
        udp = _bound_to(name, family)
        try:
            if family == _V6:
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            else:
                udp.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            udp.bind(("", port))
        except BaseException:
            udp.close()
            raise
        return cls(udp, name)

    def fileno(self) -> int:
        return self._udp.fileno()

    def close(self) -> None:
        self._udp.close()

    def receive(self) -> tuple[bytes, int, str] | None:
        """The next datagram, its TTL (0 when the kernel did not say) and its sender's address.

        None when there is none. An error of the interface is no datagram: whoever needs the
        interface finds out by the socket for ARP.
        """
        try:
            data, ancillary, _, source = self._udp.recvmsg(_DATAGRAM_BYTES, _ANCILLARY_BYTES)
        except OSError:
            return None
        ttl = next(
            (
                int.from_bytes(value[:4], sys.byteorder)
                for level, kind, value in ancillary
                if (level, kind) in _HOP_LIMITS
            ),
            0,
        )
        return data, ttl, source[0].partition("%")[0]


class Sender:
    """Sends one session's packets from a source port of its own (RFC 5881 section 4)."""

    def __init__(self, udp: socket.socket, target: tuple[str, int]) -> None:
        self._udp = udp
        self._target = target

    @classmethod
    def open(cls, peer: Peer, port: int) -> Self:
        """From an interface to a peer.

        Raises:
            OSError: there is no such interface, our address is not on it, or no port is free.
        """
        family = family_of(peer.address)
        udp = _bound_to(peer.interface, family)
        try:
            if family == _V6:
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, TTL)
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _INTERNETWORK_CONTROL)
            else:
                udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
                udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _INTERNETWORK_CONTROL)
            _bind_source(udp, peer.source)
        except BaseException:
            udp.close()
            raise
        return cls(udp, (peer.address, port))

    def close(self) -> None:
        self._udp.close()

    def send(self, data: bytes) -> bool:
        """Whether the kernel took it."""
        try:
            self._udp.sendto(data, self._target)
        except OSError:
            return False
        return True


def _bound_to(name: str, family: socket.AddressFamily) -> socket.socket:
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.settimeout(0)
        if family == _V6:
            # IPv4 has a socket of its own for the same port.
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")
    except BaseException:
        udp.close()
        raise
    return udp


def _bind_source(udp: socket.socket, source: str) -> None:
    for left in reversed(range(_ATTEMPTS)):
        try:
            udp.bind((source, random.choice(SOURCE_PORTS)))  # noqa: S311  # any free one will do
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not left:
                raise
        else:
            return
