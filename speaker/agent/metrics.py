"""What Prometheus reads of the speaker. What each metric means is in `metric_table`."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from lbctl.kube.conditions import Condition
from lbctl.telemetry import Metric, counter_family, gauge_family, histogram_family
from lbctl.telemetry.families import Values
from speaker.agent import metric_table as table
from speaker.agent.channel import Channel
from speaker.agent.tablewatch import TableWatch
from speaker.messages import Counters, PeerState, State, Taking
from speaker.netfilter.keeper import NO_TRAFFIC


class ChannelMetrics(Collector):
    """What the wire reported, at the time of the scrape.

    Args:
        channel: what the wire said.
        agent_restarts: how often this process was started again.
        not_serving: how many addresses have no endpoint here.
        checks: what is checked on the node.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        agent_restarts: int,
        not_serving: Callable[[], int],
        checks: Callable[[], Iterable[Condition]],
    ) -> None:
        self._channel = channel
        self._checks = checks
        self._not_serving = not_serving
        self._agent_restarts = agent_restarts

    def collect(self) -> Iterable[Family]:
        """The metrics of one scrape."""
        counters, peers = self._channel.counters, self._channel.peers or ()
        states = Tally(report.state for report in self._channel.reports.values())
        yield gauge_family(table.ADDRESSES, {(one,): states[one] for one in State})
        yield gauge_family(table.NOT_SERVING, {(): self._not_serving()})
        yield gauge_family(
            table.CHECK,
            {
                (check.type, check.reason): float(check.status)
                for check in self._checks()
                if check.status is not None
            },
        )
        sessions = Tally(peer.state for peer in peers)
        yield gauge_family(table.BFD_SESSIONS, {(one,): sessions[one] for one in PeerState})
        up: Values = {(one.node, one.interface): float(one.state is PeerState.UP) for one in peers}
        yield gauge_family(table.BFD_UP, up)
        lost = dict.fromkeys((peer.node for peer in peers), 0) | counters.lost
        yield counter_family(table.BFD_LOST, {(peer,): count for peer, count in lost.items()})
        for metric, values in _counted(counters):
            yield counter_family(metric, values)
        restarts: Values = {("wire",): counters.restarts, ("agent",): self._agent_restarts}
        yield counter_family(table.RESTARTS, restarts)
        yield histogram_family(
            table.FAILOVER_SECONDS, counters.failovers, counters.failover_seconds
        )
        yield histogram_family(
            table.BFD_ROUND_TRIP, counters.round_trips, counters.round_trip_seconds
        )


class TableMetrics(Collector):
    """What the node's nftables table does.

    Args:
        table: whose.
        per_address: whether there is a series for each address that had traffic here.
    """

    def __init__(self, table: TableWatch, *, per_address: bool) -> None:
        self._table = table
        self._per_address = per_address

    def collect(self) -> Iterable[Family]:
        """The metrics of one scrape."""
        looks: Values = {(outcome,): count for outcome, count in self._table.outcomes.items()}
        yield counter_family(table.TABLE_LOOKS, looks)
        if self._per_address:
            packets: dict[tuple[str, ...], float] = {}
            size: dict[tuple[str, ...], float] = {}
            for address, traffic in self._table.traffic.items():
                # A node guards what it may come to hold: most of it has no traffic there.
                if traffic != NO_TRAFFIC:
                    packets[str(address), "received"] = traffic.received_packets
                    packets[str(address), "sent"] = traffic.sent_packets
                    size[str(address), "received"] = traffic.received_bytes
                    size[str(address), "sent"] = traffic.sent_bytes
            yield counter_family(table.ADDRESS_PACKETS, packets)
            yield counter_family(table.ADDRESS_BYTES, size)


def _counted(counters: Counters) -> Iterable[tuple[Metric, Values]]:
    yield (
        table.FRAMES_RECEIVED,
        {
            (interface, verdict): count
            for interface, verdicts in counters.frames.items()
            for verdict, count in verdicts.items()
        },
    )
    yield (
        table.FRAMES_SENT,
        {
            ("announcement",): counters.gratuitous,
            ("reply",): counters.replies,
            ("question",): counters.probes,
        },
    )
    yield table.FRAMES_UNSENT, {(): counters.unsent}
    yield table.CONFLICTS, {(): counters.conflicts}
    yield table.STALLS, {(): counters.stalls}
    # All causes from the start: a rate needs a 0 before the first.
    yield table.TAKEN, {(one,): counters.taken.get(one, 0) for one in Taking}
    yield table.BFD_PACKETS, {(verdict,): count for verdict, count in counters.bfd.items()}
