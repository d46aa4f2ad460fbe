"""Writes that can wait."""

import pytest

from lbctl.kube.trickle import Trickle


def test_a_few_go_at_once_and_the_others_one_after_the_other() -> None:
    trickle: Trickle[int] = Trickle(rate=10.0, burst=3)
    waits = [trickle.wait(key, 100.0) for key in range(6)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3:] == pytest.approx([0.1, 0.2, 0.3])


def test_who_asks_again_keeps_its_time() -> None:
    trickle: Trickle[str] = Trickle(rate=1.0, burst=1)
    assert trickle.wait("a", 0.0) == 0.0
    assert trickle.wait("b", 0.0) == pytest.approx(1.0)
    assert trickle.wait("b", 0.4) == pytest.approx(0.6)
    assert trickle.wait("b", 1.0) == 0.0
    assert trickle.wait("b", 1.0) == pytest.approx(1.0), "that was another wish"


def test_a_pause_makes_room_and_no_more_than_the_burst() -> None:
    trickle: Trickle[int] = Trickle(rate=10.0, burst=2)
    for key in range(4):
        trickle.wait(key, 0.0)
    assert [trickle.wait(key, 60.0) > 0 for key in range(10, 13)] == [False, False, True]


def test_who_wants_nothing_any_more_is_forgotten() -> None:
    trickle: Trickle[str] = Trickle(rate=1.0, burst=1)
    trickle.wait("a", 0.0)
    trickle.wait("b", 0.0)
    trickle.forget("b")
    assert trickle.wait("b", 0.5) == pytest.approx(1.5), "it stands at the end again"
