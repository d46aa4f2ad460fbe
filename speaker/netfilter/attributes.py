"""Netlink attributes: a length, a type and a payload, padded to four bytes. Pure."""

import struct
from collections.abc import Iterator
from typing import Final

_HEADER: Final = struct.Struct("=HH")
_NESTED: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF
ALIGNMENT: Final = 4
LONGEST: Final = 0xFFFF - 8
"""Bytes that one attribute can hold: its length is a 16-bit number."""


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute with a plain payload."""
    padding = b"\0" * (-len(payload) % ALIGNMENT)
    return _HEADER.pack(_HEADER.size + len(payload), kind) + payload + padding


def nested(kind: int, *attributes: bytes) -> bytes:
    """One attribute that holds others."""
    return attribute(kind | _NESTED, b"".join(attributes))


def number(kind: int, value: int) -> bytes:
    """A 32-bit number, as nf_tables wants them: in network byte order."""
    return attribute(kind, value.to_bytes(4, "big", signed=value < 0))


def text(kind: int, value: str) -> bytes:
    """A string, with the zero byte at its end."""
    return attribute(kind, value.encode() + b"\0")


def attributes(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a payload, as (type, payload) without the flags of the type.

    Raises:
        ValueError: a length leads out of the payload.
    """
    at = 0
    while at < len(payload):
        if len(payload) - at < _HEADER.size:
            raise ValueError(f"{len(payload) - at} stray bytes after the last attribute")
        length, kind = _HEADER.unpack_from(payload, at)
        if not _HEADER.size <= length <= len(payload) - at:
            raise ValueError(f"an attribute of {length} bytes where {len(payload) - at} are left")
        yield kind & _TYPE_MASK, payload[at + _HEADER.size : at + length]
        at += length + -length % ALIGNMENT
