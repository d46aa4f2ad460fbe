"""One replica of the operator, whole but for its tasks: what it hears and when it works is told."""

from collections.abc import Coroutine
from random import Random
from typing import Any

from lbctl.core.allocation.waiting import Waiting
from lbctl.core.labels import speaker_lease
from lbctl.core.objects.services import ServiceKey
from lbctl.kube.errors import ApiError
from lbctl.kube.events import Recorder
from lbctl.kube.lease import Record
from lbctl.kube.objects import Key
from lbctl.kube.queue import Priority, WorkQueue
from lbctl.operator.items import Item, What
from lbctl.operator.metrics import Metrics
from lbctl.operator.pools import Pools
from lbctl.operator.services import Services
from lbctl.operator.triggers import Triggers
from lbctl.operator.virtualips import VirtualIPs
from lbctl.world.world import World
from tests.property.judge import OWNERSHIP
from tests.property.memory import MemoryServer, News

_MANY = 3_000
"""So many reconciles in one go mean that it never comes to rest."""


class Bag(WorkQueue[Item]):
    """A queue whose pauses are over at once: what is in it, in no order."""

    def __init__(self) -> None:
        super().__init__(_nobody)
        self.items: dict[Item, None] = {}

    def add(self, key: Item, priority: Priority = Priority.LIVE) -> None:
        del priority
        self.items[key] = None

    def add_later(self, key: Item, seconds: float) -> None:
        del seconds
        self.items[key] = None


async def _nobody(_: Item) -> None:
    raise AssertionError("work is done by hand")


class Replica:
    """Hears what the server tells, and works."""

    def __init__(self, server: MemoryServer, node: str) -> None:
        self.server = server
        self.world = World(lease_duration=15.0, clock=lambda: 100.0)
        self.world.lease_changed(speaker_lease(node), Record(node, "now"))
        self.bag = Bag()
        waiting = Waiting(self._try_again)
        recorder = Recorder(server, controller="lbctl", instance="test")
        metrics = Metrics()
        self.virtual_ips = VirtualIPs(
            self.world,
            server,
            recorder=recorder,
            metrics=metrics,
            ownership=OWNERSHIP,
            again=lambda _key, _seconds: None,
        )
        self.services = Services(
            self.world,
            server,
            recorder=recorder,
            metrics=metrics,
            ownership=OWNERSHIP,
            virtual_ips=self.virtual_ips,
            waiting=waiting,
        )
        self.pools = Pools(self.world, server, metrics, recorder)
        self.triggers = Triggers(self.world, self.bag, waiting)

    def _try_again(self, service: ServiceKey) -> None:
        self.bag.add(Item(What.SERVICE, Key(*service)))

    def hear(self, news: News) -> None:
        store = self.world.stores[news.kind]
        (store.remove if news.gone else store.put)(news.obj)

    def read_all(self) -> None:
        """The sweeping list, and a look at everything."""
        for kind, store in self.world.stores.items():
            store.sweep(self.server.listing(kind))
        self.triggers.active = True
        self.triggers.everything()

    def work(self, chances: Random) -> None:
        """Until nothing is left, in whatever order."""
        run(self._work(chances))

    async def _work(self, chances: Random) -> None:
        for _ in range(_MANY):
            if not self.bag.items:
                return
            item = chances.choice([*self.bag.items])
            del self.bag.items[item]
            try:
                await self._reconcile(item)
            except ApiError:  # The queue tries it again.
                self.bag.add(item)
        raise AssertionError("the operator never comes to rest")

    async def _reconcile(self, item: Item) -> None:
        match item.what:
            case What.SERVICE:
                try:
                    await self.services.reconcile(item.key)
                finally:
                    self.triggers.tried(item.key)
            case What.VIRTUAL_IP:
                if not await self.virtual_ips.reconcile(item.key):
                    self.triggers.service_of(item.key)
            case What.POOL:
                await self.pools.reconcile(item.key)
            case What.REBALANCING | What.SPEAKER | What.ADVERTISEMENT | What.DEATHS:
                pass  # Nothing here asks for it.


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run what only ever waits for a server in memory: it never waits at all."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("somebody waits for something else")
