"""EndpointSlices: where the pods are of Services with `externalTrafficPolicy: Local`.

The API server cannot select them by what their Service is. One watch for each such Service would be
many connections, so there is one for all, and only while such a Service has an address of ours; of
each slice nothing is kept but nodes and conditions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lbctl.core.objects.services import Ownership, ServiceKey
from lbctl.core.reading.objects import SERVICE_NAME_LABEL, slice_view
from lbctl.kube.client import Client, Selection
from lbctl.kube.informer import Change, Informer
from lbctl.kube.objects import ENDPOINT_SLICES, Key, Object
from lbctl.world.world import World

SELECTION = Selection(
    labels="!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name"
)
"""What kube-proxy looks at, and no more."""
_PAGE = 100
"""A slice holds up to a thousand endpoints: fewer at a time than of other kinds."""


class EndpointSlices:
    """Follows the slices while somebody needs them.

    Args:
        world: is told of them.
        client: an open client.
        ownership: which Services are ours.
        changed: called with each Service whose pods are on other nodes now.
        synced: called when all slices are known.
    """

    def __init__(
        self,
        world: World,
        client: Client,
        *,
        ownership: Ownership,
        changed: Callable[[ServiceKey], None],
        synced: Callable[[], None],
    ) -> None:
        self._world = world
        self._client = client
        self._ownership = ownership
        self._changed = changed
        self._synced = synced
        self._look = asyncio.Event()
        world.services.listen(self._service_changed)

    async def run(self) -> None:
        """Follow, or wait for a Service that needs it, until cancelled."""
        while True:
            await self._until(needed=True)
            informer = Informer(
                self._client,
                ENDPOINT_SLICES,
                self._seen,
                selection=SELECTION,
                project=project,
                page=_PAGE,
            )
            tasks = [informer.run(), self._tell(informer), self._until(needed=False)]
            await _first_of(*map(asyncio.create_task, tasks))
            self._world.endpoints.clear()

    async def _until(self, *, needed: bool) -> None:
        while self._needed() is not needed:
            self._look.clear()
            await self._look.wait()

    async def _tell(self, informer: Informer) -> None:
        await informer.synced.wait()
        self._world.endpoints.complete = True
        self._synced()
        await asyncio.Event().wait()

    def _needed(self) -> bool:
        return any(map(self._ownership.ours, self._world.local_services.values()))

    def _service_changed(self, _key: Key, _old: Object | None, _new: Object | None) -> None:
        self._look.set()

    def _seen(self, change: Change) -> None:
        before = None if change.old is None else slice_view(change.old)
        after = None if change.new is None else slice_view(change.new)
        moved = self._world.endpoints.put(change.key, before, after)
        view = after or before
        if moved and view is not None and self._world.endpoints.complete:
            self._changed(view.service)


async def _first_of(*tasks: asyncio.Task[None]) -> None:
    """Run until one of them ends; then end the others. Raises what failed."""
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def project(obj: Object) -> Object:
    """What is kept of an EndpointSlice."""
    meta = obj["metadata"]
    labels = {SERVICE_NAME_LABEL: (meta.get("labels") or {}).get(SERVICE_NAME_LABEL)}
    kept = {name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion")}
    endpoints = [
        {"nodeName": entry.get("nodeName"), "conditions": entry.get("conditions")}
        for entry in obj.get("endpoints") or ()
        if entry.get("nodeName")
    ]
    return {
        "metadata": {**kept, "labels": labels},
        "addressType": obj.get("addressType"),
        "endpoints": endpoints,
    }
