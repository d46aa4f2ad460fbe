"""The netlink socket to nf_tables. Needs CAP_NET_ADMIN to change anything, or to read."""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Self

from speaker.netfilter.contents import Change, Contents
from speaker.netfilter.declarations import Table
from speaker.netfilter.messages import (
    Answer,
    Found,
    Kind,
    Operation,
    add,
    answers,
    batch,
    create,
    delete,
    elements,
    kept,
    question,
    remove,
)

_NETLINK_NETFILTER: Final = 12
_SO_SNDBUFFORCE: Final = 32  # <asm-generic/socket.h>; MIPS and a few others differ
_SEND_BYTES: Final = 64 << 20
"""A batch is one datagram, and the kernel holds all of it: some ten bytes for each of our own."""
_RECEIVE_BYTES: Final = 1 << 20
_ANSWER_TIMEVAL: Final = struct.pack("@ll", 10, 0)
"""The kernel answers while it is asked, unless another's change holds the lock."""
_ATTEMPTS: Final = 5
"""To read a table that changes while it is read."""

_Parts = tuple[tuple[Kind, str, tuple[int, ...]], ...]
"""What is asked for, what we call it, and the attributes that make it what it is."""
_NAMED_FIRST: Final[_Parts] = (
    # With its flags: a table that is dormant does nothing.
    (Kind.GET_TABLES, "table", (1, 2)),
    (Kind.GET_CHAINS, "chain", (1, 3, 4, 5, 7)),
)
"""Told of all tables; the first attribute is the table's name."""
_OF_ONE_TABLE: Final[_Parts] = (
    (Kind.GET_RULES, "rule", (2, 4)),
    (Kind.GET_SETS, "set", (2, 3, 4, 5, 6, 7)),
)

Structure = frozenset[tuple[str, int, tuple[bytes, ...]]]
"""All that a table is but its sets' elements, as the kernel tells it."""


class NftablesError(OSError):
    """The kernel refused. `errno` says why, the message what."""


class Nftables:
    """Changes and reads tables; use as a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
        )
        self._sequence = 0
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _ANSWER_TIMEVAL)
        self._socket.bind((0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    # ------------------------------------------------------------------ change

    def replace(self, table: Table, contents: Contents) -> None:
        """Make the table, with these elements, in the place of any that has its name.

        Raises:
            NftablesError: nothing has changed.
        """
        operations = list(create(table))
        for name, wanted in contents.items():
            operations += add(table.name, name, wanted)
        self._do(operations)

    def change(self, table: str, changes: Iterable[Change]) -> None:
        """Put elements in and take elements out, all in one step.

        Raises:
            NftablesError: nothing has changed; ENOENT and EEXIST say that it is another table
                than the changes were made for.
        """
        operations: list[Operation] = []
        for each in changes:
            operations += remove(table, each.name, each.remove)
            operations += add(table, each.name, each.add)
        if operations:
            self._do(operations)

    def remove(self, table: str) -> None:
        """Remove a table and all that is in it, if it is there.

        Raises:
            NftablesError: it was refused.
        """
        self._do(list(delete(table)))

    # ------------------------------------------------------------------ read

    def generation(self) -> int:
        """A number that changes with every change of any table in this network namespace."""
        bodies = list(self._ask(Kind.GET_GENERATION))
        return int.from_bytes(kept(bodies[0], [1])[0], "big")

    def structure(self, table: str) -> Structure:
        """All of a table but the elements; empty when there is none.

        Whoever made it compares two readings: the kernel's words for a rule are its own.
        """
        name = table.encode() + b"\0"
        found: set[tuple[str, int, tuple[bytes, ...]]] = set()
        for kind, word, parts in _NAMED_FIRST:
            for body in self._ask(kind):
                owner, *rest = kept(body, parts)
                if owner == name:
                    found.add((word, 0, tuple(rest)))
        for kind, word, parts in _OF_ONE_TABLE:
            try:
                bodies = list(self._ask(kind, table=table))
            except FileNotFoundError:
                bodies = []
            found.update((word, at, kept(body, parts)) for at, body in enumerate(bodies))
        return frozenset(found)

    def elements(self, table: str, name: str) -> dict[bytes, Found]:
        """What a set or map holds.

        Raises:
            NftablesError: there is no such set (ENOENT).
        """
        found: dict[bytes, Found] = {}
        for body in self._ask(Kind.GET_ELEMENTS, table=table, name=name):
            found.update(elements(body))
        return found

    # ------------------------------------------------------------------ the socket

    def _do(self, operations: Sequence[Operation]) -> None:
        datagram = batch(operations)
        if len(datagram) > self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BYTES)
        self._drain()
        self._socket.send(datagram)
        # One answer for each refusal, or one for the last operation when all went well.
        first = next(iter(answers(self._socket.recv(_RECEIVE_BYTES))))
        self._drain()
        if first.error:
            at = first.sequence - 1
            about = operations[at].about if 0 <= at < len(operations) else "the whole change"
            raise _refused(first.error, about)

    def _ask(self, kind: Kind, *, table: str = "", name: str = "") -> Iterator[bytes]:
        """The bodies of the answers; all of one moment."""
        for _ in range(_ATTEMPTS):
            told = list(self._told(kind, table, name))
            if not any(each.interrupted for each in told):
                return (each.body for each in told if not each.last)
        raise _refused(errno.EINTR, f"{kind.name} {name}: it changes too fast")

    def _told(self, kind: Kind, table: str, name: str) -> Iterator[Answer]:
        self._sequence += 1
        self._drain()
        self._socket.send(question(kind, self._sequence, table=table, name=name))
        while True:
            for each in answers(self._socket.recv(_RECEIVE_BYTES)):
                if each.sequence != self._sequence:
                    continue
                if each.error:
                    raise _refused(each.error, f"{kind.name} {name or table}")
                yield each
                if each.last or kind is Kind.GET_GENERATION:
                    return

    def _drain(self) -> None:
        """Forget what an earlier question left, should it have ended early."""
        while True:
            try:
                self._socket.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return


def _refused(code: int, about: str) -> OSError:
    if code == errno.ENOENT:
        return FileNotFoundError(code, f"nftables: {about}: {os.strerror(code)}")
    return NftablesError(code, f"nftables: {about}: {os.strerror(code)}")
