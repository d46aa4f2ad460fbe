"""A node with a pod behind it, and stand-ins for the NodePort rules of the cluster's proxy.

The stand-ins do with a packet to a NodePort what kube-proxy does, in the chains and at the
priorities where kube-proxy does it. kube-proxy itself is met on a real cluster.
"""

import ctypes
import fcntl
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from speaker.netfilter.keeper import TableKeeper, Wanted
from speaker.netfilter.kernel import Nftables
from speaker.netfilter.rewrites import Behaviour, Guarded, Protocol, ServicePort, UnknownPorts
from tests.wire.ip_packets import frame
from tests.wire.network import INTERFACE, Host, Network, enter, inside, run, write_setting

POD_INTERFACE = "eth0"
POD_PORT = 8080
CLUSTER, LOCAL = 30080, 30443
"""NodePorts: of a Service that any pod serves, and of one that hides no source."""
VIPS = {4: ("172.31.9.100", "172.31.9.101"), 6: ("fd00:9::100", "fd00:9::101")}
PORTS = tuple(
    ServicePort(protocol, port, node_port)
    for protocol in Protocol
    for port, node_port in ((80, CLUSTER), (443, LOCAL))
)
_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17
_IPV6_MTU_DISCOVER, _IP_MTU_DISCOVER, _DO = 23, 10, 2
_IP_MTU, _IPV6_MTU = 14, 24
SO_NO_CHECK = 11
EMPTY = 30999
"""The NodePort of a Service without any pod."""
AT_THE_ADDRESS = 8443
"""A port that the stand-in serves at the first address itself, as `handOff: ClusterProxy` wants."""

_NFTABLES = """
table {table} proxy {{
  chain cluster {{
    mark set mark or 0x4000
    goto pod
  }}
  chain local {{
    fib saddr type local mark set mark or 0x4000
    goto pod
  }}
  chain pod {{
    meta l4proto {{ tcp, udp, sctp }} dnat to {pod}:8080
  }}
  chain services {{
    {ip} daddr {at_the_address} th dport 8443 goto local
    fib daddr type local meta l4proto . th dport vmap {{
      tcp . 30080 : goto cluster, udp . 30080 : goto cluster, sctp . 30080 : goto cluster,
      tcp . 30443 : goto local, udp . 30443 : goto local, sctp . 30443 : goto local }}
  }}
  chain prerouting {{
    type nat hook prerouting priority -100
    jump services
  }}
  chain output {{
    type nat hook output priority -100
    jump services
  }}
  chain input {{
    type filter hook input priority 0
    meta l4proto {{ tcp, udp }} th dport 30999 reject
  }}
  chain postrouting {{
    type nat hook postrouting priority 100
    mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random
    ct status dnat {ip} saddr . {ip} daddr {{ {bare} . {bare} }} masquerade fully-random
  }}
}}
"""


def _nftables(node: Host, family: int, pod: str) -> None:
    text = _NFTABLES.format(
        table="ip" if family == 4 else "ip6",
        ip="ip" if family == 4 else "ip6",
        pod=f"[{pod}]" if family == 6 else pod,
        bare=pod,
        at_the_address=VIPS[family][0],
    )
    subprocess.run(enter(node.namespace, "nft", "-f", "-"), input=text, text=True, check=True)


def _iptables(node: Host, family: int, pod: str) -> None:
    tool = "iptables" if family == 4 else "ip6tables"
    to = f"[{pod}]:{POD_PORT}" if family == 6 else f"{pod}:{POD_PORT}"

    def nat(*rule: str) -> None:
        run(*enter(node.namespace, tool, "-w", "-t", "nat", *rule))

    nat("-N", "NODEPORTS")
    local = ("-m", "addrtype", "--dst-type", "LOCAL", "-j", "NODEPORTS")
    nat("-A", "PREROUTING", *local)
    nat("-A", "OUTPUT", *local)
    masquerade = ("-j", "MARK", "--set-xmark", "0x4000/0x4000")
    for protocol in ("tcp", "udp"):
        for port in (CLUSTER, LOCAL):
            this = ("-A", "NODEPORTS", "-p", protocol, "--dport", str(port))
            hides = () if port == CLUSTER else ("-m", "addrtype", "--src-type", "LOCAL")
            nat(*this, *hides, *masquerade)
            nat(*this, "-j", "DNAT", "--to-destination", to)
    marked = ("-m", "mark", "--mark", "0x4000/0x4000")
    nat("-A", "POSTROUTING", *marked, "-j", "MASQUERADE", "--random-fully")


PROXIES: dict[str, Callable[[Host, int, str], None]] = {
    "nftables": _nftables,
    "iptables": _iptables,
}


