"""L2Advertisements: the status tells what each selects, and what is wrong with it."""

from __future__ import annotations

from lbctl.core.outcomes import ConditionType
from lbctl.core.succession.advertisement_findings import AdvertisementFinding, assess_advertisement
from lbctl.kube import conditions
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.objects import L2_ADVERTISEMENTS, Key, Object
from lbctl.operator.refresh import refresh
from lbctl.world.world import World


class Advertisements:
    """Reconciles the status of L2Advertisements."""

    def __init__(self, world: World, client: Client) -> None:
        self._world = world
        self._client = client

    async def reconcile(self, key: Key) -> None:
        """Write the status if it says anything else than what is so."""
        obj = self._world.advertisements.get(key)
        if obj is None:
            return
        views = self._world.advertisement_views
        finding = assess_advertisement(
            views[key.name],
            others=views.values(),
            pools=[found.pool for found in self._world.ledger.findings()],
            nodes=self._world.node_views(),
        )
        status = _status(obj, finding, self._world.advertised_by(key.name))
        if status is None:
            return
        try:
            written = await self._client.patch_status(
                L2_ADVERTISEMENTS,
                key.name,
                status,
                resource_version=obj["metadata"]["resourceVersion"],
            )
        except (Conflict, NotFound):
            await refresh(self._client, self._world.advertisements, key)
            raise
        self._world.advertisements.put(written)


def _status(obj: Object, finding: AdvertisementFinding, addresses: int) -> Object | None:
    """The status to write; None when the object says it already."""
    old = obj.get("status") or {}
    generation = int(obj["metadata"]["generation"])
    condition = Condition(
        ConditionType.READY, finding.ready, finding.reason, finding.message, generation
    )
    known = old.get("conditions") or []
    merged = conditions.merge(known, condition)
    wanted: Object = {
        "observedGeneration": generation,
        "pools": finding.pools,
        "nodes": finding.nodes,
        "addresses": addresses,
    }
    if merged is None and all(old.get(name) == value for name, value in wanted.items()):
        return None
    return {**wanted, "conditions": known if merged is None else merged}
