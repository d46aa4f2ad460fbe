"""`python -m tests.bench.outage`: runs the trials that are not done yet, then shows the results.

Needs root and the image (`make image`). `--lab NAME` uses a lab that is up, or boots it and leaves
it up: for those who look at one fault while they work.
"""

import argparse
import os
import sys
import time
from contextlib import suppress

from tests.bench.outage import report, results
from tests.bench.outage.cluster import Cluster
from tests.bench.outage.faults import Fault
from tests.bench.outage.trial import Trial
from tests.lab import Lab, LabError, own_name


class Bench:
    """A cluster that is replaced when a trial has left it broken."""

    def __init__(self, name: str, values: tuple[str, ...], *, keep: bool) -> None:
        self._name = name
        self._values = values
        self._keep = keep
        self._cluster: Cluster | None = None

    def cluster(self) -> Cluster:
        """The cluster, booted and installed when there is none."""
        if self._cluster is None:
            self._cluster = self._adopted() or self._booted()
        return self._cluster

    def end(self) -> None:
        """Take it down, unless it is to be kept."""
        if self._cluster is not None and not self._keep:
            self._cluster.lab.down()

    def replace(self) -> None:
        """The next trial gets a new one."""
        if self._cluster is not None:
            self._cluster.lab.down()
            self._cluster = None

    def _adopted(self) -> Cluster | None:
        if not self._keep:
            return None
        try:
            cluster = Cluster(Lab.attach(self._name), self._values)
            cluster.adopt()
        except LabError:
            return None
        return cluster

    def _booted(self) -> Cluster:
        print(f"booting the lab {self._name}", flush=True)
        lab = Lab(Cluster.spec(self._name))
        lab.up()
        cluster = Cluster(lab, self._values)
        try:
            cluster.install()
        except BaseException:
            if not self._keep:
                lab.down()
            raise
        return cluster


def run(bench: Bench, todo: list[tuple[Fault, int]]) -> None:
    """The trials, one after the other, each kept as soon as it is over."""
    began = time.monotonic()
    for done, (fault, number) in enumerate(todo):
        trial = Trial(bench.cluster(), fault, number)
        trial.run()
        results.keep(trial.row)
        left = (time.monotonic() - began) / (done + 1) * (len(todo) - done - 1)
        print(
            f"{said(trial.row)}   ({done + 1} of {len(todo)}, {left / 60:.0f} min left)", flush=True
        )
        if not trial.whole:
            bench.replace()


def said(row: results.Row) -> str:
    """One trial in one line."""
    if row.figures is None:
        return f"{row.fault} {row.number}: {row.error}"
    figures = row.figures
    moved = "never moved" if figures.moved is None else f"moved {figures.moved:.3f} s"
    last = f", last at {figures.last_failure:.2f} s" if figures.last_failure is not None else ""
    return (
        f"{row.fault} {row.number}: {moved}, gap {figures.gap:.3f} s, {figures.failed} of "
        f"{figures.requests} failed{last} {figures.outcomes or ''}"
        + (f", moved {figures.changes} times" if figures.changes > 1 else "")
        + (f", {row.changed_later} times more later" if row.changed_later else "")
        + (", on the active operator's node" if row.operator else "")
        + (f"; {row.error}" if row.error else "")
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.outage", description=__doc__)
    add = parser.add_argument
    add("--faults", default=" ".join(Fault), help=f"of: {' '.join(Fault)}")
    add("--trials", type=int, help="of each; without it 30 or 10, as the fault wants")
    add("--fresh", action="store_true", help="forget what was measured of these faults before")
    add("--lab", help="the name of a lab to use, and to leave up")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="for helm install")
    add("--write", action="store_true", help="write the results into docs/performance.md")
    add("--report", action="store_true", help="only show (and write) what is there")
    return parser.parse_args()


def main() -> int:
    chosen = options()
    faults = [Fault(word) for word in chosen.faults.replace(",", " ").split()]
    if chosen.fresh:
        results.forget(faults)
    if not chosen.report:
        todo = [
            (fault, number)
            for fault in faults
            for number in range(len(results.load(fault)) + 1, (chosen.trials or fault.trials) + 1)
        ]
        values = [word for pair in chosen.set for word in ("--set", pair)]
        bench = Bench(chosen.lab or own_name("bench"), tuple(values), keep=bool(chosen.lab))
        try:
            run(bench, todo)
        finally:
            with suppress(KeyboardInterrupt):
                bench.end()
    found = results.load_all()
    print(f"\n{report.table(found)}\n\n{report.conditions(found)}")
    if chosen.write:
        report.write(found)
    return 0


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("the bench makes network namespaces: run it as root (sudo)")
    sys.exit(main())
