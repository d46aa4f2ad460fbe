"""The ledger: which addresses are in use, by whom, and what is free. A mirror that can be stale.

The truth is the API server: an address is taken by the creation of its VirtualIP, and whoever comes
second is refused there. The ledger only says where to try first, and it errs on the safe side.
"""

from ipaddress import IPv4Address

from lbctl.core.pools import PoolCounts, PoolFinding, PoolView
from lbctl.core.services import ServiceKey, ServiceView
from lbctl.core.virtualips import VirtualIPView


class Ledger:
    """What is used: VirtualIPs, the addresses that Services show, and the nodes' own.

    Each `put_` replaces what the ledger knew of that object, each `drop_` forgets it; both may be
    repeated. All of them cost the logarithm of what is in use, so live updates need no rebuild.
    """

    def put_pool(self, pool: PoolView) -> None:
        raise NotImplementedError

    def drop_pool(self, name: str) -> None:
        raise NotImplementedError

    def put_virtual_ip(self, virtual_ip: VirtualIPView) -> None:
        raise NotImplementedError

    def drop_virtual_ip(self, address: IPv4Address) -> None:
        raise NotImplementedError

    def put_service(self, service: ServiceView) -> None:
        """Know a Service, whoever owns it: the addresses that it shows are used."""
        raise NotImplementedError

    def drop_service(self, key: ServiceKey) -> None:
        raise NotImplementedError

    def put_node(self, node: str, addresses: frozenset[IPv4Address]) -> None:
        """Know a node's own addresses (of its Node and its Speaker): they are never given."""
        raise NotImplementedError

    def drop_node(self, node: str) -> None:
        raise NotImplementedError

    def service(self, key: ServiceKey) -> ServiceView | None:
        raise NotImplementedError

    def virtual_ip(self, address: IPv4Address) -> VirtualIPView | None:
        raise NotImplementedError

    def virtual_ips_of(self, key: ServiceKey) -> tuple[VirtualIPView, ...]:
        """The VirtualIPs that name a Service of this name, whatever its uid, lowest first."""
        raise NotImplementedError

    def claimants(self, address: IPv4Address) -> tuple[ServiceView, ...]:
        """The Services whose status shows the address, oldest first."""
        raise NotImplementedError

    def pool_of(self, address: IPv4Address) -> str | None:
        """The pool that names the address, the oldest if several do."""
        raise NotImplementedError

    def findings(self) -> tuple[PoolFinding, ...]:
        """What was found of each pool, in the order in which they are asked: by name."""
        raise NotImplementedError

    def counts(self, pool: str) -> PoolCounts:
        raise NotImplementedError

    def lowest_free(self, pool: str) -> IPv4Address | None:
        """The lowest address of the pool that nobody uses; the pool's finding is not asked."""
        raise NotImplementedError
