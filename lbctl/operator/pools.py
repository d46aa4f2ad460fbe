"""IPAddressPools: the status tells what became of the addresses, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from lbctl.core.addresses import Family
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.virtualips import Kept
from lbctl.core.outcomes import ConditionType, PoolReason
from lbctl.core.succession.advertisement_findings import unadvertised
from lbctl.kube import conditions
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.objects import POOLS, Key, Object, uid_of
from lbctl.operator.metrics import Metrics
from lbctl.operator.refresh import refresh
from lbctl.world.world import World

SHOWN_AT_MOST = 2**53 - 1
"""The largest integer that every reader of JSON keeps exact (RFC 8259 section 6). A /64 has more
addresses; metrics are floats and tell them all."""

_LABELS: Mapping[str, str] = {Kept.COOLING_DOWN: "cooling_down"}
"""What Prometheus writes otherwise than the API does."""

Counts = Mapping[Family, Mapping[str, int]]
"""How many addresses of each family, by what became of them."""

_VERDICT = "verdict"
"""The topic of a pool's Events."""


class Pools:
    """Reconciles the status of pools."""

    def __init__(self, world: World, client: Client, metrics: Metrics, recorder: Recorder) -> None:
        self._world = world
        self._client = client
        self._metrics = metrics
        self._recorder = recorder
        self._uids: dict[str, str] = {}

    async def reconcile(self, key: Key) -> None:
        """Write the status if it says anything else than what is so."""
        if self._world.ledger.pool(key.name) is None:
            self._uncount(key.name)
            self._recorder.forget(self._uids.pop(key.name, ""))
            return
        finding, counts = self.judged(key.name)
        self._count(key.name, counts)
        obj = self._world.pools.get(key)
        if obj is None:
            return  # It is MetalLB's.
        self._uids[key.name] = uid_of(obj)
        self._recorder.stand(Subject.of(POOLS, obj), _VERDICT, _notes(finding))
        status = _status(obj, finding, counts)
        if status is None:
            return
        try:
            written = await self._client.patch_status(
                POOLS,
                key.name,
                status,
                resource_version=obj["metadata"]["resourceVersion"],
            )
        except (Conflict, NotFound):
            await refresh(self._client, self._world.pools, key)
            raise
        self._world.pools.put(written)

    def judged(self, name: str) -> tuple[PoolFinding, Counts]:
        """What is found of a pool that is known, and what became of its addresses."""
        ledger = self._world.ledger
        finding = unadvertised(
            next(f for f in ledger.findings() if f.pool.name == name),
            self._world.advertisement_views.values(),
        )
        return finding, {
            family: {
                **ledger.counts(name, family)._asdict(),
                **ledger.kept(name, family),
            }
            for family in Family
        }

    def _count(self, pool: str, counts: Counts) -> None:
        for family, of_family in counts.items():
            for state, number in of_family.items():
                label = _LABELS.get(state, state)
                self._metrics.pool_addresses.labels(pool, family.lower(), label).set(number)

    def _uncount(self, pool: str) -> None:
        self._metrics.pool_addresses.remove_by_labels({"pool": pool})


def _notes(finding: PoolFinding) -> Iterator[Note]:
    """What whoever made the pool should hear. That it is disabled they know."""
    match finding.reason:
        case PoolReason.READY | PoolReason.DISABLED:
            return
        case PoolReason.ADDRESSES_SKIPPED:
            yield Note(finding.reason, finding.message)
        case PoolReason.OVERLAP | PoolReason.INVALID_ADDRESSES | PoolReason.NOT_ADVERTISED:
            yield Note(finding.reason, finding.message, warning=True)
        case _ as never:
            assert_never(never)


def _shown(counts: Mapping[str, int]) -> Object:
    return {state: min(number, SHOWN_AT_MOST) for state, number in counts.items()}


def _status(obj: Object, finding: PoolFinding, counts: Counts) -> Object | None:
    """The status to write; None when the object says it already."""
    old = obj.get("status") or {}
    generation = int(obj["metadata"]["generation"])
    condition = Condition(
        ConditionType.READY, finding.gives, finding.reason, finding.message, generation
    )
    known = old.get("conditions") or []
    merged = conditions.merge(known, condition)
    # A merge patch takes out what is null.
    wanted: Object = {"observedGeneration": generation} | {
        family.lower(): _shown(of_family) if of_family["total"] else None
        for family, of_family in counts.items()
    }
    if merged is None and all(old.get(name) == value for name, value in wanted.items()):
        return None
    return {**wanted, "conditions": known if merged is None else merged}
