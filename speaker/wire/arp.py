"""ARP over Ethernet, as bytes (RFC 826). Pure.

`read` is the hot path: one call for each frame, no object but a tuple. It names the reason for
every frame that is ignored; the reasons are counted and become metrics.
"""

import struct
from enum import IntEnum
from typing import Final

from speaker.wire.neighbors import NO_MAC, PACKET_OTHERHOST, Heard, Verdict, is_unicast

BROADCAST: Final = b"\xff" * 6
NO_ADDRESS: Final = bytes(4)

FRAME_BYTES: Final = 42
"""Ethernet header and ARP for IPv4, without the padding that drivers add."""

_LAYOUT: Final = struct.Struct("!6s6sH HHBBH 6s4s6s4s")
_ETHERTYPE_ARP: Final = 0x0806
_ETHERNET_IPV4: Final = (1, 0x0800, 6, 4)


class Operation(IntEnum):
    """RFC 826, `ar$op`."""

    REQUEST = 1
    REPLY = 2


def question(own_mac: bytes, source: bytes, address: bytes) -> bytes:
    """The request of a host that has an address of its own, as its kernel would send it.

    For a process that asks once: it has no use for what scapy costs.
    """
    sender = own_mac, source, NO_MAC, address
    return _LAYOUT.pack(
        BROADCAST, own_mac, _ETHERTYPE_ARP, *_ETHERNET_IPV4, Operation.REQUEST, *sender
    )


def read(  # noqa: PLR0911  # one return for each named reason is the point
    frame: bytes | bytearray, length: int, packet_type: int, own_mac: bytes
) -> Heard | Verdict:
    """The meaning of a frame, or why it is ignored.

    Args:
        frame: a buffer that begins with the frame.
        length: the frame's bytes in it.
        packet_type: `sll_pkttype` of packet(7).
        own_mac: the interface's.
    """
    if length < FRAME_BYTES:
        return Verdict.TOO_SHORT
    (dst, src, ethertype, *hardware, operation, sender_mac, sender, _, target) = (
        _LAYOUT.unpack_from(frame)
    )
    if ethertype != _ETHERTYPE_ARP:
        return Verdict.NOT_ARP
    if dst not in (BROADCAST, own_mac):
        return Verdict.NOT_FOR_US
    if packet_type == PACKET_OTHERHOST:
        # A socket bound to ARP gets a tagged frame without its tag, marked as not for this host.
        # Sent to us and yet not for us: that is the tag. (VLAN 0 is a priority, not a VLAN.)
        return Verdict.VLAN_TAGGED
    if own_mac in (src, sender_mac):
        return Verdict.OWN_FRAME
    if tuple(hardware) != _ETHERNET_IPV4:
        return Verdict.NOT_ETHERNET_IPV4
    if not is_unicast(sender_mac):
        return Verdict.BAD_SENDER
    if operation not in (Operation.REQUEST, Operation.REPLY):
        return Verdict.UNKNOWN_OPERATION
    return Heard(operation == Operation.REQUEST, sender_mac, sender, target, dst == BROADCAST)
