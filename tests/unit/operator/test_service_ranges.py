"""The ranges of Services: obeyed where the API server tells them, and not waited for where not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from lbctl.core.outcomes import PoolReason
from lbctl.kube.client import Client
from lbctl.operator.service_ranges import ServiceRanges
from lbctl.world.world import World
from tests.unit.kube.fake_api import listing, serving, status, stream
from tests.unit.operator import objects

RANGE: dict[str, Any] = {
    "metadata": {"name": "kubernetes", "uid": "uid-kubernetes", "resourceVersion": "1"},
    "spec": {"cidrs": ["10.96.0.0/16", "fd00:96::/108"]},
}

Told = asyncio.Queue[dict[str, PoolReason]]


@pytest.fixture
def world() -> World:
    made = World(lease_duration=15.0)
    made.pools.put(objects.pool("services", "10.96.5.0/28"))
    made.pools.put(objects.pool("lab", "172.16.110.100"))
    return made


def reasons(world: World) -> dict[str, PoolReason]:
    return {finding.pool.name: finding.reason for finding in world.ledger.findings()}


async def test_a_pool_in_the_range_of_services_gives_nothing(world: World) -> None:
    told: Told = asyncio.Queue()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            gone = {**RANGE, "metadata": {**RANGE["metadata"], "resourceVersion": "2"}}
            return await stream(request, {"type": "DELETED", "object": gone}, forever=True)
        return listing(1, RANGE)

    async with serving(answer) as client, following(world, client, told):
        async with asyncio.timeout(20):
            overlapping = {"services": PoolReason.OVERLAP, "lab": PoolReason.READY}
            assert await told.get() == overlapping
            assert await told.get() == dict.fromkeys(overlapping, PoolReason.READY)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(404, "NotFound", id="Kubernetes 1.32 and older"),
        pytest.param(403, "Forbidden", id="an account without the right"),
    ],
)
async def test_where_nothing_can_be_known_nobody_waits(
    world: World, code: int, reason: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return status(code, reason)

    async with serving(answer) as client, following(world, client, asyncio.Queue()):
        pass
    assert reasons(world)["services"] is PoolReason.READY


async def test_an_api_server_that_is_away_is_waited_for(world: World) -> None:
    answers = iter([status(503, "ServiceUnavailable"), status(500, "InternalError")])

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await stream(request, forever=True)
        return next(answers, None) or listing(1, RANGE)

    async with serving(answer) as client, following(world, client, asyncio.Queue()):
        assert reasons(world)["services"] is PoolReason.OVERLAP


@asynccontextmanager
async def following(world: World, client: Client, told: Told) -> AsyncIterator[None]:
    """Until all is known; then the ranges are followed meanwhile."""
    ranges = ServiceRanges(world, client, changed=lambda: told.put_nowait(reasons(world)))
    task = asyncio.create_task(ranges.run())
    try:
        async with asyncio.timeout(20):
            await ranges.known.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
