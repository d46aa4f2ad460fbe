"""Neighbour solicitations and advertisements over Ethernet, as bytes (RFC 4861). Pure.

`read` is the hot path, as in `arp`. It refuses what RFC 4861 section 7.1 tells a node to discard,
and names each reason. What lies behind an extension header is not read: nobody sends such, and
fragments are forbidden (RFC 6980).
"""

import struct
from enum import IntEnum
from typing import Final

from speaker.wire.neighbors import NOBODY, PACKET_OTHERHOST, Heard, Verdict, is_unicast

FRAME_BYTES: Final = 78
"""Ethernet header, IPv6 header, and a message without options."""
OPTION_BYTES: Final = 8
"""A link-layer address option; the unit of all options' lengths."""

ETHERTYPE: Final = 0x86DD
HOP_LIMIT: Final = 255

SOLICITED_NODE: Final = bytes.fromhex("ff0200000000000000000001ff")
"""The first 13 octets of a solicited-node group; the address's last three follow."""

_LAYOUT: Final = struct.Struct("!6s6sH IHBB16s16s BBHI16s")
_IP_END: Final = 54
_MESSAGE_BYTES: Final = 24
_SOURCE_AT: Final = 22
_CHECKSUM_AT: Final = 56
_ICMPV6: Final = 58
_VERSION: Final = 6
_ONES: Final = 0xFFFF
_GROUP_MAC: Final = b"\x33\x33"
_MULTICAST: Final = 0xFF
_SOURCE_MAC, _TARGET_MAC = 1, 2  # RFC 4861 section 4.6: link-layer address options
_SOLICITED: Final = 0x4000_0000


class Type(IntEnum):
    """ICMPv6 types (RFC 4861 sections 4.3 and 4.4)."""

    SOLICITATION = 135
    ADVERTISEMENT = 136


def read(  # noqa: C901, PLR0911, PLR0912  # one return for each named reason is the point
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
    (dst, src, ethertype, first, size, header, hops, source, destination, kind, code, _, flags,
     target) = _LAYOUT.unpack_from(frame)  # fmt: skip
    if ethertype != ETHERTYPE or first >> 28 != _VERSION or header != _ICMPV6:
        return Verdict.NOT_NDP
    if kind not in (Type.SOLICITATION, Type.ADVERTISEMENT):
        return Verdict.NOT_NDP
    if dst != own_mac and dst[:2] != _GROUP_MAC:
        return Verdict.NOT_FOR_US
    if packet_type == PACKET_OTHERHOST:
        return Verdict.VLAN_TAGGED  # as in `arp`
    if src == own_mac:
        return Verdict.OWN_FRAME
    if hops != HOP_LIMIT:
        return Verdict.BAD_HOP_LIMIT
    end = _IP_END + size
    if end > length or size < _MESSAGE_BYTES:
        return Verdict.TOO_SHORT
    if _remainder(frame, end):
        return Verdict.BAD_CHECKSUM
    if code:
        return Verdict.BAD_CODE
    if target[0] == _MULTICAST:
        return Verdict.BAD_TARGET
    question = kind == Type.SOLICITATION
    told = _link_layer_address(frame, end, _SOURCE_MAC if question else _TARGET_MAC)
    if told is None:
        return Verdict.BAD_OPTION
    if source[0] == _MULTICAST:
        return Verdict.BAD_SOURCE
    # A probe goes to the group that every holder is in, and has no MAC to be remembered.
    if question and source in NOBODY and (told or destination[:13] != SOLICITED_NODE):
        return Verdict.BAD_SOURCE
    if not question and flags & _SOLICITED and destination[0] == _MULTICAST:
        return Verdict.BAD_FLAGS
    mac = told or src
    if mac == own_mac:
        return Verdict.OWN_FRAME
    if not is_unicast(mac):
        return Verdict.BAD_SENDER
    to_all = dst != own_mac
    if question:
        return Heard(True, mac, source, target, to_all)  # noqa: FBT003  # the hot path
    return Heard(False, mac, target, b"", to_all)  # noqa: FBT003  # the hot path


def question(own_mac: bytes, source: bytes, address: bytes) -> bytes:
    """The solicitation of a host that has an address of its own, as its kernel would send it.

    For a process that asks once: it has no use for what scapy costs.
    """
    group = SOLICITED_NODE + address[len(SOLICITED_NODE) :]
    # RFC 2464 section 7: the last four octets of the group.
    ethernet = _GROUP_MAC + group[-4:], own_mac, ETHERTYPE
    ip = _VERSION << 28, _MESSAGE_BYTES + OPTION_BYTES, _ICMPV6, HOP_LIMIT, source, group
    message = _LAYOUT.pack(*ethernet, *ip, Type.SOLICITATION, 0, 0, 0, address)
    frame = bytearray(message + bytes([_SOURCE_MAC, 1]) + own_mac)
    seal(frame)
    return bytes(frame)


def seal(frame: bytearray) -> None:
    """Write the checksum (RFC 4443 section 2.3) of a frame that is complete otherwise."""
    frame[_CHECKSUM_AT : _CHECKSUM_AT + 2] = bytes(2)
    write_checksum(frame, _remainder(frame, len(frame)))


def write_checksum(frame: bytearray, total: int) -> None:
    """Write the checksum that belongs to a sum.

    Args:
        frame: its checksum's field is overwritten.
        total: of all that the checksum covers, as one number or as several; only its remainder by
            65535 counts, for one's complement arithmetic of 16 bits is arithmetic modulo that.
    """
    frame[_CHECKSUM_AT : _CHECKSUM_AT + 2] = (-total % _ONES).to_bytes(2, "big")


def unsealed_sum(frame: bytearray, *, without: slice) -> int:
    """What a checksum covers but for some octets at an even place: see `write_checksum`."""
    bare = bytearray(frame)
    bare[_CHECKSUM_AT : _CHECKSUM_AT + 2] = bytes(2)
    bare[without] = bytes(len(bare[without]))
    return _remainder(bare, len(bare))


def _remainder(frame: bytes | bytearray, end: int) -> int:
    """Zero when the checksum is right.

    Source and destination stand before the message in the frame, as in the pseudo-header (RFC 8200
    section 8.1); what is missing is length and next header.
    """
    covered = frame[_SOURCE_AT:end]
    if (end - _SOURCE_AT) % 2:
        covered += b"\0"
    return (int.from_bytes(covered, "big") + end - _IP_END + _ICMPV6) % _ONES


def _link_layer_address(frame: bytes | bytearray, end: int, wanted: int) -> bytes | None:
    """The MAC in the first option that is wanted; empty when there is none.

    None when an option is malformed (RFC 4861 sections 4.6 and 7.1).
    """
    at, found = FRAME_BYTES, b""
    while at < end:
        size = frame[at + 1] * OPTION_BYTES if at + 1 < end else 0
        if not size or at + size > end:
            return None
        if frame[at] == wanted and not found:
            if size != OPTION_BYTES:
                return None
            found = bytes(frame[at + 2 : at + OPTION_BYTES])
        at += size
    return found
