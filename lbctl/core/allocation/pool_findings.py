"""What is found of pools among their peers, and among what else has addresses."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lbctl.core.addresses import Address, Family, Subnet, family_of, place
from lbctl.core.allocation.overlaps import Claim, Overlap, overlaps
from lbctl.core.intervals import AddressSet, Interval
from lbctl.core.objects.entries import AddressError, parse_entry
from lbctl.core.objects.pools import Obstacle, PoolFinding, PoolView
from lbctl.core.outcomes import PoolReason, PoolRefusal

_NAMED_AT_MOST = 8
"""A message names so many offenders and counts the rest: conditions hold 32 KiB, people fewer."""


class RangeKind(StrEnum):
    """The kind of the object that says which addresses the cluster uses itself."""

    PODS = "Node"
    SERVICES = "ServiceCIDR"

    @property
    def meaning(self) -> str:
        return "pod range" if self is RangeKind.PODS else "Service range"


class ClusterRange(NamedTuple):
    """Addresses that the cluster uses inside of itself: its nodes never ask the LAN for them."""

    kind: RangeKind
    name: str
    """The object's name."""
    network: Subnet
    created: str = ""
    """When the object was created; "" is older than any pool."""

    @property
    def interval(self) -> Interval:
        return Interval(place(self.network.network_address), place(self.network.broadcast_address))

    def __str__(self) -> str:
        return f'the {self.kind.meaning} {self.network} of {self.kind} "{self.name}"'


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What has addresses beside the pools."""

    node_addresses: Mapping[Address, str] = field(default_factory=dict)
    """Every address that is a node's own, and the node's name."""
    gateways: Mapping[Address, str] = field(default_factory=dict)
    """Every default gateway, and the name of a node that has it."""
    subnets: Collection[Subnet] = ()
    """The subnets that nodes have an address in."""
    ranges: Collection[ClusterRange] = ()


NOTHING = Surroundings()


def assess(
    pools: Iterable[PoolView], surroundings: Surroundings = NOTHING
) -> dict[str, PoolFinding]:
    """Judge every pool, by what only the whole can know.

    Args:
        pools: all of them; a disabled one too can make a newer one overlap.
        surroundings: what else has addresses.
    """
    drafts = [_Draft.read(pool) for pool in pools]
    claims = [claim for draft in drafts for claim in draft.claims]
    claims += (
        Claim(found.interval, (found.created, ""), f"{found.kind}/{found.name}", str(found))
        for found in surroundings.ranges
    )
    crossing = overlaps(claims)
    scenery = _Scenery.of(surroundings)
    return {
        draft.pool.name: draft.finding(crossing.get(draft.pool.name), scenery) for draft in drafts
    }


@dataclass(frozen=True, slots=True)
class _Scenery:
    """The surroundings, sorted, so that a pool finds at once what is in its way."""

    hosts: tuple[Obstacle, ...]
    edges: tuple[Obstacle, ...]
    ranges: tuple[Obstacle, ...]
    covered: AddressSet
    """All that `ranges` cover."""

    @classmethod
    def of(cls, surroundings: Surroundings) -> "_Scenery":
        hosts: dict[Interval, Obstacle] = {}
        for address, node in surroundings.gateways.items():
            at, why = _at(address), f"the default gateway of node {node}"
            hosts[at] = Obstacle(at, PoolRefusal.GATEWAY, why)
        for address, node in surroundings.node_addresses.items():
            at, why = _at(address), f"node {node}'s own"
            hosts[at] = Obstacle(at, PoolRefusal.NODE_ADDRESS, why)
        edges = {edge.interval: edge for subnet in surroundings.subnets for edge in _edges(subnet)}
        ranges = (
            Obstacle(found.interval, PoolRefusal.CLUSTER_RANGE, f"in {found}")
            for found in surroundings.ranges
        )
        return cls(
            tuple(sorted(hosts.values())),
            tuple(sorted(edge for edge in edges.values() if edge.interval not in hosts)),
            tuple(sorted(ranges)),
            AddressSet.union(found.interval for found in surroundings.ranges),
        )

    def obstacles(self, addresses: AddressSet, *, edges: bool) -> tuple[Obstacle, ...]:
        """What is in the way of these addresses, from the lowest up."""
        found = [*_single(self.hosts, addresses)]
        if edges:
            found += _single(self.edges, addresses)
        if any(next(self.covered.touching(*interval), None) for interval in addresses):
            found += (one for one in self.ranges if any(addresses.touching(*one.interval)))
        return tuple(sorted(found))


def _single(ascending: tuple[Obstacle, ...], addresses: AddressSet) -> Iterator[Obstacle]:
    """Of obstacles of one address each: those that are in the way of these addresses."""
    for first, last in addresses:
        begin = bisect_left(ascending, first, key=_first)
        yield from ascending[begin : bisect_right(ascending, last, key=_first)]


def _first(obstacle: Obstacle) -> int:
    return obstacle.interval.first


def _at(address: Address) -> Interval:
    return Interval(place(address), place(address))


_WITHOUT_EDGES = 1
"""A subnet with fewer host bits than two has no address to spare (RFC 3021, RFC 6164)."""


def _edges(subnet: Subnet) -> Iterator[Obstacle]:
    """The addresses of a subnet that no host can have."""
    if subnet.max_prefixlen - subnet.prefixlen <= _WITHOUT_EDGES:
        return
    network, broadcast = subnet.network_address, subnet.broadcast_address
    if family_of(network) is Family.IPV6:
        why = f"the routers' anycast address of {subnet}"
        yield Obstacle(_at(network), PoolRefusal.SUBNET_EDGE, why)
        return
    yield Obstacle(_at(network), PoolRefusal.SUBNET_EDGE, f"the network address of {subnet}")
    yield Obstacle(_at(broadcast), PoolRefusal.SUBNET_EDGE, f"the broadcast address of {subnet}")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A pool that has been read, and not yet compared."""

    pool: PoolView
    named: AddressSet
    excluded: AddressSet
    claims: tuple[Claim, ...]
    error: str

    @classmethod
    def read(cls, pool: PoolView) -> "_Draft":
        errors: list[str] = []
        named = [*_entries("addresses", pool.entries, errors)]
        excluded = [*_entries("exclude", pool.exclude, errors, whole=True)]
        without = AddressSet.union(interval for _, interval in excluded)
        claims = (
            Claim(part, pool.seniority, pool.name, text)
            for text, interval in named
            for part in AddressSet((interval,)).minus(without)
        )
        return cls(
            pool,
            AddressSet.union(interval for _, interval in named),
            without,
            tuple(claims),
            "; ".join(errors),
        )

    def finding(self, overlap: Overlap | None, scenery: _Scenery) -> PoolFinding:
        addresses = self.named.minus(self.excluded)
        obstacles = scenery.obstacles(addresses, edges=not self.pool.allow_subnet_edges)
        reason, message = self._verdict(overlap, obstacles)
        return PoolFinding(
            self.pool,
            self.named,
            addresses,
            addresses.minus(AddressSet.union(each.interval for each in obstacles)),
            obstacles,
            reason,
            message,
        )

    def _verdict(
        self, overlap: Overlap | None, obstacles: tuple[Obstacle, ...]
    ) -> tuple[PoolReason, str]:
        if self.error:
            return PoolReason.INVALID_ADDRESSES, self.error
        if overlap is not None:
            return PoolReason.OVERLAP, _overlap_message(overlap)
        if self.pool.disabled:
            return PoolReason.DISABLED, (
                "spec.disabled is true: the pool keeps what it gave and gives nothing new."
            )
        if obstacles:
            return PoolReason.ADDRESSES_SKIPPED, _skipped_message(obstacles)
        return PoolReason.READY, "The pool gives addresses."


