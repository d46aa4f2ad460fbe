"""Echo requests for addresses that are held, as bytes (RFC 792, RFC 4443 section 4). Pure.

The kernel answers for its own addresses alone, and an address that is announced is none of them.
Fragments, IPv4 options and extension headers do not get here: `echoes` filters them out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from speaker.wire.neighbors import NOBODY, PACKET_OTHERHOST, Verdict, is_unicast

_IP_AT: Final = 14
_HOPS: Final = 64
"""The hop limit of an answer (RFC 1340), as kernels set it."""
_ONES: Final = 0xFFFF
_MULTICAST: Final = {4: range(224, 256), 16: range(255, 256)}
"""The first octet of addresses that nobody has, by an address's length."""
_ICMP_BYTES: Final = 8
_DO_NOT_FRAGMENT: Final = bytes.fromhex("0000 4000")
"""IPv4's identification and flags, of a packet that is whole (RFC 6864)."""
_IPV6_HEADER_BYTES: Final = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a family's frames are."""

    size_at: int
    """Of the packet's length, in two octets."""
    size_of: int
    """What the length counts begins here."""
    hops_at: int
    source_at: int
    address_bytes: int
    icmp_at: int
    reply: int
    """The ICMP type of an answer."""
    difference: int
    """What the checksum of the message grows by with that type."""


IPV4: Final = Layout(16, _IP_AT, 22, 26, 4, 34, 0, 0x0800)
IPV6: Final = Layout(18, _IP_AT + _IPV6_HEADER_BYTES, 21, 22, 16, 54, 129, -0x0100)


def answer(
    layout: Layout,
    frame: bytes | bytearray,
    length: int,
    packet_type: int,
    *,
    own_mac: bytes,
    answers: Callable[[bytes], bool],
) -> bytearray | Verdict:
    """The answer to an echo request, or why there is none.

    Args:
        layout: of its family.
        frame: a buffer that begins with the frame.
        length: the frame's bytes in it.
        packet_type: `sll_pkttype` of packet(7).
        own_mac: the interface's.
        answers: whether pings to an address are answered.
    """
    if length < layout.icmp_at + _ICMP_BYTES:
        return Verdict.TOO_SHORT
    mac, middle = bytes(frame[6:12]), layout.source_at + layout.address_bytes
    source = bytes(frame[layout.source_at : middle])
    target = bytes(frame[middle : middle + layout.address_bytes])
    # What is behind the packet is padding.
    end = layout.size_of + int.from_bytes(frame[layout.size_at : layout.size_at + 2], "big")
    refused = None
    if frame[:6] != own_mac:
        refused = Verdict.NOT_FOR_US
    elif packet_type == PACKET_OTHERHOST:
        refused = Verdict.VLAN_TAGGED
    elif not answers(target):
        refused = Verdict.ECHO_FOR_OTHERS
    elif not layout.icmp_at + _ICMP_BYTES <= end <= length:
        refused = Verdict.TOO_SHORT
    elif not is_unicast(mac):
        refused = Verdict.BAD_SENDER
    elif source in NOBODY or source == target or source[0] in _MULTICAST[layout.address_bytes]:
        refused = Verdict.BAD_SOURCE
    if refused is not None:
        return refused
    made = bytearray(frame[:end])
    made[:12] = mac + own_mac
    made[layout.source_at : middle + layout.address_bytes] = target + source
    made[layout.hops_at] = _HOPS
    made[layout.icmp_at] = layout.reply
    _grow(made, layout.icmp_at + 2, layout.difference)
    if layout is IPV4:
        made[18:22] = _DO_NOT_FRAGMENT
        made[24:26] = bytes(2)
        made[24:26] = (-int.from_bytes(made[_IP_AT:34], "big") % _ONES).to_bytes(2, "big")
    else:
        # The flow is the sender's to name, not ours (RFC 6437).
        made[_IP_AT + 1] &= 0xF0
        made[_IP_AT + 2 : _IP_AT + 4] = bytes(2)
    return made


def _grow(frame: bytearray, at: int, difference: int) -> None:
    """Mend a checksum for what has changed (RFC 1624); of an echo it covers no address."""
    total = (int.from_bytes(frame[at : at + 2], "big") + difference) % _ONES
    frame[at : at + 2] = total.to_bytes(2, "big")
