"""Who answers for an IPv6 address, asked from the outside client."""

import sys

from tests.lab import Lab

SOLICIT = """
import socket
import sys

from scapy.arch import get_if_hwaddr
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from scapy.sendrecv import srp
from scapy.utils6 import in6_getnsma, in6_getnsmac

target, own = sys.argv[1:]
group = in6_getnsma(socket.inet_pton(socket.AF_INET6, target))
mac = get_if_hwaddr("eth0")
frame = (
    Ether(src=mac, dst=in6_getnsmac(group))
    / IPv6(src=own, dst=socket.inet_ntop(socket.AF_INET6, group), hlim=255)
    / ICMPv6ND_NS(tgt=target)
    / ICMPv6NDOptSrcLLAddr(lladdr=mac)
)
answered, _ = srp(frame, iface="eth0", timeout=2, multi=True, verbose=False)
print("\\n".join(sorted({answer.src for _, answer in answered})))
"""


def answering(lab: Lab, address: str) -> set[str]:
    """The MACs that answer one multicast solicitation from the client."""
    own = lab.node_address("client", family=6)
    done = lab.exec("client", sys.executable, "-c", SOLICIT, address, own, timeout=60)
    return set(done.stdout.split())
