"""The expressions that rules are made of, as the kernel's nf_tables knows them. Pure.

A rule runs its expressions in order and ends at the first that does not match. They work on sixteen
registers of four bytes; what is wider, or a key of several parts, lies in the registers that
follow. Names and numbers are those of <linux/netfilter/nf_tables.h>.
"""

import sys
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, Protocol

from speaker.netfilter.attributes import attribute, nested, number, text

REGISTER_BYTES: Final = 4
_FIRST_REGISTER: Final = 8  # NFT_REG32_00
_VERDICT_REGISTER: Final = 0  # NFT_REG_VERDICT
_LIST_ELEMENT: Final = 1  # NFTA_LIST_ELEM
_DATA_VALUE: Final = 1  # NFTA_DATA_VALUE


class Expression(Protocol):
    """One step of a rule."""

    def encoded(self) -> bytes:
        """As an attribute of NFTA_RULE_EXPRESSIONS."""
        ...


class Header(IntEnum):
    """Where a payload's offset counts from."""

    NETWORK = 1
    TRANSPORT = 2


class Meta(IntEnum):
    """What is known of a packet besides its bytes."""

    INPUT_INTERFACE = 6
    """Its name, in sixteen bytes."""
    FAMILY = 15
    """NFPROTO_IPV4 or NFPROTO_IPV6, in one byte."""
    PROTOCOL = 16
    """Of the transport layer, after IPv6's extension headers; one byte."""


class Connection(IntEnum):
    """What conntrack knows of a packet's connection."""

    STATE = 0x00
    """Bits of `State`, in the machine's order; four bytes."""
    STATUS = 0x02
    """What became of it, in bits; four bytes in the machine's order."""
    DIRECTION = 0x01
    """0 for the side that opened it, 1 for the answers; one byte."""
    ASKED_PORT = 0x0C
    """Where the side that opened it sends to, before any NAT; two bytes."""
    ASKED_IPV4 = 0x14
    ASKED_IPV6 = 0x16


_OF_THE_OPENING_SIDE: Final = frozenset(
    {Connection.ASKED_PORT, Connection.ASKED_IPV4, Connection.ASKED_IPV6}
)


class State(IntFlag):
    """Of a packet in its connection."""

    INVALID = 1 << 0
    """conntrack makes nothing of it."""
    ESTABLISHED = 1 << 1
    RELATED = 1 << 2
    """An ICMP error about a known connection, say."""
    NEW = 1 << 3
    UNTRACKED = 1 << 6
    """Somebody has told conntrack to leave it alone; it does so itself with neighbour discovery."""


class Comparison(IntEnum):
    EQUAL = 0
    UNEQUAL = 1
    AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Checksum:
    """Which checksum to mend when bytes are written."""

    offset: int | None = None
    """Of an Internet checksum (RFC 1071), from the same header; None: there is none."""
    pseudo_header: bool = False
    """Also that of TCP, UDP or ICMPv6, which covers the addresses."""
    sctp: bool = False
    """Not an Internet checksum but SCTP's CRC32c (RFC 9260 section 6.8)."""


NO_CHECKSUM: Final = Checksum()


def _register(index: int) -> int:
    return _FIRST_REGISTER + index


def _expression(name: str, *parts: bytes) -> bytes:
    return nested(_LIST_ELEMENT, text(1, name), nested(2, *parts))


@dataclass(frozen=True, slots=True)
class Load:
    """Bytes of the packet into registers; no match where the packet is too short."""

    header: Header
    offset: int
    length: int
    to: int = 0

    def encoded(self) -> bytes:
        where = (number(2, self.header), number(3, self.offset), number(4, self.length))
        return _expression("payload", number(1, _register(self.to)), *where)


@dataclass(frozen=True, slots=True)
class Write:
    """Registers into the packet."""

    header: Header
    offset: int
    length: int
    source: int = 0
    checksum: Checksum = NO_CHECKSUM

    def encoded(self) -> bytes:
        where = (number(2, self.header), number(3, self.offset), number(4, self.length))
        parts = [number(5, _register(self.source)), *where]
        if self.checksum.offset is not None:
            kind = 2 if self.checksum.sctp else 1  # NFT_PAYLOAD_CSUM_SCTP, _INET
            parts += [number(6, kind), number(7, self.checksum.offset)]
        if self.checksum.pseudo_header:
            parts.append(number(8, 1))  # NFT_PAYLOAD_L4CSUM_PSEUDOHDR
        return _expression("payload", *parts)


@dataclass(frozen=True, slots=True)
class LoadMeta:
    key: Meta
    to: int = 0

    def encoded(self) -> bytes:
        return _expression("meta", number(1, _register(self.to)), number(2, self.key))


