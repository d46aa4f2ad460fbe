"""From a snapshot to what the operator would know, and so to what it would decide. Pure.

The mirrors, the ledger and the planner are the operator's own, so that what is foretold here is
what happens there. Two things differ, because a snapshot is one look and the operator looks on and
on: who lives is read from the time in each Lease, by the API server's clock; and what newly fails
on most nodes at once is doubted, as a leader that has just begun doubts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lbctl.cli.snapshot import Snapshot, time_of
from lbctl.core.addresses import family_of
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import Decision
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.labels import speaker_lease
from lbctl.core.metallb.advertisements import metallb_advertisement_view
from lbctl.core.metallb.pools import metallb_pool_view
from lbctl.core.metallb.requests import METALLB
from lbctl.core.objects.requests import LBCTL
from lbctl.core.objects.services import Ownership, ServiceKey, ServiceView
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import Liveness
from lbctl.core.reading.objects import slice_view
from lbctl.core.succession.eligibility import Cluster, Judgement
from lbctl.core.succession.partners import Partnerships
from lbctl.core.succession.planner import SuccessionPlan
from lbctl.kube.client import Listing
from lbctl.kube.lease import Record
from lbctl.kube.objects import (
    ENDPOINT_SLICES,
    LEASES,
    METALLB_L2_ADVERTISEMENTS,
    METALLB_POOLS,
    SERVICE_CIDRS,
    SERVICES,
    SPEAKERS,
    Object,
    key_of,
)
from lbctl.world.planning import Planning
from lbctl.world.world import World

_CLOCKS_DIFFER = 3.0
"""Seconds by which the clocks of a node and of the API server may differ: it makes nobody dead."""


@dataclass(frozen=True)
class State:
    """A cluster as the operator would see it."""

    snapshot: Snapshot

    @cached_property
    def world(self) -> World:
        """The operator's mirrors, filled from the snapshot."""
        return _world(self.snapshot)

    @cached_property
    def planning(self) -> Planning:
        return Planning(self.world)

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    @property
    def ownership(self) -> Ownership:
        return self.snapshot.installation.ownership

    @property
    def nodes(self) -> Cluster:
        """Every node, and what was judged of them."""
        return self.world.node_views()

    @property
    def partners(self) -> Partnerships:
        return self.world.partnerships()

    @cached_property
    def services(self) -> tuple[ServiceView, ...]:
        """The Services that are lbctl's, by namespace and name."""
        found = (self.ledger.service(ServiceKey(*key)) for key in self.world.services)
        return tuple(
            sorted(
                (one for one in found if one is not None and self.ownership.ours(one)),
                key=lambda one: one.key,
            )
        )

    @cached_property
    def allocated(self) -> tuple[VirtualIPView, ...]:
        """The addresses that Services have, lowest first."""
        views = (one for one in self.ledger.virtual_ips() if one.stage is Stage.ALLOCATED)
        return tuple(sorted(views, key=lambda one: (one.address.version, int(one.address))))

    def decide(self, key: ServiceKey) -> Decision:
        """What the operator would do for a Service."""
        return decide(key, self.ledger, self.ownership)

    def plan(self, view: VirtualIPView) -> SuccessionPlan | None:
        """What the operator would plan for an address; None while endpoints are not known."""
        return self.planning.plan(view)

    def judge(self, view: VirtualIPView) -> Judgement | None:
        """Who may announce an address; None when nobody is asked to, or it cannot be known."""
        return self.planning.judge(view)

    def held(self, view: VirtualIPView) -> bool:
        """Whether a node that lives says that it announces the address."""
        return view.holder is not None and self.lives(view.holder)

    def lives(self, node: str) -> bool:
        """Whether a node's speaker lives, as far as is known."""
        view = self.nodes.get(node)
        known = view is not None and view.speaker is not None
        return known and self.liveness(node) is Liveness.FRESH

    def liveness(self, node: str) -> Liveness:
        """What a node's Lease says. Without the right to read Leases a speaker is believed."""
        return self.nodes[node].liveness if node in self.nodes else Liveness.MISSING

    def heir(self, view: VirtualIPView, *, without: Iterable[str] = ()) -> str | None:
        """Who takes the address when these nodes and its holder are gone: the wire's own rule."""
        gone = {view.holder, *without}
        judged = self.judge(view)
        for node in view.succession:
            if node in gone or not self.lives(node):
                continue
            if judged is None or node in judged.able:
                return node
        return None

    def silent_for(self, node: str) -> float | None:
        """Seconds since the node's speaker renewed its Lease; None when it has none."""
        return _age(self.snapshot, _leases(self.snapshot).get(speaker_lease(node)))


