"""What is said to nf_tables, and what it answers, as netlink messages. Pure.

A change is a batch: the kernel does all of it in one step, or nothing. Numbers are those of
<linux/netfilter/nf_tables.h> and <linux/netfilter/nfnetlink.h>.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from speaker.netfilter.attributes import LONGEST, attribute, attributes, nested, number, text
from speaker.netfilter.contents import Elements
from speaker.netfilter.declarations import (
    Chain,
    Hook,
    Part,
    Rule,
    SetDeclaration,
    Table,
    length_of,
    type_of,
)
from speaker.netfilter.expressions import NEW_COUNTER

HEADER: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence number, port."""
_FAMILY_HEADER: Final = struct.Struct(">BBH")
"""Family, version, subsystem (in a batch's first and last message)."""
_SUBSYSTEM: Final = 10
_INET: Final = 1
_BEGIN, _END = 0x10, 0x11
_ERROR, _DONE = 2, 3

_REQUEST, _ACK, _DUMP_INTERRUPTED, _CREATE, _APPEND = 0x1, 0x4, 0x10, 0x400, 0x800
_DUMP: Final = 0x300
_ELEMENT, _VALUE = 1, 1
_WIDEST_ELEMENT: Final = 130
_ELEMENTS_AT_ONCE: Final = LONGEST // _WIDEST_ELEMENT
"""A list of elements is one attribute."""
_LONGEST_COMMENT: Final = 126


class Kind(IntEnum):
    """Messages of nf_tables."""

    NEW_TABLE = 0
    GET_TABLES = 1
    DELETE_TABLE = 2
    NEW_CHAIN = 3
    GET_CHAINS = 4
    NEW_RULE = 6
    GET_RULES = 7
    NEW_SET = 9
    GET_SETS = 10
    NEW_ELEMENTS = 12
    GET_ELEMENTS = 13
    DELETE_ELEMENTS = 14
    GET_GENERATION = 16


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a batch."""

    kind: Kind
    about: str
    """For whoever reads that it failed."""
    payload: bytes
    flags: int = 0


class BadAnswerError(ValueError):
    """The kernel's answer is not one to what was asked."""


# ---------------------------------------------------------------------- changes


def create(table: Table) -> Iterator[Operation]:
    """The whole table, without elements; whatever had its name before is gone in the same step."""
    name = text(1, table.name)
    # To delete what is not there is an error, to create what is there is none.
    yield Operation(Kind.NEW_TABLE, f"table {table.name}", name, _CREATE)
    yield Operation(Kind.DELETE_TABLE, f"table {table.name}", name)
    yield Operation(Kind.NEW_TABLE, f"table {table.name}", name, _CREATE)
    for at, each in enumerate(table.sets, start=1):
        yield Operation(Kind.NEW_SET, f"set {each.name}", name + _set(each, at), _CREATE)
    for chain in table.chains:
        yield Operation(Kind.NEW_CHAIN, f"chain {chain.name}", name + _chain(chain), _CREATE)
    for chain in table.chains:
        for rule in chain.rules:
            payload = name + text(2, chain.name) + _rule(rule)
            about = f"rule {chain.name}: {rule.comment}"
            yield Operation(Kind.NEW_RULE, about, payload, _CREATE | _APPEND)


def delete(name: str) -> Iterator[Operation]:
    """Remove a table, whether it is there or not."""
    yield Operation(Kind.NEW_TABLE, f"table {name}", text(1, name), _CREATE)
    yield Operation(Kind.DELETE_TABLE, f"table {name}", text(1, name))


def add(table: str, name: str, elements: Elements) -> Iterator[Operation]:
    """Put elements into a set or map that does not have their keys."""
    packed = [
        nested(_ELEMENT, nested(1, attribute(_VALUE, key)), *_data(data))
        for key, data in elements.items()
    ]
    yield from _in_parts(Kind.NEW_ELEMENTS, table, name, packed, _CREATE)


def remove(table: str, name: str, keys: Iterable[bytes]) -> Iterator[Operation]:
    """Take elements out of a set or map that has them."""
    packed = [nested(_ELEMENT, nested(1, attribute(_VALUE, key))) for key in keys]
    yield from _in_parts(Kind.DELETE_ELEMENTS, table, name, packed)


def batch(operations: Sequence[Operation]) -> bytes:
    """All of them in one step. The n-th has sequence number n + 1; the last asks for an answer."""
    parts = [_message(_BEGIN, _REQUEST, 0, b"", subsystem=_SUBSYSTEM)]
    last = len(operations) - 1
    for at, each in enumerate(operations):
        flags = _REQUEST | each.flags | (_ACK if at == last else 0)
        parts.append(_message(_of(each.kind), flags, at + 1, each.payload))
    parts.append(_message(_END, _REQUEST, len(operations) + 1, b"", subsystem=_SUBSYSTEM))
    return b"".join(parts)


def _data(data: bytes) -> tuple[bytes, ...]:
    return (nested(2, attribute(_VALUE, data)),) if data else ()


def _in_parts(
    kind: Kind, table: str, name: str, packed: list[bytes], flags: int = 0
) -> Iterator[Operation]:
    for at in range(0, len(packed), _ELEMENTS_AT_ONCE):
        part = packed[at : at + _ELEMENTS_AT_ONCE]
        payload = text(1, table) + text(2, name) + nested(3, *part)
        yield Operation(kind, f"{len(part)} elements of {name}", payload, flags)


