"""/healthz, /readyz and /metrics of the speaker."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

_log: Final = logging.getLogger(__name__)

_BUSY_SECONDS: Final = 1.0


class HttpServer:
    """Serves probes and metrics.

    Args:
        registry: what to expose.
        healthy: None, or why a restart of the pod would help.
        ready: None, or what is still missing.
        count: reads what takes time to read, before each scrape.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        healthy: Callable[[], str | None],
        ready: Callable[[], str | None],
        count: Callable[[], Awaitable[None]],
    ) -> None:
        self._count = count
        self._registry = registry
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
        await self._count()
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def _answer(problem: str | None, *, status: int) -> web.Response:
    if problem is None:
        return web.Response(text="ok\n")
    return web.Response(status=status, text=f"{problem}\n")
