"""Which change makes which thing worth another look. Nothing here decides, it only enqueues.

Every rule errs towards looking too often: a reconcile that finds nothing to do costs microseconds.
The pauses gather what a burst of changes would ask for again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lbctl.core.addresses import Address, address_of, object_name, place
from lbctl.core.allocation.waiting import Waiting
from lbctl.core.intervals import AddressSet
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.reading.objects import (
    node_addresses,
    pod_ranges,
    service_view,
    virtual_ip_view,
)
from lbctl.kube.objects import Key, Object
from lbctl.kube.queue import Priority, WorkQueue
from lbctl.operator import aspects
from lbctl.operator.items import Item, What
from lbctl.operator.rebalancing import request_of
from lbctl.operator.waking import Waking
from lbctl.world.world import World

POOL_PAUSE_SECONDS = 0.5
"""A pool's counts are written at most this often while addresses come and go."""
PLAN_PAUSE_SECONDS = 0.1
"""Several nodes that change at once make one new plan of every address."""
ORDER_PAUSE_SECONDS = 0.02
"""What a person wrote about a node, like a drain, is not doubted: its addresses go at once. One
command about several nodes writes them some milliseconds apart."""
DEATHS_PAUSE_SECONDS = 0.1
"""The partners of a node that died tell of it at about the same time."""
ADVERTISEMENTS_PAUSE_SECONDS = 1.0
"""What L2Advertisements select is counted at most this often."""
MOVES_PAUSE_SECONDS = 0.1
"""Moves that were begun together end at about the same time."""
PARTNERS_PAUSE_SECONDS = 0.5
"""Several nodes that join at once make one new graph of partners."""


