"""Another controller's speaker on a node, as MetalLB's: a raw socket and the node's own MAC.

A program of its own, `other_speaker.py INTERFACE ADDRESS`, so that it can run on a node of the lab.
It says `answering`, then answers ARP requests or neighbour solicitations for the address until it
is killed. As MetalLB it does not answer a solicitation that does not tell the asker's MAC.
"""

import socket
import struct
import sys
from collections.abc import Callable

_ARP = 0x0806
_REQUEST, _REPLY = b"\0\1", b"\0\2"
_HEADER = b"\x08\x06\0\1\x08\0\6\4"
"""EtherType ARP, and that this is about Ethernet and IPv4."""

_SOLICITATION, _ADVERTISEMENT = 135, 136
_SOLICITED = 0x4000_0000
_SOURCE_MAC, _TARGET_MAC = b"\1\1", b"\2\1"
"""Type and length of the link-layer address options (RFC 4861 section 4.6.1)."""


def arp(interface: str, address: bytes) -> Callable[[], None]:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((interface, _ARP))
    own = raw.getsockname()[4]

    def answer() -> None:
        frame = raw.recv(2048)
        asker, target = frame[22:32], frame[38:42]
        if frame[20:22] == _REQUEST and target == address:
            raw.send(asker[:6] + own + _HEADER + _REPLY + own + address + asker)

    return answer


def ndp(interface: str, address: bytes) -> Callable[[], None]:
    index = socket.if_nametoindex(interface)
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    group = bytes.fromhex("ff0200000000000000000001ff") + address[13:]
    member = group + struct.pack("@I", index)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as packets:
        packets.bind((interface, _ARP))
        own = packets.getsockname()[4]
    header = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _SOLICITED)

    def answer() -> None:
        message, asker = raw.recvfrom(2048)
        tells = message[24:26] == _SOURCE_MAC
        if message[0] == _SOLICITATION and message[8:24] == address and tells:
            raw.sendto(header + address + _TARGET_MAC + own, asker)

    return answer


def main() -> None:
    interface, text = sys.argv[1:]
    if ":" in text:
        answer = ndp(interface, socket.inet_pton(socket.AF_INET6, text))
    else:
        answer = arp(interface, socket.inet_aton(text))
    print("answering", flush=True)
    while True:
        answer()


if __name__ == "__main__":
    main()
