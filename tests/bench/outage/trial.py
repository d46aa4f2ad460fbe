"""One trial: a quiet cluster, a fault, what the client saw, and a whole cluster again."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.bench.conditions import revision
from tests.bench.outage import faults
from tests.bench.outage.asking import Asking
from tests.bench.outage.cluster import PORT, Cluster
from tests.bench.outage.faults import Fault, goal
from tests.bench.outage.figures import Figures, read
from tests.bench.outage.listener import Listener
from tests.bench.outage.report import misses
from tests.bench.outage.results import Row, evidence
from tests.lab import LabError
from tests.lab.waiting import wait_until

QUIET_BEFORE = 1.5
QUIET_PATIENCE = 60.0
WATCHED_SECONDS = 6.0
"""How long each trial is watched at least: well beyond every goal."""
QUIET_AFTER = 3.0
WATCHED_AT_MOST = 75.0
"""Kubernetes itself takes a dead node's pods out of Services after some 55 s."""
STUCK_SECONDS = 900.0


class StuckError(Exception):
    """A trial that should long have ended."""


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raise StuckError in what takes longer: whatever it waits for, and however."""

    def give_up(*_: object) -> None:
        raise StuckError(f"stuck: not done after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Trial:
    """Runs once; `row` is its result, also when it did not come to its end."""

    cluster: Cluster
    fault: Fault
    number: int
    node: str = ""
    figures: Figures | None = None
    error: str = ""
    whole: bool = False
    """Whether the cluster is fit for the next trial."""
    caused: float = 0.0
    operator: bool = False
    changed_later: int = 0
    client_late: float = 0.0
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def run(self) -> None:
        """Never raises what a trial can suffer: that is its result."""
        try:
            with (
                no_longer_than(STUCK_SECONDS),
                Listener(self.cluster.lab, self.cluster.address) as listener,
            ):
                self._run(listener)
        except (LabError, OSError, LookupError, AssertionError, StuckError) as error:
            self.error = f"{type(error).__name__}: {error}"[:2000]

    @property
    def row(self) -> Row:
        return Row(
            fault=self.fault,
            number=self.number,
            figures=self.figures,
            error=self.error,
            caused=self.caused,
            operator=self.operator,
            changed_later=self.changed_later,
            client_late=self.client_late,
            load=self.load,
            revision=revision(),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _run(self, listener: Listener) -> None:
        cluster, fault = self.cluster, self.fault
        cluster.wait_whole(listener)
        if fault.takes_the_node:
            # They mark the pods of one node in five minutes; each trial is to be the first.
            cluster.forget_failures()
            cluster.renew_operators()
            cluster.wait_whole(listener)
        if fault is Fault.POWER:
            cluster.hold_on(operator=self.number % 3 == 0, listener=listener)
        self.node = cluster.holder()
        self.operator = self.node == cluster.active_operator_node()
        faults.prepare(cluster, fault)
        try:
            self._watch(listener)
        finally:
            healed = time.monotonic()
            faults.undo(cluster, fault, self.node)
        cluster.wait_whole(listener)
        if misses([self.row], goal(fault)):
            evidence(fault, self.number, cluster.evidence())
        self.changed_later = len(listener.changes_since(healed))
        self.whole = True

    def _watch(self, listener: Listener) -> None:
        cluster = self.cluster
        mac = cluster.lab.mac(self.node)
        with Asking(cluster.lab, cluster.address, PORT) as asking:
            asking.wait_quiet(QUIET_BEFORE, patience=QUIET_PATIENCE)
            began = time.monotonic()
            faults.cause(cluster, self.fault, self.node)
            self.caused = time.monotonic() - began

            def over() -> bool:
                passed = time.monotonic() - began
                moved = any(c.at > began and c.mac != mac for c in list(listener.claims))
                return passed > WATCHED_SECONDS and moved and asking.quiet_for(QUIET_AFTER)

            wait_until(over, timeout=WATCHED_AT_MOST, interval=0.1)
            until = time.monotonic()
            asking.stop()
        self.client_late = asking.latest
        seen = [each for each in asking.requests if each.end <= until]
        self.figures = read(seen, listener.claims, holder=mac, began=began, until=until)
