"""/healthz, /readyz and /metrics.

Health is about this process alone: a restart must be able to help. An API server that is away makes
nobody unhealthy. Ready means that the mirrors are complete, for a standby as for the leader.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

STUCK_SECONDS = 180.0
"""Every request to the API server ends within seconds; a reconcile that takes this long hangs."""


class Health:
    """The HTTP server for probes and metrics.

    Args:
        metrics: what to expose.
        longest_run: seconds that the longest of the present reconciles has taken so far.
        synced: whether the mirrors are complete.
    """

    def __init__(
        self,
        metrics: CollectorRegistry,
        *,
        longest_run: Callable[[], float],
        synced: Callable[[], bool],
    ) -> None:
        self._metrics = metrics
        self._longest_run = longest_run
        self._synced = synced
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._scrape)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the address is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; tells the port that the system chose for port 0."""
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    async def stop(self) -> None:
        """Close the socket."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        seconds = self._longest_run()
        if seconds > STUCK_SECONDS:
            return web.Response(status=500, text=f"a reconcile hangs for {seconds:.0f} s\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if not self._synced():
            return web.Response(status=503, text="the mirrors are not complete yet\n")
        return web.Response(text="ok\n")

    async def _scrape(self, _: web.Request) -> web.Response:
        body = generate_latest(self._metrics)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
