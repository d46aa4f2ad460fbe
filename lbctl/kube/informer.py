"""A mirror of one kind that heals itself: list, watch, and compare on every new list.

A watch alone loses what happens while it is broken for longer than the server's history (HTTP 410).
So a new list is compared with what was known: what is missing was deleted, and is reported as such.
A watch is bounded in time and in silence, because a connection that died without a word looks
exactly like a quiet one.

Callbacks run in the event loop, one at a time, in the order of the server's history. They must be
quick: note the key and return.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from lbctl.kube.client import EVERYTHING, Client, Selection
from lbctl.kube.errors import ApiError, Expired, NotFound, Unavailable
from lbctl.kube.objects import Key, Kind, Object, key_of, slim

log = logging.getLogger(__name__)


class ChangeType(Enum):
    """What became of an object."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One object's change. ``new`` is None when it is gone, ``old`` when it was not known."""

    type: ChangeType
    key: Key
    old: Object | None
    new: Object | None


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts, in seconds: doubled each time, cut at the longest, then jittered."""

    shortest: float = 0.1
    longest: float = 10.0

    def pause(self, attempt: int, *, jitter: Callable[[], float] = random.random) -> float:
        """Seconds to wait after the attempt with this number (from 0): half of it is random."""
        full = min(self.longest, self.shortest * 2.0 ** min(attempt, 30))
        return full * (0.5 + 0.5 * jitter())


@dataclass(frozen=True, slots=True)
class Pace:
    """The informer's intervals."""

    watch_seconds: int = 240
    """A watch is ended by the server after this time, plus up to a quarter by chance."""
    backoff: Backoff = field(default_factory=Backoff)
    """After a failure. A stream that ended in order is taken up again at once."""


class Informer(Mapping[Key, Object]):
    """The objects of one selection, kept like the API server's. Read it as a mapping.

    Args:
        client: an open client.
        kind: what to follow.
        on_change: called for each change after it is in the mapping. The first list counts as
            additions. Must not raise, must not block.
        on_relist: called after each list but the first: history was lost, here and maybe elsewhere.
        on_following: called with False when the path to the server fails, and with True when news
            comes again, before the first of it is told.
        selection: which objects; the server filters.
        project: what to keep of each object: its metadata at least.
        page: so many objects are listed at a time.
        optional: whether the server may not know the kind, so that there is no object of it.
        pace: the intervals.
        sleep: how to wait; tests put their own clock here.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        on_change: Callable[[Change], None] = lambda _: None,
        *,
        on_relist: Callable[[], None] = lambda: None,
        on_following: Callable[[bool], None] = lambda _: None,
        selection: Selection = EVERYTHING,
        project: Callable[[Object], Object] = slim,
        page: int = 500,
        optional: bool = False,
        pace: Pace = Pace(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        """Set once the first list is in. It stays set: a mirror that lags is still a mirror."""
        self.failures = 0
        """Failed attempts since the last success; 0 while all is well."""
        self._client = client
        self._on_change = on_change
        self._on_relist = on_relist
        self._on_following = on_following
        self._selection = selection
        self._project = project
        self._page = page
        self._optional = optional
        self._pace = pace
        self._sleep = sleep
        self._objects: dict[Key, Object] = {}
        self._version = ""

    def __getitem__(self, key: Key) -> Object:
        return self._objects[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    async def run(self) -> None:
        """Follow the kind until cancelled. No failure of the API server ends it."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Expired:
                log.info("%s: the history is gone, listing again", self.kind.plural)
                self._version = ""
            except ApiError as error:
                if self._optional and isinstance(error, NotFound):
                    self._replace({})
                await self._failed(error)

    async def _failed(self, error: ApiError) -> None:
        """Say it, once loudly, and wait. Anything but a broken path also starts from a new list."""
        level = logging.WARNING if self.failures == 0 else logging.DEBUG
        log.log(level, "%s: %s; trying again", self.kind.plural, error)
        if not isinstance(error, Unavailable):
            self._version = ""
        if self.failures == 0:
            self._on_following(False)  # noqa: FBT003 - it says so in its name
        pause = self._pace.backoff.pause(self.failures)
        if isinstance(error, Unavailable):
            pause = max(pause, error.retry_after)
        self.failures += 1
        await self._sleep(pause)

    async def _list(self) -> None:
        listing = await self._client.list(
            self.kind, self._selection, page=self._page, project=self._project
        )
        self._well()
        self._version = listing.resource_version
        known = self.synced.is_set()
        self._replace({key_of(item): item for item in listing.items})
        if known:
            self._on_relist()

    def _replace(self, fresh: Mapping[Key, Object]) -> None:
        """These are all there are."""
        for key in [key for key in self._objects if key not in fresh]:
            self._forget(key)
        for item in fresh.values():
            self._take(item)
        self.synced.set()

    async def _watch(self) -> None:
        seconds = self._pace.watch_seconds
        events = self._client.watch(
            self.kind,
            self._selection,
            resource_version=self._version,
            seconds=seconds + random.randrange(seconds // 4 + 1),  # noqa: S311 - spreads load
        )
        seen = False
        async for event in events:
            seen = True
            self._well()
            if event.type == "DELETED":
                self._forget(key_of(event.object))
            elif event.type != "BOOKMARK":
                self._take(self._project(event.object))
            self._version = str(event.object["metadata"]["resourceVersion"])
        self._well()
        if not seen:
            # Something between here and the server may end every stream at once: do not spin.
            await self._sleep(self._pace.backoff.pause(0))

    def _well(self) -> None:
        if self.failures:
            log.info("%s: following again", self.kind.plural)
            self._on_following(True)  # noqa: FBT003 - it says so in its name
        self.failures = 0

    def _take(self, new: Object) -> None:
        key = key_of(new)
        old = self._objects.get(key)
        if old is not None and _same(old, new):
            return
        self._objects[key] = new
        kind = ChangeType.ADDED if old is None else ChangeType.MODIFIED
        self._on_change(Change(kind, key, old, new))

    def _forget(self, key: Key) -> None:
        old = self._objects.pop(key, None)
        if old is not None:
            self._on_change(Change(ChangeType.DELETED, key, old, None))


def _same(old: Object, new: Object) -> bool:
    """Whether nothing changed. A different version may also be an older one: a restored backup."""
    return all(old["metadata"].get(f) == new["metadata"].get(f) for f in ("uid", "resourceVersion"))
