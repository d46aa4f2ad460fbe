"""All that the operator knows: mirrors of the kinds that it watches, and what follows from them.

The stores are fed by watches, by sweeping lists and by the answers to our own writes. The ledger,
the loads and the view of the nodes are derived here, object by object, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lbctl.core.addresses import Address, address_of, object_name
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.pool_findings import RangeKind
from lbctl.core.labels import speaker_lease
from lbctl.core.objects.advertisements import AdvertisementView, Announcing
from lbctl.core.objects.endpoints import EndpointBook
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.requests import LBCTL, Dialect
from lbctl.core.objects.services import ServiceKey, ServiceView
from lbctl.core.objects.speakers import NodeView, SpeakerView, newest_version
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import Liveness
from lbctl.core.reading.advertisements import advertisement_view
from lbctl.core.reading.objects import (
    node_addresses,
    node_identity,
    node_view,
    pod_ranges,
    service_ranges,
    service_view,
    speaker_view,
    virtual_ip_view,
)
from lbctl.core.reading.pools import pool_view
from lbctl.core.succession.deaths import reported_down
from lbctl.core.succession.eligibility import Cluster
from lbctl.core.succession.partners import Partnerships, partnerships
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.standing import Standing, look
from lbctl.core.succession.together import announcing_all
from lbctl.kube.lease import Freshness, Record
from lbctl.kube.objects import (
    L2_ADVERTISEMENTS,
    NAMESPACES,
    NODES,
    POOLS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
    Key,
    Object,
)
from lbctl.world.mirrors import mirrors


class World:
    """The mirrors and what is derived from them.

    Args:
        lease_duration: seconds after which a speaker's Lease that did not change is stale.
        clock: monotonic seconds.
        dialect: the annotations by which Services ask for something.
    """

    def __init__(
        self,
        *,
        lease_duration: float,
        clock: Callable[[], float] = time.monotonic,
        dialect: Dialect = LBCTL,
    ) -> None:
        self.stores = mirrors()
        self.services = self.stores[SERVICES]
        self.nodes = self.stores[NODES]
        self.namespaces = self.stores[NAMESPACES]
        self.pools = self.stores[POOLS]
        self.virtual_ips = self.stores[VIRTUAL_IPS]
        self.speakers = self.stores[SPEAKERS]
        self.advertisements = self.stores[L2_ADVERTISEMENTS]
        self.advertisement_views: dict[str, AdvertisementView] = {}
        self.metallb_pools: dict[str, PoolView] = {}
        """MetalLB's pools, by name. One of ours of the same name counts instead."""
        self.virtual_ip_views: dict[Key, VirtualIPView] = {}
        """What each VirtualIP of the mirror says. The ledger may expect another there just now."""
        self.ledger = Ledger()
        self.loads = Loads()
        self.moving: set[Address] = set()
        """The addresses that a node is to hand to another one just now."""
        self.endpoints = EndpointBook()
        self.local_services: dict[ServiceKey, ServiceView] = {}
        """The Services with `externalTrafficPolicy: Local`."""
        self.freshness = Freshness(lease_duration)
        self._clock = clock
        self.dialect = dialect
        self._leases: dict[str, Record] = {}
        """By the name of the Lease, as all that is judged of speakers."""
        self._judged: dict[str, Liveness] = {}
        self._speaker_views: dict[str, SpeakerView] = {}
        self._node_views: Cluster | None = None
        self._standing: Standing | None = None
        self._partnerships: Partnerships | None = None
        self.services.listen(self._service_changed)
        self.pools.listen(self._pool_changed)
        self.virtual_ips.listen(self._virtual_ip_changed)
        self.nodes.listen(self._node_changed)
        self.namespaces.listen(self._namespace_changed)
        self.speakers.listen(self._speaker_changed)
        self.advertisements.listen(self._advertisement_changed)

    @property
    def synced(self) -> bool:
        """Whether every mirror has been complete once: only then does absence mean anything."""
        return all(store.synced for store in self.stores.values())

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock()

    def node_views(self) -> Cluster:
        """Every node with its speaker, and how alive that was when the clock was last looked at."""
        if self._node_views is None:
            names = {key.name for key in self.nodes} | self._speaker_views.keys()
            views = {
                name: node_view(
                    name,
                    self._speaker_views.get(name),
                    self._judged.get(speaker_lease(name), Liveness.MISSING),
                    self.nodes.get(Key("", name)),
                )
                for name in names
            }
            newest = newest_version(self._speaker_views.values())
            for name, speaker in self._speaker_views.items():
                if speaker.version != newest:
                    views[name] = replace(views[name], updated=False)
            for name in reported_down(views, self.partnerships()):
                views[name] = replace(views[name], reported_down=True)
            self._standing = look(self._standing, views, self._clock())
            self._node_views = Cluster(views, self.partnerships(), self._standing)
        return self._node_views

    def partnerships(self) -> Partnerships:
        """Who is whose partner, as of now. Whether they live makes no difference."""
        if self._partnerships is None:
            views = self._speaker_views
            pools = [finding.addresses for finding in self.ledger.findings()]
            nodes = {name: NodeView(name, views[name]) for name in views}
            self._partnerships = partnerships(nodes, pools)
        return self._partnerships

    def reported_down(self) -> frozenset[str]:
        """The nodes that their partners saw die."""
        return frozenset(name for name, view in self.node_views().items() if view.reported_down)

    def announcing(self, view: VirtualIPView) -> Announcing | None:
        """How an address is announced; None when there are L2Advertisements and none matches."""
        return announcing_all(
            self.advertisement_views.values(),
            None if view.pool is None else self.ledger.pool(view.pool),
            {service.key: service.labels for service in self._services_of(view)},
            self.node_views().values(),
        )

    def advertised_by(self, name: str) -> int:
        """How many addresses of Services an L2Advertisement matches."""
        one = self.advertisement_views[name]
        return sum(self._matches(one, view) for view in self.ledger.virtual_ips())

    def _matches(self, one: AdvertisementView, view: VirtualIPView) -> bool:
        pool = None if view.pool is None else self.ledger.pool(view.pool)
        return any(one.matches(pool, service.labels) for service in self._services_of(view))

    def _services_of(self, view: VirtualIPView) -> Iterator[ServiceView]:
        """The Services that have an address, in the order in which they came, as far as known."""
        for ref in view.services:
            if (known := self.ledger.service(ref.key)) is not None:
                yield known

    def lease_changed(self, name: str, record: Record | None) -> bool:
        """Learn of a speaker's Lease; None = deleted. True when the speaker's liveness changed."""
        if record is None:
            self._leases.pop(name, None)
            self.freshness.forget(name)
        else:
            self._leases[name] = record
            if self.freshness.see(name, record, self._clock()):
                return self._judge(self._leases)
        return self._judge([name])

    def leases_followed(self, *, following: bool) -> bool:
        """Learn whether changes of Leases reach us. True when a speaker's liveness changed."""
        now = self._clock()
        if following:
            self.freshness.following(now)
        else:
            self.freshness.lost(now)
        return self._judge(self._leases)

    def next_expiry(self) -> float | None:
        """Seconds until the next speaker is judged silent unless it renews."""
        return self.freshness.next_expiry(self._clock())

    def expire(self) -> bool:
        """Look at the clock. True when a speaker's liveness changed since the last look."""
        return self._judge(self._leases)

    def expect(self, virtual_ip: VirtualIPView) -> None:
        """Count a VirtualIP that is about to be created, so that nobody else here takes it."""
        self.ledger.put_virtual_ip(virtual_ip)
        self.loads.put(virtual_ip.address, virtual_ip.succession)

    def settle(self, address: Address) -> None:
        """Forget what was expected: what the mirror says of the address counts again."""
        key = Key("", object_name(address))
        self._virtual_ip_changed(key, None, self.virtual_ips.get(key))

    def service_range_changed(self, key: Key, obj: Object | None) -> None:
        """Learn of a ServiceCIDR; None = deleted."""
        if obj is None:
            self.ledger.drop_cluster_range(RangeKind.SERVICES, key.name)
        else:
            networks, created = service_ranges(obj), obj["metadata"].get("creationTimestamp") or ""
            self.ledger.put_cluster_range(RangeKind.SERVICES, key.name, *networks, created=created)

    def keep_service(self, obj: Object) -> None:
        """Know a Service as it is at this moment, also one that the mirror does not hold."""
        self.ledger.put_service(service_view(obj, self.dialect))

    def settle_service(self, key: ServiceKey) -> None:
        """What the mirror says of the Service counts again."""
        self._service_changed(stored := Key(*key), None, self.services.get(stored))

    def _liveness(self, lease: str) -> Liveness:
        record = self._leases.get(lease)
        if record is None:
            return Liveness.MISSING
        if not record.holder:
            return Liveness.RELEASED
        return Liveness.FRESH if self.freshness.fresh(lease, self._clock()) else Liveness.STALE

    def _judge(self, leases: Iterable[str]) -> bool:
        """Judge again whether these speakers live. True when a judgement changed."""
        judged = {lease: self._liveness(lease) for lease in leases}
        changed = any(self._judged.get(lease) is not now for lease, now in judged.items())
        self._judged.update(judged)
        if changed:
            self._node_views = None
        return changed

    def _service_changed(self, key: Key, _old: Object | None, new: Object | None) -> None:
        if new is None:
            self.ledger.drop_service(ServiceKey(*key))
            self.local_services.pop(ServiceKey(*key), None)
            return
        view = service_view(new, self.dialect)
        self.ledger.put_service(view)
        if view.local:
            self.local_services[view.key] = view
        else:
            self.local_services.pop(view.key, None)

    def _pool_changed(self, key: Key, _old: Object | None, new: Object | None) -> None:
        self._know_pool(key.name, None if new is None else pool_view(new))

    def metallb_pool_changed(self, name: str, view: PoolView | None) -> None:
        """Learn of a pool of MetalLB's; None = it is gone."""
        if view is None:
            self.metallb_pools.pop(name, None)
        else:
            self.metallb_pools[name] = view
        if Key("", name) not in self.pools:
            self._know_pool(name, None)

    def metallb_advertisement_changed(self, key: Key, view: AdvertisementView | None) -> None:
        """Learn of an L2Advertisement of MetalLB's; None = it is gone."""
        if view is None:
            self.advertisement_views.pop(str(key), None)
        else:
            self.advertisement_views[str(key)] = view

    def pool_keys(self) -> Iterable[Key]:
        """The pools of either API, by their names alone."""
        return [Key("", finding.pool.name) for finding in self.ledger.findings()]

    def advertisement_keys(self) -> Iterable[Key]:
        """The L2Advertisements: MetalLB's have a namespace."""
        named = (name.rpartition("/") for name in self.advertisement_views)
        return [Key(namespace, name) for namespace, _, name in named]

    def _know_pool(self, name: str, own: PoolView | None) -> None:
        view = own or self.metallb_pools.get(name)
        if view is None:
            self.ledger.drop_pool(name)
        else:
            self.ledger.put_pool(view)
        self._partnerships = self._node_views = None

    def _virtual_ip_changed(self, key: Key, _old: Object | None, new: Object | None) -> None:
        address = address_of(key.name)
        if address is None:
            return  # The store accepts none of these.
        if new is None:
            self.virtual_ip_views.pop(key, None)
            self.ledger.drop_virtual_ip(address)
            self.loads.drop(address)
            self.moving.discard(address)
        else:
            self.virtual_ip_views[key] = view = virtual_ip_view(new)
            self.ledger.put_virtual_ip(view)
            (self.moving.discard if view.outgoing is None else self.moving.add)(address)
            held = None if view.outgoing is not None else view.holder
            # Nobody carries what is on its way out, however long it rests, or kept for later.
            carried = view.succession if view.stage is Stage.ALLOCATED else ()
            self.loads.put(address, carried, held)

    def _advertisement_changed(self, key: Key, _old: Object | None, new: Object | None) -> None:
        if new is None:
            self.advertisement_views.pop(key.name, None)
        else:
            self.advertisement_views[key.name] = advertisement_view(new)

    def _namespace_changed(self, key: Key, _old: Object | None, new: Object | None) -> None:
        if new is None:
            self.ledger.drop_namespace(key.name)
        else:
            self.ledger.put_namespace(key.name, new["metadata"].get("labels") or {})

    def _node_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or _facts(old) != _facts(new):
            self._addresses_changed(key.name)
        if new is None:
            self.ledger.drop_cluster_range(RangeKind.PODS, key.name)
        else:
            networks, created = pod_ranges(new), new["metadata"].get("creationTimestamp") or ""
            self.ledger.put_cluster_range(RangeKind.PODS, key.name, *networks, created=created)

    def _speaker_changed(self, key: Key, _old: Object | None, new: Object | None) -> None:
        before = self._speaker_views.pop(key.name, None)
        if new is not None:
            self._speaker_views[key.name] = speaker_view(new)
        after = self._speaker_views.get(key.name)
        if before is None or after is None or before.interfaces != after.interfaces:
            self._partnerships = None
        self._addresses_changed(key.name)

    def _addresses_changed(self, node: str) -> None:
        self._node_views = None
        known = self.nodes.get(Key("", node))
        speaker = self._speaker_views.get(node)
        if known is None and speaker is None:
            self.ledger.drop_node(node)
        else:
            interfaces = () if speaker is None else speaker.interfaces
            self.ledger.put_node(node, node_addresses(known, speaker), node_identity(known))
            self.ledger.put_macs(node, frozenset(one.mac for one in interfaces))
            subnets = frozenset(own.network for one in interfaces for own in one.addresses)
            gateways = frozenset(router for one in interfaces for router in one.gateways)
            self.ledger.put_lan(node, subnets, gateways)


def _facts(node: Object) -> object:
    """All that is read of a Node."""
    return node_view("", None, Liveness.MISSING, node), node_identity(node)
