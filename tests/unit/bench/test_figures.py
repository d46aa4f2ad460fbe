"""What the bench makes of what it recorded: one sentence for each figure."""

import pytest

from tests.bench.outage.figures import Claim, Figures, Request, read

OLD, NEW, THIRD = "02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:0d"
FAULT = 100.0


def steady(start: float, end: float, pod: str = "a") -> list[Request]:
    """A request each 10 ms, answered after 1 ms."""
    count = round((end - start) / 0.01)
    return [Request(start + at * 0.01, start + at * 0.01 + 0.001, "ok", pod) for at in range(count)]


def lost(start: float, end: float) -> list[Request]:
    """A request each 10 ms, none answered within half a second."""
    return [Request(r.start, r.start + 0.5, "timeout") for r in steady(start, end)]


def figures(requests: list[Request], *claims: Claim, until: float = 106.0) -> Figures:
    return read(requests, claims, holder=OLD, began=FAULT, until=until)


def test_a_move_that_no_request_notices_has_no_gap_and_no_failure() -> None:
    seen = figures(steady(99, 106), Claim(99.5, OLD), Claim(100.2, NEW))
    assert seen.moved == pytest.approx(0.2)
    assert (seen.failed, seen.last_failure, seen.first_answer) == (0, None, None)
    assert seen.gap == pytest.approx(0.01)


def test_the_gap_goes_from_the_last_answer_to_the_first_one_after_it() -> None:
    seen = figures([*steady(99, 100), *lost(100, 100.3), *steady(100.3, 106)], Claim(100.28, NEW))
    assert seen.gap == pytest.approx(0.31)
    assert seen.first_answer == pytest.approx(0.301)
    assert seen.failed == 30


def test_a_failure_counts_when_it_was_tried_not_when_the_client_gave_up() -> None:
    seen = figures([*steady(99, 100), *lost(100, 100.3), *steady(100.3, 106)])
    assert seen.last_failure == pytest.approx(0.29)


def test_a_request_under_way_when_the_fault_begins_belongs_to_it() -> None:
    broken = Request(99.9995, 100.4, "ConnectionResetError")
    seen = figures([*steady(99, 100), broken, *steady(100, 106)])
    assert seen.failed == 1
    assert seen.last_failure == 0.0
    assert seen.outcomes == {"ConnectionResetError": 1}
    assert seen.failed_at == pytest.approx([-0.0005])


def test_a_failure_before_the_fault_does_not_count() -> None:
    seen = figures([Request(99.0, 99.1, "timeout"), *steady(99, 106)])
    assert seen.failed == 0


def test_an_address_that_never_answers_again_has_a_gap_to_the_end() -> None:
    seen = figures([*steady(99, 100), *lost(100, 105.5)])
    assert seen.moved is None
    assert seen.first_answer is None
    assert seen.gap == pytest.approx(106 - 99.991)


def test_the_old_holder_s_own_refresh_is_no_move() -> None:
    seen = figures(steady(99, 106), Claim(100.1, OLD), Claim(100.3, NEW), Claim(100.4, NEW))
    assert seen.moved == pytest.approx(0.3)
    assert seen.changes == 1


def test_each_time_that_another_mac_announces_is_a_change() -> None:
    claims = [Claim(100.3, NEW), Claim(100.4, OLD), Claim(100.5, NEW), Claim(100.6, THIRD)]
    assert figures(steady(99, 106), *claims).changes == 4


def test_answers_are_counted_by_pod_from_the_fault_on() -> None:
    seen = figures([*steady(99, 100), *steady(100, 101, "b"), *steady(101, 106, "c")])
    assert seen.by_pod == {"c": 500, "b": 100}
