"""What has addresses beside the pools, as it is told object by object: nodes, LANs, ranges."""

from dataclasses import dataclass

from lbctl.core.addresses import Address, Subnet
from lbctl.core.allocation.pool_findings import ClusterRange, RangeKind, Surroundings


@dataclass(slots=True)
class _Node:
    """What is known of one node."""

    addresses: frozenset[Address] = frozenset()
    identity: frozenset[Address] = frozenset()
    subnets: frozenset[Subnet] = frozenset()
    gateways: frozenset[Address] = frozenset()
    macs: frozenset[str] = frozenset()


class Neighborhood:
    """The nodes, their LANs, and the ranges that the cluster uses for itself.

    Each method that learns something says whether pools must be judged anew.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._owners: dict[Address, set[str]] = {}
        self._ranges: dict[tuple[RangeKind, str], tuple[ClusterRange, ...]] = {}

    def put_node(
        self, node: str, addresses: frozenset[Address], identity: frozenset[Address]
    ) -> bool:
        known = self._nodes.setdefault(node, _Node())
        known.identity = identity
        if known.addresses == addresses:
            return False
        self._own(node, known.addresses, addresses)
        known.addresses = addresses
        return True

    def drop_node(self, node: str) -> bool:
        known = self._nodes.pop(node, None)
        if known is None:
            return False
        self._own(node, known.addresses, frozenset())
        return bool(known.addresses or known.subnets or known.gateways)

    def put_lan(self, node: str, subnets: frozenset[Subnet], gateways: frozenset[Address]) -> bool:
        known = self._nodes.setdefault(node, _Node())
        changed = (known.subnets, known.gateways) != (subnets, gateways)
        known.subnets, known.gateways = subnets, gateways
        return changed

    def put_macs(self, node: str, macs: frozenset[str]) -> None:
        self._nodes.setdefault(node, _Node()).macs = macs

    def put_range(self, kind: RangeKind, name: str, ranges: tuple[ClusterRange, ...]) -> bool:
        if self._ranges.get((kind, name), ()) == ranges:
            return False
        self._ranges[kind, name] = ranges
        return True

    def drop_range(self, kind: RangeKind, name: str) -> bool:
        return bool(self._ranges.pop((kind, name), ()))

    def has_mac(self, mac: str) -> bool:
        """Whether an interface of a node has this MAC address."""
        return any(mac in node.macs for node in self._nodes.values())

    def known_by(self, address: Address) -> str | None:
        """The node whose Node object names the address as the node's."""
        owners = self._owners.get(address, ())
        return min((n for n in owners if address in self._nodes[n].identity), default=None)

    def surroundings(self) -> Surroundings:
        """All of it, for `assess`."""
        gateways: dict[Address, str] = {}
        subnets: set[Subnet] = set()
        for name, node in sorted(self._nodes.items()):
            subnets |= node.subnets
            for gateway in node.gateways:
                gateways.setdefault(gateway, name)
        return Surroundings(
            node_addresses={own: min(nodes) for own, nodes in self._owners.items()},
            gateways=gateways,
            subnets=subnets,
            ranges=[one for ranges in self._ranges.values() for one in ranges],
        )

    def _own(self, node: str, before: frozenset[Address], after: frozenset[Address]) -> None:
        for address in before - after:
            self._owners[address].discard(node)
            if not self._owners[address]:
                del self._owners[address]
        for address in after - before:
            self._owners.setdefault(address, set()).add(node)
