"""Probes: what a restart can help with, and what it cannot."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from lbctl.kube.objects import Key
from lbctl.kube.queue import Readiness
from lbctl.operator.health import STUCK_SECONDS, Health
from lbctl.operator.items import Item, What
from lbctl.operator.metrics import Metrics


@asynccontextmanager
async def asked(
    path: str, *, run: float = 0.0, synced: bool = True
) -> AsyncIterator[tuple[int, str]]:
    metrics = Metrics()
    items = [Item(What.SERVICE, Key("a", "b")), Item(What.SERVICE, Key("a", "c"))]
    paused = Item(What.POOL, Key("", "lab"))
    waiting = [*((item, Readiness.READY) for item in items), (paused, Readiness.LATER)]
    metrics.watch_queue(lambda: waiting, lambda: 2.5)
    metrics.watch_pending({"a": "NoPool"})
    health = Health(metrics.registry, longest_run=lambda: run, synced=lambda: synced)
    await health.start("127.0.0.1", 0)
    try:
        url = "http://{}:{}".format(*health.address) + path
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            yield answer.status, await answer.text()
    finally:
        await health.stop()


@pytest.mark.parametrize(
    ("path", "run", "synced", "expected"),
    [
        pytest.param("/healthz", 0.0, True, 200, id="healthy"),
        pytest.param("/healthz", 0.0, False, 200, id="an API server that is away makes nobody ill"),
        pytest.param("/healthz", STUCK_SECONDS + 1, True, 500, id="a reconcile that hangs does"),
        pytest.param("/readyz", 0.0, True, 200, id="ready"),
        pytest.param("/readyz", 0.0, False, 503, id="not ready before the mirrors are complete"),
    ],
)
async def test_probes(path: str, run: float, *, synced: bool, expected: int) -> None:
    async with asked(path, run=run, synced=synced) as (status, _):
        assert status == expected


async def test_what_waits_is_counted_at_each_scrape() -> None:
    async with asked("/metrics") as (status, text):
        assert status == 200
    assert 'lbctl_queue_depth{kind="service",state="ready"} 2.0' in text
    assert 'lbctl_queue_depth{kind="service",state="later"} 0.0' in text
    assert 'lbctl_queue_depth{kind="pool",state="later"} 1.0' in text
    assert "lbctl_queue_oldest_seconds 2.5" in text
    assert 'lbctl_services_pending{reason="NoPool"} 1.0' in text
