"""Builds the frames with scapy and prints them as templates: `python -m speaker.wire.forge`.

Importing scapy's ARP layer costs more memory than the whole wire. So it happens in this process,
which prints and ends; the wire patches bytes.
"""

import json
import sys

from scapy.config import conf

# Reading the routing table at import takes a second per 2,000 routes, and no template needs it.
conf.route_autoload = False
conf.route6_autoload = False

from scapy.layers.l2 import ARP, Ether  # noqa: E402  # after the two settings above

# Values that occur nowhere else in a frame, so that their places can be found.
_MARKS = {
    "own_mac": ("0e:a1:a2:a3:a4:a5", bytes.fromhex("0ea1a2a3a4a5")),
    "peer_mac": ("0e:b1:b2:b3:b4:b5", bytes.fromhex("0eb1b2b3b4b5")),
    "address": ("198.51.100.201", bytes([198, 51, 100, 201])),
    "peer": ("203.0.113.202", bytes([203, 0, 113, 202])),
}
_BROADCAST = "ff:ff:ff:ff:ff:ff"
_NO_MAC = "00:00:00:00:00:00"
_ETHERNET_IPV4 = {"hwtype": 1, "ptype": 0x0800, "hwlen": 6, "plen": 4}


def frames() -> dict[str, bytes]:
    """One frame of each kind, with the marks in it."""
    own, peer_mac, address, peer = (text for text, _ in _MARKS.values())

    def frame(dst: str, op: int, psrc: str, hwdst: str, pdst: str) -> bytes:
        # Every field is given: a default would make scapy ask the routing table or the LAN.
        arp = ARP(**_ETHERNET_IPV4, op=op, hwsrc=own, psrc=psrc, hwdst=hwdst, pdst=pdst)
        return bytes(Ether(dst=dst, src=own, type=0x0806) / arp)

    return {
        "reply": frame(peer_mac, 2, address, peer_mac, peer),
        # RFC 5227 section 3: an announcement is a request for the own address, target MAC zero.
        "announce_request": frame(_BROADCAST, 1, address, _NO_MAC, address),
        # RFC 5944 section 4.6: in the reply form both hardware fields carry the announced MAC.
        "announce_reply": frame(_BROADCAST, 2, address, own, address),
        # RFC 5227 section 2.1.1: the sender's address is zero, so that no cache is touched.
        "probe": frame(_BROADCAST, 1, "0.0.0.0", _NO_MAC, address),  # noqa: S104  # no socket
    }


def places(frame: bytes, mark: bytes) -> list[int]:
    """Every offset of a mark in a frame."""
    return [at for at in range(len(frame)) if frame.startswith(mark, at)]


def main() -> None:
    """Print all templates as one line of JSON."""
    templates = {
        kind: {
            "frame": frame.hex(),
            "fields": {name: places(frame, mark) for name, (_, mark) in _MARKS.items()},
        }
        for kind, frame in frames().items()
    }
    sys.stdout.write(json.dumps(templates) + "\n")


if __name__ == "__main__":
    main()
