"""Sets of addresses against the simplest model there is: Python's set of integers."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbctl.core.addresses import address_at, address_of, object_name, place
from lbctl.core.intervals import AddressSet, Interval, Occupancy
from lbctl.core.objects.entries import AddressError, parse_entry
from tests.property.strategies import LAN, intervals

changes = st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=80)


def members(given_intervals: list[Interval]) -> set[int]:
    return {n for first, last in given_intervals for n in range(first, last + 1)}


@given(st.lists(intervals, max_size=8))
def test_a_union_holds_what_its_parts_hold(parts: list[Interval]) -> None:
    union = AddressSet.union(parts)
    assert {n for n in range(80) if n in union} == members(parts)
    assert union.size == len(members(parts))
    firsts = [interval.first for interval in union]
    assert firsts == sorted(firsts)
    assert all(
        low.last + 1 < high.first
        for low, high in zip(union.intervals, union.intervals[1:], strict=False)
    )


@given(changes, st.lists(intervals, max_size=4))
def test_occupancy_is_a_set(steps: list[tuple[bool, int]], pool: list[Interval]) -> None:
    occupancy, model = Occupancy(), set[int]()
    among = AddressSet.union(pool)
    for use, address in steps:
        (occupancy.add if use else occupancy.discard)(address)
        (model.add if use else model.discard)(address)
        assert (address in occupancy) == use
    assert {n for n in range(80) if n in occupancy} == model
    free = members(pool) - model
    assert occupancy.lowest_free(among) == min(free, default=None)
    assert occupancy.count(among) == len(members(pool) & model)


ipv6 = st.integers(2**125, 2**126 - 1).map(IPv6Address)
"""Global unicast addresses, of 2000::/3."""


@given(ipv6 | st.ip_addresses())
def test_a_name_tells_its_address(address: IPv4Address | IPv6Address) -> None:
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
    assert address_of(object_name(address)) == (None if mapped else address)
    assert address_at(place(address)) == address


@given(ipv6, ipv6)
def test_an_ipv6_range_goes_up(one: IPv6Address, other: IPv6Address) -> None:
    low, high = sorted((one, other))
    assert parse_entry(f"{low}-{high}") == (place(low), place(high))
    if low != high:
        with pytest.raises(AddressError, match="lower address first"):
            parse_entry(f"{high}-{low}")


@given(ipv6, st.integers(3, 128))
def test_an_ipv6_cidr_has_all_but_its_routers_address(host: IPv6Address, prefix: int) -> None:
    network = ip_network((host, prefix), strict=False)
    found = parse_entry(str(network))
    assert found.last == place(network.broadcast_address)
    assert found.first - place(network.network_address) == (prefix < 127)


@given(st.integers(0, 2**24 - 1), st.integers(8, 32))
def test_a_cidr_and_the_range_of_its_ends_are_the_same(host: int, prefix: int) -> None:
    base = int(LAN) + (host >> (32 - prefix) << (32 - prefix))
    size = 2 ** (32 - prefix)
    network = type(LAN)(base)
    last = network + (size - 1)
    assert parse_entry(f"{network}/{prefix}") == parse_entry(f"{network} - {last}")
