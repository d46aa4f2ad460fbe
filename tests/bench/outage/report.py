"""The results against the goals: a table for the terminal and for docs/performance.md."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from tests.bench.conditions import ROOT, machine
from tests.bench.outage import plot
from tests.bench.outage.faults import Fault, Goal, goal
from tests.bench.outage.figures import Figures
from tests.bench.outage.results import Row

PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "failover.svg"
BEGIN, END = "<!-- bench-failover: begin -->", "<!-- bench-failover: end -->"
ENOUGH_FOR_P99 = 100
MISSED = "**missed**"


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one figure over the trials that have it."""

    low: float
    median: float
    high: float
    p99: float | None

    def __str__(self) -> str:
        p99 = f" (p99 {self.p99:.2f})" if self.p99 is not None else ""
        return f"{self.low:.2f} / {self.median:.2f} / {self.high:.2f}{p99}"


def spread(values: Iterable[float | None]) -> Spread | None:
    """None when no trial has it. The p99 of fewer than a hundred is their maximum, and left out."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    p99 = known[ceil(0.99 * len(known)) - 1] if len(known) >= ENOUGH_FOR_P99 else None
    return Spread(known[0], statistics.median(known), known[-1], p99)


def misses(rows: Sequence[Row], promised: Goal) -> list[str]:
    """Each promise that some trial broke, and how often; a trial that failed breaks the first."""
    figures = [row.figures for row in rows if row.figures is not None]
    stuck = len(rows) - len(figures)
    found = [f"{stuck} of {len(rows)} trials did not end"] if stuck else []

    def count(what: str, broken: Callable[[Figures], bool]) -> None:
        if times := sum(map(broken, figures)):
            found.append(f"{what} in {times} of {len(rows)}")

    count("moved later, or not", lambda f: f.moved is None or f.moved > promised.moved)
    count("moved more than once", lambda f: f.changes > 1)
    if (most := promised.failed) is not None:
        count("requests failed", lambda f: f.failed > most)
    if (longest := promised.gap) is not None:
        count("a longer gap", lambda f: f.gap > longest)
    if (last := promised.last_failure) is not None:
        count("a later failure", lambda f: f.last_failure is not None and f.last_failure > last)
    if (back := sum(row.changed_later > 0 for row in rows)) > 0:
        found.append(f"moved again while the fault was undone in {back} of {len(rows)}")
    median = spread(each.moved for each in figures)
    if promised.moved_median is not None and median and median.median > promised.moved_median:
        found.append(f"median {median.median:.2f} s, goal {promised.moved_median} s")
    return found


def table(results: dict[Fault, list[Row]]) -> str:
    """Markdown; minimum / median / maximum in seconds."""
    lines = [
        "| fault | trials | another MAC announces | first answer | longest gap | failed | last | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for fault, rows in results.items():
        if not rows:
            lines.append(f"| {fault.words} | 0 | not measured yet | | | | | |")
            continue
        figures = [row.figures for row in rows if row.figures is not None]
        failed = spread(each.failed for each in figures)
        cells = [
            fault.words,
            str(len(rows)),
            spread(each.moved for each in figures),
            spread(each.first_answer for each in figures) or "no gap",
            spread(each.gap for each in figures),
            f"{failed.low:.0f} / {failed.median:.0f} / {failed.high:.0f}" if failed else None,
            spread(each.last_failure for each in figures) or "none",
            "; ".join(f"{MISSED}: {miss}" for miss in misses(rows, goal(fault))) or "met",
        ]
        lines.append("| " + " | ".join(str(cell or "-") for cell in cells) + " |")
    return "\n".join(lines)


def conditions(results: dict[Fault, list[Row]]) -> str:
    """On what this was measured, as far as the rows say."""
    rows = [row for each in results.values() for row in each]
    if not rows:
        return "Not measured yet."
    loads = spread(row.load for row in rows)
    late = spread(row.client_late for row in rows)
    outcomes = Counter[str]()
    for row in rows:
        outcomes.update(row.figures.outcomes if row.figures else {})
    commits = ", ".join(sorted({row.revision for row in rows}))
    return "\n".join(
        [
            f"- Machine: {machine()}",
            f"- Commits: {commits}; {min(row.at for row in rows)} to {max(row.at for row in rows)}",
            f"- Load when a trial began, minimum / median / maximum: {loads}",
            f"- The client overslept at most, in seconds, per trial: {late}",
            f"- How requests failed: {dict(outcomes) or 'none did'}",
        ]
    )


def write(results: dict[Fault, list[Row]], page: Path = PAGE, picture: Path = PICTURE) -> None:
    """Put table, conditions and picture into the documentation, between their two marks."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    picture.write_text(plot.draw(results))
    middle = f"{table(results)}\n\n{conditions(results)}\n\n![moves and gaps]({picture.name})"
    page.write_text(f"{before}{BEGIN}\n\n{middle}\n\n{END}{after}")