class Triggers:
    """Listens to the world and fills the queue.

    Args:
        world: whose changes to follow.
        queue: what to fill.
        waiting: the Services that wait for something, which are woken when it may have come.
    """

    def __init__(self, world: World, queue: WorkQueue[Item], waiting: Waiting) -> None:
        self.active = False
        """Only a leader's queue is filled; whoever becomes one begins with `everything`."""
        self._world = world
        self._queue = queue
        self._waking = Waking(world.ledger, waiting)
        self._findings: Mapping[str, PoolFinding] = {}
        self._reported_down: frozenset[str] = frozenset()
        for store, listener in (
            (world.services, self._service_changed),
            (world.virtual_ips, self._virtual_ip_changed),
            (world.pools, self._pool_changed),
            (world.namespaces, self._namespace_changed),
            (world.nodes, self._node_changed),
            (world.speakers, self._speaker_changed),
            (world.advertisements, self._advertisement_changed),
        ):
            store.listen(_when(self, listener))

    def ranges_changed(self) -> None:
        """The cluster uses other addresses for itself: pools may be in their way."""
        if self.active:
            self._pools_judged()

    def tried(self, service: Key) -> None:
        """A Service was reconciled, well or not. What it left is for the next who waits for it."""
        self._waking.tried(ServiceKey(*service))

    def everything(self) -> None:
        """Look at all there is: at the start, and after each sweeping list.

        Services that show an address go first: adopting comes before giving. (The ledger counts
        what they show as used in any case.)
        """
        for key in self._world.services:
            view = self._world.ledger.service(ServiceKey(*key))
            shows = view is not None and bool(view.ingress)
            self._queue.add(Item(What.SERVICE, key), Priority.LIVE if shows else Priority.RESYNC)
        for key in self._world.virtual_ips:
            self._queue.add(Item(What.VIRTUAL_IP, key), Priority.RESYNC)
        for key in self._world.pool_keys():
            self._queue.add(Item(What.POOL, key), Priority.RESYNC)
            self._queue.add(Item(What.REBALANCING, key), Priority.RESYNC)
        for key in self._world.speakers:
            self._queue.add(Item(What.SPEAKER, key), Priority.RESYNC)
        for key in self._world.advertisement_keys():
            self._queue.add(Item(What.ADVERTISEMENT, key), Priority.RESYNC)
        self._findings = self._judged()

    def service_of(self, virtual_ip: Key) -> None:
        """A VirtualIP names a Service that does not want it: the Service's reconcile decides."""
        obj = self._world.virtual_ips.get(virtual_ip)
        if obj is not None:
            self._name_services(obj)

    def speakers_changed(self) -> None:
        """A speaker came, went, or sees other interfaces: every plan may change."""
        if self.active:
            for key in self._world.virtual_ips:
                self._queue.add_later(Item(What.VIRTUAL_IP, key), PLAN_PAUSE_SECONDS)

    def pools_changed(self, pool: Key) -> None:
        """A pool came, went, or is another: so may be what is found of all of them."""
        if not self.active:
            return
        if self._world.advertisement_views or self._world.metallb_pools:
            self.speakers_changed()
            self._advertisements_counted()
        for known in {pool, *self._world.pool_keys()}:
            self._queue.add(Item(What.POOL, known))
        self._partners_changed()
        self._pools_judged()

    def advertisements_changed(self) -> None:
        """An L2Advertisement came, went, or is another."""
        if not self.active:
            return
        self.speakers_changed()
        for pool in self._world.pool_keys():
            self._queue.add(Item(What.POOL, pool))
        self._advertisements_counted()

    def endpoints_changed(self, service: ServiceKey) -> None:
        """The pods of a Service with `externalTrafficPolicy: Local` are on other nodes."""
        if self.active:
            self._plan_again(service)

    def endpoints_known(self) -> None:
        """All EndpointSlices are known now: Services that need them can be planned."""
        for service in self._world.local_services:
            self.endpoints_changed(service)

    def look_for_deaths(self) -> None:
        """Partners said something of each other: every plan changes if that makes somebody dead."""
        before, self._reported_down = self._reported_down, self._world.reported_down()
        if before != self._reported_down:
            self.speakers_changed()

    def _service_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        self._queue.add(Item(What.SERVICE, key))
        if old is not None and new is not None and aspects.announced(old) != aspects.announced(new):
            self._advertisements_counted()
            self._plan_again(ServiceKey(*key))
        if old is None or new is None:
            for kept in self._world.ledger.kept_for(ServiceKey(*key)):
                self._queue.add(Item(What.VIRTUAL_IP, Key("", object_name(kept.address))))
        before = set() if old is None else set(service_view(old).shown)
        after = set() if new is None else set(service_view(new).shown)
        self._count_again(before ^ after)
        ledger = self._world.ledger
        self._waking.freed(one for one in before - after if ledger.virtual_ip(one) is None)

    def _virtual_ip_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        self._queue.add(Item(What.VIRTUAL_IP, key))
        if aspects.tenancy(old) != aspects.tenancy(new):
            self._taken_otherwise(old, new)
            self._advertisements_counted()
        elif aspects.handed_on(old) != aspects.handed_on(new) and new is not None:
            self._name_services(new)
        if aspects.outgoing(old) != aspects.outgoing(new):
            self._moves(new)
        if aspects.holder(old) != aspects.holder(new) and new is not None:
            self._exchanges(new)
        if new is None and old is not None:
            self._virtual_ip_gone(old)
        address = address_of(key.name)
        if address is not None and (
            old is None or new is None or aspects.kept(old) != aspects.kept(new)
        ):
            self._count_again({address})

    def _exchanges(self, virtual_ip: Object) -> None:
        """Who has several addresses may move to this one, because it is announced now."""
        for owner in virtual_ip_view(virtual_ip).services:
            if len(self._world.ledger.virtual_ips_of(owner.key)) > 1:
                self._queue.add(Item(What.SERVICE, Key(*owner.key)))

    def _moves(self, virtual_ip: Object | None) -> None:
        """A move began or ended: the next ones may be due."""
        pool = Key("", ((virtual_ip or {}).get("spec") or {}).get("pool") or "")
        if pool in self._world.pools and request_of(self._world.pools[pool]).open:
            self._queue.add_later(Item(What.REBALANCING, pool), MOVES_PAUSE_SECONDS)

    def _taken_otherwise(self, old: Object | None, new: Object | None) -> None:
        """Other Services have the address, or another one is to get it."""
        for obj in (old, new):
            if obj is None:
                continue
            self._name_services(obj)
            self._waking.taken_otherwise(virtual_ip_view(obj))

    def _virtual_ip_gone(self, old: Object) -> None:
        view = virtual_ip_view(old)
        for claimant in self._world.ledger.claimants(view.address):
            self._queue.add(Item(What.SERVICE, Key(*claimant.key)))
        if view.stage is not Stage.ALLOCATED or not self._world.ledger.claimants(view.address):
            self._waking.freed({view.address})

    def _advertisement_changed(self, _key: Key, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and aspects.intent(old) == aspects.intent(new):
            return
        self.advertisements_changed()

    def _advertisements_counted(self) -> None:
        """Pools, nodes or addresses came or went: what L2Advertisements select may be others."""
        for key in self._world.advertisement_keys():
            self._queue.add_later(Item(What.ADVERTISEMENT, key), ADVERTISEMENTS_PAUSE_SECONDS)

    def _pool_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        if request_of(old) != request_of(new):
            self._queue.add(Item(What.REBALANCING, key))
        if old is not None and new is not None and aspects.intent(old) == aspects.intent(new):
            return
        self.pools_changed(key)

    def _namespace_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        if aspects.labels(old) == aspects.labels(new):
            return
        self._waking.namespace_labelled(key.name)
        for view in self._world.ledger.virtual_ips():
            if any(owner.namespace == key.name for owner in view.services):
                self._look_at(view)

    def _node_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        asking = self._world.advertisement_views.values()
        if aspects.judged(old, asking) != aspects.judged(new, asking):
            if aspects.ordered(old) != aspects.ordered(new):
                self._hand_over_soon(key.name)
            self.speakers_changed()
            self._advertisements_counted()
        before = None if old is None else (node_addresses(old, None), pod_ranges(old))
        after = None if new is None else (node_addresses(new, None), pod_ranges(new))
        if before == after:
            return
        self._pools_judged()

    def _hand_over_soon(self, node: str) -> None:
        """A node is to hand over what it holds: that goes before all other plans."""
        for one in self._world.ledger.virtual_ips():
            if one.holder == node:
                item = Item(What.VIRTUAL_IP, Key("", object_name(one.address)))
                self._queue.add_later(item, ORDER_PAUSE_SECONDS)

    def _speaker_changed(self, key: Key, old: Object | None, new: Object | None) -> None:
        before, after = aspects.announcing(old), aspects.announcing(new)
        if before is None or after is None or before.interfaces != after.interfaces:
            self._partners_changed()
        elif old is not None and new is not None and old.get("spec") != new.get("spec"):
            self._queue.add(Item(What.SPEAKER, key))
        if before != after:
            self._advertisements_counted()
            for pool in self._world.pool_keys():
                self._queue.add_later(Item(What.POOL, pool), POOL_PAUSE_SECONDS)
            self.speakers_changed()
            self._pools_judged()
        elif aspects.reports(old) != aspects.reports(new):
            # They change often, all together when a switch dies; little follows from it.
            self._queue.add_later(Item(What.DEATHS, Key("", "")), DEATHS_PAUSE_SECONDS)

    def _judged(self) -> Mapping[str, PoolFinding]:
        return {finding.pool.name: finding for finding in self._world.ledger.findings()}

    def _pools_judged(self) -> None:
        """A pool, or something in its way, changed: look which of them are not what they were."""
        before, self._findings = self._findings, self._judged()
        for name in before.keys() | self._findings.keys():
            old, new = before.get(name), self._findings.get(name)
            if old is new:
                continue
            if old is not None and new is not None and aspects.gives(old) == aspects.gives(new):
                continue
            self._queue.add_later(Item(What.POOL, Key("", name)), POOL_PAUSE_SECONDS)
            self._waking.pool_judged(name, old, new)
            if old is None or new is None or aspects.grants(old) != aspects.grants(new):
                named = [known.named for known in (old, new) if known is not None]
                self._given_of(name, named)

    def _given_of(self, pool: str, named: Iterable[AddressSet]) -> None:
        """Whether the addresses that were given are in their pool may be otherwise than before."""
        for view in self._world.ledger.virtual_ips():
            if view.pool == pool or any(place(view.address) in addresses for addresses in named):
                self._look_at(view)

    def _look_at(self, view: VirtualIPView) -> None:
        self._queue.add(Item(What.VIRTUAL_IP, Key("", object_name(view.address))))
        for owner in view.services:
            self._queue.add(Item(What.SERVICE, Key(*owner.key)))

    def _partners_changed(self) -> None:
        """Another node, interface or pool: anybody may have other partners."""
        for speaker in self._world.speakers:
            self._queue.add_later(Item(What.SPEAKER, speaker), PARTNERS_PAUSE_SECONDS)

    def _plan_again(self, service: ServiceKey) -> None:
        for virtual_ip in self._world.ledger.virtual_ips_of(service):
            self._queue.add(Item(What.VIRTUAL_IP, Key("", object_name(virtual_ip.address))))

    def _name_services(self, virtual_ip: Object) -> None:
        for entry in aspects.owners(virtual_ip):
            self._queue.add(Item(What.SERVICE, Key(entry["namespace"], entry["name"])))

    def _count_again(self, addresses: Iterable[Address]) -> None:
        ledger = self._world.ledger
        for name in {name for address in addresses for name in ledger.pools_naming(address)}:
            self._queue.add_later(Item(What.POOL, Key("", name)), POOL_PAUSE_SECONDS)


_Listener = Callable[[Key, Object | None, Object | None], None]


def _when(triggers: Triggers, listener: _Listener) -> _Listener:
    """The listener, deaf while this replica stands by."""

    def listening(key: Key, old: Object | None, new: Object | None) -> None:
        if triggers.active:
            listener(key, old, new)

    return listening
