"""The entries of a pool: reading what a user wrote, and saying what to write instead."""

import re
from functools import lru_cache
from ipaddress import IPv6Network, ip_network
from typing import Final, NoReturn

from lbctl.core.addresses import Address, Subnet, parse, place
from lbctl.core.intervals import Interval


class AddressError(ValueError):
    """An entry of a pool that cannot be used. Its text names the entry and says what to write."""


_UNUSABLE: Final = tuple(
    (ip_network(network), meaning)
    for network, meaning in (
        ("0.0.0.0/8", 'means "this network" (RFC 1122 section 3.2.1.3)'),
        ("127.0.0.0/8", "is loopback (RFC 1122 section 3.2.1.3)"),
        ("224.0.0.0/3", "is multicast, reserved or broadcast (RFC 5771, RFC 1112)"),
        ("::/8", "is reserved: unspecified, loopback, mapped (RFC 4291 section 2.4)"),
        ("fe80::/10", "is link-local (RFC 4291 section 2.5.6): every link has it for itself"),
        ("ff00::/8", "is multicast (RFC 4291 section 2.7)"),
    )
)

_DOTTED_IPV6: Final = re.compile(":[0-9]+[.]")

_ENDS: Final = 2

_WITHOUT_ROUTERS: Final = (127, 128)
"""An IPv6 prefix this long has no subnet-router anycast address (RFC 6164 section 6)."""


@lru_cache(maxsize=8192)
def parse_entry(entry: str, *, whole: bool = False) -> Interval:
    """Read one entry of `spec.addresses` or `spec.exclude`: a CIDR, a range or one address.

    Every address is meant, a CIDR's network and broadcast addresses too, but for the first of an
    IPv6 CIDR: where that is a subnet, its routers answer for it (RFC 4291 section 2.6.1).

    Args:
        entry: what the user wrote.
        whole: whether that first one is meant too, as it is by whoever excludes a CIDR.

    Raises:
        AddressError: nothing can be given from it; the text says why, and what to write instead.
    """
    if _DOTTED_IPV6.search(entry):
        raise AddressError(
            f'"{entry}" has IPv4 inside of IPv6: write the IPv4 address alone, '
            "or hexadecimal digits",
        )
    interval = _cidr(entry, whole=whole) if "/" in entry else _range(entry)
    for network, meaning in _UNUSABLE:
        low, high = place(network.network_address), place(network.broadcast_address)
        if interval.first <= high and low <= interval.last:
            raise AddressError(
                f'"{entry}" touches {network}, which {meaning}: write addresses of your LAN',
            )
    return interval


def _cidr(entry: str, *, whole: bool) -> Interval:
    written, _, prefix = entry.partition("/")
    # ip_network reads 10.0.0.0/255.0.0.0 and 10.0.0.0/08 too; the API server refuses them.
    if not prefix.isdecimal() or str(int(prefix)) != prefix or (base := parse(written)) is None:
        _refuse(entry)
    try:
        network: Subnet = ip_network(entry, strict=False)
    except ValueError:
        _refuse(entry)
    if network.network_address != base:
        raise AddressError(
            f'"{entry}" has host bits set: write the network, {network}, '
            f"or for the one address {written}",
        )
    first, last = place(network.network_address), place(network.broadcast_address)
    routers = isinstance(network, IPv6Network) and network.prefixlen not in _WITHOUT_ROUTERS
    return Interval(first + (routers and not whole), last)


def _range(entry: str) -> Interval:
    ends = [parse(end.strip()) or _refuse(entry) for end in entry.split("-")]
    if len(ends) > _ENDS:
        _refuse(entry)
    first, last = ends[0], ends[-1]
    _check_ends(entry, first, last)
    return Interval(place(first), place(last))


def _check_ends(entry: str, first: Address, last: Address) -> None:
    if first.version != last.version:
        raise AddressError(f'"{entry}" mixes IPv4 and IPv6: write both ends in one family')
    if place(first) > place(last):
        raise AddressError(
            f'"{entry}" has its start after its end: '
            f"write the lower address first, like {last}-{first}",
        )


def _refuse(entry: str) -> NoReturn:
    raise AddressError(
        f'"{entry}" is no CIDR, range or address: write one like 172.16.110.96/28, '
        "172.16.110.100-172.16.110.119 or fd00:110::100",
    )
