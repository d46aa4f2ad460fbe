"""A scripted API server: what it answers is written down beforehand, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from lbctl.kube.client import Answered, Client, Timeouts
from lbctl.kube.login import Login

Answer = Callable[[web.Request], Any]


@asynccontextmanager
async def serving(
    handler: Any, *, silence: float = 5.0, answered: Answered | None = None
) -> AsyncIterator[Client]:
    """Serve all paths by the handler, and give a client of it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    timeouts = Timeouts(request=5.0, watch_silence=silence)
    try:
        login = Login(f"http://{host}:{port}")
        async with Client(login, timeouts=timeouts, answered=answered) as client:
            yield client
    finally:
        await runner.cleanup()


def status(code: int, reason: str, **headers: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": f"it is {reason}"}
    return web.json_response(body, status=code, headers=headers)


def listing(version: int, *items: dict[str, Any]) -> web.Response:
    return web.json_response({"metadata": {"resourceVersion": str(version)}, "items": [*items]})


def obj(name: str, version: int, uid: str = "") -> dict[str, Any]:
    meta = {"name": name, "resourceVersion": str(version), "uid": uid or f"uid-{name}"}
    return {"metadata": meta}


async def stream(request: web.Request, *lines: Any, forever: bool = False) -> web.StreamResponse:
    """Send watch events, then end, or stay silent until the client goes."""
    response = web.StreamResponse()
    await response.prepare(request)
    for line in lines:
        await response.write(json.dumps(line).encode() + b"\n")
    if forever:
        await asyncio.Event().wait()
    return response
