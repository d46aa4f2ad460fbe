"""/healthz, /readyz and /metrics of the speaker."""

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from lbctl.kube.conditions import Condition
from speaker.agent.channel import Channel
from speaker.messages import PeerState, State

_log: Final = logging.getLogger(__name__)

_BUSY_SECONDS: Final = 1.0


class ChannelMetrics(Collector):
    """What the wire reported, at the time of the scrape."""

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

    def collect(self) -> Iterable[Metric]:
        """The metrics of one scrape."""
        counters = self._channel.counters
        states = Tally(report.state for report in self._channel.reports.values())
        addresses = GaugeMetricFamily(
            "lbctl_speaker_addresses", "Addresses of this node's plan by state.", labels=["state"]
        )
        for state in State:
            addresses.add_metric([state.value], states[state])
        yield addresses
        yield GaugeMetricFamily(
            "lbctl_speaker_not_serving",
            "Addresses that are not taken here, for their Service has no endpoint on this node.",
            value=self._not_serving(),
        )
        checks = GaugeMetricFamily(
            "lbctl_speaker_check",
            "What is checked on the node: 1 for good, 0 for bad, with the condition's reason.",
            labels=["check", "reason"],
        )
        for check in self._checks():
            if check.status is not None:
                checks.add_metric([check.type, check.reason], float(check.status))
        yield checks
        frames = CounterMetricFamily(
            "lbctl_speaker_frames",
            "ARP and neighbour discovery frames received, by what became of them.",
            labels=["interface", "verdict"],
        )
        for interface, verdicts in counters.frames.items():
            for verdict, count in verdicts.items():
                frames.add_metric([interface, verdict], count)
        yield frames
        sessions = GaugeMetricFamily(
            "lbctl_speaker_bfd_sessions", "BFD sessions with partners by state.", labels=["state"]
        )
        peer_states = Tally(peer.state for peer in self._channel.peers or ())
        for peer_state in PeerState:
            sessions.add_metric([peer_state.value], peer_states[peer_state])
        yield sessions
        packets = CounterMetricFamily(
            "lbctl_speaker_bfd_packets", "BFD packets by what became of them.", labels=["verdict"]
        )
        for verdict, count in counters.bfd.items():
            packets.add_metric([verdict], count)
        yield packets
        restarts = CounterMetricFamily(
            "lbctl_speaker_restarts", "Processes that were started again.", labels=["process"]
        )
        restarts.add_metric(["wire"], counters.restarts)
        restarts.add_metric(["agent"], self._agent_restarts)
        yield restarts
        for name, text, value in (
            (
                "gratuitous",
                "Announcements sent: gratuitous ARP, unsolicited advertisements.",
                counters.gratuitous,
            ),
            ("replies", "Answers sent, of either family.", counters.replies),
            ("probes", "Questions sent, of either family.", counters.probes),
            ("unsent", "Frames that the kernel refused.", counters.unsent),
            ("conflicts", "Claims of others for a held address.", counters.conflicts),
        ):
            yield CounterMetricFamily(f"lbctl_speaker_{name}", text, value=value)


class HttpServer:
    """Serves probes and metrics.

    Args:
        collector: what to expose.
        healthy: None, or why a restart of the pod would help.
        ready: None, or what is still missing.
    """

    def __init__(
        self,
        collector: Collector,
        *,
        healthy: Callable[[], str | None],
        ready: Callable[[], str | None],
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        self._healthy = healthy
        self._ready = ready

    async def run(self, host: str, port: int) -> None:
        """Serve until cancelled.

        While the port is taken (the pod before this one has not ended yet), try again.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            while True:
                try:
                    await web.TCPSite(runner, host, port).start()
                    break
                except OSError as error:
                    _log.warning("cannot listen on %s port %d: %s", host, port, error)
                    await asyncio.sleep(_BUSY_SECONDS)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._healthy(), status=500)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._ready(), status=503)

    async def _metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def _answer(problem: str | None, *, status: int) -> web.Response:
    if problem is None:
        return web.Response(text="ok\n")
    return web.Response(status=status, text=f"{problem}\n")
