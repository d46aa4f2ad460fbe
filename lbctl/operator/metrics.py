"""What Prometheus reads. Every name and label is in docs/operator.md."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.pool_addresses = Gauge(
            "lbctl_pool_addresses",
            "Addresses of a pool by what became of them",
            ["pool", "family", "state"],
            registry=self.registry,
        )
        self.allocations = Counter(
            "lbctl_allocations", "Addresses given", ["pool"], registry=self.registry
        )
        self.allocation_failures = Counter(
            "lbctl_allocation_failures",
            "Services that were refused an address, counted when the reason changes",
            ["reason"],
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "lbctl_reconcile_seconds",
            "How long a reconcile took",
            ["kind", "outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.leader = Gauge(
            "lbctl_leader",
            "1 while this replica acts, 0 while it stands by",
            registry=self.registry,
        )
        self.conflicts = Counter(
            "lbctl_conflicts",
            "Addresses that a host which is none of the cluster's has or claims",
            ["reason"],
            registry=self.registry,
        )
        self.moves = Counter(
            "lbctl_planned_moves",
            "Addresses that a node was told to hand to another",
            registry=self.registry,
        )
        self.nodes_marked = Counter(
            "lbctl_node_failures",
            "Dead nodes whose pods this replica marked not ready (fastNodeFailure)",
            registry=self.registry,
        )
        self.nodes_spared = Counter(
            "lbctl_node_failures_spared",
            "Nodes that a partner lost and that were not marked, counted when the reason changes",
            ["reason"],
            registry=self.registry,
        )
        self.pods_marked = Counter(
            "lbctl_node_failure_pods",
            "Pods that this replica marked not ready (fastNodeFailure)",
            registry=self.registry,
        )

    def watch_queue(self, waiting: Callable[[], Iterable[Any]]) -> None:
        """Count the queue's items by kind at each scrape."""
        self.registry.register(
            _Tallied(
                "lbctl_queue_depth", "Items that wait", "kind", lambda: (i[0] for i in waiting())
            )
        )

    def watch_left_out(self, left_out: Callable[[], Mapping[str, int]]) -> None:
        """Count at each scrape how often a node is left out of an address's plan, by reason."""
        self.registry.register(
            _Tallied(
                "lbctl_left_out",
                "Pairs of an address and a node that cannot announce it",
                "reason",
                lambda: Tally(left_out()).elements(),
            )
        )

    def watch_out_of_pool(self, out_of_pool: Mapping[Any, str]) -> None:
        """Count at each scrape the addresses that their pools would not give today, by reason."""
        self.registry.register(
            _Tallied(
                "lbctl_out_of_pool",
                "Addresses that Services have and that their pools would not give today",
                "reason",
                out_of_pool.values,
            )
        )

    def watch_metallb(self, wrong: Callable[[], Iterable[str]]) -> None:
        """Count at each scrape what is wrong with objects of MetalLB's, by reason."""
        self.registry.register(
            _Tallied(
                "lbctl_metallb_problems",
                "What is wrong with objects of MetalLB's",
                "reason",
                wrong,
            )
        )

    def watch_pending(self, pending: Mapping[Any, str]) -> None:
        """Count the Services without an address by reason at each scrape."""
        self.registry.register(
            _Tallied(
                "lbctl_services_pending", "Services without an address", "reason", pending.values
            )
        )

    def watch_unmet(self, unmet: Mapping[Any, str]) -> None:
        """Count the Services that have an address but not what they ask for, at each scrape."""
        self.registry.register(
            _Tallied(
                "lbctl_services_unmet",
                "Services with an address, but not all or not the one that they ask for",
                "reason",
                unmet.values,
            )
        )


class _Tallied(Collector):
    """A gauge that is counted when it is read."""

    def __init__(
        self, name: str, text: str, label: str, values: Callable[[], Iterable[str]]
    ) -> None:
        self._family = (name, text, label)
        self._values = values

    def collect(self) -> Iterator[GaugeMetricFamily]:
        name, text, label = self._family
        family = GaugeMetricFamily(name, text, labels=[label])
        for value, count in sorted(Tally(self._values()).items()):
            family.add_metric([str(value)], count)
        yield family
