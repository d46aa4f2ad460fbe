"""The agent: plan in, status out.

Level-triggered throughout: a change only marks what to look at again, and each look compares what
is with what should be.
"""

import asyncio
import logging
import socket
import time
from ipaddress import ip_address
from typing import Final

from prometheus_client import CollectorRegistry

from lbctl.core.addresses import object_name
from lbctl.core.labels import candidate_label
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import ConditionType
from lbctl.core.reading.objects import condition
from lbctl.core.succession.partners import Partner
from lbctl.kube.client import Client, Selection
from lbctl.kube.conditions import Condition
from lbctl.kube.informer import Change, Informer
from lbctl.kube.objects import SPEAKERS, VIRTUAL_IPS, Key
from lbctl.kube.queue import WorkQueue
from speaker.agent import netlink, partners
from speaker.agent.channel import Channel, Peers
from speaker.agent.facts import NodeChecks
from speaker.agent.health import Asker, ProxyWatch
from speaker.agent.http import HttpServer
from speaker.agent.interfaces import Interface
from speaker.agent.kin import Acquaintances, rows, unknown
from speaker.agent.life import Life
from speaker.agent.local import LocalWatch, hosts, port_of
from speaker.agent.metrics import ChannelMetrics, TableMetrics
from speaker.agent.nodeports import servable, wanted
from speaker.agent.plan import plan
from speaker.agent.registration import PartnersSeen, Registration
from speaker.agent.settings import Settings
from speaker.agent.suspects import Suspects
from speaker.agent.tablewatch import TableWatch
from speaker.agent.telling import Teller
from speaker.agent.views import Views
from speaker.messages import Entry, Plan
from speaker.netfilter.keeper import Wanted

_log: Final = logging.getLogger(__name__)

_WORKERS: Final = 2
"""Status writes at once: nothing on the wire waits for them, and many nodes may write together."""
_GATHER_SECONDS: Final = 0.05
"""Between two plans: changes that come together make one."""
_GATHER_EACH_SECONDS: Final = 0.0003
"""More for each address: a plan is sent whole, and a thousand that change one by one must not cost
a thousand plans of a thousand. The first change after a pause is planned at once."""
_TICK_SECONDS: Final = 1.0
_WIRE_GRACE_SECONDS: Final = 30.0
"""The wire may be away this long before a restart of the whole pod is asked for."""
_DEATH_SECONDS: Final = 0.05
"""Several partners that die together are one write of the Speaker."""
_NEWS_SECONDS: Final = 2.0
"""What else happens to sessions is written after so long, when most of it is over."""
_LOOK_SECONDS: Final = 1.0
"""Beyond a Lease's renewal: so a living one is seen to change between two looks."""


