"""Packets made by scapy, the oracle, for an address that is handed on."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from scapy.config import conf

conf.route_autoload = False
conf.route6_autoload = False

from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402  # after the settings above
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6  # noqa: E402  # after the settings above
from scapy.layers.l2 import Ether  # noqa: E402  # after the settings above
from scapy.layers.sctp import SCTP, SCTPChunkInit, crc32c  # noqa: E402  # after the settings above
from scapy.utils import checksum  # noqa: E402  # after the settings above

from speaker.netfilter.rewrites import Protocol  # noqa: E402  # after the settings above
from tests.wire.network import inside  # noqa: E402  # after the settings above

_ETH_P_ALL = 3


def too_big(router: str, quoted: bytes, mtu: int) -> bytes:
    """A router's word that a packet did not fit, sent to who had sent it (RFC 1191, RFC 8201)."""
    if quoted[0] >> 4 == 4:
        head = IP(src=router, dst=IP(quoted).src) / ICMP(type=3, code=4, nexthopmtu=mtu)
        return bytes(head / quoted[:28])
    return bytes(
        IPv6(src=router, dst=IPv6(quoted).src, hlim=64) / ICMPv6PacketTooBig(mtu=mtu) / quoted[:500]
    )


def next_in_turn(packet: bytes) -> bytes:
    """What a connection's sender would send after this packet.

    A kernel believes no word about a TCP segment that was received meanwhile.
    """
    layers = _read(packet)
    if TCP in layers:
        layers[TCP].seq += len(layers[TCP].payload)
    return bytes(layers)


def answer(source: str, port: int, to: str, to_port: int, protocol: Protocol) -> bytes:
    """A packet from an address, that nobody sent."""
    layer = TCP if protocol is Protocol.TCP else UDP
    return bytes(_ip(source, to) / layer(sport=port, dport=to_port) / b"!!!!!!!!")


def nonsense(source: str, to: str, port: int) -> bytes:
    """A TCP segment without any flag: conntrack calls it invalid."""
    return bytes(_ip(source, to) / TCP(sport=40_000, dport=port, flags=0))


def init_chunk(source: str, to: str, port: int) -> bytes:
    """The first packet of an SCTP association (RFC 9260 section 3.3.2)."""
    return bytes(_ip(source, to) / SCTP(sport=40_000, dport=port) / SCTPChunkInit(init_tag=1))


def sctp_port_and_soundness(packet: bytes) -> tuple[int, bool]:
    """The destination port of an SCTP packet, and whether its checksum is right."""
    blank = packet[:8] + b"\0\0\0\0" + packet[12:]
    return SCTP(packet).dport, crc32c(blank) == int.from_bytes(packet[8:12], "big")


def frame(source: bytes, to: bytes, packet: bytes) -> bytes:
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=source.hex(":"), dst=to.hex(":"), type=kind)) + packet


def _ip(source: str, to: str) -> Any:
    return IPv6(src=source, dst=to) if ":" in to else IP(src=source, dst=to)


@contextmanager
def heard(namespace: str, interface: str) -> Iterator[Callable[[], list[bytes]]]:
    """The IP packets that an interface has sent or received so far."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        made.bind((interface, _ETH_P_ALL))
        made.setblocking(False)
        return made

    packets: list[bytes] = []
    with closing(inside(namespace, make)) as ear:

        def until_now() -> list[bytes]:
            while True:
                try:
                    packet = ear.recv(65_536)
                except BlockingIOError:
                    return packets
                if packet and packet[0] >> 4 in (4, 6):
                    packets.append(packet)

        yield until_now


def source_of(packet: bytes) -> str:
    return str(_read(packet).src)


def destination_of(packet: bytes) -> str:
    return str(_read(packet).dst)


def icmp_errors(packets: list[bytes]) -> list[bytes]:
    """Those that are ICMP errors."""
    return [
        each
        for each in packets
        if (each[0] == 0x45 and each[9] == 1 and each[20] == 3)
        or (each[0] >> 4 == 6 and each[6] == 58 and each[40] < 128)
    ]


def is_sound(error: bytes) -> bool:
    """Whether all checksums of an ICMP error are right, and that of the header that it quotes."""
    if error[0] >> 4 == 4:
        return not any(checksum(part) for part in (error[:20], error[20:], error[28:48]))
    layers = IPv6(error)
    del layers[1].cksum
    return bytes(layers) == error


def _read(packet: bytes) -> Any:
    return IP(packet) if packet[0] >> 4 == 4 else IPv6(packet)
