"""Registries in which every metric has been counted, for what judges all of them."""

import socket
from functools import partial
from ipaddress import ip_address
from typing import Any

from prometheus_client import CollectorRegistry

from lbctl.core.outcomes import ConditionType, HandOffReason
from lbctl.kube.conditions import Condition
from lbctl.operator import metric_table as operator
from lbctl.operator.metrics import Metrics
from lbctl.telemetry.families import Values
from lbctl.telemetry.shared import SharedMetrics
from speaker.agent.channel import Channel
from speaker.agent.metrics import ChannelMetrics, TableMetrics
from speaker.agent.tablewatch import TableWatch
from speaker.messages import AddressReport, Counters, PeerReport, PeerState, State
from speaker.netfilter.keeper import Traffic


def of_operator() -> CollectorRegistry:
    """Everything that the operator counts, once."""
    metrics = Metrics()
    for watch in (
        metrics.watch_pending,
        metrics.watch_unmet,
        metrics.watch_out_of_pool,
        metrics.watch_not_as_asked,
    ):
        watch({"one": "NoPool"})
    metrics.watch_queue(list, lambda: 0.0)
    metrics.watch_left_out(lambda: {"Draining": 1})
    metrics.watch_metallb(lambda: ["PoolNotUnderstood"])
    for metric in (
        operator.WITHOUT_HOLDER,
        operator.IN_CONFLICT,
        operator.ADDRESS_HELD,
        operator.ADDRESS_UNHELD,
        operator.SPEAKER_UP,
    ):
        one: Values = {tuple("x" for _ in metric.labels): 1.0}
        metrics.watch(metric, partial(dict, one))
    metrics.pool_addresses.labels("lan", "ipv4", "free").set(1)
    metrics.reconcile_seconds.labels("service", "success").observe(0.01)
    metrics.moves.labels("Draining").inc()
    for counted in (
        metrics.allocations,
        metrics.allocation_failures,
        metrics.conflicts,
        metrics.nodes_spared,
    ):
        counted.labels("x").inc()
    metrics.api_request("GET", 200, 0.01)
    return metrics.registry


def channel(**counters: Any) -> Channel:
    """What a wire said, with every counter moved."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made = Channel(
        ends[0],
        on_report=lambda _: None,
        on_peers=lambda _, __: None,
        on_life=lambda: None,
        on_closed=lambda: None,
    )
    for end in ends:
        end.close()
    made.reports = {"10.0.0.1": AddressReport("10.0.0.1", State.HOLDING)}
    made.peers = (PeerReport("n2", PeerState.UP, interface="eth0"),)
    made.counters = Counters(
        frames={"eth0": {"answered": 3}}, bfd={"accepted": 5}, replies=3, gratuitous=4, **counters
    )
    return made


def of_speaker(**counters: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    SharedMetrics(registry, "speaker").api_request("GET", None, 0.01)
    good = HandOffReason.PROXY_HEALTHY
    registry.register(
        ChannelMetrics(
            channel(**counters),
            agent_restarts=1,
            not_serving=lambda: 2,
            checks=lambda: [
                Condition(
                    type=ConditionType.HAND_OFF_READY,
                    status=True,
                    reason=good,
                    message="",
                    generation=1,
                )
            ],
        )
    )
    table = TableWatch(wanted=lambda: None, changed=lambda: None)
    table.traffic = {ip_address("10.0.0.1"): Traffic(1, 2, 3, 4)}
    registry.register(TableMetrics(table, per_address=True))
    return registry
