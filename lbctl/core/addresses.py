"""Addresses of both families: how objects are named after them, and their order.

All addresses stand on one line, IPv4 before IPv6, each at its place: an integer. Sets of addresses
are sets of places, so nothing that counts, sorts or searches asks for the family.
"""

from enum import StrEnum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

Address = IPv4Address | IPv6Address
"""An address of either family, without a zone."""

InterfaceAddress = IPv4Interface | IPv6Interface
"""An address of an interface with the length of its prefix, which is its subnet."""


class Family(StrEnum):
    """An address family, spelt as in `spec.ipFamilies` of a Service."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


Subnet = IPv4Network | IPv6Network
"""A network of either family."""

IPV6_BEGIN = 1 << 32
"""The place of ::, behind all of IPv4."""


def place(address: Address) -> int:
    """Where an address stands on the line of all addresses. Also the key that sorts a mixture."""
    return int(address) + IPV6_BEGIN if isinstance(address, IPv6Address) else int(address)


def family_of(address: Address) -> Family:
    """The family of an address."""
    return Family.IPV6 if isinstance(address, IPv6Address) else Family.IPV4


def address_at(where: int) -> Address:
    """The address at a place: the inverse of `place`."""
    return IPv4Address(where) if where < IPV6_BEGIN else IPv6Address(where - IPV6_BEGIN)


_LONGEST = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")


def parse(text: str) -> Address | None:
    """Read an address, in any of its forms; None when it is none, has a zone, or is mapped IPv4."""
    return _parse(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1 << 14)  # What a status shows is read again and again while it is decided upon.
def _parse(text: str) -> Address | None:
    try:
        address = IPv6Address(text) if ":" in text else IPv4Address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and (address.scope_id or address.ipv4_mapped):
        return None
    return address


def object_name(address: Address) -> str:
    """The name of the object that stands for an address, like a VirtualIP.

    IPv4 is dotted. IPv6 is written out in full with `-` for `:`, because a name holds no `:`
    (RFC 1123 section 2.1) and must have one form only.
    """
    return address.exploded.replace(":", "-")


def address_of(name: str) -> Address | None:
    """The address that an object is named after; None when this is no such name."""
    address = parse(name.replace("-", ":"))
    return address if address is not None and object_name(address) == name else None
