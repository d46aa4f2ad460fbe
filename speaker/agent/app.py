"""The agent: plan in, status out.

Level-triggered throughout: a change only marks what to look at again, and each look compares what
is with what should be.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from lbctl.core.addresses import address_of, object_name
from lbctl.core.labels import SPEAKER_LABELS, candidate_label, speaker_lease
from lbctl.core.outcomes import ConditionType
from lbctl.core.partners import Partner
from lbctl.core.reading import condition, named_after_address, virtual_ip_view
from lbctl.core.virtualips import VirtualIPView
from lbctl.kube.client import Client, Selection
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import ApiError, NotFound
from lbctl.kube.informer import Change, Informer
from lbctl.kube.lease import SignOfLife
from lbctl.kube.objects import SPEAKERS, VIRTUAL_IPS, Key, Object
from lbctl.kube.queue import WorkQueue
from speaker.agent import netlink, partners, status
from speaker.agent.channel import Channel, Peers
from speaker.agent.facts import NodeChecks
from speaker.agent.health import Asker, ProxyWatch
from speaker.agent.http import ChannelMetrics, HttpServer
from speaker.agent.interfaces import Interface
from speaker.agent.kin import Acquaintances, rows, unknown
from speaker.agent.local import LocalWatch, Port, hosts, port_of
from speaker.agent.plan import plan
from speaker.agent.registration import PartnersSeen, Registration
from speaker.agent.settings import Settings
from speaker.agent.suspects import Suspects
from speaker.messages import Plan, State

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
_FAREWELL_SECONDS: Final = 2.0
"""To give the Lease back: an API server that is away must not hold up the end."""
_LEASE_RETRY_SECONDS: Final = 1.0
_HINT_SECONDS: Final = 5.0
"""Who holds, by the API, is a hint to the wire: no plan is made at once for that alone."""
_WRITE_SECONDS: Final = 1.0
"""Between two writes of one address's status."""
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
        restarts: how often this process was started again.
    """

    def __init__(
        self, settings: Settings, client: Client, end: socket.socket, *, restarts: int = 0
    ) -> None:
        self._settings = settings
        self._client = client
        self._node = settings.node
        self._stop = asyncio.Event()
        self._stopping = False
        self._started = time.monotonic()
        self._interfaces: tuple[Interface, ...] | None = None
        self._views: dict[Key, VirtualIPView] = {}
        self._partners: tuple[Partner, ...] = ()
        """The last that the API server named. They are kept while there is no Speaker."""
        self._told: dict[str, float] = {}
        """address -> since when it is held, as far as its status was told."""
        self._written: dict[str, float] = {}
        """address -> when its status was written last."""
        self._announcing: frozenset[str] = frozenset()
        """The interfaces of the last plan."""
        self._strangers: set[str] = set()
        """Addresses of which this agent has said that a stranger has or claims them."""
        self._replan = asyncio.Event()
        self._hint: asyncio.TimerHandle | None = None
        self._wire_was_alive = False
        self._renewed = False
        self._queue: WorkQueue[Key] = WorkQueue(self._work)
        self._kin = Acquaintances(client, changed=self._replan.set)
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
            client, node=self._node, version=settings.version, known=self._speakers
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
            addresses=lambda: frozenset(view.address for view in self._views.values()),
            changed=self._look_at_speaker,
        )
        self._local = LocalWatch(
            ports=lambda: {port for _, port in self._local_ports()},
            hosts=lambda: hosts(settings.node_address, self._interfaces or ()),
            changed=self._replan.set,
        )
        self._http = HttpServer(
            ChannelMetrics(
                self._channel,
                agent_restarts=restarts,
                checks=self._checks,
                not_serving=lambda: sum(not self._local.serving(p) for _, p in self._local_ports()),
            ),
            healthy=self._unhealthy,
            ready=self._unready,
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
                    self._http.run(self._settings.listen_host, self._settings.listen_port),
                )
            ]
            life = group.create_task(self._live())
            await self._stop.wait()
            self._stopping = True
            life.cancel()
            await asyncio.wait([life])
            await self._say_goodbye()
            for task in tasks:
                task.cancel()

    # ------------------------------------------------------------------ what changes

    def _virtual_ip_changed(self, change: Change) -> None:
        before = self._views.pop(change.key, None)
        if change.new is None and before is not None:
            self._written.pop(str(before.address), None)
        if change.new is not None and named_after_address(change.new):
            self._views[change.key] = virtual_ip_view(change.new)
        after = self._views.get(change.key)
        if _planned_part(before) != _planned_part(after):
            self._replan.set()
        elif before and after and before.holder != after.holder and self._hint is None:
            self._hint = asyncio.get_running_loop().call_later(_HINT_SECONDS, self._hint_is_due)
        self._queue.add(change.key)

    def _heard_of(self, address: str) -> None:
        report = self._channel.reports[address]
        by = report.claimed_by or (report.by_mac if report.state is State.BLOCKED else None)
        if by is not None and by not in self._ours():
            self._kin.doubt()
        self._queue.add(_virtual_ip(address))

    def _hint_is_due(self) -> None:
        self._hint = None
        self._replan.set()

    def _speaker_changed(self, change: Change) -> None:
        named = partners.named(change.new)
        if named is not None and named != self._partners:
            self._partners = named
            self._replan.set()
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
        self._replan.set()
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
            await self._replan.wait()
            self._replan.clear()
            if self._interfaces is not None:
                entries = plan(
                    self._views.values(),
                    self._interfaces,
                    self._node,
                    serving=lambda view: self._local.serving(port_of(view, self._node)),
                )
                peers = partners.peers(self._partners, self._interfaces)
                strangers = unknown(entries, peers, self._node)
                self._kin.want(strangers)
                kin = rows(self._kin.known, strangers, self._interfaces)
                self._channel.plan(Plan(entries, self._node, self._settings.bfd, peers, kin))
                announcing = frozenset(entry.interface for entry in entries)
                if announcing != self._announcing:
                    self._announcing = announcing
                    self._node_checks.look_again()
            await asyncio.sleep(_GATHER_SECONDS + len(self._views) * _GATHER_EACH_SECONDS)

    async def _work(self, key: Key) -> float | None:
        if key == _SPEAKER:
            if self._interfaces is not None and self._speakers.synced.is_set():
                await self._registration.reconcile(
                    self._interfaces,
                    wire_alive=self._channel.wire_alive,
                    partners=self._partners_seen(),
                    checks=self._checks(),
                )
        else:
            await self._tell(key)
        return None

    def _checks(self) -> list[Condition]:
        hand_off = self._proxy.condition
        return [*self._node_checks.conditions, *([hand_off] if hand_off else [])]

    async def _watch_hand_off(self) -> None:
        """Ask the node's proxy. What the agent before this one knew of it is in the API."""
        await self._speakers.synced.wait()
        speaker = self._speakers.get(Key("", self._node)) or {}
        before = condition(speaker, ConditionType.HAND_OFF_READY) or {}
        async with Asker() as asker, asyncio.TaskGroup() as group:
            group.create_task(self._proxy.run(asker, before=before.get("reason")))
            group.create_task(self._local.run(asker))

    def _local_ports(self) -> Iterator[tuple[VirtualIPView, Port]]:
        """The addresses that are only handed on where the Service has an endpoint."""
        for view in self._views.values():
            if (port := port_of(view, self._node)) is not None:
                yield view, port

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

    async def _tell(self, key: Key) -> None:
        """Write what the wire does with an address into its VirtualIP."""
        address = str(address_of(key.name))
        report = self._channel.reports.get(address)
        # What a wire that stops lets go, others take and say so.
        if report is None or self._stopping:
            return
        held = report.state is State.HOLDING
        virtual_ip = self._virtual_ips.get(key)
        in_sight = virtual_ip is not None
        if virtual_ip is None:
            if not held:
                self._channel.reports.pop(address, None)
            # Out of our sight: a status of ours may still stand there.
            spoke = self._told.pop(address, None) is not None
            if held or not (spoke or address in self._strangers):
                return
            virtual_ip = await self._read(key)
        if virtual_ip is not None:
            told = self._told.get(address) == report.since
            patch = status.status_patch(
                virtual_ip,
                report,
                node=self._node,
                told=told,
                ours=self._ours(),
                sure=self._kin.unread.isdisjoint(virtual_ip["spec"].get("succession") or ()),
                now=time.time(),
            )
            if patch is not None:
                if in_sight and (wait := self._soonest(address) - time.monotonic()) > 0:
                    self._queue.add_later(key, wait)
                    return
                await self._write(virtual_ip, patch)
                self._note_stranger(address, patch)
                if in_sight:
                    self._written[address] = time.monotonic()
        else:
            self._strangers.discard(address)
        if held:
            self._told[address] = report.since
        else:
            self._told.pop(address, None)

    def _ours(self) -> set[str]:
        """The MACs of speakers that this node knows: all others are strangers'."""
        return {partner.mac for partner in self._partners} | self._kin.macs

    def _soonest(self, address: str) -> float:
        """When the status of an address may be written again: frames can be forged by thousands."""
        return self._written.get(address, -_WRITE_SECONDS) + _WRITE_SECONDS

    def _note_stranger(self, address: str, patch: Object) -> None:
        if patch.get("conflict"):
            self._strangers.add(address)
        elif "conflict" in patch:
            self._strangers.discard(address)

    async def _read(self, key: Key) -> Object | None:
        try:
            return await self._client.get(VIRTUAL_IPS, key.name)
        except NotFound:
            return None

    async def _write(self, virtual_ip: Object, patch: Object) -> None:
        meta = virtual_ip["metadata"]
        with contextlib.suppress(NotFound):
            await self._client.patch_status(
                VIRTUAL_IPS, meta["name"], patch, resource_version=meta["resourceVersion"]
            )

    async def _tick(self) -> None:
        """Notice what no event tells: that there is no Speaker yet, that the wire fell silent."""
        await self._speakers.synced.wait()
        self._look_at_speaker()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            alive = self._channel.wire_alive
            if alive != self._wire_was_alive:
                self._wire_was_alive = alive
                self._look_at_speaker()

    # ------------------------------------------------------------------ life and farewell

    async def _live(self) -> None:
        """Renew the Lease while this node can answer; a dead wire must not look alive."""
        await self._virtual_ips.synced.wait()
        sign: SignOfLife | None = None
        while True:
            pause = self._settings.lease_renew_seconds
            if self._channel.wire_alive:
                try:
                    sign = sign or await self._sign()
                    await sign.renew()
                    self._renewed = True
                except ApiError as error:
                    _log.warning("the Lease was not renewed: %s", error)
                    pause = min(pause, _LEASE_RETRY_SECONDS)
            else:
                pause = min(pause, _LEASE_RETRY_SECONDS)
            await asyncio.sleep(pause)

    async def _sign(self) -> SignOfLife:
        return SignOfLife(
            self._client,
            Key(self._settings.namespace, speaker_lease(self._node)),
            holder=self._node,
            duration=max(1, round(self._settings.lease_duration_seconds)),
            labels=SPEAKER_LABELS,
            owner=await self._registration.owner(),
        )

    async def _say_goodbye(self) -> None:
        """Give the Lease back, so that the operator plans around this node.

        The wire hands over at the same time, without a plan: it tells its peers that it stops,
        and answers until they have taken what it holds.
        """
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await (await self._sign()).release()
        except (ApiError, TimeoutError) as error:
            _log.warning("the Lease was not given back: %s", str(error) or "no answer in time")

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
            "the Lease was not renewed yet": not self._renewed,
        }
        return next((problem for problem, applies in checks.items() if applies), None)


_SPEAKER: Final = Key("speaker", "")
"""The queue's key for this node's Speaker; no VirtualIP has a namespace."""


def _virtual_ip(address: str) -> Key:
    return Key("", object_name(ip_address(address)))


def _planned_part(view: VirtualIPView | None) -> VirtualIPView | None:
    """A VirtualIP without what a status write changes: that does not concern the plan."""
    return view and replace(
        view,
        resource_version="",
        holder=None,
        released=None,
        conflict=None,
        ever_held=False,
        answered_by_another="",
    )
