"""What a node's table is to do, in the words of the project. Pure."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


class Protocol(IntEnum):
    """Of the transport layer, by its number (IANA)."""

    TCP = 6
    UDP = 17
    SCTP = 132


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port that a Service has at an address."""

    protocol: Protocol
    port: int
    node_port: int | None = None
    """Where the node's proxy takes its traffic. None: it does so at the address itself, and the
    packet is left as it is (`handOff: ClusterProxy`)."""
    local: bool = False
    """Whether the Service's pods on other nodes do not count: then a node without one is silent,
    so that the client asks again, and another node is holder by then."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """An address that this node holds, or may come to hold."""

    address: Address
    ports: tuple[ServicePort, ...] = ()
    held: bool = False
    """Whether the node's own processes and pods are served here too. Elsewhere their packets go to
    the holder, over the LAN."""


class UnknownPorts(StrEnum):
    """What becomes of a packet to a port that no Service has."""

    REJECT = "Reject"
    """A TCP reset or an ICMP error: who asks knows at once."""
    DROP = "Drop"
    """Silence."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What holds for every address."""

    node: tuple[Address, ...]
    """The node's own addresses whose NodePorts its proxy serves: one of each family, at most."""
    unknown_ports: UnknownPorts = UnknownPorts.REJECT
    ping: bool = True
    """Whether echo requests to an address are answered."""

    def node_address(self, version: int) -> Address | None:
        """The node's own address of that family."""
        return next((each for each in self.node if each.version == version), None)
