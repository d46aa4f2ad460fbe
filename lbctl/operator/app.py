"""The operator as a process: what runs when, and in which order it ends.

Every replica keeps the mirrors warm. The one that leads also works the queue. On SIGTERM the work
ends first, then the Lease is given back, then the streams end. When leadership is lost, the process
ends at once and with an error: kubelet starts a new one, which stands by.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from typing import Any, assert_never

import kopf

from lbctl import __version__
from lbctl.core.allocation.waiting import Waiting
from lbctl.core.labels import OPERATOR_LEASE
from lbctl.core.metallb.requests import METALLB
from lbctl.core.objects.requests import LBCTL
from lbctl.core.objects.services import ServiceKey
from lbctl.kube import login
from lbctl.kube.client import Client
from lbctl.kube.election import Elector, LeadershipLostError, Terms
from lbctl.kube.errors import ApiError
from lbctl.kube.events import Recorder
from lbctl.kube.objects import Key, Object, uid_of
from lbctl.kube.queue import WorkQueue
from lbctl.operator import garbage, sight, streams
from lbctl.operator.advertisements import Advertisements
from lbctl.operator.endpoints import EndpointSlices
from lbctl.operator.failures import NodeFailures
from lbctl.operator.health import Health
from lbctl.operator.items import Item, What
from lbctl.operator.leases import SpeakerLeases
from lbctl.operator.marked import MarkedNodes
from lbctl.operator.metallb import MetalLB
from lbctl.operator.metric_table import (
    ADDRESS_HELD,
    ADDRESS_UNHELD,
    IN_CONFLICT,
    SPEAKER_UP,
    WITHOUT_HOLDER,
)
from lbctl.operator.metrics import Metrics
from lbctl.operator.pools import Pools
from lbctl.operator.rebalancing import Rebalancing
from lbctl.operator.service_ranges import ServiceRanges
from lbctl.operator.services import Services
from lbctl.operator.settings import Settings
from lbctl.operator.speakers import Speakers
from lbctl.operator.sweep import Sweeper
from lbctl.operator.triggers import Triggers
from lbctl.operator.virtualips import VirtualIPs
from lbctl.telemetry import Metric
from lbctl.telemetry.families import Values
from lbctl.world.world import World

log = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0
"""How long reconciles that are under way may take to end on SIGTERM."""


async def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, or until something fails. Returns the exit code."""
    garbage.collect_seldom()
    access = login.find(settings.kubeconfig)
    metrics = Metrics()
    agent = f"lbctl-operator/{__version__}"
    async with Client(access, user_agent=agent, answered=metrics.api_request) as client:
        return await Operator(settings, client, metrics).run()


