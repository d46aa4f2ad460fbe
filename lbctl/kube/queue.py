"""A keyed queue for reconcilers: each key once, one worker at a time for a key, failures back off.

`Schedule` is the whole behaviour as a plain data structure over an injected time. `WorkQueue` adds
the event loop: it wakes workers and waits for what is due.

The rules, which reconcilers rely on:

- A key that waits is not queued again. A key that is being worked on and changes meanwhile runs
  once more afterwards, however often it changed.
- What just changed goes before what a resync asks to look at again.
- A failed key waits longer each time, with jitter; a live change tries it again at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from enum import IntEnum, StrEnum
from itertools import count
from typing import Generic, TypeVar

from lbctl.kube.errors import ApiError, Unavailable
from lbctl.kube.informer import Backoff

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)

RETRIES = Backoff(shortest=0.05, longest=30.0)
"""The pauses of a key that keeps failing."""


class Priority(IntEnum):
    """Which of the ready keys goes first; lower is sooner."""

    LIVE = 0
    RESYNC = 1


class Readiness(StrEnum):
    """Whether a key that waits could be begun at once. A label of metrics."""

    READY = "ready"
    LATER = "later"
    """Its time has not come: it failed and pauses, or something is to be looked at then."""


class Schedule(Generic[K]):
    """Which key is to be worked on when. Times are seconds of whatever clock the caller uses."""

    def __init__(
        self,
        *,
        backoff: Backoff = RETRIES,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._backoff = backoff
        self._jitter = jitter
        # A key is removed from the middle when its priority rises. (A plain dict has an order too,
        # but whoever takes its first key passes over all that were taken before.)
        self._ready: dict[Priority, OrderedDict[K, float]] = {p: OrderedDict() for p in Priority}
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._serial = count()
        self._running: set[K] = set()
        self._dirty: dict[K, Priority] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K, now: float, priority: Priority = Priority.LIVE) -> None:
        """Ask for work on a key. A resync does not cut short the pause of a key that failed."""
        if key in self._running:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
        elif key in self._ready[Priority.LIVE]:
            return
        elif priority is Priority.LIVE or (key not in self._due):
            since = self._ready[Priority.RESYNC].pop(key, now)
            self._due.pop(key, None)
            self._ready[priority][key] = since

    def add_later(self, key: K, now: float, seconds: float) -> None:
        """Ask for work on a key after some seconds, unless it is to be done sooner anyway."""
        if any(key in ready for ready in self._ready.values()):
            return
        due = now + seconds
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._serial), key))

    def take(self, now: float) -> K | None:
        """The next key to work on; it counts as running until `done` or `failed`."""
        self._ripen(now)
        for ready in self._ready.values():
            if ready:
                key, _ = ready.popitem(last=False)
                self._running.add(key)
                return key
        return None

    def done(self, key: K, now: float) -> None:
        """The work succeeded."""
        self._failures.pop(key, None)
        self._leave(key, now)

    def failed(self, key: K, now: float, *, at_least: float = 0.0) -> float:
        """The work failed: it is due again after a pause. Returns the pause in seconds."""
        attempt = self._failures.get(key, 0)
        self._failures[key] = attempt + 1
        pause = max(at_least, self._backoff.pause(attempt, jitter=self._jitter))
        if not self._leave(key, now):
            self.add_later(key, now, pause)
        return pause

    def next_due(self, now: float) -> float | None:
        """Seconds until something is ready; 0 when something is, None when nothing waits."""
        self._ripen(now)
        if any(self._ready.values()):
            return 0.0
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def waiting(self) -> Iterator[tuple[K, Readiness]]:
        """Every key that is ready, or due later: after a pause, or when a time has come."""
        for ready in self._ready.values():
            yield from ((key, Readiness.READY) for key in ready)
        yield from ((key, Readiness.LATER) for key in self._due)

    def oldest(self, now: float) -> float:
        """For how many seconds the oldest ready key has been ready."""
        firsts = [since for ready in self._ready.values() for since in ready.values()]
        return now - min(firsts, default=now)

    def __len__(self) -> int:
        return sum(map(len, self._ready.values())) + len(self._due)

    def _leave(self, key: K, now: float) -> bool:
        """End a run. True when the key changed during it, and so is ready again."""
        self._running.discard(key)
        priority = self._dirty.pop(key, None)
        if priority is None:
            return False
        self.add(key, now, priority)
        return True

    def _ripen(self, now: float) -> None:
        """Make ready what is due, and drop entries of the heap that were overtaken."""
        while self._heap:
            due, _, key = self._heap[0]
            overtaken = self._due.get(key) != due
            if not overtaken and due > now:
                return
            heapq.heappop(self._heap)
            if not overtaken:
                del self._due[key]
                self.add(key, due)


class WorkQueue(Generic[K]):
    """A schedule in an event loop.

    An ApiError is part of life and is logged in one line. Any other exception is a fault of ours
    and is logged with its trace. After both the key is tried again, later each time.

    Args:
        work: does one key; returns seconds after which to do it again, or None.
        may: asked before each key is begun; while it says no, nothing is begun.
        schedule: the order; a new one by default.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        *,
        may: Callable[[], bool] = lambda: True,
        schedule: Schedule[K] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.schedule: Schedule[K] = Schedule() if schedule is None else schedule
        self._work = work
        self._may = may
        self._clock = clock
        self._wake = asyncio.Event()
        self._begun: dict[K, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, key: K, priority: Priority = Priority.LIVE) -> None:
        """Ask for work on a key."""
        self.schedule.add(key, self._clock(), priority)
        self._wake.set()

    def add_later(self, key: K, seconds: float) -> None:
        """Ask for work on a key after some seconds."""
        self.schedule.add_later(key, self._clock(), seconds)
        self._wake.set()

    def longest_run(self) -> float:
        """For how many seconds the longest of the present runs has been going on.

        Every request has a timeout, so a run that takes minutes is stuck.
        """
        now = self._clock()
        return now - min(self._begun.values(), default=now)

    def oldest(self) -> float:
        """For how many seconds the oldest ready key has been ready."""
        return self.schedule.oldest(self._clock())

    async def drain(self, seconds: float) -> None:
        """Wait for the present runs to end, at most that long. Let `may` say no first."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def run(self, workers: int) -> None:
        """Work on up to that many keys at once, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                while len(self._tasks) < workers and (key := self._begin()) is not None:
                    task = group.create_task(self._run(key))
                    self._tasks.add(task)
                    task.add_done_callback(self._ended)
                await self._idle(full=len(self._tasks) >= workers)

    async def _idle(self, *, full: bool) -> None:
        """Wait for a new key, the end of a run, or the time when something falls due."""
        seconds = None if full else self.schedule.next_due(self._clock())
        if seconds is not None and not self._may():
            seconds = max(seconds, _GATE_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _begin(self) -> K | None:
        """The next key, which counts as begun; None when nothing is ready or may be begun."""
        key = self.schedule.take(self._clock()) if self._may() else None
        if key is not None:
            self._begun[key] = self._clock()
        return key

    async def _run(self, key: K) -> None:
        """Work on a key, and then on whatever is ready, until nothing is."""
        following: K | None = key
        while following is not None:
            await self._do(following)
            await asyncio.sleep(0)  # Most runs wait for nothing: the others' turn.
            following = self._begin()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _do(self, key: K) -> None:
        try:
            again = await self._work(key)
        except ApiError as error:
            at_least = error.retry_after if isinstance(error, Unavailable) else 0.0
            pause = self.schedule.failed(key, self._clock(), at_least=at_least)
            log.info("%s: %s; again in %.1f s", key, error, pause)
        except Exception:
            pause = self.schedule.failed(key, self._clock())
            log.exception("%s: again in %.1f s", key, pause)
        else:
            self.schedule.done(key, self._clock())
            if again is not None:
                self.schedule.add_later(key, self._clock(), again)
        finally:
            del self._begun[key]


_GATE_SECONDS = 0.1
