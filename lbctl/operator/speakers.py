"""Speakers: the operator tells each which others to watch."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lbctl.core.succession.partners import Partner
from lbctl.kube.client import Client
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.objects import SPEAKERS, Key, Object
from lbctl.operator.refresh import refresh
from lbctl.world.world import World

log = logging.getLogger(__name__)


class Speakers:
    """Reconciles the partners of Speakers. The speaker itself made the object and owns its status.

    What speakers say of their partners is written by them alone; `World` draws its conclusions.
    """

    def __init__(self, world: World, client: Client) -> None:
        self._world = world
        self._client = client

    async def reconcile(self, key: Key) -> None:
        """Write the partners if the Speaker names any others."""
        obj = self._world.speakers.get(key)
        if obj is None:
            return
        wanted = _rows(self._world.partnerships().get(key.name, ()))
        spec = obj.get("spec") or {}
        if spec.get("partners") == wanted:
            return
        try:
            written = await self._client.replace(
                SPEAKERS, {**obj, "spec": {**spec, "partners": wanted}}
            )
        except (Conflict, NotFound):
            await refresh(self._client, self._world.speakers, key)
            raise
        self._world.speakers.put(written)
        names = ", ".join(sorted({row["node"] for row in wanted}))
        log.info("%s: its partners are %s", key.name, names or "nobody")


def _rows(partners: Iterable[Partner]) -> list[Object]:
    return [
        {
            "node": one.node,
            "address": str(one.address),
            "mac": one.mac,
            "interface": one.interface,
        }
        for one in partners
    ]