@dataclass(frozen=True)
class Stage:
    """A client on the LAN, a node with the table, and a pod that tells who asks."""

    client: Host
    node: Host
    pod: str
    """The pod's namespace."""

    def own(self, host: Host, family: int) -> str:
        return host.address if family == 4 else host.address6

    def pod_address(self, family: int) -> str:
        return "10.244.0.2" if family == 4 else "fd44::2"

    def gateway(self, family: int) -> str:
        """The node's address on the pod's link: what a masqueraded client looks like."""
        return "10.244.0.1" if family == 4 else "fd44::1"

    def wanted(
        self,
        *,
        vips: Sequence[str] = (*VIPS[4], *VIPS[6]),
        held: bool = True,
        ports: Sequence[ServicePort] = PORTS,
        unknown_ports: UnknownPorts = UnknownPorts.REJECT,
        ping: bool = True,
    ) -> Wanted:
        """What the node's table is to do."""
        node = (ip_address(self.node.address), ip_address(self.node.address6))
        guarded = tuple(Guarded(ip_address(each), tuple(ports), held) for each in vips)
        return Wanted(Behaviour(node, unknown_ports, ping), guarded, frozenset({INTERFACE}))

    def guard(self, wanted: Wanted | None = None) -> None:
        """Give the node the table, as a process does that starts."""
        with closing(self.nftables()) as kernel:
            TableKeeper(kernel).enforce(wanted or self.wanted())

    def nftables(self) -> Nftables:
        return inside(self.node.namespace, Nftables)

    def from_client(self, packet: bytes) -> None:
        """Send an IP packet to the node, as the client or a router beside it."""
        made = frame(self.client.mac, self.node.mac, packet)

        def send() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
                mouth.bind((INTERFACE, 0))
                mouth.send(made)

        inside(self.client.namespace, send)

    def let_it_go_back(self, family: int) -> None:
        """What the node sends to the first address goes to the client, as if that held it."""
        known = ("lladdr", self.client.mac.hex(":"), "dev", INTERFACE)
        self.node.ip("neighbour", "replace", VIPS[family][0], *known)

    def stop_listening(self) -> None:
        """The pod answers to UDP that nobody listens."""
        for words in (
            "add table inet closed",
            "add chain inet closed in { type filter hook input priority 0; }",
            f"add rule inet closed in udp dport {POD_PORT} reject",
        ):
            run(*enter(self.pod, "nft", words))

    def conntrack(self, *words: str) -> str:
        return run(*enter(self.node.namespace, "conntrack", *words))

    def pod_route(self, to: str) -> str:
        """What the pod's kernel knows of its way to an address."""
        return run("ip", "-n", self.pod, "route", "get", to)

    def forget_the_table(self) -> None:
        """As if nobody had made one."""
        with closing(self.nftables()) as kernel:
            TableKeeper(kernel).remove()

    def forget_the_proxy(self) -> None:
        """What comes to a NodePort stays on the node."""
        for family in ("ip", "ip6"):
            run(*enter(self.node.namespace, "nft", "delete", "table", family, "proxy"))

    def put_the_lan_on_a_bridge(self) -> None:
        """The node's interface is a bridge of its own, as where it runs virtual machines.

        What passes the bridge passes netfilter there, as kubeadm asks for.
        """
        node, cable = self.node, "cable"
        node.ip("link", "set", INTERFACE, "down")
        node.ip("address", "flush", "dev", INTERFACE)
        node.ip("link", "set", INTERFACE, "name", cable)
        own = ("address", node.mac.hex(":"))
        node.ip("link", "add", INTERFACE, *own, "type", "bridge", "forward_delay", "0")
        node.ip("link", "set", cable, "master", INTERFACE, "up")
        node.ip("link", "set", INTERFACE, "up")
        node.ip("address", "add", f"{node.address}/24", "dev", INTERFACE)
        for setting, value in (("accept_dad", "0"), ("disable_ipv6", "0"), ("forwarding", "1")):
            node.set(f"ipv6/conf/{INTERFACE}/{setting}", value)
        node.ip("address", "add", f"{node.address6}/64", "dev", INTERFACE, "nodad")
        for tables in ("iptables", "ip6tables"):
            node.set(f"bridge/bridge-nf-call-{tables}", "1")

    def send_whole_packets(self) -> None:
        """Every checksum is in its packet: no interface promises to fill it in later."""
        for namespace, interface in (
            (self.client.namespace, INTERFACE),
            (self.node.namespace, INTERFACE),
            (self.node.namespace, "pod0"),
            (self.pod, POD_INTERFACE),
        ):
            inside(namespace, partial(_no_checksum_offload, interface))


