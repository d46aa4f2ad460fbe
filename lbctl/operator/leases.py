"""The speakers' Leases: who lives, by the age that this process measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lbctl.core.labels import SPEAKER_LABELS
from lbctl.kube.client import Client, Selection
from lbctl.kube.informer import Change, Informer
from lbctl.kube.lease import Record
from lbctl.kube.objects import LEASES
from lbctl.world.world import World

_IDLE_SECONDS = 5.0


class SpeakerLeases:
    """Follows the speakers' Leases in the release's namespace and judges them by the clock.

    They come by our own informer, not by kopf: kopf would watch them in every namespace, and the
    right to read all Leases of a cluster is more than this needs.

    ``changed`` is called when somebody's liveness changed; ``relisted`` when this watch had lost
    the server's history, in which case the others probably have too.
    """

    def __init__(
        self,
        world: World,
        client: Client,
        *,
        namespace: str,
        changed: Callable[[], None],
        relisted: Callable[[], None],
    ) -> None:
        labels = ",".join(f"{name}={value}" for name, value in SPEAKER_LABELS.items())
        self._world = world
        self._changed = changed
        self._informer = Informer(
            client,
            LEASES,
            self._seen,
            on_relist=relisted,
            on_following=self._followed,
            selection=Selection(namespace=namespace, labels=labels),
        )

    @property
    def synced(self) -> asyncio.Event:
        """Set once all Leases have been seen."""
        return self._informer.synced

    async def run(self) -> None:
        """Follow and judge until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._informer.run())
            group.create_task(self._watch_the_clock())

    def _seen(self, change: Change) -> None:
        record = None if change.new is None else Record.of(change.new)
        if self._world.lease_changed(change.key.name, record):
            self._changed()

    def _followed(self, following: bool) -> None:  # noqa: FBT001 - the informer calls it so
        if self._world.leases_followed(following=following):
            self._changed()

    async def _watch_the_clock(self) -> None:
        while True:
            expiry = self._world.next_expiry()
            # A Lease that is renewed moves the time on: sleep towards the earliest, look again.
            await asyncio.sleep(_IDLE_SECONDS if expiry is None else min(expiry, _IDLE_SECONDS))
            if self._world.expire():
                self._changed()
