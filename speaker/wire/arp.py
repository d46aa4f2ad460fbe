"""ARP over Ethernet, as bytes (RFC 826).

`read` is the hot path: one call for each frame, no object but a tuple. It names the reason for
every frame that is ignored; the reasons are counted and become metrics.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

BROADCAST: Final = b"\xff" * 6
NO_MAC: Final = b"\x00" * 6
NO_ADDRESS: Final = b"\x00" * 4

FRAME_BYTES: Final = 42
"""Ethernet header and ARP for IPv4, without the padding that drivers add."""

_LAYOUT: Final = struct.Struct("!6s6sH HHBBH 6s4s6s4s")
_ETHERTYPE_ARP: Final = 0x0806
_ETHERNET_IPV4: Final = (1, 0x0800, 6, 4)
_GROUP_BIT: Final = 0x01
_PACKET_OTHERHOST: Final = 3  # <linux/if_packet.h>


class Operation(IntEnum):
    """RFC 826, `ar$op`."""

    REQUEST = 1
    REPLY = 2


class Verdict(IntEnum):
    """What became of a received frame: answered, noted, or ignored for a reason."""

    ANSWERED = 0
    """A request or probe for an address that is held here."""
    CLAIM = 1
    """Another MAC says that an address of the plan is its own."""
    RIVAL_PROBE = 2
    """Another MAC probes for an address that is asked for here."""
    NOT_ARP = 3
    TOO_SHORT = 4
    NOT_ETHERNET_IPV4 = 5
    UNKNOWN_OPERATION = 6
    BAD_SENDER = 7
    """The sender's hardware address is a group address or zero: an answer would go astray."""
    VLAN_TAGGED = 8
    """It belongs to another LAN that shares the cable."""
    NOT_FOR_US = 9
    """Sent to another MAC, or to a multicast group."""
    OWN_FRAME = 10
    """Our own, looped back by the network."""
    REPLY = 11
    """An answer about an address that is not in the plan."""
    NOT_HELD = 12
    """A request for an address of the plan that is not held here."""
    NOT_PLANNED = 13
    """A request for an address that is no concern of ours."""
    STALE = 14
    """It waited in the queue while this process stood still."""

    @property
    def label(self) -> str:
        """The value of the metric's label."""
        return self.name.lower().replace("_", "-")


class Arp(NamedTuple):
    """The fields that matter, of a frame that is well formed and for this interface."""

    operation: int
    sender_mac: bytes
    sender: bytes
    target: bytes
    broadcast: bool
    """Sent to everybody, not to this interface alone."""


def read(  # noqa: PLR0911  # one return for each named reason is the point
    frame: bytes | bytearray, length: int, packet_type: int, own_mac: bytes
) -> Arp | Verdict:
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
    if packet_type == _PACKET_OTHERHOST:
        # A socket bound to ARP gets a tagged frame without its tag, marked as not for this host.
        # Sent to us and yet not for us: that is the tag. (VLAN 0 is a priority, not a VLAN.)
        return Verdict.VLAN_TAGGED
    if own_mac in (src, sender_mac):
        return Verdict.OWN_FRAME
    if tuple(hardware) != _ETHERNET_IPV4:
        return Verdict.NOT_ETHERNET_IPV4
    if sender_mac[0] & _GROUP_BIT or sender_mac == NO_MAC:
        return Verdict.BAD_SENDER
    if operation not in (Operation.REQUEST, Operation.REPLY):
        return Verdict.UNKNOWN_OPERATION
    return Arp(operation, sender_mac, sender, target, dst == BROADCAST)


def show_mac(mac: bytes) -> str:
    """`02:00:00:00:00:01`."""
    return mac.hex(":")


def peer_mac(text: str) -> bytes:
    """The MAC that a plan gives for a peer; empty, and nobody's, where it knows none."""
    try:
        return read_mac(text)
    except ValueError:
        return b""


def read_mac(text: str) -> bytes:
    """The bytes of a MAC in the usual notation.

    Raises:
        ValueError: it is not six octets.
    """
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != len(NO_MAC):
        raise ValueError(f"not a MAC address: {text!r}")
    return mac
