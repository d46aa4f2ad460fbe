"""How often Python searches for cycles in what a list brings."""

import gc
import json
from collections.abc import Iterator

import pytest

from lbctl.operator.garbage import collect_seldom

LIST = json.dumps([{"metadata": {"name": str(number)}} for number in range(10_000)])
"""Twenty thousand dicts."""


@pytest.fixture(autouse=True)
def pythons_own() -> Iterator[None]:
    """Whatever a test sets, the next one begins with what was set before."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def searches() -> int:
    """So many times the collector runs while the list is read."""
    begun: list[str] = []

    def note(phase: str, _: object) -> None:
        if phase == "start":
            begun.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        read = json.loads(LIST)
    finally:
        gc.callbacks.remove(note)
    assert len(read) == 10_000
    return len(begun)


def test_a_list_is_searched_two_times_and_not_thirty() -> None:
    gc.set_threshold(700, 10, 10)
    often = searches()
    collect_seldom()
    assert searches() <= 2
    assert often > 20
