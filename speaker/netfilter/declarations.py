"""The shape of an nftables table: sets, chains and rules as plain data. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from speaker.netfilter.attributes import ALIGNMENT
from speaker.netfilter.expressions import Expression

_TYPE_BITS: Final = 6
"""What `nft` calls a type is six bits for each part of a key."""


class Part(Enum):
    """A part of a key, or a map's data: the number by which `nft` knows its type, its bytes."""

    IPV4 = (7, 4)
    IPV6 = (8, 16)
    PROTOCOL = (12, 1)
    PORT = (13, 2)
    INTERFACE = (41, 16)

    def __init__(self, type_number: int, length: int) -> None:
        self.type_number = type_number
        self.length = length

    @property
    def padded(self) -> int:
        """Its bytes in a key of several parts: each begins a register."""
        return self.length + -self.length % ALIGNMENT


def type_of(parts: tuple[Part, ...]) -> int:
    """The number by which `nft` shows such a key."""
    number = 0
    for part in parts:
        number = number << _TYPE_BITS | part.type_number
    return number


def length_of(parts: tuple[Part, ...]) -> int:
    """Bytes of such a key."""
    return parts[0].length if len(parts) == 1 else sum(part.padded for part in parts)


@dataclass(frozen=True, slots=True)
class SetDeclaration:
    name: str
    key: tuple[Part, ...]
    data: Part | None = None
    """What a map gives for a key; None for a set."""
    counted: bool = False
    """Whether each element counts the packets that found it."""


@dataclass(frozen=True, slots=True)
class Rule:
    comment: str
    """What `nft list` shows beside it."""
    expressions: tuple[Expression, ...]


class ChainKind(Enum):
    """What a base chain may do."""

    FILTER = "filter"
    NAT = "nat"
    """It sees the first packet of a connection alone."""
    ROUTE = "route"
    """A packet whose destination it changes is routed again."""


class HookPoint(Enum):
    """Where in the kernel's path a base chain stands."""

    PREROUTING = 0
    INPUT = 1
    OUTPUT = 3
    POSTROUTING = 4


@dataclass(frozen=True, slots=True)
class Hook:
    point: HookPoint
    priority: int
    """Lower comes first. conntrack looks packets up at -200, proxies rewrite destinations at -100
    and sources at 100."""
    kind: ChainKind = ChainKind.FILTER


@dataclass(frozen=True, slots=True)
class Chain:
    name: str
    rules: tuple[Rule, ...]
    hook: Hook | None = None


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    sets: tuple[SetDeclaration, ...]
    chains: tuple[Chain, ...]
