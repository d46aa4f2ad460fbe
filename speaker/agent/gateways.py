"""The routers that this node sends by default to. Pure: what /proc/net says in, addresses out.

/proc and not netlink: a dump by netlink costs what all routes of the node cost, a reading here only
the lines. It shows the main table, and of one route over several routers IPv4's first one.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from lbctl.core.addresses import Address, place

_HERE: Final = Path("/proc/thread-self/net")
"""A network namespace belongs to a thread; /proc/net shows the first one's."""
_AT_MOST: Final = 16
"""Of one interface: as many as a Speaker's status holds."""
_GATEWAY: Final = 0x2  # RTF_GATEWAY, <linux/route.h>
_IPV4_COLUMNS: Final = 8
_IPV6_COLUMNS: Final = 10


def read_gateways(proc: Path = _HERE) -> Mapping[str, tuple[Address, ...]]:
    """The default gateways of this network namespace, by interface."""
    return gateways(_text(proc / "route"), _text(proc / "ipv6_route"))


def gateways(routes: str, ipv6_routes: str) -> Mapping[str, tuple[Address, ...]]:
    """The same, of the texts of /proc/net/route and /proc/net/ipv6_route.

    Link-local ones are left out: no pool holds such an address.
    """
    found: dict[str, set[Address]] = {}
    for interface, address in (*_ipv4(routes), *_ipv6(ipv6_routes)):
        if not address.is_link_local and not address.is_unspecified:
            found.setdefault(interface, set()).add(address)
    return {
        name: tuple(sorted(addresses, key=place)[:_AT_MOST]) for name, addresses in found.items()
    }


def _ipv4(routes: str) -> Iterator[tuple[str, Address]]:
    """Iface Destination Gateway Flags RefCnt Use Metric Mask ..., numbers as they lie in memory."""
    for line in routes.splitlines():
        row = line.split()
        if len(row) >= _IPV4_COLUMNS and row[1] == row[7] == "00000000":
            with suppress(ValueError):
                if int(row[3], 16) & _GATEWAY:
                    packed = int(row[2], 16).to_bytes(4, sys.byteorder)
                    yield row[0], IPv4Address(packed)


def _ipv6(routes: str) -> Iterator[tuple[str, Address]]:
    """Destination and length, source and length, next hop, metric, ..., flags, interface."""
    for line in routes.splitlines():
        row = line.split()
        if len(row) >= _IPV6_COLUMNS and row[0] == "0" * 32 and row[1] == "00":
            with suppress(ValueError):
                if int(row[8], 16) & _GATEWAY:
                    yield row[9], IPv6Address(bytes.fromhex(row[4]))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""
