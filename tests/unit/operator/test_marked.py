"""The record of the nodes whose pods were marked: what replicas know of each other's deeds."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from lbctl.core.succession.failures import MARKING_SECONDS, WINDOW_SECONDS
from lbctl.kube.errors import AlreadyExists, Conflict
from lbctl.operator.marked import MarkedNodes
from tests.unit.kube.fake_api import serving, status

NAMESPACE = "lbctl-system"


class Clock:
    """Unix seconds that a test moves."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def one_lease() -> Callable[[web.Request], Awaitable[web.Response]]:
    """An API server with room for one Lease."""
    kept: dict[str, Any] = {}

    async def answer(request: web.Request) -> web.Response:
        version = kept.get("metadata", {}).get("resourceVersion")
        if request.method == "GET":
            return web.json_response(kept) if kept else status(404, "NotFound")
        body = await request.json()
        if request.method == "POST" and kept:
            return status(409, "AlreadyExists")
        if request.method == "PUT" and body["metadata"]["resourceVersion"] != version:
            return status(409, "Conflict")
        body["metadata"]["resourceVersion"] = str(int(version or 0) + 1)
        kept.clear()
        kept.update(body)
        return web.json_response(kept)

    return answer


async def test_who_comes_second_reads_what_the_first_did() -> None:
    async with serving(one_lease()) as client:
        one, other = (MarkedNodes(client, NAMESPACE, clock=Clock()) for _ in range(2))
        await one.add("n1")
        with pytest.raises(AlreadyExists):
            await other.add("n2")
        await other.refresh()
        assert other.nodes().keys() == {"n1"}
        assert other.just_now("n1")
        await other.add("n2")
        with pytest.raises(Conflict):
            await one.add("n3")
        await one.refresh()
        assert one.nodes().keys() == {"n1", "n2"}


async def test_what_is_past_is_forgotten_with_the_next_node() -> None:
    clock = Clock()
    async with serving(one_lease()) as client:
        record = MarkedNodes(client, NAMESPACE, clock=clock)
        await record.add("n1")
        clock.now += MARKING_SECONDS
        assert not record.just_now("n1")
        clock.now += WINDOW_SECONDS
        await record.add("n2")
        assert record.nodes() == {"n2": clock.now}
