"""Leader election by one Lease: a pure step, and the shell that carries it out.

The leader must stop before anybody else may begin. Others wait for the whole duration after *they*
saw the Lease change. The leader counts its deadline, two thirds of the duration, from *before* it
sent its last successful renewal. So it stops first, whatever the clocks say and however long a
request took; a process that was suspended finds its deadline passed as soon as it looks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from lbctl.kube.client import Client
from lbctl.kube.errors import ApiError, NotFound
from lbctl.kube.lease import Record, Sighting, sight, stamp
from lbctl.kube.objects import LEASES, Key, Object

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """The intervals of an election, in seconds."""

    duration: float = 15.0
    """Others may take the Lease when it has not changed for this long."""

    @property
    def deadline(self) -> float:
        """The leader stops when its last successful renewal is this old."""
        return self.duration * 2 / 3

    @property
    def retry(self) -> float:
        """Between two renewals, or two looks."""
        return self.duration * 2 / 15


@dataclass(frozen=True, slots=True)
class Create:
    """There is no Lease: make one. Its name is the lock."""


@dataclass(frozen=True, slots=True)
class Take:
    """The Lease is ours, was given back or is stale: write our name if nobody is faster."""

    renewal: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else leads: look again after this many seconds."""

    seconds: float
    leader: str


Step = Create | Take | Wait


def step(sighting: Sighting | None, identity: str, now: float, terms: Terms) -> Step:
    """What to do about the Lease as it was last seen. ``None`` means that it does not exist."""
    if sighting is None:
        return Create()
    holder = sighting.record.holder
    if holder == identity:
        return Take(renewal=True)
    if not holder or sighting.age(now) >= terms.duration:
        return Take(renewal=False)
    return Wait(min(terms.retry, terms.duration - sighting.age(now)), holder)


class LeadershipLostError(Exception):
    """This process led and may not any more. It must end: what it was doing is another's now."""


class Elector:
    """Takes part in the election of one Lease.

    Args:
        client: an open client.
        key: namespace and name of the Lease.
        identity: who we are. Two processes must never share it.
        terms: the intervals.
        clock: monotonic seconds.
        sleep: how to wait.
    """

    def __init__(
        self,
        client: Client,
        key: Key,
        *,
        identity: str,
        terms: Terms = Terms(),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.identity = identity
        self.elected = asyncio.Event()
        """Set when this process becomes the leader; never unset, since `run` raises instead."""
        self._client = client
        self._key = key
        self._terms = terms
        self._clock = clock
        self._sleep = sleep
        self._sighting: Sighting | None = None
        self._lease: Object | None = None
        self._renewed_at: float | None = None
        self._leader = ""

    @property
    def leads(self) -> bool:
        """Whether this process may act, by the clock and not by what it believed a moment ago."""
        return self._renewed_at is not None and self._left() > 0

    async def run(self) -> None:
        """Stand for election, and once elected renew, until cancelled.

        Raises:
            LeadershipLostError: after it led, the Lease could not be renewed in time, or is
                another's.
        """
        while True:
            limit = self._terms.deadline if self._renewed_at is None else self._left()
            try:
                async with asyncio.timeout(max(0.0, limit)):
                    pause = await self._round()
            except (ApiError, TimeoutError) as error:
                log.warning("election: %s", str(error) or "no answer in time")
                pause = self._terms.retry / 2
            if self._renewed_at is not None:
                if not self.leads:
                    raise LeadershipLostError("the Lease could not be renewed in time")
                pause = min(pause, max(0.0, self._left()))
            await self._sleep(pause)

    async def resign(self) -> None:
        """Give the Lease back, so that the next one need not wait. Call when all work has ended."""
        lease, self._renewed_at = self._lease, None
        if lease is not None and Record.of(lease).holder == self.identity:
            await self._client.replace(LEASES, {**lease, "spec": {**lease["spec"], **_GIVEN_BACK}})

    def _left(self) -> float:
        """Seconds until the deadline of a leader."""
        if self._renewed_at is None:
            return 0.0
        return self._renewed_at + self._terms.deadline - self._clock()

    async def _round(self) -> float:
        """Look, decide, act; returns the seconds to the next round."""
        await self._look()
        decision = step(self._sighting, self.identity, self._clock(), self._terms)
        match decision:
            case Create():
                await self._write(None)
            case Take():
                await self._write(self._lease)
            case Wait(seconds, leader):
                self._follow(leader)
                return seconds
            case _:
                assert_never(decision)
        return self._terms.retry

    async def _look(self) -> None:
        namespace, name = self._key
        try:
            self._lease = await self._client.get(LEASES, name, namespace=namespace)
        except NotFound:
            self._lease, self._sighting = None, None
        else:
            self._sighting = sight(self._sighting, Record.of(self._lease), self._clock())

    async def _write(self, lease: Object | None) -> None:
        """Write our name. Raises AlreadyExists or Conflict when somebody was faster."""
        before = self._clock()
        old = (lease or {}).get("spec") or {}
        change = old.get("holderIdentity") != self.identity
        spec = {
            **old,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._terms.duration)),
            "renewTime": stamp(),
            "acquireTime": stamp() if change else old.get("acquireTime"),
            "leaseTransitions": int(old.get("leaseTransitions") or 0)
            + (lease is not None) * change,
        }
        if lease is None:
            meta = {"namespace": self._key.namespace, "name": self._key.name}
            self._lease = await self._client.create(LEASES, {"metadata": meta, "spec": spec})
        else:
            self._lease = await self._client.replace(LEASES, {**lease, "spec": spec})
        self._sighting = sight(self._sighting, Record.of(self._lease), self._clock())
        self._renewed_at = before
        if not self.elected.is_set():
            log.info("election: %s leads", self.identity)
            self.elected.set()

    def _follow(self, leader: str) -> None:
        if self._renewed_at is not None:
            raise LeadershipLostError(f"{leader} leads now")
        if leader != self._leader:
            log.info("election: %s leads, %s stands by", leader, self.identity)
            self._leader = leader


_GIVEN_BACK: Object = {"holderIdentity": "", "leaseDurationSeconds": 1}
