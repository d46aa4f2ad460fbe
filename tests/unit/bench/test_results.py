"""Results are kept, found again, and held against the goals."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.outage import report, results
from tests.bench.outage.faults import Fault, goal
from tests.bench.outage.figures import Figures
from tests.bench.outage.results import Row

GOOD = Figures(
    moved=0.25,
    first_answer=0.26,
    gap=0.27,
    failed=30,
    last_failure=0.25,
    requests=600,
    changes=1,
    outcomes={"timeout": 30},
    by_pod={"a": 300, "b": 270},
)


def row(figures: Figures | None = GOOD, fault: Fault = Fault.PORT, **others: object) -> Row:
    made = Row(
        fault=fault,
        number=1,
        figures=figures,
        error="" if figures else "LabError: not whole",
        caused=0.01,
        operator=False,
        changed_later=0,
        client_late=0.01,
        load=1.0,
        revision="abc",
        at="2026-01-01T00:00:00+00:00",
    )
    return replace(made, **others)  # type: ignore[arg-type] # the rows below name real fields


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    rows = [row(), row(None, number=2)]
    for each in rows:
        results.keep(each, tmp_path)
    assert results.load(Fault.PORT, tmp_path) == rows
    assert results.load(Fault.POWER, tmp_path) == []


def test_a_fault_is_forgotten_alone(tmp_path: Path) -> None:
    results.keep(row(), tmp_path)
    results.keep(row(fault=Fault.POWER), tmp_path)
    results.forget([Fault.PORT], tmp_path)
    found = results.load_all(tmp_path)
    assert (len(found[Fault.PORT]), len(found[Fault.POWER])) == (0, 1)


def test_within_every_goal_nothing_is_missed() -> None:
    assert report.misses([row()], goal(Fault.PORT)) == []


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (row(replace(GOOD, moved=0.51)), "moved later, or not"),
        (row(replace(GOOD, moved=None)), "moved later, or not"),
        (row(replace(GOOD, changes=2)), "moved more than once"),
        (row(replace(GOOD, gap=0.81)), "a longer gap"),
        (row(replace(GOOD, last_failure=1.01)), "a later failure"),
        (row(changed_later=1), "moved again while the fault was undone"),
        (row(None), "1 of 3 trials did not end"),
    ],
)
def test_one_trial_beyond_a_goal_is_a_miss_that_is_named(broken: Row, says: str) -> None:
    (miss,) = report.misses([row(), row(), broken], goal(Fault.PORT))
    assert says in miss


def test_the_median_has_a_goal_of_its_own() -> None:
    slow = row(replace(GOOD, moved=0.4))
    (miss,) = report.misses([slow, slow, row()], goal(Fault.PORT))
    assert "median 0.40 s" in miss


def test_where_the_node_lives_on_no_request_may_fail() -> None:
    assert report.misses([row(fault=Fault.KILLED)], goal(Fault.KILLED)) == [
        "requests failed in 1 of 1"
    ]


def test_the_99th_percentile_of_few_trials_is_left_out() -> None:
    few, many = report.spread([1.0] * 99), report.spread([*[1.0] * 99, 2.0])
    assert few is not None
    assert few.p99 is None
    assert many is not None
    assert many.p99 == 1.0


def test_what_was_not_measured_says_so_and_never_a_number() -> None:
    shown = report.table({Fault.POWER: [], Fault.PORT: [row()]})
    assert "| node powered off | 0 | not measured yet |" in shown
    assert report.conditions({Fault.POWER: []}) == "Not measured yet."


def test_the_page_keeps_what_stands_around_the_results(tmp_path: Path) -> None:
    page, picture = tmp_path / "page.md", tmp_path / "picture.svg"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):
        report.write({Fault.PORT: [row()], Fault.POWER: []}, page, picture)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert text.count(Fault.PORT.words) == 1
    assert "old" not in text
    assert picture.read_text().count("<circle") == 2
