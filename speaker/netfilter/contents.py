"""What the sets of the table hold, and what changes from one state to the next. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from speaker.netfilter.declarations import Part, Table
from speaker.netfilter.rewrites import Guarded, Protocol
from speaker.netfilter.table import INTERFACES

Elements = dict[bytes, bytes]
"""Key to data; the data of a set is empty."""
Contents = dict[str, Elements]
"""By the name of the set."""

_INTERFACE_BYTES: Final = Part.INTERFACE.length


def contents(table: Table, guarded: Iterable[Guarded], interfaces: Iterable[str]) -> Contents:
    """All elements of all sets.

    Args:
        table: whose sets these are. Addresses of a family that it has no sets for are left out.
        guarded: the addresses.
        interfaces: that addresses are announced on.
    """
    found: Contents = {each.name: {} for each in table.sets}
    found[INTERFACES] = {name.encode().ljust(_INTERFACE_BYTES, b"\0"): b"" for name in interfaces}
    for each in guarded:
        if f"guarded{each.address.version}" in found:
            _add(found, each)
    return found


def _add(found: Contents, guarded: Guarded) -> None:
    version, address = guarded.address.version, guarded.address.packed
    for name in ("guarded", "received", "sent", *(("held",) if guarded.held else ())):
        found[f"{name}{version}"][address] = b""
    for port in guarded.ports:
        begin = address + _padded(bytes([port.protocol]))
        service = begin + _port(port.port)
        if port.node_port is None:
            found[f"passed{version}"][service] = b""
            continue
        found[f"services{version}"][service] = port.node_port.to_bytes(2, "big")
        known = service if port.protocol is not Protocol.UDP else begin + _port(port.node_port)
        if not port.local:
            found[f"refusable{version}"][known] = b""
        if port.protocol is Protocol.UDP:
            back = begin + _port(port.node_port)
            found[f"returns{version}"][back] = port.port.to_bytes(2, "big")
            # The same keys: of a map whose data a rule does not use, `nft` shows nothing.
            found[f"rewritten{version}"][back] = b""


def _port(number: int) -> bytes:
    return _padded(number.to_bytes(2, "big"))


def _padded(part: bytes) -> bytes:
    return part.ljust(4, b"\0")


@dataclass(frozen=True, slots=True)
class Change:
    """From one state of a set to another, in one transaction."""

    name: str
    remove: tuple[bytes, ...]
    """Keys."""
    add: Elements


def changes(before: Contents, after: Contents) -> tuple[Change, ...]:
    """What makes `after` of `before`. Both have the same sets."""
    return tuple(_changes(before, after))


def _changes(before: Contents, after: Contents) -> Iterator[Change]:
    for name, wanted in after.items():
        there = before[name]
        remove = tuple(key for key, data in there.items() if wanted.get(key) != data)
        add = {key: data for key, data in wanted.items() if there.get(key) != data}
        if remove or add:
            yield Change(name, remove, add)
