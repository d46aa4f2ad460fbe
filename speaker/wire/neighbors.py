"""What ARP and NDP have in common: questions, answers, and why a frame is ignored.

Both ask a LAN which MAC has an address. Readers of either give the same `Heard`, so the rules about
who holds an address know nothing of families.
"""

import socket
from enum import IntEnum
from typing import Final, NamedTuple

NO_MAC: Final = bytes(6)
NOBODY: Final = frozenset({bytes(4), bytes(16)})
"""0.0.0.0 and ::, the sender's address of a question by one who has none yet: a probe."""

PACKET_OTHERHOST: Final = 3
"""`sll_pkttype` of a frame that is not for this host (<linux/if_packet.h>)."""

_GROUP_BIT: Final = 0x01


class Verdict(IntEnum):
    """What became of a received frame: answered, noted, or ignored for a reason."""

    ANSWERED = 0
    """A request or probe for an address that is held here."""
    CLAIM = 1
    """Another MAC says that an address of the plan is its own."""
    RIVAL_PROBE = 2
    """Another MAC probes for an address that is asked for here."""
    NOT_ARP = 3
    """Of another protocol, which the socket's filter should have kept away."""
    TOO_SHORT = 4
    """It ends before the fields do, or before its own header says."""
    NOT_ETHERNET_IPV4 = 5
    """ARP for another kind of hardware or protocol (RFC 826)."""
    UNKNOWN_OPERATION = 6
    """ARP that is neither a request nor a reply."""
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
    NOT_NDP = 15
    """No neighbour solicitation or advertisement, or one behind an extension header."""
    BAD_HOP_LIMIT = 16
    """Not 255: it may have crossed a router (RFC 4861 section 7.1)."""
    BAD_CHECKSUM = 17
    """The ICMPv6 checksum is wrong."""
    BAD_CODE = 18
    """The ICMPv6 code is not 0."""
    BAD_TARGET = 19
    """A multicast address has no neighbour."""
    BAD_OPTION = 20
    """Of length zero, longer than the frame, or a MAC that is none."""
    BAD_SOURCE = 21
    """A multicast source; or none at all, where a probe may not be (RFC 4861 section 7.1.1)."""
    BAD_FLAGS = 22
    """An advertisement to a group that says it was asked for (RFC 4861 section 7.1.2)."""
    ECHOED = 23
    """A ping to an address that is held here, answered."""
    ECHO_FOR_OTHERS = 24
    """A ping to another address: the kernel's to answer, or another node's."""
    ECHO_TOO_OFTEN = 25
    """A ping beyond what one node answers in a second."""

    @property
    def label(self) -> str:
        """The value of the metric's label."""
        return self.name.lower().replace("_", "-")


class Heard(NamedTuple):
    """The fields that matter, of a frame that is well formed and for this interface."""

    question: bool
    """Whether it asks for `target`."""
    mac: bytes
    """The sender's."""
    sender: bytes
    """The address that the frame says is at `mac`; all zero in a probe."""
    target: bytes
    """The address that is asked for."""
    to_all: bool
    """Sent to everybody or to a group, not to this interface alone."""


def is_unicast(mac: bytes) -> bool:
    """Whether one interface can have this MAC."""
    return mac != NO_MAC and not mac[0] & _GROUP_BIT


def family_of(address: str) -> socket.AddressFamily:
    """IPv4 or IPv6, by the look of it."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def packed(address: str) -> bytes:
    """The bytes of an address.

    Raises:
        OSError: it is none.
    """
    return socket.inet_pton(family_of(address), address)


def unpacked(address: bytes) -> str:
    """The text of an address; of IPv6, compressed and in lower case."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6  # noqa: PLR2004  # octets
    return socket.inet_ntop(family, address)


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