class Agent:
    """Everything that this node has to do with Kubernetes.

    Args:
        settings: of this process.
        client: an open client.
        end: our end of the socket pair with the wire.
        registry: what /metrics shows; the wire's word is added.
        restarts: how often this process was started again.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        end: socket.socket,
        *,
        registry: CollectorRegistry,
        restarts: int = 0,
    ) -> None:
        self._settings = settings
        self._node = settings.node
        self._stop = asyncio.Event()
        self._stopping = False
        self._started = time.monotonic()
        self._interfaces: tuple[Interface, ...] | None = None
        self._views = Views(self._node)
        self._partners: tuple[Partner, ...] = ()
        """The last that the API server named. They are kept while there is no Speaker."""
        self._announcing: frozenset[str] = frozenset()
        """The interfaces of the last plan."""
        self._seen: tuple[bool, frozenset[tuple[str, str]]] = (False, frozenset())
        """Whether the wire was alive, and where partners were silent, at the last look."""
        self._queue: WorkQueue[Key] = WorkQueue(self._work)
        self._kin = Acquaintances(client, changed=self._views.replan.set)
        self._entries: tuple[Entry, ...] | None = None
        self._rewrites: Wanted | None = None
        """What the node's table was to do at the last look."""
        self._table = TableWatch(
            wanted=self._wanted_of_table,
            changed=self._table_changed,
            counted=settings.metrics_per_address,
        )
        self._channel = Channel(
            end,
            on_report=self._heard_of,
            on_peers=self._peers_changed,
            on_life=self._look_at_speaker,
            on_closed=self._alone,
        )
        self._virtual_ips = Informer(
            client,
            VIRTUAL_IPS,
            self._virtual_ip_changed,
            selection=Selection(labels=candidate_label(self._node)),
        )
        self._speakers = Informer(
            client,
            SPEAKERS,
            self._speaker_changed,
            selection=Selection(fields=f"metadata.name={self._node}"),
        )
        self._registration = Registration(
            client,
            node=self._node,
            version=settings.version,
            known=self._speakers,
            unchecked=frozenset({ConditionType.NODE_PORT_READY} if settings.table is None else ()),
        )
        self._teller = Teller(
            client,
            node=self._node,
            channel=self._channel,
            known=self._virtual_ips,
            kin=self._kin,
            partners=lambda: {partner.mac for partner in self._partners},
            rewrites=lambda address: address in self._table.rewritten,
        )
        self._life = Life(
            settings,
            client,
            registration=self._registration,
            wire_alive=lambda: self._channel.wire_alive,
        )
        self._suspects = Suspects(
            client,
            namespace=settings.namespace,
            pause=settings.lease_renew_seconds + _LOOK_SECONDS,
            suspects=self._unheard,
            changed=self._look_at_speaker,
        )
        self._proxy = ProxyWatch(
            url=settings.proxy_health_url, node=self._node, changed=self._look_at_speaker
        )
        self._node_checks = NodeChecks(
            announcing=lambda: self._announcing,
            addresses=lambda: frozenset(view.address for view in self._views),
            changed=self._look_at_speaker,
        )
        self._local = LocalWatch(
            ports=lambda: {*self._views.local_ports()},
            hosts=lambda: hosts(settings.node_address, self._interfaces or ()),
            changed=self._views.replan.set,
        )
        registry.register(
            ChannelMetrics(
                self._channel,
                agent_restarts=restarts,
                checks=self._checks,
                not_serving=lambda: sum(
                    not self._local.serving(p) for p in self._views.local_ports()
                ),
            )
        )
        if settings.table is not None:
            registry.register(TableMetrics(self._table, per_address=settings.metrics_per_address))
        self._http = HttpServer(
            registry,
            healthy=self._unhealthy,
            ready=self._unready,
            count=self._table.count,
        )

    def stop(self) -> None:
        """Say goodbye and let `run` return."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work)
                for work in (
                    self._virtual_ips.run(),
                    self._speakers.run(),
                    netlink.follow(self._interfaces_changed),
                    self._channel.run(),
                    self._queue.run(_WORKERS),
                    self._plan_again(),
                    self._tick(),
                    self._suspects.run(),
                    self._kin.run(),
                    self._watch_hand_off(),
                    self._node_checks.run(),
                    *([self._table.run()] if self._settings.table else []),
                    self._http.run(self._settings.listen_host, self._settings.listen_port),
                )
            ]
            life = group.create_task(self._live())
            await self._stop.wait()
            self._stopping = True
            life.cancel()
            await asyncio.wait([life])
            await self._life.say_goodbye()
            for task in tasks:
                task.cancel()

    # ------------------------------------------------------------------ what changes

    def _virtual_ip_changed(self, change: Change) -> None:
        before = self._views.changed(change)
        if change.new is None and before is not None:
            self._teller.gone(str(before.address))
        self._queue.add(change.key)

    def _heard_of(self, address: str) -> None:
        self._teller.heard_of(address)
        self._table.look()
        self._queue.add(_virtual_ip(address))

    def _speaker_changed(self, change: Change) -> None:
        named = partners.named(change.new)
        if named is not None and named != self._partners:
            self._partners = named
            self._views.replan.set()
        self._look_at_speaker()

    def _peers_changed(self, before: Peers | None, after: Peers) -> None:
        urgent = partners.urgent(before or (), after)
        self._queue.add_later(_SPEAKER, _DEATH_SECONDS if urgent else _NEWS_SECONDS)

    def _interfaces_changed(self, interfaces: tuple[Interface, ...]) -> None:
        said = ", ".join(
            f"{each.view.name} {' '.join(map(str, each.view.addresses))}"
            f"{'' if each.view.carrier else ' (no carrier)'}"
            for each in interfaces
        )
        _log.info("interfaces: %s", said or "none")
        self._interfaces = interfaces
        self._views.replan.set()
        self._node_checks.look_again()
        self._look_at_speaker()

    def _look_at_speaker(self) -> None:
        self._queue.add(_SPEAKER)

    def _alone(self) -> None:
        _log.error("the supervisor is gone: ending")
        self._stop.set()

    # ------------------------------------------------------------------ what is done about it

    async def _plan_again(self) -> None:
        """Give the wire the newest plan. An empty cache is no plan: before the sync, none."""
        await self._virtual_ips.synced.wait()
        await self._speakers.synced.wait()
        while True:
            await self._views.replan.wait()
            self._views.replan.clear()
            if self._interfaces is not None:
                entries = await self._entries_with_table(self._interfaces)
                peers = partners.peers(self._partners, self._interfaces)
                strangers = unknown(entries, peers, self._node)
                self._kin.want(strangers)
                kin = rows(self._kin.known, self._interfaces)
                self._channel.plan(Plan(entries, self._node, self._settings.bfd, peers, kin))
                announcing = frozenset(entry.interface for entry in entries)
                if announcing != self._announcing:
                    self._announcing = announcing
                    self._node_checks.look_again()
            await asyncio.sleep(_GATHER_SECONDS + len(self._views) * _GATHER_EACH_SECONDS)

    async def _entries_with_table(self, interfaces: tuple[Interface, ...]) -> tuple[Entry, ...]:
        """The plan's entries, once the table is ready for them."""

        def entries() -> tuple[Entry, ...]:
            return plan(
                self._views, interfaces, self._node, serving=self._serves, ping=self._answers_ping
            )

        self._entries = entries()
        if self._settings.table is not None:
            rewritten, known = self._table.rewritten, self._table.known
            await self._table.enforce()
            if (rewritten, known) != (self._table.rewritten, self._table.known):
                self._entries = entries()
            for address in rewritten ^ self._table.rewritten:
                self._queue.add(_virtual_ip(address))
        return self._entries

    def _serves(self, view: VirtualIPView) -> bool:
        served = self._local.serving(port_of(view, self._node))
        return served and servable(view, self._table.rewritten)

    def _answers_ping(self, view: VirtualIPView) -> bool:
        # A table answers better: the kernel then says nothing beside the answer.
        return self._settings.ping and str(view.address) not in self._table.known

    def _wanted_of_table(self) -> Wanted | None:
        if self._settings.table is None or self._entries is None:
            return None
        self._rewrites = wanted(
            self._settings.table, self._entries, self._views, self._channel.reports, self._rewrites
        )
        return self._rewrites

    def _table_changed(self) -> None:
        self._views.replan.set()
        self._look_at_speaker()

    async def _work(self, key: Key) -> float | None:
        if key == _SPEAKER:
            if self._interfaces is not None and self._speakers.synced.is_set():
                await self._registration.reconcile(
                    self._interfaces,
                    wire_alive=self._channel.wire_alive,
                    partners=self._partners_seen(),
                    checks=self._checks(),
                )
            return None
        # What a wire that stops lets go, others take and say so.
        return None if self._stopping else await self._teller.tell(key)

    def _checks(self) -> list[Condition]:
        judged = (self._proxy.condition, self._table.condition)
        return [*self._node_checks.conditions, *(each for each in judged if each is not None)]

    async def _watch_hand_off(self) -> None:
        """Ask the node's proxy. What the agent before this one knew of it is in the API."""
        await self._speakers.synced.wait()
        speaker = self._speakers.get(Key("", self._node)) or {}
        before = condition(speaker, ConditionType.HAND_OFF_READY) or {}
        async with Asker() as asker, asyncio.TaskGroup() as group:
            group.create_task(self._proxy.run(asker, before=before.get("reason")))
            group.create_task(self._local.run(asker))

    def _partners_seen(self) -> PartnersSeen | None:
        """What the wire says of the partners that are still so; None before it said anything."""
        if self._channel.peers is None or not self._channel.wire_alive:
            return None
        named = partners.peers(self._partners, self._interfaces or ())
        sessions = {(peer.node, peer.interface) for peer in named}
        return PartnersSeen(
            reports=tuple(
                one for one in self._channel.peers if (one.node, one.interface) in sessions
            ),
            alive=self._suspects.alive,
            port=self._settings.bfd.port,
            now=time.time(),
        )

    def _unheard(self) -> set[str]:
        seen = self._partners_seen()
        reports = () if seen is None else partners.unheard(seen.reports, seen.now)
        return {report.node for report in reports}

    def _silent_lans(self) -> frozenset[tuple[str, str]]:
        seen = self._partners_seen()
        silent = () if seen is None else partners.cut_off(seen.reports, seen.now)
        return frozenset((report.node, report.interface) for report in silent)

    async def _tick(self) -> None:
        """Notice what no event tells: that there is no Speaker yet, that the wire fell silent."""
        await self._speakers.synced.wait()
        self._look_at_speaker()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            seen = self._channel.wire_alive, self._silent_lans()
            if seen != self._seen:
                self._seen = seen
                self._look_at_speaker()

    async def _live(self) -> None:
        await self._virtual_ips.synced.wait()
        await self._life.run()

    # ------------------------------------------------------------------ probes

    def _unhealthy(self) -> str | None:
        if self._channel.wire_alive or time.monotonic() - self._started < _WIRE_GRACE_SECONDS:
            return None
        return "the wire is silent"

    def _unready(self) -> str | None:
        checks = {
            "stopping": self._stopping,
            "the plan was not read yet": not self._virtual_ips.synced.is_set(),
            "the interfaces were not read yet": self._interfaces is None,
            "the wire is silent": not self._channel.wire_alive,
            "the Speaker is not registered yet": not self._registration.registered,
            "the Lease was not renewed yet": not self._life.renewed,
        }
        return next((problem for problem, applies in checks.items() if applies), None)


_SPEAKER: Final = Key("speaker", "")
"""The queue's key for this node's Speaker; no VirtualIP has a namespace."""


def _virtual_ip(address: str) -> Key:
    return Key("", object_name(ip_address(address)))
