"""Partners: which speakers tell each other by BFD (RFC 5880) that they live.

On a small LAN everybody is everybody's partner. What a node has to do must not grow with the
cluster: on a larger one the nodes stand on a ring, in an order that is hashed from their names, and
each is the partner of the five on either side. Nothing is remembered, so every replica of the
operator draws the same graph, and a node that comes or goes changes 15 edges, whatever the size.

Two nodes have one session on each LAN that they share, for a LAN can fail alone: one for each pair
of interfaces, over IPv4 where both have it there, and else over IPv6.

Who lives does not matter here: a node that is dead keeps its partners, or they would never see it
come back, and one that the API server alone takes for dead must not lose them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations

from lbctl.core.addresses import Address, Subnet, place
from lbctl.core.intervals import AddressSet
from lbctl.core.objects.speakers import NodeView, interface_for

SIDE = 5
"""So many neighbours on either side of the ring are partners: ten in all, or everybody there is."""

MOST = 64
"""A Speaker has so many partners: on six large LANs it has 60."""


@dataclass(frozen=True, slots=True)
class Partner:
    """The speaker of another node, as it is reached on a LAN that both are on."""

    node: str
    address: Address
    mac: str
    interface: str = ""
    """The interface on that LAN of the one whose partner this is. "" in what an operator of an
    older version wrote: then the one in the address's subnet."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A node on a LAN: how it is reached there."""

    node: str
    interface: str
    mac: str
    address: Address


Partnerships = Mapping[str, tuple[Partner, ...]]
"""The partners of each node that has a speaker."""


def partnerships(
    nodes: Mapping[str, NodeView], pools: Collection[AddressSet] = ()
) -> dict[str, tuple[Partner, ...]]:
    """The partners of every node that has a speaker, ordered by name and interface.

    Two nodes can be partners on a LAN: both have an interface with an address of the same subnet.
    A node that is on no LAN, or alone there, has no partner.

    Args:
        nodes: every node, by name.
        pools: the addresses that are announced. The LANs that they are on come first, where a
            node is on more LANs than it can have partners.
    """
    found: dict[str, dict[tuple[str, str], Partner]] = {
        name: {} for name, node in nodes.items() if node.speaker is not None
    }
    lans = _lans(nodes)
    for network in sorted(lans, key=lambda lan: (lan.version, not _carries(lan, pools), _key(lan))):
        for one, other in _edges(lans[network]):
            rows, others = found[one.node], found[other.node]
            here, there = (other.node, one.interface), (one.node, other.interface)
            if one.address == other.address or here in rows or there in others:
                # Nobody's own address (somebody moves it about), or a session that is there.
                continue
            if max(len(rows), len(others)) < MOST:
                rows[here] = Partner(other.node, other.address, other.mac, one.interface)
                others[there] = Partner(one.node, one.address, one.mac, other.interface)
    return {name: tuple(rows[key] for key in sorted(rows)) for name, rows in found.items()}


def watchers(
    node: NodeView, address: Address, drawn: Partnerships, interfaces: tuple[str, ...] = ()
) -> frozenset[str]:
    """The partners that see `node` die on the LAN where `address` is announced.

    Args:
        node: the node that may die.
        address: the address.
        drawn: who is whose partner.
        interfaces: those that may announce the address; empty = the one in its subnet.
    """
    speaker = node.speaker
    if speaker is None:
        return frozenset()
    there = {interface.name for interface in speaker.interfaces if interface.reaches(address)}
    if interfaces:
        chosen = interface_for(speaker.interfaces, address, interfaces)
        there = set() if chosen is None else {chosen.name}
    return frozenset(one.node for one in drawn.get(node.name, ()) if one.interface in there)


def _lans(nodes: Mapping[str, NodeView]) -> dict[Subnet, list[_Member]]:
    """Who is on which subnet, by name. Of several interfaces there, one with a carrier speaks."""
    lans: dict[Subnet, dict[str, _Member]] = {}
    for name in sorted(nodes):
        speaker = nodes[name].speaker
        interfaces = () if speaker is None else speaker.interfaces
        for interface in sorted(interfaces, key=lambda one: not one.carrier):
            for own in interface.addresses:
                if own.is_link_local:
                    # Of the same subnet on every link there is.
                    continue
                lan = lans.setdefault(own.network, {})
                lan.setdefault(name, _Member(name, interface.name, interface.mac, own.ip))
    return {network: [*lan.values()] for network, lan in lans.items()}


def _carries(lan: Subnet, pools: Collection[AddressSet]) -> bool:
    first, last = place(lan.network_address), place(lan.broadcast_address)
    return any(one.first <= last and first <= one.last for pool in pools for one in pool)


def _key(lan: Subnet) -> tuple[int, int]:
    return (place(lan.network_address), lan.prefixlen)


def _edges(members: list[_Member]) -> Iterable[tuple[_Member, _Member]]:
    """Each pair of partners once."""
    count = len(members)
    if count <= 2 * SIDE + 1:
        return combinations(members, 2)
    ring = sorted(members, key=_place)
    return (
        (one, ring[(place + step) % count])
        for place, one in enumerate(ring)
        for step in range(1, SIDE + 1)
    )


def _place(member: _Member) -> tuple[bytes, str]:
    return (blake2b(member.node.encode(), digest_size=8).digest(), member.node)
