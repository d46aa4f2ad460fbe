"""MetalLB's IPAddressPools and L2Advertisements, for those who come from it (`compat.metallb`).

They are read in one namespace, as MetalLB does, and are pools and L2Advertisements like any other
from there on. Their schemas have no room for conditions: what is wrong with one is an Event on it
and a line in the log. They come by our own informer, not by kopf: the kinds may be missing, and
may come and go with MetalLB.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from lbctl.core.addresses import Family
from lbctl.core.metallb.advertisements import metallb_advertisement_view
from lbctl.core.metallb.pools import metallb_pool_view
from lbctl.core.metallb.reading import Problem
from lbctl.core.outcomes import AdvertisementReason, CompatReason, PoolReason
from lbctl.core.succession.advertisement_findings import assess_advertisement
from lbctl.kube.client import Client, Selection
from lbctl.kube.errors import NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.informer import Change, Informer
from lbctl.kube.objects import METALLB_L2_ADVERTISEMENTS, METALLB_POOLS, Key, Kind, Object, uid_of
from lbctl.operator.metrics import Metrics
from lbctl.operator.pools import SHOWN_AT_MOST, Pools
from lbctl.operator.triggers import Triggers
from lbctl.world.world import World

log = logging.getLogger(__name__)

_TOPIC = "metallb"
_TOLD_AT_MOST = 16
"""So many fields of one object are told at once; whoever mends them hears of the others."""


class MetalLB:
    """Follows MetalLB's objects, and reports on them.

    Args:
        world: is told of them.
        client: an open client.
        namespace: the one whose objects are read.
        recorder: tells what is wrong with one.
        metrics: count it.
        triggers: are told what changed.
        pools: judges and counts the pools.
    """

    def __init__(
        self,
        world: World,
        client: Client,
        *,
        namespace: str,
        recorder: Recorder,
        metrics: Metrics,
        triggers: Triggers,
        pools: Pools,
    ) -> None:
        self._world = world
        self._client = client
        self._namespace = namespace
        self._recorder = recorder
        self._triggers = triggers
        self._judge = pools
        selection = Selection(namespace=namespace)
        self._pools = Informer(
            client, METALLB_POOLS, self._pool_seen, selection=selection, optional=True
        )
        self._advertisements = Informer(
            client,
            METALLB_L2_ADVERTISEMENTS,
            self._advertisement_seen,
            selection=selection,
            optional=True,
        )
        self._problems: dict[str, tuple[Problem, ...]] = {}
        self._told: dict[str, tuple[Note, ...]] = {}
        self._written: dict[str, tuple[str, Object]] = {}
        metrics.watch_metallb(self._wrong)

    @property
    def synced(self) -> bool:
        """Whether all of them have been seen."""
        return self._pools.synced.is_set() and self._advertisements.synced.is_set()

    async def wait_synced(self) -> None:
        """Wait until all of them have been seen, or their kinds are known to be missing."""
        await self._pools.synced.wait()
        await self._advertisements.synced.wait()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pools.run())
            group.create_task(self._advertisements.run())

    async def reconcile_pool(self, name: str) -> None:
        """Say what is wrong with a pool, and write its counts."""
        obj = self._pools.get(Key(self._namespace, name))
        if obj is None:
            return
        if Key("", name) in self._world.pools:
            self._tell(METALLB_POOLS, obj, [_replaced(name)])
            return
        finding, counts = self._judge.judged(name)
        found = Note(finding.reason, finding.message, warning=not finding.gives)
        self._tell(METALLB_POOLS, obj, [] if finding.reason is PoolReason.READY else [found])
        await self._write(obj, _status(counts))

    def reconcile_advertisement(self, key: Key) -> None:
        """Say what is wrong with an L2Advertisement."""
        obj = self._advertisements.get(key)
        if obj is None:
            return
        views = self._world.advertisement_views
        finding = assess_advertisement(
            views[str(key)],
            others=views.values(),
            pools=[found.pool for found in self._world.ledger.findings()],
            nodes=self._world.node_views(),
        )
        found = Note(finding.reason, finding.message, warning=True)
        good = finding.reason is AdvertisementReason.READY
        self._tell(METALLB_L2_ADVERTISEMENTS, obj, [] if good else [found])

    def _wrong(self) -> Iterable[str]:
        """The reason of each thing that is wrong with one of the objects."""
        return [note.reason for notes in self._told.values() for note in notes if note.warning]

    async def _write(self, obj: Object, counts: Object) -> None:
        """Write the counts if they are others. An old schema may drop them: once is enough then.

        Raises:
            Conflict: it is another by now, which the watch tells of; then it is tried again.
        """
        meta = obj["metadata"]
        status = obj.get("status") or {}
        if all(status.get(name) == number for name, number in counts.items()):
            return
        if self._written.get(uid_of(obj)) == (meta["resourceVersion"], counts):
            return
        try:
            written = await self._client.patch_status(
                METALLB_POOLS,
                meta["name"],
                counts,
                resource_version=meta["resourceVersion"],
                namespace=meta["namespace"],
            )
        except NotFound as error:
            # It is gone, and the watch will tell; or it is of a version without a status.
            log.debug("%s/%s: %s", meta["namespace"], meta["name"], error)
            return
        self._written[uid_of(obj)] = (written["metadata"]["resourceVersion"], counts)

    def _pool_seen(self, change: Change) -> None:
        view = None
        if change.new is not None:
            view, problems = metallb_pool_view(change.new)
            self._problems[uid_of(change.new)] = problems
        self._gone(change)
        self._world.metallb_pool_changed(change.key.name, view)
        if change.old is None or change.new is None or _intent(change.old) != _intent(change.new):
            self._triggers.pools_changed(Key("", change.key.name))

    def _advertisement_seen(self, change: Change) -> None:
        view = None
        if change.new is not None:
            view, problems = metallb_advertisement_view(change.new)
            self._problems[uid_of(change.new)] = problems
        self._gone(change)
        self._world.metallb_advertisement_changed(change.key, view)
        if change.old is None or change.new is None or _intent(change.old) != _intent(change.new):
            self._triggers.advertisements_changed()

    def _gone(self, change: Change) -> None:
        """Forget what was known of an object that is no more."""
        old, new = change.old, change.new
        if old is None or (new is not None and uid_of(old) == uid_of(new)):
            return
        uid = uid_of(old)
        for known in (self._problems, self._told, self._written):
            known.pop(uid, None)
        self._recorder.forget(uid)

    def _tell(self, kind: Kind, obj: Object, findings: Iterable[Note]) -> None:
        """An Event for each thing that is wrong with an object now, and the log."""
        problems = self._problems.get(uid_of(obj), ())
        notes = (*map(_note, problems[:_TOLD_AT_MOST]), *findings)
        if self._told.get(uid_of(obj), ()) == notes:
            return
        self._told[uid_of(obj)] = notes
        subject = Subject.of(kind, obj)
        for note in notes:
            level = logging.WARNING if note.warning else logging.INFO
            name = f"{kind.kind} {subject.namespace}/{subject.name}"
            log.log(level, "%s: %s: %s", name, note.reason, note.message)
        mended = Note(CompatReason.READ, "It is read and obeyed as it is.")
        self._recorder.stand(subject, _TOPIC, notes, mended=mended)


def _note(problem: Problem) -> Note:
    return Note(problem.reason, str(problem), warning=True)


def _replaced(name: str) -> Note:
    message = (
        f"There is an IPAddressPool {name} of lbctl.io too: that one counts, and this one gives "
        "nothing. Delete one of the two, or give them different names."
    )
    return Note(CompatReason.REPLACED_BY_NAMESAKE, message, warning=True)


def _status(counts: Mapping[Family, Mapping[str, int]]) -> Object:
    """The status as MetalLB's schema has it."""
    return {
        f"{word}{family}": min(counts[family][state], SHOWN_AT_MOST)
        for family in Family
        for word, state in (("assigned", "used"), ("available", "free"))
    }


def _intent(obj: Object) -> object:
    return obj.get("spec"), obj["metadata"].get("labels") or {}
