"""Events (``events.k8s.io/v1``): what the owner of an object should hear, once for each change.

`Memory` decides what is news. `Recorder` writes it, in the background and one at a time, so that
neither a slow API server nor ten thousand refusals hold up a reconcile. An Event that was told
before (by the leader before this one, say) is counted in its series, not written a second time.
Losing an Event harms nobody, so a failure is logged and forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from lbctl.kube.client import Client
from lbctl.kube.errors import AlreadyExists, ApiError, Forbidden, NotFound
from lbctl.kube.lease import stamp
from lbctl.kube.objects import EVENTS, Kind, Object, key_of, uid_of

log = logging.getLogger(__name__)

_NOTE_BYTES = 1024
"""The API server's limit of ``note``."""
_BACKLOG = 4096
"""So many Events may wait; beyond that the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str = ""

    @staticmethod
    def of(kind: Kind, obj: Object) -> Subject:
        """The object, named as an Event's ``regarding`` names it."""
        namespace, name = key_of(obj)
        version = str(obj["metadata"].get("resourceVersion") or "")
        return Subject(kind.api_version, kind.kind, namespace, name, uid_of(obj), version)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to say: the reason is for machines, the message for people."""

    reason: str
    message: str
    warning: bool = False


class Memory:
    """What was last said of whom, by topic, so that only changes are news."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, frozenset[Note]]] = {}
        """By the object's uid and the topic."""

    def news(self, uid: str, topic: str, notes: Iterable[Note]) -> list[Note]:
        """Replace what stands for a topic; returns those notes that did not stand before."""
        standing = list(dict.fromkeys(notes))
        topics = self._said.get(uid, {})
        before = topics.get(topic, frozenset())
        if standing:
            self._said.setdefault(uid, {})[topic] = frozenset(standing)
        elif before:
            del topics[topic]
        return [note for note in standing if note not in before]

    def stands(self, uid: str, topic: str) -> bool:
        """Whether anything was said for a topic that is still so."""
        return topic in self._said.get(uid, ())

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._said.pop(uid, None)


class Recorder:
    """Writes Events in the background. `run` it as a task; `say` and `stand` never block.

    Args:
        client: an open client.
        controller: who speaks, such as ``lbctl``.
        instance: which of its processes.
    """

    def __init__(self, client: Client, *, controller: str, instance: str) -> None:
        self._client = client
        self._controller = controller
        self._instance = instance
        self._memory = Memory()
        self._waiting: deque[tuple[Subject, Note]] = deque(maxlen=_BACKLOG)
        self._dropped = 0
        self._wake = asyncio.Event()

    def say(self, subject: Subject, note: Note) -> None:
        """Something happened, just now."""
        if len(self._waiting) == _BACKLOG:
            self._dropped += 1
        self._waiting.append((subject, note))
        self._wake.set()

    def stand(
        self, subject: Subject, topic: str, notes: Iterable[Note], *, mended: Note | None = None
    ) -> None:
        """This is how things are with a topic; what was so before is not said again.

        Args:
            subject: whom it is about.
            topic: what it is about.
            notes: all that is so now.
            mended: said when something stood before and nothing does now.
        """
        stood = self._memory.stands(subject.uid, topic)
        for note in self._memory.news(subject.uid, topic, notes):
            self.say(subject, note)
        if mended is not None and stood and not self._memory.stands(subject.uid, topic):
            self.say(subject, mended)

    def forget(self, uid: str) -> None:
        """The object is gone: what was said of it need not be remembered."""
        self._memory.forget(uid)

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                subject, note = self._waiting.popleft()
                try:
                    await self._write(subject, note)
                except ApiError as error:
                    log.warning("events: %s %s: %s", subject.name, note.reason, error)
            if self._dropped:
                log.warning("events: %d were dropped, for too many waited", self._dropped)
                self._dropped = 0

    async def _write(self, subject: Subject, note: Note) -> None:
        event = self._event(subject, note)
        try:
            await self._client.create(EVENTS, event)
        except AlreadyExists:
            await self._count(event)
        except (NotFound, Forbidden) as error:
            # A namespace that is being deleted takes no new objects.
            log.debug("events: %s %s: %s", subject.name, note.reason, error)

    def _event(self, subject: Subject, note: Note) -> Object:
        mark = blake2b(f"{subject.uid}\n{note.reason}\n{note.message}".encode(), digest_size=8)
        return {
            "metadata": {
                # 253 characters is the limit of a name; the mark makes it unique anyway.
                "name": f"{subject.name[:200]}.{mark.hexdigest()}",
                "namespace": subject.namespace or "default",
            },
            "eventTime": stamp(),
            "reportingController": self._controller,
            "reportingInstance": self._instance,
            "action": note.reason,
            "reason": note.reason,
            "type": "Warning" if note.warning else "Normal",
            "note": note.message.encode()[:_NOTE_BYTES].decode(errors="ignore"),
            "regarding": {
                "apiVersion": subject.api_version,
                "kind": subject.kind,
                "namespace": subject.namespace,
                "name": subject.name,
                "uid": subject.uid,
                "resourceVersion": subject.resource_version,
            },
        }

    async def _count(self, event: Object) -> None:
        """The same was said before: count it in the Event's series.

        An empty patch reads the Event with the one right that is needed anyway.
        """
        namespace, name = key_of(event)
        try:
            found = await self._client.patch(EVENTS, name, {}, namespace=namespace)
            count = int((found.get("series") or {}).get("count") or 1)
            series = {"count": count + 1, "lastObservedTime": event["eventTime"]}
            await self._client.patch(EVENTS, name, {"series": series}, namespace=namespace)
        except NotFound:
            log.debug("events: %s expired", name)
