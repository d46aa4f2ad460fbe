"""Builds the frames with scapy and prints them as templates: `python -m speaker.wire.forge`.

Importing scapy's layers costs more memory than the whole wire. So it happens in this process, which
prints and ends; the wire patches bytes.
"""

import json
import sys
from typing import Any, Final

from scapy.config import conf

# Reading the routing table at import takes a second per 2,000 routes, and no template needs it.
conf.route_autoload = False
conf.route6_autoload = False

from scapy.layers.inet6 import (  # noqa: E402  # after the two settings above
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether  # noqa: E402  # after the two settings above

# Values that occur nowhere else in a frame, so that their places can be found.
_OWN, _PEER_MAC = "0e:a1:a2:a3:a4:a5", "0e:b1:b2:b3:b4:b5"
_ADDRESS, _PEER = "198.51.100.201", "203.0.113.202"
_ADDRESS6, _PEER6 = (
    "2001:db8:c1c2:c3c4:c5c6:c7c8:c9ca:cbcc",
    "2001:db8:d1d2:d3d4:d5d6:d7d8:d9da:dbdc",
)
_MACS: Final = {
    "own_mac": bytes.fromhex("0ea1a2a3a4a5"),
    "peer_mac": bytes.fromhex("0eb1b2b3b4b5"),
}
_ARP_MARKS: Final = {
    **_MACS,
    "address": bytes([198, 51, 100, 201]),
    "peer": bytes([203, 0, 113, 202]),
}
_NDP_MARKS: Final = {
    **_MACS,
    "address": bytes.fromhex("20010db8c1c2c3c4c5c6c7c8c9cacbcc"),
    "peer": bytes.fromhex("20010db8d1d2d3d4d5d6d7d8d9dadbdc"),
    # Also the end of the address itself, which is the same wherever it is filled in.
    "group": bytes.fromhex("cacbcc"),
}
_BROADCAST = "ff:ff:ff:ff:ff:ff"
_NO_MAC = "00:00:00:00:00:00"
_ETHERNET_IPV4 = {"hwtype": 1, "ptype": 0x0800, "hwlen": 6, "plen": 4}
_GROUP, _GROUP_MAC = "ff02::1:ffca:cbcc", "33:33:ff:ca:cb:cc"
_ALL_NODES, _ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"


def arp_frames() -> dict[str, bytes]:
    """One frame of each kind, with the marks in it."""

    def frame(dst: str, op: int, psrc: str, hwdst: str, pdst: str) -> bytes:
        # Every field is given: a default would make scapy ask the routing table or the LAN.
        arp = ARP(**_ETHERNET_IPV4, op=op, hwsrc=_OWN, psrc=psrc, hwdst=hwdst, pdst=pdst)
        return bytes(Ether(dst=dst, src=_OWN, type=0x0806) / arp)

    return {
        "reply": frame(_PEER_MAC, 2, _ADDRESS, _PEER_MAC, _PEER),
        # RFC 5227 section 3: an announcement is a request for the own address, target MAC zero.
        "announce_request": frame(_BROADCAST, 1, _ADDRESS, _NO_MAC, _ADDRESS),
        # RFC 5944 section 4.6: in the reply form both hardware fields carry the announced MAC.
        "announce_reply": frame(_BROADCAST, 2, _ADDRESS, _OWN, _ADDRESS),
        # RFC 5227 section 2.1.1: the sender's address is zero, so that no cache is touched.
        "probe": frame(_BROADCAST, 1, "0.0.0.0", _NO_MAC, _ADDRESS),  # noqa: S104  # no socket
    }


def ndp_frames() -> dict[str, bytes]:
    """One frame of each kind, with the marks in it."""

    def frame(mac: str, src: str, dst: str, message: Any) -> bytes:
        ip = IPv6(src=src, dst=dst, hlim=255)
        return bytes(Ether(dst=mac, src=_OWN, type=0x86DD) / ip / message)

    # Override: the address has moved, or may have (RFC 4861 section 7.2.4 and 7.2.6). No router:
    # the node may be one, but nobody is to route by this address.
    def told(*, solicited: bool) -> Any:
        return ICMPv6ND_NA(R=0, S=solicited, O=1, tgt=_ADDRESS6) / ICMPv6NDOptDstLLAddr(lladdr=_OWN)

    asked = ICMPv6ND_NS(tgt=_ADDRESS6)
    source = ICMPv6NDOptSrcLLAddr(lladdr=_OWN)
    return {
        # An advertisement's source is the address itself, as the kernel has it: the node may have
        # no other address of that scope.
        "advertisement": frame(_PEER_MAC, _ADDRESS6, _PEER6, told(solicited=True)),
        "announcement": frame(_ALL_NODES_MAC, _ADDRESS6, _ALL_NODES, told(solicited=False)),
        # RFC 4862 section 5.4.2: the source is unspecified, so there is no link-layer option.
        "probe": frame(_GROUP_MAC, "::", _GROUP, asked),
        "solicitation": frame(_GROUP_MAC, _PEER6, _GROUP, asked / source),
        # RFC 4861 section 7.3.3: the form of neighbour unreachability detection.
        "poll": frame(_PEER_MAC, _PEER6, _ADDRESS6, asked / source),
    }


def places(frame: bytes, mark: bytes) -> list[int]:
    """Every offset of a mark in a frame."""
    return [at for at in range(len(frame)) if frame.startswith(mark, at)]


def templates(frames: dict[str, bytes], marks: dict[str, bytes]) -> dict[str, Any]:
    """Each frame with the places of its fields."""
    return {
        kind: {
            "frame": frame.hex(),
            "fields": {name: places(frame, mark) for name, mark in marks.items()},
        }
        for kind, frame in frames.items()
    }


def main() -> None:
    """Print all templates as one line of JSON."""
    forged = {
        "arp": templates(arp_frames(), _ARP_MARKS),
        "ndp": templates(ndp_frames(), _NDP_MARKS),
    }
    sys.stdout.write(json.dumps(forged) + "\n")


if __name__ == "__main__":
    main()
