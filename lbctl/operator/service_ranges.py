"""ServiceCIDRs: the ranges of the Services' cluster IPs, which no pool may give.

The kind is served from Kubernetes 1.33 on. Where it is not, or may not be read, nothing is known of
these ranges and pools are judged without them. It is looked for again now and then: API servers are
upgraded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lbctl.kube.client import Client
from lbctl.kube.errors import ApiError, Forbidden, NotFound
from lbctl.kube.informer import Backoff, Change, Informer
from lbctl.kube.objects import SERVICE_CIDRS
from lbctl.world.world import World

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 600.0
"""A kind that is not served is looked for this often."""


class ServiceRanges:
    """Follows the ServiceCIDRs, where the API server has them.

    Args:
        world: is told of them.
        client: an open client.
        changed: called after each change.
    """

    def __init__(self, world: World, client: Client, *, changed: Callable[[], None]) -> None:
        self.known = asyncio.Event()
        """Set once all of them are known, or that nothing can be known."""
        self._world = world
        self._client = client
        self._changed = changed

    async def run(self) -> None:
        """Follow until cancelled."""
        backoff, attempt = Backoff(), 0
        while True:
            try:
                await self._client.list(SERVICE_CIDRS)
            except (NotFound, Forbidden) as error:
                log.info("pools are judged without the ranges of Services: %s", error)
                self.known.set()
                await asyncio.sleep(_AGAIN_SECONDS)
            except ApiError as error:
                log.debug("servicecidrs: %s", error)
                await asyncio.sleep(backoff.pause(attempt))
                attempt += 1
            else:
                await self._follow()

    async def _follow(self) -> None:
        informer = Informer(self._client, SERVICE_CIDRS, self._seen)
        async with asyncio.TaskGroup() as group:
            group.create_task(informer.run())
            await informer.synced.wait()
            self.known.set()

    def _seen(self, change: Change) -> None:
        self._world.service_range_changed(change.key, change.new)
        self._changed()
