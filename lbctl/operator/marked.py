"""Which nodes' pods were marked not ready lately: what all replicas know, also after a restart.

It stands in an annotation of a Lease of its own, in the release's namespace: the operators have the
right to read Leases there, and the resourceVersion makes sure that two replicas, each with its own
dead node, do not both stay below the limit.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping

from lbctl.core.labels import FAILURES_LEASE, MARKED_NODES
from lbctl.core.succession.failures import MARKING_SECONDS, recent
from lbctl.kube.client import Client, Selection
from lbctl.kube.informer import Change, Informer
from lbctl.kube.objects import LEASES, Key, Object
from lbctl.kube.store import Store
from lbctl.operator.refresh import refresh


class MarkedNodes:
    """The record, mirrored by a watch.

    Args:
        client: an open client.
        namespace: the release's.
        clock: Unix seconds: a limit of minutes that outlives processes needs a clock that does too.
    """

    def __init__(
        self, client: Client, namespace: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._key = Key(namespace, FAILURES_LEASE)
        self._store = Store(LEASES)
        self._informer = Informer(
            client,
            LEASES,
            self._seen,
            selection=Selection(namespace=namespace, fields=f"metadata.name={FAILURES_LEASE}"),
        )
        self.now = clock

    @property
    def synced(self) -> asyncio.Event:
        """Set once it is known what was done before this process began."""
        return self._informer.synced

    async def run(self) -> None:
        """Follow the record until cancelled."""
        await self._informer.run()

    def nodes(self) -> Mapping[str, float]:
        """When pods of each node were marked, by any replica (Unix seconds)."""
        return _read(self._store.get(self._key))

    def just_now(self, node: str) -> bool:
        """Whether some replica is marking the node, or has just done so."""
        return abs(self.now() - self.nodes().get(node, float("-inf"))) < MARKING_SECONDS

    async def add(self, node: str) -> None:
        """Write that the node's pods are marked now.

        Raises:
            AlreadyExists: another replica made the record; `refresh` and decide anew.
            Conflict: likewise, it changed it.
        """
        now = self.now()
        lease = self._store.get(self._key)
        nodes = {**recent(_read(lease), now), node: round(now, 3)}
        said = {MARKED_NODES: json.dumps(nodes, sort_keys=True)}
        if lease is None:
            named = {"namespace": self._key.namespace, "name": self._key.name}
            made: Object = {"metadata": {**named, "annotations": said}, "spec": {}}
            self._store.put(await self._client.create(LEASES, made))
            return
        meta = lease["metadata"]
        kept = {**meta, "annotations": {**(meta.get("annotations") or {}), **said}}
        self._store.put(await self._client.replace(LEASES, {**lease, "metadata": kept}))

    async def refresh(self) -> None:
        """Read the record as it is."""
        await refresh(self._client, self._store, self._key)

    def _seen(self, change: Change) -> None:
        if change.new is None:
            self._store.remove(change.old or {})
        else:
            self._store.put(change.new)


def _read(lease: Object | None) -> dict[str, float]:
    """What the record says; nothing when there is none, or when it cannot be read."""
    annotations = ((lease or {}).get("metadata") or {}).get("annotations") or {}
    try:
        known = json.loads(annotations.get(MARKED_NODES, "{}"))
        return {str(node): float(at) for node, at in known.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
