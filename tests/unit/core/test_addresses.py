"""Reading a pool's entries, and the sets that addresses are kept in."""

from ipaddress import IPv4Address

import pytest

from lbctl.core.addresses import AddressError, AddressSet, Interval, Occupancy, parse_entry
from tests.unit.core.entries import ACCEPTED, REFUSED, Accepted, Refused


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.rule)
def test_an_entry_names_addresses(row: Accepted) -> None:
    first, last = parse_entry(row.entry)
    assert (IPv4Address(first), IPv4Address(last)) == (
        IPv4Address(row.first),
        IPv4Address(row.last),
    )


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.rule)
def test_a_bad_entry_is_told_what_to_write(row: Refused) -> None:
    with pytest.raises(AddressError) as refusal:
        parse_entry(row.entry)
    assert f'"{row.entry}"' in str(refusal.value)
    assert row.says in str(refusal.value)


def test_host_bits_are_told_with_both_ways_out() -> None:
    with pytest.raises(AddressError, match=r"10\.0\.0\.0/24, or for the one address 10\.0\.0\.7$"):
        parse_entry("10.0.0.7/24")


@pytest.mark.parametrize(
    ("rule", "given", "merged"),
    [
        ("nothing is the empty set", [], []),
        ("order does not matter", [(5, 6), (1, 2)], [(1, 2), (5, 6)]),
        ("what overlaps is one", [(1, 5), (3, 9)], [(1, 9)]),
        ("what touches is one", [(1, 2), (3, 4)], [(1, 4)]),
        ("what is inside adds nothing", [(1, 9), (3, 4)], [(1, 9)]),
        ("what comes twice counts once", [(1, 2), (1, 2)], [(1, 2)]),
    ],
)
def test_entries_of_a_pool_are_a_union(
    rule: str,
    given: list[tuple[int, int]],
    merged: list[tuple[int, int]],
) -> None:
    united = AddressSet.union(Interval(*pair) for pair in given)
    assert list(united) == merged, rule
    assert united.size == len({n for first, last in given for n in range(first, last + 1)})


POOL = AddressSet.union([Interval(10, 14), Interval(20, 21)])


@pytest.mark.parametrize(
    ("rule", "used", "lowest"),
    [
        ("the lowest of an empty pool is its first", [], 10),
        ("a neighbour below the pool is not in it", [9], 10),
        ("the next follows a run", [10, 11, 12], 13),
        ("a hole is taken first", [10, 12, 13], 11),
        ("a full range leads to the next", [10, 11, 12, 13, 14], 20),
        ("a run may start below and end inside", [8, 9, 10, 11], 12),
        ("a run may cover a whole range and more", [*range(9, 21)], 21),
        ("a full pool has none", [*range(10, 15), 20, 21], None),
    ],
)
def test_the_lowest_free_address(rule: str, used: list[int], lowest: int | None) -> None:
    occupancy = Occupancy()
    for address in used:
        occupancy.add(address)
    assert occupancy.lowest_free(POOL) == lowest, rule
    assert occupancy.count(POOL) == sum(address in POOL for address in used)


def test_runs_split_and_join_again() -> None:
    occupancy = Occupancy()
    for address in (1, 3, 2):
        occupancy.add(address)
    occupancy.discard(2)
    assert [address in occupancy for address in (1, 2, 3)] == [True, False, True]
    occupancy.discard(2)
    occupancy.add(2)
    occupancy.add(2)
    assert occupancy.count(AddressSet((Interval(0, 9),))) == 3
