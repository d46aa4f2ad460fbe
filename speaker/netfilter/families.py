"""What differs between IPv4 and IPv6 and between TCP, UDP and SCTP, and what rules share. Pure."""

from dataclasses import dataclass
from typing import Final

from speaker.netfilter.declarations import Part
from speaker.netfilter.expressions import (
    NO_CHECKSUM,
    Checksum,
    Compare,
    Comparison,
    Connection,
    Expression,
    Header,
    Load,
    LoadMeta,
    Meta,
)
from speaker.netfilter.rewrites import Protocol

DATA: Final = 8
"""The register that a map's data goes to: no key reaches it."""
QUOTE: Final = 8
"""In an ICMP error, where the packet begins that it quotes."""
ICMP_CHECKSUM: Final = Checksum(2)
SOURCE_PORT: Final = 0
DESTINATION_PORT: Final = 2


@dataclass(frozen=True, slots=True)
class Family:
    """What differs between IPv4 and IPv6."""

    version: int
    number: int
    """NFPROTO_IPV4 or NFPROTO_IPV6."""
    part: Part
    protocol_at: int
    """Where a header without options names its transport protocol."""
    source_at: int
    destination_at: int
    header_bytes: int
    header_checksum: int | None
    icmp: bytes
    echo_request: bytes
    errors: tuple[tuple[Expression, ...], ...]
    """What matches a type of ICMP error, in register 0."""
    plain_header: tuple[Expression, ...]
    """What matches when the packet that an ICMP error quotes has a header without options."""
    asked: Connection
    """conntrack's word for the address that a connection was opened to."""

    def named(self, name: str) -> str:
        """The name of this family's set or chain."""
        return f"{name}{self.version}"

    @property
    def key_end(self) -> int:
        """The register behind an address."""
        return self.part.length // 4

    @property
    def mended(self) -> Checksum:
        """What to mend when an address in the header changes."""
        return Checksum(self.header_checksum, pseudo_header=True)


V4: Final = Family(
    version=4,
    number=2,
    part=Part.IPV4,
    protocol_at=9,
    source_at=12,
    destination_at=16,
    header_bytes=20,
    header_checksum=10,
    icmp=b"\x01",
    echo_request=b"\x08",
    # Destination unreachable, time exceeded, parameter problem (RFC 792).
    errors=((Compare(b"\x03"),), (Compare(b"\x0b"),), (Compare(b"\x0c"),)),
    plain_header=(Load(Header.TRANSPORT, QUOTE, 1), Compare(b"\x45")),
    asked=Connection.ASKED_IPV4,
)
V6: Final = Family(
    version=6,
    number=10,
    part=Part.IPV6,
    protocol_at=6,
    source_at=8,
    destination_at=24,
    header_bytes=40,
    header_checksum=None,
    icmp=b"\x3a",
    echo_request=b"\x80",
    # Types below 128 are errors (RFC 4443 section 2.1).
    errors=((Compare(b"\x7f", comparison=Comparison.AT_MOST),),),
    # An extension header names another protocol, which no set has.
    plain_header=(),
    asked=Connection.ASKED_IPV6,
)
FAMILIES: Final = (V4, V6)


@dataclass(frozen=True, slots=True)
class Transport:
    """How ports of one protocol are written."""

    name: str
    number: bytes
    matching: tuple[Expression, ...]
    checksum: Checksum


_UDP_CHECKSUM_AT: Final = 6
UDP: Final = (
    Transport(
        "UDP",
        bytes([Protocol.UDP]),
        (
            Load(Header.TRANSPORT, _UDP_CHECKSUM_AT, 2),
            Compare(b"\0\0", comparison=Comparison.UNEQUAL),
        ),
        Checksum(_UDP_CHECKSUM_AT),
    ),
    # A sender may leave it out (RFC 768, RFC 6935); then it must stay so.
    Transport("UDP without a checksum", bytes([Protocol.UDP]), (), NO_CHECKSUM),
)
TCP: Final = Transport("TCP", bytes([Protocol.TCP]), (), Checksum(16))
SCTP: Final = Transport("SCTP", bytes([Protocol.SCTP]), (), Checksum(8, sctp=True))


def is_family(family: Family) -> tuple[Expression, ...]:
    return (LoadMeta(Meta.FAMILY), Compare(bytes([family.number])))


def is_protocol(number: bytes) -> tuple[Expression, ...]:
    return (LoadMeta(Meta.PROTOCOL), Compare(number))


def icmp_type(family: Family) -> tuple[Expression, ...]:
    """An ICMP message, its type in register 0."""
    return (*is_protocol(family.icmp), Load(Header.TRANSPORT, 0, 1))


def source(family: Family) -> tuple[Expression, ...]:
    return (*is_family(family), Load(Header.NETWORK, family.source_at, family.part.length))


def destination(family: Family) -> tuple[Expression, ...]:
    return (*is_family(family), Load(Header.NETWORK, family.destination_at, family.part.length))


def with_port(family: Family, at: int) -> tuple[Expression, ...]:
    """Behind an address in the registers: the protocol and a port, the key of a Service's port."""
    port = Load(Header.TRANSPORT, at, 2, family.key_end + 1)
    return (LoadMeta(Meta.PROTOCOL, family.key_end), port)


def quoted(family: Family, address_at: int, port_at: int) -> tuple[Expression, ...]:
    """The same key, of the packet that an ICMP error quotes."""
    return (
        *family.plain_header,
        Load(Header.TRANSPORT, QUOTE + address_at, family.part.length),
        Load(Header.TRANSPORT, QUOTE + family.protocol_at, 1, family.key_end),
        Load(Header.TRANSPORT, QUOTE + family.header_bytes + port_at, 2, family.key_end + 1),
    )
