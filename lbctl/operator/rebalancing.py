"""Rebalancing on request: the annotation `lbctl.io/rebalance` of a pool is carried out in steps.

Each step begins when the addresses of the one before it are held, and announced, where they were
to go. What is under way stands in the VirtualIPs, so a restart goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lbctl.core.addresses import object_name
from lbctl.core.labels import REBALANCE
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import ConditionType, PoolEvent, RebalancedReason
from lbctl.core.succession.rebalancing import STEP_PAUSE, Step, next_step
from lbctl.kube import conditions
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.objects import POOLS, Key, Object
from lbctl.operator.items import Item, What
from lbctl.operator.refresh import refresh
from lbctl.world.planning import Planning
from lbctl.world.world import World

_TOPIC = "rebalance"
_LOOK_SECONDS = 10.0
"""A move that ends wakes its pool; this is for what nobody tells of."""
_WITHDRAWN = Step(RebalancedReason.WITHDRAWN, "The annotation was removed: nothing else moves.")
_BEGUN = Note(PoolEvent.REBALANCING, "Addresses move, few at a time, until nodes carry alike.")


class Request(NamedTuple):
    """What a person asked for, and what was done of it."""

    wanted: str | None
    """The value of the annotation."""
    done: str | None
    """`status.rebalanced`."""

    @property
    def open(self) -> bool:
        return self.wanted is not None and self.wanted != self.done


def request_of(pool: Object | None) -> Request:
    """Read a pool's request; an empty value is one as well."""
    if pool is None:
        return Request(None, None)
    annotations = pool["metadata"].get("annotations") or {}
    return Request(annotations.get(REBALANCE), (pool.get("status") or {}).get("rebalanced"))


class Rebalancing:
    """Carries requests out.

    Args:
        world: what is known.
        client: an open client.
        planning: gives the addresses their new nodes.
        recorder: tells Events on pools.
        add: asks for work on an item now.
        later: the same after some seconds.
    """

    def __init__(
        self,
        world: World,
        client: Client,
        planning: Planning,
        *,
        recorder: Recorder,
        add: Callable[[Item], None],
        later: Callable[[Item, float], None],
    ) -> None:
        self._world = world
        self._client = client
        self._planning = planning
        self._recorder = recorder
        self._add = add
        self._later = later
        self._rested: dict[Key, float] = {}
        """When the next step of a pool may begin, by the world's clock."""

    async def reconcile(self, key: Key) -> None:
        """Take the next step of a pool's request, if there is one and its time has come."""
        pool = self._world.pools.get(key)
        if pool is None or not request_of(pool).open:
            self._rested.pop(key, None)
            if pool is not None and request_of(pool).wanted is None and _is_under_way(pool):
                await self._tell(key, pool, _WITHDRAWN)
            return
        addresses = self._addresses(key.name)
        step = self._step(addresses)
        now = self._world.now()
        if step.moves:
            if now < (rest := self._rested.get(key, now)):
                self._later(Item(What.REBALANCING, key), rest - now)
                return
            self._planning.wanted.update((move.address, move.to) for move in step.moves)
            step = self._step(addresses)
        await self._tell(key, pool, step)
        if step.done:
            self._rested.pop(key, None)
            return
        self._rested[key] = now + STEP_PAUSE
        for one in addresses:
            if one.address in self._planning.wanted:
                self._add(Item(What.VIRTUAL_IP, Key("", object_name(one.address))))
        self._later(Item(What.REBALANCING, key), _LOOK_SECONDS)

    def _addresses(self, pool: str) -> list[VirtualIPView]:
        return [
            one
            for one in self._world.ledger.virtual_ips()
            if one.pool == pool and one.stage is Stage.ALLOCATED
        ]

    def _step(self, addresses: list[VirtualIPView]) -> Step:
        nodes = self._world.node_views()
        return next_step(
            addresses,
            self._planning.judge,
            self._world.loads,
            nodes=[name for name, view in nodes.items() if view.speaker is not None],
            wanted=self._planning.wanted,
        )

    async def _tell(self, key: Key, pool: Object, step: Step) -> None:
        """Write how far it is, when that is news. Raises what a write raises."""
        request = request_of(pool)
        generation = int(pool["metadata"]["generation"])
        said = Condition(ConditionType.REBALANCED, step.done, step.reason, step.message, generation)
        known = (pool.get("status") or {}).get("conditions") or []
        merged = conditions.merge(known, said)
        done = step.done and request.open
        subject = Subject.of(POOLS, pool)
        if merged is not None or done:
            status: Object = {"conditions": known if merged is None else merged}
            if done:
                status["rebalanced"] = request.wanted
            try:
                written = await self._client.patch_status(
                    POOLS, key.name, status, resource_version=pool["metadata"]["resourceVersion"]
                )
            except (Conflict, NotFound):
                await refresh(self._client, self._world.pools, key)
                raise
            self._world.pools.put(written)
        if step.reason is RebalancedReason.MOVING:
            self._recorder.stand(subject, _TOPIC, [_BEGUN])
        else:
            self._recorder.stand(subject, _TOPIC, [])
        if done:
            self._recorder.say(subject, Note(PoolEvent.REBALANCED, step.message))


def _is_under_way(pool: Object) -> bool:
    known = (pool.get("status") or {}).get("conditions") or []
    found = conditions.find(known, ConditionType.REBALANCED)
    return found is not None and found.get("reason") == RebalancedReason.MOVING