@dataclass(frozen=True, slots=True)
class LoadConnection:
    """No match where the packet belongs to no connection."""

    key: Connection
    to: int = 0

    def encoded(self) -> bytes:
        parts = [number(1, _register(self.to)), number(2, self.key)]
        if self.key in _OF_THE_OPENING_SIDE:
            parts.append(attribute(3, b"\0"))  # NFTA_CT_DIRECTION: IP_CT_DIR_ORIGINAL
        return _expression("ct", *parts)


@dataclass(frozen=True, slots=True)
class InState:
    """No match unless the packet is in one of these states. Uses register 0."""

    states: State

    def encoded(self) -> bytes:
        return b"".join(
            (
                LoadConnection(Connection.STATE).encoded(),
                _masked(self.states.to_bytes(4, sys.byteorder)),
                Compare(bytes(4), comparison=Comparison.UNEQUAL).encoded(),
            )
        )


def _masked(mask: bytes) -> bytes:
    """Register 0, and of it these bits alone."""
    place = _register(0)
    only = (nested(4, attribute(_DATA_VALUE, mask)), nested(5, attribute(_DATA_VALUE, bytes(4))))
    return _expression("bitwise", number(1, place), number(2, place), number(3, 4), *only)


@dataclass(frozen=True, slots=True)
class NotTranslated:
    """No match where NAT has given the connection another destination. Uses register 0."""

    def encoded(self) -> bytes:
        dst_nat = (1 << 5).to_bytes(4, sys.byteorder)  # IPS_DST_NAT
        return b"".join(
            (
                LoadConnection(Connection.STATUS).encoded(),
                _masked(dst_nat),
                Compare(bytes(4)).encoded(),
            )
        )


@dataclass(frozen=True, slots=True)
class Compare:
    """No match unless the register compares so with the value, byte by byte."""

    value: bytes
    register: int = 0
    comparison: Comparison = Comparison.EQUAL

    def encoded(self) -> bytes:
        value = nested(3, attribute(_DATA_VALUE, self.value))
        return _expression(
            "cmp", number(1, _register(self.register)), number(2, self.comparison), value
        )


@dataclass(frozen=True, slots=True)
class Lookup:
    """No match unless the key is in the set; the data that a map has for it goes to a register."""

    name: str
    key: int = 0
    to: int | None = None

    def encoded(self) -> bytes:
        parts = [text(1, self.name), number(2, _register(self.key))]
        if self.to is not None:
            parts.append(number(3, _register(self.to)))
        return _expression("lookup", *parts)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value into registers."""

    value: bytes
    to: int = 0

    def encoded(self) -> bytes:
        value = nested(2, attribute(_DATA_VALUE, self.value))
        return _expression("immediate", number(1, _register(self.to)), value)


@dataclass(frozen=True, slots=True)
class TranslateDestination:
    """NAT to the address in a register, for the whole connection."""

    family: int
    """NFPROTO_IPV4 or NFPROTO_IPV6."""
    address: int = 0

    def encoded(self) -> bytes:
        kind, family = number(1, 1), number(2, self.family)  # NFT_NAT_DNAT
        return _expression("nat", kind, family, number(3, _register(self.address)))


class _Verdict(IntEnum):
    DROP = 0
    ACCEPT = 1
    GOTO = -4


def _verdict(code: _Verdict, *chain: bytes) -> bytes:
    value = nested(2, nested(2, number(1, code), *chain))
    return _expression("immediate", number(1, _VERDICT_REGISTER), value)


@dataclass(frozen=True, slots=True)
class Goto:
    """On to another chain, never back."""

    chain: str

    def encoded(self) -> bytes:
        return _verdict(_Verdict.GOTO, text(2, self.chain))


@dataclass(frozen=True, slots=True)
class Accept:
    """Done with it here; the chains of other tables see it."""

    def encoded(self) -> bytes:
        return _verdict(_Verdict.ACCEPT)


@dataclass(frozen=True, slots=True)
class Drop:
    def encoded(self) -> bytes:
        return _verdict(_Verdict.DROP)


@dataclass(frozen=True, slots=True)
class RejectReset:
    """Drop it and answer with a TCP reset."""

    def encoded(self) -> bytes:
        return _expression("reject", number(1, 1), attribute(2, b"\0"))


@dataclass(frozen=True, slots=True)
class RejectPort:
    """Drop it and answer with an ICMP error: port unreachable."""

    def encoded(self) -> bytes:
        return _expression("reject", number(1, 2), attribute(2, b"\1"))


def _new_counter() -> bytes:
    zero = (0).to_bytes(8, "big")
    return nested(17, text(1, "counter"), nested(2, attribute(1, zero), attribute(2, zero)))


NEW_COUNTER: Final = _new_counter()
"""In a set's declaration (NFTA_SET_EXPR): each element counts the packets that found it."""