def _no_checksum_offload(interface: str) -> None:
    off = ctypes.create_string_buffer(struct.pack("=II", _ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(off))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


@contextmanager
def staged(network: Network, client: Host, proxy: str) -> Iterator[Stage]:
    """The stage, without a table, and with a pod that serves."""
    stage = built(network, client, proxy)
    with serving(stage.pod):
        yield stage


def built(network: Network, client: Host, proxy: str) -> Stage:
    """The same with nothing in the pod. The client knows the node's MAC as that of the VIPs."""
    node = network.host("node", 11)
    network.speak_ipv6(client, node)
    stage = Stage(client, node, f"{node.namespace}-pod")
    run("ip", "netns", "add", stage.pod)
    peer = ("peer", "name", POD_INTERFACE, "netns", stage.pod)
    node.ip("link", "add", "pod0", "type", "veth", *peer)
    for family in VIPS:
        _address(node.namespace, "pod0", stage.gateway(family))
        _address(stage.pod, POD_INTERFACE, stage.pod_address(family))
    for family in VIPS:
        run("ip", "-n", stage.pod, f"-{family}", "route", "add", "default",
            "via", stage.gateway(family))  # fmt: skip
    node.set("ipv4/ip_forward", "1")
    node.set("ipv6/conf/all/forwarding", "1")
    for family, addresses in VIPS.items():
        PROXIES[proxy](node, family, stage.pod_address(family))
        for address in addresses:
            known = ("lladdr", node.mac.hex(":"), "dev", INTERFACE)
            client.ip("neighbour", "replace", address, *known)
    return stage


def _address(namespace: str, interface: str, address: str) -> None:
    length, extra = (64, ("nodad",)) if ":" in address else (24, ())
    write_setting(namespace, f"ipv6/conf/{interface}/disable_ipv6", "0")
    own = (f"{address}/{length}", "dev", interface)
    run("ip", "-n", namespace, "address", "add", *own, *extra)
    for each in ("lo", interface):
        run("ip", "-n", namespace, "link", "set", each, "up")


def listener(namespace: str, family: int, kind: socket.SocketKind, port: int) -> socket.socket:
    """A socket of a pod's, say, that listens on all its addresses."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("", port))
        if kind is socket.SOCK_STREAM:
            made.listen(16)
        return made

    return inside(namespace, make)


@contextmanager
def serving(namespace: str) -> Iterator[None]:
    """Tell everybody who comes, by TCP or UDP, from where they seem to come."""
    ours, theirs = socket.socketpair()
    with ExitStack() as stack:
        for each in (ours, theirs):
            stack.callback(each.close)
        listening = {
            stack.enter_context(closing(listener(namespace, family, kind, POD_PORT)))
            for family in VIPS
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        }
        thread = threading.Thread(target=_serve, args=(theirs, listening))
        thread.start()
        try:
            yield
        finally:
            ours.send(b"!")
            thread.join()


def _serve(stop: socket.socket, listening: set[socket.socket]) -> None:
    talks: set[socket.socket] = set()
    while True:
        ready, _, _ = select.select([stop, *listening, *talks], [], [])
        for each in ready:
            if each is stop:
                for left in talks:
                    left.close()
                return
            if each in talks:
                if not _told(each):
                    talks.remove(each)
                    each.close()
            elif each.type is socket.SOCK_STREAM:
                talks.add(each.accept()[0])
            else:
                asked, source = each.recvfrom(65_536)
                each.sendto(f"{source[0]} {source[1]}".encode().ljust(len(asked)), source)


def _told(talk: socket.socket) -> bool:
    """Whether the other end goes on."""
    try:
        if not talk.recv(65_536):
            return False
        source = talk.getpeername()
        talk.sendall(f"{source[0]} {source[1]}".encode())
    except OSError:
        return False
    return True


def talk(
    namespace: str, protocol: Protocol, address: str, port: int, *, own_port: int = 0
) -> socket.socket:
    """A connected socket: it hears from that address and port alone."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol is Protocol.TCP else socket.SOCK_DGRAM

    def make() -> socket.socket:
        made = socket.socket(family, kind)
        made.settimeout(5)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind(("", own_port))
            made.connect((address, port))
        except BaseException:
            made.close()
            raise
        return made

    return inside(namespace, make)


def ask(made: socket.socket, size: int = 8) -> str:
    """From which address the one at the other end sees us come.

    A datagram is answered with one of its size.
    """
    made.send(b"?" * size)
    return made.recv(65_536).decode().split()[0]


def asked(namespace: str, protocol: Protocol, address: str, port: int) -> str:
    with talk(namespace, protocol, address, port) as made:
        return ask(made)


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def never_fragment(made: socket.socket) -> None:
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _DO)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _DO)


def path_mtu(made: socket.socket) -> int:
    """What the kernel knows of the path of a connected socket."""
    if made.family == socket.AF_INET6:
        return made.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)
    return made.getsockopt(socket.IPPROTO_IP, _IP_MTU)
