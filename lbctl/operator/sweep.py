"""The sweeping list: the truth in full, compared with the mirrors, again and again.

It runs at the start, when leadership begins, in an interval, and when a watch may have lost
something. Each sweep is followed by a look at everything there is.

kopf does not say when a stream of its own begins. What is deleted between the first sweep and that
moment is seen by neither. So the first sweeps follow each other quickly, then ever more slowly.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from lbctl.kube.client import Client
from lbctl.kube.errors import ApiError, NotFound
from lbctl.kube.informer import Backoff
from lbctl.world.mirrors import SELECTIONS
from lbctl.world.world import World

log = logging.getLogger(__name__)

_FIRST_SECONDS = 5.0
"""The first interval; each one is twice as long as the one before, up to the setting."""
_GATHER_SECONDS = 1.0
"""Requests for a sweep within this time are one."""


class Sweeper:
    """Keeps the mirrors complete.

    Args:
        world: whose mirrors to compare.
        client: an open client.
        interval: seconds between two sweeps, a tenth more or less by chance.
        swept: called after each sweep.
    """

    def __init__(
        self, world: World, client: Client, *, interval: float, swept: Callable[[], None]
    ) -> None:
        self._world = world
        self._client = client
        self._interval = interval
        self._swept = swept
        self._backoff = Backoff(shortest=0.5, longest=15.0)
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Something may have been lost: sweep soon."""
        self._asked.set()

    async def complete(self) -> None:
        """Sweep once, however often it takes."""
        attempt = 0
        while True:
            try:
                await self._sweep()
            except NotFound as error:
                log.warning("a kind is not served: are the CRDs installed? (%s)", error)
            except ApiError as error:
                log.warning("sweep: %s", error)
            else:
                return
            await asyncio.sleep(self._backoff.pause(attempt))
            attempt += 1

    async def run(self) -> None:
        """Sweep in the interval and on request, until cancelled."""
        interval = min(_FIRST_SECONDS, self._interval)
        while True:
            try:
                async with asyncio.timeout(interval * random.uniform(0.9, 1.1)):  # noqa: S311
                    await self._asked.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(_GATHER_SECONDS)
            self._asked.clear()
            interval = min(interval * 2, self._interval)
            await self.complete()
            self._swept()

    async def _sweep(self) -> None:
        for kind, selection in SELECTIONS.items():
            listing = await self._client.list(kind, selection)
            self._world.stores[kind].sweep(listing)
