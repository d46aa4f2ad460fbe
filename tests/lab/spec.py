"""The plan of a lab: which hosts there are, and every address, name and MAC, by arithmetic alone.

The same number stands in all of a host's addresses, so that a person reads a packet dump without
a table: node n3 is 172.16.110.13 and fd00:110::13, its pods live in 10.244.3.0/24 and
fd00:244:0:3::/64, its card on the first LAN is 02:00:ac:10:6e:0d (the IPv4 address in hexadecimal).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from tests.lab.errors import LabError

Family = Literal[4, 6]
Proxy = Literal["nftables", "iptables"]

FAMILIES: tuple[Family, Family] = (4, 6)
"""In the order of every pair of ranges in this module."""

CONTROL_PLANE = "cp"
ROUTER = "router"
SWITCH = "sw"

POD_CIDRS = ("10.244.0.0/16", "fd00:244::/48")
SERVICE_CIDRS = ("10.96.0.0/16", "fd00:96::/108")
KUBERNETES_SERVICE = "10.96.0.1"

MAX_NODES = 80
"""Nodes take .11 to .90; clients begin at .200 and the addresses between are free for pools."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")


@dataclass(frozen=True, slots=True)
class Lan:
    """One broadcast domain: a bridge in the switch, an interface in each of its hosts."""

    index: int
    ipv4_prefix: str
    ipv6_prefix: str

    @property
    def interface(self) -> str:
        return f"eth{self.index}"

    @property
    def bridge(self) -> str:
        return f"br{self.index}"

    def address(self, number: int, family: Family = 4) -> str:
        """The address of the host with this number, without its prefix length."""
        return f"{self.ipv4_prefix}{number}" if family == 4 else f"{self.ipv6_prefix}{number}"


LANS = (Lan(0, "172.16.110.", "fd00:110::"), Lan(1, "172.16.120.", "fd00:120::"))


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the lab: a network namespace of its own, and nothing shared but the LAN."""

    name: str
    number: int
    lans: tuple[Lan, ...]

    def address(self, family: Family = 4, lan: int = 0) -> str:
        return self.lans[lan].address(self.number, family)

    def mac(self, lan: int = 0) -> str:
        """A locally administered MAC; it stays over a power cut, as a real card's does."""
        return ":".join(f"{byte:02x}" for byte in (2, 0, *IPv4Address(self.address(4, lan)).packed))

    def port(self, lan: int = 0) -> str:
        """The name of this host's port in the switch."""
        return f"{self.name}-p{lan}"


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What to boot.

    Attributes:
        name: prefix of the namespaces and name of the state directory; labs with different
            names live side by side.
        nodes: how many nodes; 0 gives a real API server and its controllers alone.
        proxy: the mode of kube-proxy.
        second_lan: give nodes, clients and the router a second interface, eth1, on another LAN.
        kubelets: run containerd and kubelet. Without them nodes are objects marked Ready, and no
            pod runs.
        clients: outside hosts on the LAN: `client`, `client2`, ...
        node_grace_seconds: how long the controllers wait for a silent node before they call it
            not ready.
    """

    name: str = "lab"
    nodes: int = 3
    proxy: Proxy = "nftables"
    second_lan: bool = False
    kubelets: bool = True
    clients: int = 1
    node_grace_seconds: int = 40

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabError(
                f"a lab cannot be called {self.name!r}: use 1 to 20 lower-case letters, digits and "
                "hyphens, beginning with a letter"
            )
        if not 0 <= self.nodes <= MAX_NODES:
            raise LabError(f"{self.nodes} nodes: a lab has 0 to {MAX_NODES}")
        if not 1 <= self.clients <= 9:
            raise LabError(f"{self.clients} clients: a lab has 1 to 9")
        if self.proxy not in {"nftables", "iptables"}:
            raise LabError(f"proxy mode {self.proxy!r}: choose nftables or iptables")

    @property
    def lans(self) -> tuple[Lan, ...]:
        return LANS if self.second_lan else LANS[:1]

    @property
    def control_plane(self) -> Host:
        return Host(CONTROL_PLANE, 1, LANS[:1])

    @property
    def router(self) -> Host:
        return Host(ROUTER, 254, self.lans)

    @property
    def node_hosts(self) -> tuple[Host, ...]:
        return tuple(Host(f"n{i}", 10 + i, self.lans) for i in range(1, self.nodes + 1))

    @property
    def client_hosts(self) -> tuple[Host, ...]:
        names = ["client", *(f"client{i}" for i in range(2, self.clients + 1))]
        return tuple(Host(name, 200 + i, self.lans) for i, name in enumerate(names))

    @property
    def hosts(self) -> tuple[Host, ...]:
        return (self.control_plane, self.router, *self.node_hosts, *self.client_hosts)

    def host(self, name: str) -> Host:
        """The host of that name.

        Raises:
            LabError: there is none; the message lists those that exist.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"no host {name!r} in lab {self.name!r}: {[h.name for h in self.hosts]}")

    def namespace(self, host: str) -> str:
        """The name of a host's (or the switch's) network namespace."""
        return f"{self.name}-{host}"

    def owns_namespace(self, namespace: str) -> bool:
        """Whether a namespace is of a lab with this name, whatever its size was.

        A prefix alone would not do: lab `a` must not clear the namespaces of lab `a-b`.
        """
        kinds = rf"{SWITCH}|{CONTROL_PLANE}|{ROUTER}|n\d+|client\d*"
        return re.fullmatch(rf"{re.escape(self.name)}-({kinds})", namespace) is not None


def node_index(node: Host) -> int:
    """3 for n3."""
    return int(node.name.removeprefix("n"))


def pod_cidrs(node: Host) -> tuple[str, str]:
    """The ranges of a node's pods, one for each family."""
    index = node_index(node)
    return f"10.244.{index}.0/24", f"fd00:244:0:{index}::/64"