def _world(snapshot: Snapshot) -> World:
    installed = snapshot.installation
    compat = bool(installed.metallb_namespace)
    world = World(
        lease_duration=installed.lease_duration,
        clock=lambda: 0.0,
        dialect=METALLB if compat else LBCTL,
    )
    # Each store tells the ledger. What is read of one kind does not depend on another.
    for kind, store in world.stores.items():
        store.sweep(Listing([*snapshot.of(kind)], _newest(snapshot.of(kind))))
    for obj in snapshot.of(SERVICE_CIDRS):
        world.service_range_changed(key_of(obj), obj)
    for obj in snapshot.of(METALLB_POOLS) if compat else ():
        view, _ = metallb_pool_view(obj)
        world.metallb_pool_changed(view.name, view)
    for obj in snapshot.of(METALLB_L2_ADVERTISEMENTS) if compat else ():
        advertisement, _ = metallb_advertisement_view(obj)
        world.metallb_advertisement_changed(key_of(obj), advertisement)
    for obj in snapshot.of(ENDPOINT_SLICES):
        world.endpoints.put(key_of(obj), None, slice_view(obj))
    local = any(one.local for one in _views(world))
    world.endpoints.complete = snapshot.knows(ENDPOINT_SLICES) or not local
    for name, record in _records(snapshot).items():
        world.lease_changed(name, record)
    return world


def _views(world: World) -> Iterable[ServiceView]:
    found = (world.ledger.service(ServiceKey(*key)) for key in world.stores[SERVICES])
    return (one for one in found if one is not None)


def _newest(objects: Iterable[Object]) -> str:
    return str(
        max((int(one["metadata"].get("resourceVersion") or 0) for one in objects), default=0)
    )


def _leases(snapshot: Snapshot) -> Mapping[str, Object]:
    return {one["metadata"]["name"]: one for one in snapshot.of(LEASES)}


def _records(snapshot: Snapshot) -> dict[str, Record]:
    """What each speaker's Lease says. An old one names no renewal: that is stale."""
    if not snapshot.knows(LEASES) and not snapshot.of(LEASES):
        names = (speaker_lease(one["metadata"]["name"]) for one in snapshot.of(SPEAKERS))
        return {name: Record("believed", "now") for name in names}
    found: dict[str, Record] = {}
    for name, lease in _leases(snapshot).items():
        record, age = Record.of(lease), _age(snapshot, lease)
        late = age is None or age > snapshot.installation.lease_duration + _CLOCKS_DIFFER
        found[name] = Record(record.holder, "") if late else record
    return found


def _age(snapshot: Snapshot, lease: Object | None) -> float | None:
    renewed = time_of(((lease or {}).get("spec") or {}).get("renewTime"))
    return None if renewed is None else (snapshot.now - renewed).total_seconds()


def addresses_of(state: State, service: ServiceView) -> tuple[VirtualIPView, ...]:
    """The VirtualIPs that name this very Service, in the order of its families."""
    named = [one for one in state.ledger.virtual_ips_of(service.key) if service.ref in one.services]
    order = {family: place for place, family in enumerate(service.families)}
    return tuple(sorted(named, key=lambda one: order.get(family_of(one.address), len(order))))
