"""ARP for IPv4, NDP for IPv6: what the keeper needs of either, side by side."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from speaker.wire import arp, ndp
from speaker.wire.frames import ArpFrames, Frames, NdpFrames, solicitation
from speaker.wire.neighbors import Heard, Verdict
from speaker.wire.sockets import NeighborSocket, PacketSocket
from speaker.wire.templates import Templates


@dataclass(frozen=True, slots=True)
class Family:
    """One way to ask a LAN who has an address."""

    open: Callable[[str], PacketSocket]
    """The socket on an interface; raises OSError."""
    read: Callable[[bytes | bytearray, int, int, bytes], Heard | Verdict]
    frames: Callable[[Templates, bytes, bytes], Frames]
    """For our MAC and an address of the plan."""
    call: Callable[[Templates, PacketSocket, bytes], bytes | None]
    """Asks a host for its own address, only to hear anything at all; None when that cannot be."""
    question: Callable[[bytes, bytes, bytes], bytes]
    """Asks for an address by our MAC and an address of ours, as any host does."""


def _arp_frames(templates: Templates, own_mac: bytes, address: bytes) -> Frames:
    return ArpFrames.fill(templates.arp, own_mac=own_mac, address=address)


def _ndp_frames(templates: Templates, own_mac: bytes, address: bytes) -> Frames:
    return NdpFrames.fill(templates.ndp, own_mac=own_mac, address=address)


def _arp_call(templates: Templates, via: PacketSocket, address: bytes) -> bytes | None:
    return bytes(templates.arp.probe.fill(own_mac=via.mac, address=address))


def _ndp_call(templates: Templates, via: PacketSocket, address: bytes) -> bytes | None:
    return solicitation(templates.ndp, own_mac=via.mac, source=via.source, address=address)


FAMILIES: Final = {
    socket.AF_INET: Family(PacketSocket.open, arp.read, _arp_frames, _arp_call, arp.question),
    socket.AF_INET6: Family(NeighborSocket.open, ndp.read, _ndp_frames, _ndp_call, ndp.question),
}
