"""The speakers' Leases by a stream that breaks: our own deafness is nobody's death."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from lbctl.kube.client import Client
from lbctl.operator.leases import SpeakerLeases
from lbctl.world.world import World
from tests.unit.kube.fake_api import listing, serving, status, stream
from tests.unit.operator import objects


async def test_no_lease_grows_old_while_the_api_server_is_away() -> None:
    world = World(lease_duration=15.0)
    lease = objects.lease("n1")
    away = False
    broken = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if away:
            return status(503, "ServiceUnavailable")
        if "watch" not in request.query:
            return listing(1000, lease)
        if broken.is_set():
            return await stream(request, {"type": "MODIFIED", "object": lease}, forever=True)
        await broken.wait()
        return status(500, "InternalError")

    async with serving(answer) as client, _followed(world, client):
        await _until(lambda: world.next_expiry() is not None)
        away = True
        broken.set()
        await _until(lambda: world.next_expiry() is None)
        assert not world.expire(), "it is as fresh as when it was seen last"
        away = False
        await _until(lambda: world.next_expiry() is not None)


@asynccontextmanager
async def _followed(world: World, client: Client) -> AsyncIterator[None]:
    """The Leases are followed meanwhile."""
    leases = SpeakerLeases(
        world, client, namespace="lbctl-system", changed=lambda: None, relisted=lambda: None
    )
    task = asyncio.create_task(leases.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the world sets no event when it is so
            await asyncio.sleep(0.01)
