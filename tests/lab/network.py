"""The cables and the switch: namespaces, a bridge for each LAN, a veth pair for each port.

The switch is a namespace of its own and runs no netfilter: a bridge that shared a namespace with
kube-proxy would have its frames rewritten there, and an address would seem to answer with no
speaker at all. For the same reason only the router forwards between networks, and the hosts'
default route leads to it rather than to a host that runs kube-proxy.
"""

import os
from pathlib import Path

from tests.lab.commands import run
from tests.lab.errors import LabError
from tests.lab.packages import is_there
from tests.lab.spec import CONTROL_PLANE, FAMILIES, SWITCH, Host, LabSpec, pod_cidrs

NETNS = Path("/run/netns")

_BRIDGE_NETFILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


def enter(namespace: str) -> list[str]:
    """The words before a command that run it in a network namespace.

    Not `ip netns exec`: that mounts a fresh /sys, in which kubelet finds no cgroups.
    """
    return ["nsenter", f"--net={NETNS / namespace}", "--"]


def sysctls(host: Host) -> dict[str, str]:
    """The kernel settings of a host's own namespace."""
    forwards = host.name.startswith(("n", "router")) or host.name == CONTROL_PLANE
    settings = {
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.default.rp_filter": "0",
        "net.ipv6.conf.all.accept_ra": "0",
        "net.ipv6.conf.default.accept_ra": "0",
    }
    if forwards and not host.name.startswith("client"):
        settings |= {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}
    if host.name.startswith("n"):
        # kube-proxy must see the answers between two pods of one node: kubeadm asks for the same.
        settings |= {
            "net.bridge.bridge-nf-call-iptables": "1",
            "net.bridge.bridge-nf-call-ip6tables": "1",
        }
    return settings


def interface_commands(host: Host) -> list[str]:
    """`ip` batch lines that configure a host whose interfaces exist."""
    lines = ["link set lo up"]
    for position, lan in enumerate(host.lans):
        lines += [
            f"link set {lan.interface} address {host.mac(position)}",
            f"addr add {host.address(4, position)}/24 dev {lan.interface}",
            # nodad: an address must be usable at once; the lab's plan has no duplicates.
            f"addr add {host.address(6, position)}/64 dev {lan.interface} nodad",
            f"link set {lan.interface} up",
        ]
    return lines


def route_commands(host: Host, spec: LabSpec) -> list[str]:
    """`ip` batch lines for a host's routes: pods of other nodes, and the router for the rest.

    Clients get no route to pods or Services: they are outside.
    """
    if host.name == spec.router.name or host in spec.client_hosts:
        return []
    lines = []
    for position, family in enumerate(FAMILIES):
        lines.append(f"route add default via {spec.router.address(family)}")
        lines += [
            f"route add {pod_cidrs(node)[position]} via {node.address(family)}"
            for node in spec.node_hosts
            if node != host
        ]
    return lines


def check_kernel() -> None:
    """Refuse a kernel that cannot carry the lab, before anything is made.

    Raises:
        LabError: the message names what is missing and how to get it.
    """
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces: run it as root (sudo)")
    if not _BRIDGE_NETFILTER.exists() and is_there("modprobe"):
        run("modprobe", "br_netfilter", check=False)
    if not _BRIDGE_NETFILTER.exists():
        raise LabError(
            "this kernel has no bridge netfilter, which kube-proxy needs: modprobe br_netfilter"
        )


def namespaces(spec: LabSpec) -> list[str]:
    """The namespaces of this lab that exist, also those of a larger lab of the same name."""
    if not NETNS.exists():
        return []
    return sorted(n.name for n in NETNS.iterdir() if spec.owns_namespace(n.name))


class Network:
    """The switch and the hosts of one lab. Stateless: all names follow from the spec."""

    def __init__(self, spec: LabSpec) -> None:
        self._spec = spec
        self._switch = spec.namespace(SWITCH)

    def up(self) -> None:
        """Make the switch, then every host."""
        run("ip", "netns", "add", self._switch)
        off = {
            # A switch has no addresses of its own and never answers for itself.
            "net.ipv6.conf.all.disable_ipv6": "1",
            "net.ipv6.conf.default.disable_ipv6": "1",
            "net.bridge.bridge-nf-call-iptables": "0",
            "net.bridge.bridge-nf-call-ip6tables": "0",
            "net.bridge.bridge-nf-call-arptables": "0",
        }
        self._set(self._switch, off)
        for lan in self._spec.lans:
            self._batch(
                self._switch,
                [
                    # No snooping: with no querier it would drop IPv6 neighbour discovery.
                    f"link add {lan.bridge} type bridge mcast_snooping 0",
                    f"link set {lan.bridge} up",
                ],
            )
        for host in self._spec.hosts:
            self.attach(host)

    def attach(self, host: Host) -> None:
        """Make a host's namespace and plug it in."""
        namespace = self._spec.namespace(host.name)
        run("ip", "netns", "add", namespace)
        self._set(namespace, sysctls(host))
        cables = []
        for position, lan in enumerate(host.lans):
            port = host.port(position)
            cables += [
                f"link add {port} type veth peer name {lan.interface} netns {namespace}",
                f"link set {port} master {lan.bridge} up",
            ]
        self._batch(self._switch, cables)
        self._batch(namespace, interface_commands(host) + route_commands(host, self._spec))

    def detach(self, host: Host) -> None:
        """Take a host's namespace away; its ports lose their other end and go with it."""
        for position, _ in enumerate(host.lans):
            run("ip", "-n", self._switch, "link", "del", host.port(position), check=False)
        run("ip", "netns", "del", self._spec.namespace(host.name), check=False)

    def port(self, host: Host, *words: str) -> None:
        """Change a host's port on the first LAN: `down`, `up`, `nomaster`, ..."""
        run("ip", "-n", self._switch, "link", "set", host.port(), *words)

    def clear(self) -> list[str]:
        """Delete every namespace of this lab; return those that were there."""
        found = namespaces(self._spec)
        for namespace in found:
            run("ip", "netns", "del", namespace, check=False)
        return found

    def _batch(self, namespace: str, lines: list[str]) -> None:
        if lines:
            run("ip", "-n", namespace, "-batch", "-", stdin="\n".join(lines) + "\n")

    def _set(self, namespace: str, settings: dict[str, str]) -> None:
        words = [f"{key}={value}" for key, value in settings.items()]
        run(*enter(namespace), "sysctl", "-qw", *words)