class Operator:
    """One replica, put together."""

    def __init__(self, settings: Settings, client: Client, metrics: Metrics) -> None:
        self._settings = settings
        self._client = client
        self._stop = asyncio.Event()
        self._metrics = metrics
        self._world = World(
            lease_duration=settings.lease_duration,
            dialect=METALLB if settings.metallb_namespace else LBCTL,
        )
        self._recorder = Recorder(client, controller="lbctl", instance=settings.identity)
        self._elector = Elector(
            client,
            Key(settings.namespace, OPERATOR_LEASE),
            identity=settings.identity,
            terms=Terms(settings.lease_duration),
        )
        own = settings.ownership
        self._waiting = Waiting(self._try_again)
        self._virtual_ips = VirtualIPs(
            self._world,
            client,
            recorder=self._recorder,
            metrics=self._metrics,
            ownership=own,
            again=self._later,
        )
        self._services = Services(
            self._world,
            client,
            recorder=self._recorder,
            metrics=self._metrics,
            ownership=own,
            virtual_ips=self._virtual_ips,
            waiting=self._waiting,
        )
        self._pools = Pools(self._world, client, self._metrics, self._recorder)
        self._advertisements = Advertisements(self._world, client)
        self._speakers = Speakers(self._world, client)
        self._queue: WorkQueue[Item] = WorkQueue(self._work, may=self._may)
        self._rebalancing = Rebalancing(
            self._world,
            client,
            self._virtual_ips.planning,
            recorder=self._recorder,
            add=self._queue.add,
            later=self._queue.add_later,
        )
        self._triggers = Triggers(self._world, self._queue, self._waiting)
        self._sweeper = Sweeper(
            self._world, client, interval=settings.resync, swept=self._look_at_everything
        )
        self._leases = SpeakerLeases(
            self._world,
            client,
            namespace=settings.namespace,
            changed=self._triggers.speakers_changed,
            relisted=self._sweeper.ask,
        )
        self._metallb = self._compat(settings.metallb_namespace)
        self._ranges = ServiceRanges(self._world, client, changed=self._triggers.ranges_changed)
        self._endpoints = EndpointSlices(
            self._world,
            client,
            ownership=own,
            changed=self._triggers.endpoints_changed,
            synced=self._triggers.endpoints_known,
        )
        self._health = Health(
            self._metrics.registry,
            longest_run=self._queue.longest_run,
            synced=self._synced,
        )
        self._metrics.watch_queue(self._queue.schedule.waiting, self._queue.oldest)
        self._metrics.watch_pending(self._services.pending)
        self._metrics.watch_out_of_pool(self._virtual_ips.out_of_pool)
        self._metrics.watch_not_as_asked(self._virtual_ips.handing_on.not_as_asked)
        self._metrics.watch_unmet(self._services.unmet)
        self._metrics.watch_left_out(self._virtual_ips.planning.left_out)
        self._watch_world()
        self._world.services.listen(self._forget)

    def _watch_world(self) -> None:
        """What is read of the cluster at each scrape."""
        views = self._world.virtual_ip_views
        self._show(WITHOUT_HOLDER, lambda: sight.without_holder(views.values()))
        self._show(IN_CONFLICT, lambda: sight.in_conflict(views.values()))
        self._show(SPEAKER_UP, lambda: sight.speakers_up(self._world.node_views().values()))
        if self._settings.metrics_per_address:
            self._show(ADDRESS_HELD, lambda: sight.each_held(views.values()))
            self._show(ADDRESS_UNHELD, lambda: sight.each_unheld(views.values()))

    def _show(self, metric: Metric, read: Callable[[], Values]) -> None:
        """Only while this replica acts: what two of them said would be added up."""
        self._metrics.watch(metric, lambda: read() if self._triggers.active else {})

    def _compat(self, namespace: str) -> MetalLB | None:
        """MetalLB's objects, if they are obeyed at all."""
        if not namespace:
            return None
        return MetalLB(
            self._world,
            self._client,
            namespace=namespace,
            recorder=self._recorder,
            metrics=self._metrics,
            triggers=self._triggers,
            pools=self._pools,
        )

    def _synced(self) -> bool:
        compat = self._metallb is None or self._metallb.synced
        return self._world.synced and self._leases.synced.is_set() and compat

    async def run(self) -> int:
        """Run all parts until one of them ends. Returns the exit code."""
        await self._health.start(self._settings.listen_host, self._settings.listen_port)
        self._catch_signals()
        parts = {
            asyncio.create_task(part, name=name)
            for name, part in (
                ("stop", self._stop.wait()),
                ("work", self._lead()),
                ("leases", self._leases.run()),
                ("endpoints", self._endpoints.run()),
                ("ranges", self._ranges.run()),
                ("events", self._recorder.run()),
                *([("metallb", self._metallb.run())] if self._metallb is not None else []),
                *([("failures", self._watch_nodes())] if self._settings.fast_node_failure else []),
                *([("election", self._elector.run())] if self._settings.leader_election else []),
            )
        }
        try:
            ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            code = _exit_code(ended)
            await self._queue.drain(_GRACE_SECONDS if code == 0 else 0)
            return code
        finally:
            await _cancel(parts)
            await self._give_back()
            await self._health.stop()

    async def _lead(self) -> None:
        """Fill the mirrors and follow; once leading, work. Ends only by failing."""
        await self._sweeper.complete()
        stop = asyncio.Event()
        kopf_tasks = await kopf.spawn_tasks(
            registry=streams.registry(self._world, self._client.login, self._sweeper.ask),
            settings=streams.settings(),
            standalone=True,
            clusterwide=True,
            stop_flag=stop,
        )
        self._catch_signals()  # kopf took them over; the order of an ending is ours.
        # In the end kopf cancels every task that it does not know: these two are not its own.
        work = asyncio.create_task(self._work_when_leading(), name="queue")
        others = asyncio.all_tasks() - {*kopf_tasks}
        following = asyncio.create_task(kopf.run_tasks(kopf_tasks, ignored=others), name="kopf")
        try:
            await asyncio.wait({work, following}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, following):
                if task.done():
                    task.result()
            raise RuntimeError("the watch streams ended")
        finally:
            await _cancel({work})
            stop.set()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(following, _GRACE_SECONDS)

    async def _watch_nodes(self) -> None:
        """On every replica: the leader may be on the node that died."""
        await self._leases.synced.wait()
        await NodeFailures(
            self._world,
            self._client,
            recorder=self._recorder,
            metrics=self._metrics,
            marked=MarkedNodes(self._client, self._settings.namespace),
        ).run()

    async def _work_when_leading(self) -> None:
        await self._leases.synced.wait()
        if self._metallb is not None:
            await self._metallb.wait_synced()
        await self._ranges.known.wait()
        if self._settings.leader_election:
            await self._elector.elected.wait()
            # While this replica stood by, a watch may have lost something.
            await self._sweeper.complete()
        self._metrics.leader.set(1)
        self._triggers.active = True
        self._triggers.everything()
        log.info(
            "working: %d Services, %d VirtualIPs, %d pools",
            len(self._world.services),
            len(self._world.virtual_ips),
            len(self._world.ledger.findings()),
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweeper.run())
            group.create_task(self._queue.run(self._settings.workers))

    async def _work(self, item: Item) -> float | None:
        """Reconcile one item, measured."""
        begun = time.monotonic()
        outcome = "error"
        try:
            await self._reconcile(item)
            outcome = "success"
        except ApiError:
            outcome = "retry"
            raise
        finally:
            seconds = time.monotonic() - begun
            self._metrics.reconcile_seconds.labels(item.what, outcome).observe(seconds)
        return None

    async def _reconcile(self, item: Item) -> None:
        match item.what:
            case What.SERVICE:
                try:
                    await self._services.reconcile(item.key)
                finally:
                    self._triggers.tried(item.key)
            case What.VIRTUAL_IP:
                if not await self._virtual_ips.reconcile(item.key):
                    self._triggers.service_of(item.key)
            case What.POOL:
                await self._pools.reconcile(item.key)
                if self._metallb is not None:
                    await self._metallb.reconcile_pool(item.key.name)
            case What.REBALANCING:
                await self._rebalancing.reconcile(item.key)
            case What.SPEAKER:
                await self._speakers.reconcile(item.key)
            case What.ADVERTISEMENT:
                await self._advertise(item.key)
            case What.DEATHS:
                self._triggers.look_for_deaths()
            case _:
                assert_never(item.what)

    async def _advertise(self, key: Key) -> None:
        if not key.namespace:
            await self._advertisements.reconcile(key)
        elif self._metallb is not None:
            self._metallb.reconcile_advertisement(key)

    def _later(self, virtual_ip: Key, seconds: float) -> None:
        self._queue.add_later(Item(What.VIRTUAL_IP, virtual_ip), seconds)

    def _try_again(self, service: ServiceKey) -> None:
        self._queue.add(Item(What.SERVICE, Key(*service)))

    def _may(self) -> bool:
        """Whether work may begin: the clock is asked, not what was so a moment ago."""
        if self._stop.is_set():
            return False
        return self._elector.leads or not self._settings.leader_election

    def _look_at_everything(self) -> None:
        if self._triggers.active:
            self._triggers.everything()

    def _forget(self, _key: Key, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or uid_of(new) != uid_of(old)):
            self._recorder.forget(uid_of(old))

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _give_back(self) -> None:
        """Let the next one lead at once. All work has ended by now."""
        if self._elector.leads:
            try:
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._elector.resign()
            except (ApiError, TimeoutError) as error:
                log.warning("the Lease could not be given back: %s", error)


def _exit_code(ended: set[asyncio.Task[Any]]) -> int:
    """0 when the process was asked to stop and nothing failed; says what did."""
    code = 0
    for task in ended:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            code = 1
            known = isinstance(error, LeadershipLostError)
            log.error("%s: %s", task.get_name(), error, exc_info=None if known else error)
        elif task.get_name() != "stop":
            code = 1
            log.error("%s ended", task.get_name())
    return code


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