def _entries(
    where: str, entries: Iterable[str], errors: list[str], *, whole: bool = False
) -> Iterator[tuple[str, Interval]]:
    """Each entry that can be read, as a message names it. The others are told in `errors`."""
    for index, entry in enumerate(entries):
        try:
            interval = parse_entry(entry, whole=whole)
        except AddressError as error:
            errors.append(f"spec.{where}[{index}]: {error}")
        else:
            yield f'spec.{where}[{index}] "{entry}"', interval


def _overlap_message(overlap: Overlap) -> str:
    own, older = overlap
    nothing = "so this pool gives nothing; what it gave keeps working."
    _, name = older.seniority
    if not name:
        return (
            f"{own.text} overlaps {older.text}, {nothing} "
            "Take these addresses out of the pool: the nodes keep them for themselves."
        )
    return (
        f'{own.text} overlaps {older.text} of the older pool "{name}", {nothing} '
        "Take the shared addresses out of one of the two."
    )


def _skipped_message(obstacles: tuple[Obstacle, ...]) -> str:
    named = [str(each) for each in obstacles[:_NAMED_AT_MOST]]
    if len(obstacles) > _NAMED_AT_MOST:
        named.append(f"{len(obstacles) - _NAMED_AT_MOST} more")
    return f"Never given: {', '.join(named)}. Write them into spec.exclude."
