"""The mirror takes news from three sides that are not in order with each other."""

from typing import Any

import pytest

from lbctl.kube.client import Listing
from lbctl.kube.objects import SERVICES
from lbctl.kube.store import Store

News = tuple[str, str, int] | tuple[str, dict[str, int], int]


def obj(name: str, version: int, **labels: str) -> dict[str, Any]:
    meta = {"namespace": "n", "name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": {**meta, "labels": labels}}


def play(store: Store, *news: News) -> None:
    for what, subject, version in news:
        if isinstance(subject, dict):
            store.sweep(Listing([obj(name, v) for name, v in subject.items()], str(version)))
        elif what == "put":
            store.put(obj(subject, version))
        else:
            store.remove(obj(subject, version))


def known(store: Store) -> dict[str, int]:
    return {key.name: int(item["metadata"]["resourceVersion"]) for key, item in store.items()}


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        pytest.param(
            [("put", "a", 1), ("put", "a", 3), ("put", "a", 2)],
            {"a": 3},
            id="older news of an object is dropped",
        ),
        pytest.param([("put", "a", 1), ("remove", "a", 2)], {}, id="a deletion deletes"),
        pytest.param(
            [("put", "a", 1), ("remove", "a", 5), ("put", "a", 3)],
            {},
            id="news from before a deletion does not bring the object back",
        ),
        pytest.param(
            [("put", "a", 1), ("remove", "a", 5), ("put", "a", 6)],
            {"a": 6},
            id="a namesake that was created later is another matter",
        ),
        pytest.param(
            [("put", "a", 9), ("remove", "a", 7)],
            {"a": 9},
            id="an old deletion does not take what was created since",
        ),
        pytest.param(
            [("put", "a", 1), ("list", {}, 5)], {}, id="a list heals a deletion that the watch lost"
        ),
        pytest.param(
            [("put", "a", 7), ("list", {}, 5)],
            {"a": 7},
            id="a list does not take what was created after it",
        ),
        pytest.param(
            [("put", "a", 7), ("list", {"a": 4}, 5)],
            {"a": 7},
            id="a list does not take a newer state back",
        ),
        pytest.param(
            [("list", {"a": 4}, 5), ("list", {}, 8), ("put", "a", 6)],
            {},
            id="a watch that lags behind the list brings nothing back",
        ),
        pytest.param(
            [("list", {"a": 40}, 50), ("list", {"b": 3}, 5)],
            {"b": 3},
            id="a list from before the last one is a restored backup: it alone is true",
        ),
    ],
)
def test_what_is_known_after(news: list[News], expected: dict[str, int]) -> None:
    store = Store(SERVICES)
    play(store, *news)
    assert known(store) == expected


def test_absence_means_nothing_before_the_first_list() -> None:
    store = Store(SERVICES)
    store.put(obj("a", 1))
    assert not store.synced
    store.sweep(Listing([], "5"))
    assert store.synced


def test_listeners_hear_each_change_once_with_what_was_before() -> None:
    store = Store(SERVICES)
    heard: list[tuple[str, bool, bool]] = []
    store.listen(lambda key, old, new: heard.append((key.name, old is not None, new is not None)))
    play(store, ("put", "a", 1), ("put", "a", 1), ("put", "a", 2), ("list", {}, 5))
    assert heard == [("a", False, True), ("a", True, True), ("a", True, False)]
