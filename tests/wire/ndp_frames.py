"""Neighbour discovery made by scapy, the oracle: what a correct implementation would send."""

import socket
from typing import Any

from scapy.config import conf

conf.route_autoload = False
conf.route6_autoload = False

from scapy.layers.inet6 import (  # noqa: E402  # after the settings above
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Dot1Q, Ether  # noqa: E402  # after the settings above

ALL_NODES, ALL_NODES_MAC = "ff02::1", bytes.fromhex("333300000001")


def group(address: str) -> str:
    """The solicited-node group (RFC 4291 section 2.7.1)."""
    tail = socket.inet_pton(socket.AF_INET6, address)[13:]
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + tail)


def group_mac(address: str) -> bytes:
    """RFC 2464 section 7."""
    return b"\x33\x33\xff" + socket.inet_pton(socket.AF_INET6, address)[13:]


def frame(
    message: Any, *, src: bytes, dst: bytes, source: str, to: str, vlan: int | None = None,
    **fields: Any,
) -> bytes:  # fmt: skip
    """Any message in an IPv6 packet, as scapy writes it."""
    packet = IPv6(**{"src": source, "dst": to, "hlim": 255, **fields}) / message
    kind = 0x86DD if vlan is None else 0x8100
    header = Ether(dst=dst.hex(":"), src=src.hex(":"), type=kind)
    tag = None if vlan is None else Dot1Q(vlan=vlan, type=0x86DD)
    return bytes(header / packet if tag is None else header / tag / packet)


def solicitation(
    src: bytes, source: str, target: str, *,
    dst: bytes | None = None, to: str | None = None, told: bytes | None = None,
    vlan: int | None = None, **fields: Any,
) -> bytes:  # fmt: skip
    """To the solicited-node group, unless `dst` and `to` say else; `told` is the option's MAC."""
    message = ICMPv6ND_NS(tgt=target)
    if told is not None:
        message /= ICMPv6NDOptSrcLLAddr(lladdr=told.hex(":"))
    return frame(
        message, src=src, dst=dst or group_mac(target), source=source, to=to or group(target),
        vlan=vlan, **fields,
    )  # fmt: skip


def request(src: bytes, source: str, target: str) -> bytes:
    """What a kernel sends when it knows no MAC."""
    return solicitation(src, source, target, told=src)


def unicast_request(src: bytes, source: str, target: str, dst: bytes) -> bytes:
    """What a kernel sends to see whether a MAC still answers (RFC 4861 section 7.3.3)."""
    return solicitation(src, source, target, dst=dst, to=target, told=src)


def probe(src: bytes, target: str) -> bytes:
    """RFC 4862 section 5.4.2."""
    return solicitation(src, "::", target)


def advertisement(
    src: bytes, address: str, dst: bytes, to: str, *,
    solicited: bool, told: bytes | None = None, **fields: Any,
) -> bytes:  # fmt: skip
    message = ICMPv6ND_NA(R=0, S=solicited, O=1, tgt=address)
    message /= ICMPv6NDOptDstLLAddr(lladdr=(told or src).hex(":"))
    return frame(message, src=src, dst=dst, source=address, to=to, **fields)


def reply(src: bytes, address: str, to_mac: bytes, to: str) -> bytes:
    """To one who asked."""
    return advertisement(src, address, to_mac, to, solicited=True)


def announcement(src: bytes, address: str) -> bytes:
    """To all nodes, without having been asked (RFC 4861 section 7.2.6)."""
    return advertisement(src, address, ALL_NODES_MAC, ALL_NODES, solicited=False)


def poll(src: bytes, source: str, target: str, dst: bytes) -> bytes:
    return unicast_request(src, source, target, dst)
