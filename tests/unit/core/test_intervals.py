"""The sets that addresses are kept in."""

import pytest

from lbctl.core.intervals import AddressSet, Interval, Occupancy


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


@pytest.mark.parametrize(
    ("rule", "others", "left"),
    [
        ("nothing takes nothing away", [], [(10, 14), (20, 21)]),
        ("what is beside takes nothing away", [(15, 19)], [(10, 14), (20, 21)]),
        ("a hole in the middle", [(11, 12)], [(10, 10), (13, 14), (20, 21)]),
        ("the beginning", [(1, 10)], [(11, 14), (20, 21)]),
        ("the end of one and the beginning of the next", [(14, 20)], [(10, 13), (21, 21)]),
        ("two holes in one", [(10, 10), (12, 12)], [(11, 11), (13, 14), (20, 21)]),
        ("everything", [(0, 99)], []),
    ],
)
def test_what_is_left(
    rule: str, others: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    without = AddressSet.union(Interval(*pair) for pair in others)
    assert list(POOL.minus(without)) == left, rule


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


def test_the_search_may_start_anywhere() -> None:
    occupancy = Occupancy()
    for address in (12, 20):
        occupancy.add(address)
    found = {start: occupancy.lowest_free(POOL, start) for start in (0, 11, 12, 15, 20, 22)}
    assert found == {0: 10, 11: 11, 12: 13, 15: 21, 20: 21, 22: None}


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
