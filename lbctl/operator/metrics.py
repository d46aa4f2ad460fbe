"""What Prometheus reads of the operator. What each metric means is in `metric_table`."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lbctl.kube.queue import Readiness
from lbctl.operator import metric_table as table
from lbctl.operator.items import Item, What
from lbctl.telemetry import Metric, gauge_family
from lbctl.telemetry.families import Values
from lbctl.telemetry.shared import SharedMetrics


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.api_request = SharedMetrics(self.registry, "operator").api_request
        self.pool_addresses = self._gauge(table.POOL_ADDRESSES)
        self.allocations = self._counter(table.ALLOCATIONS)
        self.allocation_failures = self._counter(table.ALLOCATION_FAILURES)
        self.reconcile_seconds = Histogram(
            table.RECONCILE_SECONDS.family,
            table.RECONCILE_SECONDS.text,
            table.RECONCILE_SECONDS.label_names,
            buckets=table.RECONCILE_SECONDS.buckets,
            registry=self.registry,
        )
        self.leader = self._gauge(table.LEADER)
        self.conflicts = self._counter(table.CONFLICTS)
        self.successions = self._counter(table.SUCCESSION_CHANGES)
        self.moves = self._counter(table.PLANNED_MOVES)
        self.nodes_marked = self._counter(table.NODE_FAILURES)
        self.nodes_spared = self._counter(table.NODES_SPARED)
        self.pods_marked = self._counter(table.PODS_MARKED)

    def watch(self, metric: Metric, values: Callable[[], Values]) -> None:
        """Read a gauge's series at each scrape."""
        self.registry.register(_Read(metric, values))

    def watch_queue(
        self,
        waiting: Callable[[], Iterable[tuple[Item, Readiness]]],
        oldest: Callable[[], float],
    ) -> None:
        """Count the queue's items by kind at each scrape, and say how long the oldest waits."""

        def depth() -> Values:
            counted: dict[tuple[str, ...], float] = dict.fromkeys(product(What, Readiness), 0)
            for item, when in waiting():
                counted[item.what, when] += 1
            return counted

        self.watch(table.QUEUE_DEPTH, depth)
        self.watch(table.QUEUE_OLDEST, lambda: {(): oldest()})

    def watch_left_out(self, left_out: Callable[[], Mapping[str, int]]) -> None:
        """Count at each scrape how often a node is left out of an address's plan, by reason."""
        self._tally(table.LEFT_OUT, lambda: Tally(left_out()).elements())

    def watch_out_of_pool(self, out_of_pool: Mapping[Any, str]) -> None:
        """Count at each scrape the addresses that their pools would not give today, by reason."""
        self._tally(table.OUT_OF_POOL, out_of_pool.values)

    def watch_not_as_asked(self, not_as_asked: Mapping[Any, str]) -> None:
        """Count at each scrape the addresses that are not handed on as asked, by reason."""
        self._tally(table.NOT_AS_ASKED, not_as_asked.values)

    def watch_metallb(self, wrong: Callable[[], Iterable[str]]) -> None:
        """Count at each scrape what is wrong with objects of MetalLB's, by reason."""
        self._tally(table.METALLB_PROBLEMS, wrong)

    def watch_pending(self, pending: Mapping[Any, str]) -> None:
        """Count the Services without an address by reason at each scrape."""
        self._tally(table.SERVICES_PENDING, pending.values)

    def watch_unmet(self, unmet: Mapping[Any, str]) -> None:
        """Count the Services that have an address but not what they ask for, at each scrape."""
        self._tally(table.SERVICES_UNMET, unmet.values)

    def _tally(self, metric: Metric, words: Callable[[], Iterable[str]]) -> None:
        self.watch(metric, lambda: Tally((str(word),) for word in words()))

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.family, metric.text, metric.label_names, registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        made = Counter(metric.family, metric.text, metric.label_names, registry=self.registry)
        # A rate needs a 0 before the first.
        if all(label.values for label in metric.labels):
            for values in product(*(label.values for label in metric.labels)):
                if values:
                    made.labels(*values)
        return made


class _Read(Collector):
    """A gauge that is counted when it is read."""

    def __init__(self, metric: Metric, values: Callable[[], Values]) -> None:
        self._metric = metric
        self._values = values

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield gauge_family(self._metric, self._values())