def _set(declared: SetDeclaration, number_in_batch: int) -> bytes:
    parts = [
        text(2, declared.name),
        number(4, type_of(declared.key)),
        number(5, length_of(declared.key)),
        number(10, number_in_batch),
    ]
    if declared.data is not None:
        parts += [number(3, 0x8), number(6, declared.data.type_number)]  # NFT_SET_MAP
        parts.append(number(7, declared.data.length))
    if declared.counted:
        parts.append(NEW_COUNTER)
    if declared.key == (Part.INTERFACE,):
        # So `nft` shows text as it is; the kernel does not read this.
        parts.append(attribute(13, _shown(0, 1)))
    return b"".join(parts)


def _shown(kind: int, value: int) -> bytes:
    """A note for `nft` in libnftnl's own form: a byte for the type, one for the length."""
    return struct.pack("=BBI", kind, 4, value)


def _chain(chain: Chain) -> bytes:
    return text(3, chain.name) + (b"" if chain.hook is None else _hook(chain.hook))


def _hook(hook: Hook) -> bytes:
    place = nested(4, number(1, hook.point.value), number(2, hook.priority))
    return place + text(7, hook.kind.value)


def _rule(rule: Rule) -> bytes:
    comment = rule.comment.encode()[:_LONGEST_COMMENT] + b"\0"
    # libnftnl's own: one byte for the type, one for the length.
    shown = attribute(7, bytes([0, len(comment)]) + comment)
    return nested(4, *(each.encoded() for each in rule.expressions)) + shown


# ---------------------------------------------------------------------- questions


def question(kind: Kind, sequence: int, *, table: str = "", name: str = "") -> bytes:
    """Ask for all tables or chains, a table's rules or sets, a set's elements, the generation."""
    filters = (text(1, table) if table else b"") + (text(2, name) if name else b"")
    dump = 0 if kind is Kind.GET_GENERATION else _DUMP
    return _message(_of(kind), _REQUEST | dump, sequence, filters)


def _of(kind: Kind) -> int:
    return _SUBSYSTEM << 8 | kind


def _message(kind: int, flags: int, sequence: int, payload: bytes, *, subsystem: int = 0) -> bytes:
    family = 0 if subsystem else _INET
    length = HEADER.size + _FAMILY_HEADER.size + len(payload)
    head = HEADER.pack(length, kind, flags, sequence, 0)
    return head + _FAMILY_HEADER.pack(family, 0, subsystem) + payload


# ---------------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of the kernel's."""

    sequence: int
    body: bytes = b""
    error: int | None = None
    """0 for "done as asked"; else an errno."""
    last: bool = False
    """Whether nothing follows."""
    interrupted: bool = False
    """Whether the table changed while it was told."""


def answers(datagram: bytes) -> Iterator[Answer]:
    """The messages of a datagram.

    Raises:
        BadAnswerError: a length leads out of the datagram.
    """
    at = 0
    while at < len(datagram):
        left = len(datagram) - at
        if left < HEADER.size:
            raise BadAnswerError(f"{left} stray bytes from the kernel")
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, at)
        if not HEADER.size <= length <= left:
            raise BadAnswerError(f"a message of {length} bytes where {left} are left")
        body = datagram[at + HEADER.size : at + length]
        interrupted = bool(flags & _DUMP_INTERRUPTED)
        if kind == _ERROR:
            code = -int(struct.unpack_from("=i", body)[0])
            yield Answer(sequence, error=code, last=True)
        elif kind == _DONE:
            yield Answer(sequence, last=True, interrupted=interrupted)
        else:
            body = body[_FAMILY_HEADER.size :]
            yield Answer(sequence, body, interrupted=interrupted)
        at += length + -length % 4


@dataclass(frozen=True, slots=True)
class Found:
    """An element as it is in the kernel."""

    data: bytes = b""
    packets: int = 0
    size: int = 0
    """Bytes that were counted."""


def elements(body: bytes) -> Iterator[tuple[bytes, Found]]:
    """Keys and what is found there, of one answer about a set's elements."""
    for kind, listed in attributes(body):
        if kind == 3:  # noqa: PLR2004  # NFTA_SET_ELEM_LIST_ELEMENTS
            for _, element in attributes(listed):
                yield _found(dict(attributes(element)))


def _found(parts: dict[int, bytes]) -> tuple[bytes, Found]:
    key = _value(parts[1])
    data = _value(parts[2]) if 2 in parts else b""  # noqa: PLR2004  # NFTA_SET_ELEM_DATA
    # Few sets have counters, and every element of all is read.
    packets, size = _counted(parts[7]) if 7 in parts else (0, 0)  # noqa: PLR2004  # NFTA_SET_ELEM_EXPR
    return key, Found(data, packets, size)


def _value(data: bytes) -> bytes:
    return dict(attributes(data)).get(_VALUE, b"")


def _counted(expression: bytes) -> tuple[int, int]:
    state = dict(attributes(dict(attributes(expression)).get(2, b"")))
    size, packets = (int.from_bytes(state.get(kind, b""), "big") for kind in (1, 2))
    return packets, size


def kept(body: bytes, kinds: Iterable[int]) -> tuple[bytes, ...]:
    """The payloads of some attributes of an answer, in the order asked for."""
    there = dict(attributes(body))
    return tuple(there.get(kind, b"") for kind in kinds)
