"""Leases (``coordination.k8s.io/v1``): who leads, who lives, and how old a sign of life is.

Times in a Lease were written by somebody else's clock, so nobody here compares them with their
own. What counts is how long ago *this* process saw the Lease change, by its monotonic clock. A
Lease that is seen for the first time counts as fresh: its true age cannot be known, and to judge a
living node dead is worse than to learn of a death ten seconds later.

For the same reason nobody grows old while we could not have heard of them: see `Freshness`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime

from lbctl.kube.client import Client
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.objects import LEASES, Key, Object


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says: its holder (``""`` = given back) and a mark of its last renewal."""

    holder: str
    renewed: str

    @staticmethod
    def of(lease: Object) -> Record:
        """Read a Lease object."""
        spec = lease.get("spec") or {}
        return Record(str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or ""))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record, and when this process first saw it, in seconds of the monotonic clock."""

    record: Record
    since: float

    def age(self, now: float) -> float:
        """Seconds since the Lease was last seen to change."""
        return now - self.since


def sight(previous: Sighting | None, record: Record, now: float) -> Sighting:
    """Look at a Lease again: its age goes on unless the record changed."""
    if previous is not None and previous.record == record:
        return previous
    return Sighting(record, now)


_LONG_GAP = 1 / 3
"""A gap of this part of the duration may have kept a live writer from renewing in time."""


class Freshness:
    """Which of many Leases are fresh, by their locally measured age.

    A Lease that did not change tells of its writer only while a change would have reached us. When
    the API server was away, or our own process stood still, those who lived when we last heard of
    anybody get a whole duration more: else the first one to renew would look like the only
    survivor. A gap too short for that stops the clock, so that nobody lives on gaps.

    Args:
        duration: seconds after which a Lease that did not change is stale.
    """

    def __init__(self, duration: float) -> None:
        self.duration = duration
        self._sightings: dict[Hashable, Sighting] = {}
        self._heard: float | None = None
        """When any Lease was last seen to change, or the stream to work again."""
        self._deaf_since: float | None = None

    def see(self, name: Hashable, record: Record, now: float) -> bool:
        """Look at a Lease. True when its change ends a silence of all, so that others are fresh."""
        before = self._sightings.get(name)
        seen = sight(before, record, now)
        if seen is before:
            return False
        heard, self._heard = self._heard, now
        silence = heard is not None and now - heard >= self.duration
        if heard is not None and silence:
            self._excuse(heard, now)
        self._sightings[name] = seen
        return silence

    def lost(self, now: float) -> None:
        """Nothing can be heard from now on: time stands still for all Leases."""
        if self._deaf_since is None:
            self._deaf_since = now

    def following(self, now: float) -> None:
        """Changes reach us again. Whoever was fresh when we lost the stream has a duration more."""
        if self._deaf_since is not None:
            since, self._deaf_since = self._deaf_since, None
            self._excuse(since, now, whole=now - since >= self.duration * _LONG_GAP)
            self._heard = now

    def forget(self, name: Hashable) -> None:
        """The Lease was deleted."""
        self._sightings.pop(name, None)

    def fresh(self, name: Hashable, now: float) -> bool:
        """Whether somebody holds the Lease and has renewed it within the duration."""
        sighting = self._sightings.get(name)
        at = now if self._deaf_since is None else min(now, self._deaf_since)
        return sighting is not None and self._fresh(sighting, at)

    def next_expiry(self, now: float) -> float | None:
        """Seconds until the next Lease turns stale unless renewed; None when none can."""
        if self._deaf_since is not None:
            return None
        left = [
            sighting.since + self.duration - now
            for name, sighting in self._sightings.items()
            if self.fresh(name, now)
        ]
        return min(left, default=None)

    def _excuse(self, last: float, now: float, *, whole: bool = True) -> None:
        """Whoever was fresh at `last` has a whole duration from now, or what was left of it."""
        for name, sighting in self._sightings.items():
            if self._fresh(sighting, last):
                age = 0.0 if whole else max(0.0, sighting.age(last))
                self._sightings[name] = Sighting(sighting.record, now - age)

    def _fresh(self, sighting: Sighting, at: float) -> bool:
        record = sighting.record
        return bool(record.holder and record.renewed) and sighting.age(at) < self.duration


def stamp() -> str:
    """The wall clock as ``MicroTime``, in UTC. For people to read: nobody computes with it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Owner:
    """The object whose deletion takes the Lease along."""

    api_version: str
    kind: str
    name: str
    uid: str

    def reference(self) -> Object:
        """As an entry of ``metadata.ownerReferences``."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
        }


class SignOfLife:
    """One Lease that one process renews to say that it lives; nobody competes for it.

    Args:
        client: an open client.
        key: namespace and name of the Lease.
        holder: who lives: the node's name.
        duration: seconds, written into the Lease for people; readers have their own setting.
        labels: put on the Lease when it is created, so that readers can select it.
        owner: whose deletion takes the Lease along.
    """

    def __init__(
        self,
        client: Client,
        key: Key,
        *,
        holder: str,
        duration: int,
        labels: dict[str, str],
        owner: Owner | None = None,
    ) -> None:
        self._client = client
        self._key = key
        self._holder = holder
        self._duration = duration
        self._labels = labels
        self._owner = owner
        self._lease: Object | None = None

    async def renew(self) -> None:
        """Say once more that the holder lives. Raises ApiError; call again after a pause."""
        await self._write(self._holder)

    async def release(self) -> None:
        """Say that the holder stops now, so that nobody has to wait for the Lease to turn stale."""
        await self._write("")

    async def _write(self, holder: str) -> None:
        """Write in one request while nobody interferes, in three when somebody did."""
        if self._lease is not None:
            try:
                self._lease = await self._replace(self._lease, holder)
            except (Conflict, NotFound):
                self._lease = None
            else:
                return
        try:
            found = await self._client.get(LEASES, self._key.name, namespace=self._key.namespace)
        except NotFound:
            self._lease = await self._create(holder)
        else:
            self._lease = await self._replace(found, holder)

    async def _replace(self, lease: Object, holder: str) -> Object:
        return await self._client.replace(LEASES, {**lease, "spec": self._spec(holder)})

    async def _create(self, holder: str) -> Object:
        meta: Object = {
            "namespace": self._key.namespace,
            "name": self._key.name,
            "labels": self._labels,
        }
        if self._owner is not None:
            meta["ownerReferences"] = [self._owner.reference()]
        return await self._client.create(LEASES, {"metadata": meta, "spec": self._spec(holder)})

    def _spec(self, holder: str) -> Object:
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": self._duration,
            "renewTime": stamp(),
        }
