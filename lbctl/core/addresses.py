"""Addresses: reading what a user wrote, and sets of them as sorted intervals of integers."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from typing import NamedTuple


class AddressError(ValueError):
    """An entry of a pool that cannot be used. Its text names the entry and says what to write."""


class Interval(NamedTuple):
    """The addresses from `first` to `last`, both included, as integers."""

    first: int
    last: int

    def __str__(self) -> str:
        low, high = IPv4Address(self.first), IPv4Address(self.last)
        return str(low) if low == high else f"{low}-{high}"


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


@dataclass(frozen=True, slots=True)
class AddressSet:
    """An immutable set of addresses: ascending intervals with a gap between each two."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def union(cls, intervals: Iterable[Interval]) -> "AddressSet":
        """The set of all addresses in any of `intervals`."""
        merged: list[Interval] = []
        for first, last in sorted(intervals):
            if merged and first <= merged[-1].last + 1:
                merged[-1] = Interval(merged[-1].first, max(merged[-1].last, last))
            else:
                merged.append(Interval(first, last))
        return cls(tuple(merged))

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self.intervals, address, key=_first) - 1
        return at >= 0 and address <= self.intervals[at].last

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    @property
    def size(self) -> int:
        """How many addresses the set holds."""
        return sum(last - first + 1 for first, last in self.intervals)


def _first(interval: Interval) -> int:
    return interval.first


class Occupancy:
    """The mutable set of the addresses in use, kept as runs of neighbours.

    Addresses are given lowest first, so tens of thousands of them make few runs, and the lowest
    free address of a range is found by one bisection: it follows the run that covers its start.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self._firsts, address) - 1
        return at >= 0 and address <= self._lasts[at]

    def add(self, address: int) -> None:
        """Mark an address as used. Doing it twice changes nothing."""
        firsts, lasts = self._firsts, self._lasts
        after = bisect_right(firsts, address)
        if after and address <= lasts[after - 1]:
            return
        joins_left = after > 0 and lasts[after - 1] == address - 1
        joins_right = after < len(firsts) and firsts[after] == address + 1
        if joins_left and joins_right:
            lasts[after - 1] = lasts.pop(after)
            del firsts[after]
        elif joins_left:
            lasts[after - 1] = address
        elif joins_right:
            firsts[after] = address
        else:
            firsts.insert(after, address)
            lasts.insert(after, address)

    def discard(self, address: int) -> None:
        """Mark an address as free. Doing it twice changes nothing."""
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, address) - 1
        if at < 0 or lasts[at] < address:
            return
        first, last = firsts[at], lasts[at]
        if first == last:
            del firsts[at], lasts[at]
        elif address == first:
            firsts[at] = address + 1
        elif address == last:
            lasts[at] = address - 1
        else:
            lasts[at] = address - 1
            firsts.insert(at + 1, address + 1)
            lasts.insert(at + 1, last)

    def lowest_free(self, among: AddressSet) -> int | None:
        """The lowest address of `among` that is not in use; None when all are."""
        for first, last in among:
            at = bisect_right(self._firsts, first) - 1
            candidate = first if at < 0 else max(first, self._lasts[at] + 1)
            if candidate <= last:
                return candidate
        return None

    def count(self, among: AddressSet) -> int:
        """How many addresses of `among` are in use."""
        return sum(self._count(first, last) for first, last in among)

    def _count(self, first: int, last: int) -> int:
        at = max(bisect_right(self._firsts, first) - 1, 0)
        until = bisect_right(self._firsts, last)
        return sum(
            max(0, min(last, self._lasts[run]) - max(first, self._firsts[run]) + 1)
            for run in range(at, until)
        )
