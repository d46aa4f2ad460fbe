"""Handing on to NodePorts: from what a person asked for to the Service's `ipMode`, and back."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from aiohttp import web

from lbctl.core.allocation.waiting import Waiting
from lbctl.core.objects.services import Ownership
from lbctl.kube.events import Recorder
from lbctl.kube.lease import Record
from lbctl.kube.objects import Key
from lbctl.operator import handing_on
from lbctl.operator.metrics import Metrics
from lbctl.operator.services import Services
from lbctl.operator.virtualips import VirtualIPs
from lbctl.world.world import World
from tests.unit.kube.fake_api import serving, status
from tests.unit.operator import objects

ADDRESS = "172.16.110.100"
PORTS = [{"port": 80, "nodePort": 30080}]
SENT = {"nodePorts": [{"protocol": "TCP", "port": 80, "nodePort": 30080}]}
ASKED = {"handOff": "NodePort"}


class InAMinute:
    """A clock that is ahead."""

    @staticmethod
    def now(tz: tzinfo) -> datetime:
        return datetime.now(tz) + timedelta(minutes=1)


@dataclass
class Site:
    """A world, and an API server that keeps what the operator writes."""

    world: World
    writes: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return status(404, "NotFound")
        body: dict[str, Any] = await request.json()
        kind = "service" if "/services/" in request.path else "virtual IP"
        self.writes.append(f"{request.method} {kind}")
        if request.method == "POST":
            made = objects.virtual_ip(body["metadata"]["name"], "web")
            made["metadata"]["labels"] = body["metadata"]["labels"]
            return web.json_response(made | {"spec": body["spec"]})
        if kind == "service":
            known = self.world.services[Key("shop", request.path.split("/")[6])]
        else:
            known = self.world.virtual_ips[Key("", request.path.split("/")[5])]
        fresh = objects.virtual_ip(ADDRESS, None)["metadata"]["resourceVersion"]
        meta = known["metadata"] | {"resourceVersion": fresh}
        if request.method == "PUT":
            meta |= {"labels": body["metadata"]["labels"]}
            return web.json_response(known | {"metadata": meta, "spec": body["spec"]})
        said = (known.get("status") or {}) | body["status"]
        return web.json_response(known | {"metadata": meta, "status": said})

    async def settle(self) -> list[str]:
        """Reconcile the Service and the VirtualIP until nothing is written; the writes."""
        self.writes.clear()
        async with serving(self.answer) as client:
            ownership, metrics = Ownership(), Metrics()
            recorder = Recorder(client, controller="lbctl", instance="test")
            virtual_ips = VirtualIPs(
                self.world,
                client,
                recorder=recorder,
                metrics=metrics,
                ownership=ownership,
                again=lambda _key, _seconds: None,
            )
            services = Services(
                self.world,
                client,
                recorder=recorder,
                metrics=metrics,
                ownership=ownership,
                virtual_ips=virtual_ips,
                waiting=Waiting(lambda _key: None),
            )
            before = -1
            while before < len(self.writes):
                before = len(self.writes)
                await services.reconcile(Key("shop", "web"))
                await virtual_ips.reconcile(Key("", ADDRESS))
        return self.writes

    def hold(self, **status: Any) -> None:
        """The holder speaks."""
        vip = self.world.virtual_ips[Key("", ADDRESS)]
        said = (vip.get("status") or {}) | {"holder": "n1", "everHeld": True} | status
        self.world.virtual_ips.put(_newer(vip) | {"status": said})

    def change_service(self, **spec: Any) -> None:
        there = self.world.services[Key("shop", "web")]
        self.world.services.put(_newer(there) | {"spec": there["spec"] | spec})

    def say(self, node: str, status: str | None, reason: str = "TableInPlace") -> None:
        """What a speaker says of its table; None = nothing."""
        there = objects.speaker(node, f"172.16.110.1{node[1]}/24")
        if status is not None:
            said = {"type": "NodePortReady", "status": status, "reason": reason, "message": "so."}
            there["status"]["conditions"] = [said]
        self.world.speakers.put(there)

    @property
    def hand_off(self) -> Any:
        return self.world.virtual_ips[Key("", ADDRESS)]["spec"].get("handOff")

    @property
    def mode(self) -> str:
        (entry,) = self.world.services[Key("shop", "web")]["status"]["loadBalancer"]["ingress"]
        return str(entry["ipMode"])

    @property
    def handed_on(self) -> tuple[str, str] | None:
        status = self.world.virtual_ips[Key("", ADDRESS)].get("status") or {}
        for one in status.get("conditions") or ():
            if one["type"] == "HandedOn":
                return one["status"], one["reason"]
        return None


def _newer(obj: dict[str, Any]) -> dict[str, Any]:
    fresh = objects.virtual_ip(ADDRESS, None)["metadata"]["resourceVersion"]
    return obj | {"metadata": obj["metadata"] | {"resourceVersion": fresh}}


@pytest.fixture
def site() -> Site:
    """Two nodes with tables, a pool, and a Service that nobody has looked at."""
    world = World(lease_duration=15.0, clock=lambda: 100.0)
    made = Site(world)
    world.pools.put(objects.pool("lab", ADDRESS))
    world.namespaces.put(objects.namespace("shop"))
    for node in ("n1", "n2"):
        world.nodes.put(objects.node(node, f"172.16.110.1{node[1]}"))
        made.say(node, "True")
        world.lease_changed(f"lbctl-speaker-{node}", Record(node, "t1"))
    world.services.put(objects.service("web", ports=PORTS))
    return made


def ask(site: Site, **spec: Any) -> None:
    site.world.advertisements.put(objects.advertisement("all", **spec))


async def test_it_goes_with_the_writes_that_are_needed_anyway(site: Site) -> None:
    """A new address: nobody could use it before, so proxies never learn of it."""
    ask(site, **ASKED)
    writes = await site.settle()
    assert (site.hand_off, site.mode) == (SENT, "Proxy")
    assert site.handed_on == ("True", "AsAsked")
    assert sorted(writes) == ["PATCH service", "PATCH virtual IP", "POST virtual IP"]


async def test_without_being_asked_nothing_is_said_of_it(site: Site) -> None:
    await site.settle()
    assert (site.hand_off, site.mode, site.handed_on) == (None, "VIP", None)


async def test_there_and_back_without_a_gap(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.settle()
    site.hold()
    ask(site, **ASKED)
    await site.settle()
    assert (site.hand_off, site.mode) == (SENT, "VIP"), "the holder's table first"
    site.hold(handOff="NodePort")
    await site.settle()
    assert site.mode == "Proxy"

    ask(site)
    await site.settle()
    assert site.mode == "VIP"
    assert site.hand_off["nodePorts"] == SENT["nodePorts"], "while the proxies learn of it"
    assert site.hand_off["nodePortsUntil"]
    monkeypatch.setattr(handing_on, "datetime", InAMinute)
    await site.settle()
    assert site.hand_off is None
    assert site.handed_on == ("True", "AsAsked")


async def test_a_node_that_cannot_leaves_all_as_it_is(site: Site) -> None:
    site.say("n2", "False", "NoNftables")
    ask(site, **ASKED)
    await site.settle()
    assert (site.hand_off, site.mode) == (None, "VIP")
    assert site.handed_on == ("False", "NodeUnable")
    site.say("n2", "True")
    await site.settle()
    assert site.handed_on == ("True", "AsAsked")


async def test_source_ranges_bring_the_proxy_back(site: Site) -> None:
    ask(site, **ASKED)
    await site.settle()
    site.hold(handOff="NodePort")
    site.change_service(loadBalancerSourceRanges=["10.0.0.0/8"])
    await site.settle()
    assert (site.mode, site.handed_on) == ("VIP", ("False", "SourceRanges"))


async def test_node_ports_that_are_given_back_are_not_sent_to(site: Site) -> None:
    """The proxies have no rules for them from then on, and learn of the address instead."""
    ask(site, **ASKED)
    await site.settle()
    site.hold(handOff="NodePort")
    site.change_service(ports=[{"port": 80}], allocateLoadBalancerNodePorts=False)
    await site.settle()
    assert (site.hand_off, site.mode) == (None, "VIP")
    assert site.handed_on == ("False", "NoNodePort")


async def test_another_node_port_is_written_at_once(site: Site) -> None:
    ask(site, **ASKED)
    await site.settle()
    site.hold(handOff="NodePort")
    site.change_service(ports=[{"port": 80, "nodePort": 30081}])
    assert await site.settle() == ["PUT virtual IP"]
    assert site.hand_off["nodePorts"][0]["nodePort"] == 30081
    assert site.mode == "Proxy"


async def test_an_address_without_a_service_is_sent_nowhere(site: Site) -> None:
    ask(site, **ASKED)
    await site.settle()
    site.hold(handOff="NodePort")
    site.world.services.remove(site.world.services[Key("shop", "web")])
    await site.settle()
    assert site.hand_off is None
