"""Frames made by scapy, the oracle: what a correct ARP implementation would send."""

from typing import Any

from scapy.config import conf

conf.route_autoload = False
conf.route6_autoload = False

from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402  # after the settings above

BROADCAST = b"\xff" * 6
NO_MAC = b"\x00" * 6


def arp(
    *,
    op: int,
    src: bytes,
    dst: bytes = BROADCAST,
    psrc: str,
    pdst: str,
    hwdst: bytes = NO_MAC,
    vlan: int | None = None,
    **fields: Any,
) -> bytes:
    """An ARP frame as scapy writes it."""
    body = ARP(
        **{
            "hwtype": 1, "ptype": 0x0800, "hwlen": 6, "plen": 4, "op": op,
            "hwsrc": src.hex(":"), "psrc": psrc, "hwdst": hwdst.hex(":"), "pdst": pdst,
            **fields,
        }
    )  # fmt: skip
    header = Ether(dst=dst.hex(":"), src=src.hex(":"), type=0x8100 if vlan is not None else 0x0806)
    tag = Dot1Q(vlan=vlan, type=0x0806) if vlan is not None else None
    return bytes(header / tag / body if tag is not None else header / body)


def request(src: bytes, psrc: str, pdst: str, dst: bytes = BROADCAST) -> bytes:
    return arp(op=1, src=src, dst=dst, psrc=psrc, pdst=pdst)


def probe(src: bytes, pdst: str) -> bytes:
    """RFC 5227 section 2.1.1."""
    return request(src, "0.0.0.0", pdst)


def reply(src: bytes, psrc: str, to: bytes, pdst: str) -> bytes:
    return arp(op=2, src=src, dst=to, psrc=psrc, hwdst=to, pdst=pdst)


def announcement(src: bytes, address: str) -> bytes:
    """RFC 5227 section 3: the request form."""
    return arp(op=1, src=src, psrc=address, pdst=address)


def gratuitous_reply(src: bytes, address: str) -> bytes:
    """RFC 5944 section 4.6: the reply form."""
    return arp(op=2, src=src, psrc=address, pdst=address, hwdst=src)


def dissect(frame: bytes) -> tuple[Any, Any]:
    """scapy's reading of a frame: its Ethernet and its ARP layer."""
    layers = Ether(frame)
    return layers, layers[ARP]
