"""The entries of a pool: reading what a user wrote, and saying what to write instead."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

from lbctl.core.intervals import Interval


class AddressError(ValueError):
    """An entry of a pool that cannot be used. Its text names the entry and says what to write."""


_UNUSABLE = (
    (IPv4Network("0.0.0.0/8"), 'means "this network" (RFC 1122 section 3.2.1.3)'),
    (IPv4Network("127.0.0.0/8"), "is loopback (RFC 1122 section 3.2.1.3)"),
    (IPv4Network("224.0.0.0/3"), "is multicast, reserved or broadcast (RFC 5771, RFC 1112)"),
)


def parse_entry(entry: str) -> Interval:
    """Read one entry of `spec.addresses`: a CIDR, a range or one address.

    Every address is used, a CIDR's network and broadcast addresses too.

    Raises:
        AddressError: nothing can be given from it; the text says why, and what to write instead.
    """
    interval = _parse_cidr(entry) if "/" in entry else _parse_range(entry)
    for network, meaning in _UNUSABLE:
        low, high = int(network.network_address), int(network.broadcast_address)
        if interval.first <= high and low <= interval.last:
            raise AddressError(
                f'"{entry}" touches {network}, which {meaning}: write addresses of your LAN',
            )
    return interval


def _parse_cidr(entry: str) -> Interval:
    prefix = entry.partition("/")[2]
    # ip_network reads 10.0.0.0/255.0.0.0 and 10.0.0.0/08 too; the API server refuses them.
    if not prefix.isdecimal() or str(int(prefix)) != prefix:
        raise _malformed(entry)
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        raise _malformed(entry) from None
    if not isinstance(network, IPv4Network):
        raise _ipv6_error(entry)
    written = entry.partition("/")[0]
    if network.network_address != IPv4Address(written):
        raise AddressError(
            f'"{entry}" has host bits set: write the network, {network}, '
            f"or for the one address {written}",
        )
    return Interval(int(network.network_address), int(network.broadcast_address))


def _parse_range(entry: str) -> Interval:
    ends = [_parse_address(end.strip(), entry) for end in entry.split("-")]
    match ends:
        case [IPv4Address() as only]:
            return Interval(int(only), int(only))
        case [IPv4Address() as first, IPv4Address() as last]:
            if first > last:
                raise AddressError(
                    f'"{entry}" has its start after its end: '
                    f"write the lower address first, like {last}-{first}",
                )
            return Interval(int(first), int(last))
        case [IPv6Address()] | [IPv6Address(), IPv6Address()]:
            raise _ipv6_error(entry)
        case [_, _]:
            raise AddressError(f'"{entry}" mixes IPv4 and IPv6: write both ends in one family')
        case _:
            raise _malformed(entry)


def _parse_address(text: str, entry: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise _malformed(entry) from None


def _ipv6_error(entry: str) -> AddressError:
    return AddressError(
        f'"{entry}" is IPv6, which this version cannot announce: write IPv4 addresses',
    )


def _malformed(entry: str) -> AddressError:
    return AddressError(
        f'"{entry}" is no CIDR, range or address: write one like 172.16.110.96/28, '
        "172.16.110.100-172.16.110.119 or 172.16.110.100",
    )
