"""Pools: what a user wrote, and what can be given from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lbctl.core.addresses import IPV6_BEGIN, Family
from lbctl.core.intervals import AddressSet, Interval
from lbctl.core.outcomes import PoolReason, PoolRefusal
from lbctl.core.selectors import Selector


class OnRemoval(StrEnum):
    """What becomes of a given address that its pool no longer has, or no longer grants."""

    KEEP = "Keep"
    REASSIGN = "Reassign"


class SharingScope(StrEnum):
    """Which Services may share an address."""

    WITHIN_NAMESPACE = "WithinNamespace"
    ACROSS_NAMESPACES = "AcrossNamespaces"


@dataclass(frozen=True, slots=True)
class Allocation:
    """`spec.allocation`: who may have addresses of the pool, and how many."""

    priority: int | None = None
    """Lower is asked first; None comes last."""
    namespaces: tuple[str, ...] = ()
    namespace_selectors: tuple[Selector, ...] = ()
    """Neither these nor `namespaces`: every namespace. Else those that one of both names."""
    service_selectors: tuple[Selector, ...] = ()
    """Empty: every Service. Else those that one of them selects."""
    quota_per_namespace: int | None = None
    sharing: SharingScope = SharingScope.WITHIN_NAMESPACE

    @property
    def about_namespaces(self) -> bool:
        """Whether not every namespace may have an address."""
        return bool(self.namespaces or self.namespace_selectors)

    @property
    def selects(self) -> bool:
        """Whether the pool is for some Services only."""
        return self.about_namespaces or bool(self.service_selectors)


@dataclass(frozen=True, slots=True)
class PoolView:
    """The part of an IPAddressPool that a decision depends on."""

    name: str
    created: str
    """creationTimestamp as the API server writes it: RFC 3339 in UTC, so strings sort by age."""
    entries: tuple[str, ...] = ()
    """`spec.addresses`, as the user wrote it."""
    exclude: tuple[str, ...] = ()
    """`spec.exclude`, as the user wrote it."""
    disabled: bool = False
    auto_assign: bool = True
    """Whether it gives addresses to Services that do not ask for it by name."""
    avoid_buggy_ips: bool = False
    """Whether .0 and .255 are left out."""
    allow_subnet_edges: bool = False
    """Whether the network and broadcast addresses of the nodes' subnets may be given."""
    cooldown: int = 0
    """Seconds for which a freed address rests."""
    retain_for: int = 0
    """Seconds for which an address waits for a Service of the same name."""
    on_removal: OnRemoval = OnRemoval.KEEP
    allocation: Allocation | None = None
    generation: int = 1
    uid: str = ""
    resource_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    announced_unasked: bool = True
    """Whether every node announces it as long as there is no L2Advertisement. Not so with
    MetalLB's: without one they are not for this LAN, but for BGP, say."""

    turn: tuple[bool, int, str] = field(init=False, compare=False, repr=False)
    """When it is asked: by priority, then by name."""

    def __post_init__(self) -> None:
        priority = None if self.allocation is None else self.allocation.priority
        object.__setattr__(self, "turn", (priority is None, priority or 0, self.name))

    @property
    def seniority(self) -> tuple[str, str]:
        """A total order by age: of two pools that overlap, the lower one gives."""
        return (self.created, self.name)


class PoolCounts(NamedTuple):
    """How many addresses of a pool there are, and what became of them.

    Each one is used, free or excluded.
    """

    total: int
    """Every address that the pool names."""
    used: int
    """Those that a VirtualIP or a Service's status names."""
    free: int
    """Those that can still be given."""
    excluded: int
    """Those that are never given: by `spec.exclude`, or because of what they are on the LAN."""


class Obstacle(NamedTuple):
    """Addresses of a pool that are never given, for a reason that nobody wrote into the pool."""

    interval: Interval
    reason: PoolRefusal
    why: str
    """What they are, like "node n1's own"."""

    def __str__(self) -> str:
        return f"{self.interval} ({self.why})"


_BLOCK = 256
_EDGES_OF_BLOCK = frozenset({0, 255})


@dataclass(frozen=True, slots=True)
class PoolFinding:
    """What was found of a pool among its peers, on these nodes and this LAN."""

    pool: PoolView
    named: AddressSet
    """All of `spec.addresses`."""
    addresses: AddressSet
    """Those that are in the pool: without `spec.exclude`."""
    giveable: AddressSet
    """Those that can be given while nobody uses them: without the obstacles. If the pool avoids
    .0 and .255, they are in it all the same, for a /8 would make intervals by the ten thousands."""
    obstacles: tuple[Obstacle, ...]
    """What is in the way, from the lowest address up."""
    reason: PoolReason
    message: str

    @property
    def gives(self) -> bool:
        """Whether the pool hands out addresses. What it gave before keeps working either way."""
        return self.reason.gives

    def avoids(self, place: int) -> bool:
        """Whether the address at this place is left out for being .0 or .255."""
        return self.pool.avoid_buggy_ips and is_buggy(place)


def is_buggy(place: int) -> bool:
    """Whether the address at a place is an IPv4 one that ends in .0 or .255.

    Some old clients take them for a network's or its broadcast address, whatever its prefix.
    """
    return place < IPV6_BEGIN and place % _BLOCK in _EDGES_OF_BLOCK


def buggy_within(addresses: AddressSet) -> int:
    """How many addresses of a set end in .0 or .255."""
    ipv4 = addresses.of(Family.IPV4)
    return sum(_ends_below(last + 1) - _ends_below(first) for first, last in ipv4)


def _ends_below(place: int) -> int:
    """How many of the places from 0 up to this one, without it, are the first or last of a /24."""
    blocks, rest = divmod(place, _BLOCK)
    return 2 * blocks + (rest > 0)
