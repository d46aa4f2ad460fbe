"""Services that are known before what explains them: their namespace, or their own VirtualIP."""

from typing import Any

from aiohttp import web

from lbctl.core.allocation.waiting import Waiting
from lbctl.core.objects.services import Ownership, ServiceKey
from lbctl.core.reading.objects import virtual_ip_view
from lbctl.kube.events import Recorder
from lbctl.kube.objects import Key
from lbctl.operator.metrics import Metrics
from lbctl.operator.services import Services
from lbctl.operator.virtualips import VirtualIPs
from lbctl.world.world import World
from tests.unit.kube.fake_api import serving, status
from tests.unit.operator import objects

TEAMS, EVERYBODYS = "172.16.110.120", "172.16.110.100"


class Server:
    """Has a namespace with these labels, or none, and lets everything be written."""

    def __init__(self, *objects: dict[str, Any], **labels: str) -> None:
        self._objects = {one["metadata"]["name"]: one for one in objects}
        self._labels = labels
        self.asked: list[str] = []
        self.written: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path.rpartition('/')[2]}")
        name = request.path.rpartition("/")[2]
        if request.method == "GET" and name in self._objects:
            return web.json_response(self._objects[name])
        if request.method == "GET":
            namespace = objects.namespace("shop", **self._labels)
            return web.json_response(namespace) if self._labels else status(404, "NotFound")
        body: dict[str, Any] = await request.json()
        self.written.append(body)
        if request.method == "POST":
            made = objects.virtual_ip(body["metadata"]["name"], "web")
            return web.json_response(made | {"spec": body["spec"]})
        return web.json_response(objects.service("web") | {"status": body["status"]})


async def given(world: World, server: Server) -> list[str]:
    """The addresses that the Service has after a reconcile."""
    async with serving(server.answer) as client:
        ownership, metrics = Ownership(), Metrics()
        recorder = Recorder(client, controller="lbctl", instance="test")
        services = Services(
            world,
            client,
            recorder=recorder,
            metrics=metrics,
            ownership=ownership,
            virtual_ips=VirtualIPs(
                world,
                client,
                recorder=recorder,
                metrics=metrics,
                ownership=ownership,
                again=lambda _key, _seconds: None,
            ),
            waiting=Waiting(lambda _key: None),
        )
        await services.reconcile(Key("shop", "web"))
    named = world.ledger.virtual_ips_of(ServiceKey("shop", "web"))
    return [str(view.address) for view in named]


def world() -> World:
    """A pool for everybody, and one for a team's namespaces."""
    made = World(lease_duration=15.0, clock=lambda: 100.0)
    made.pools.put(objects.pool("lan", EVERYBODYS))
    teams = objects.pool("team", TEAMS)
    teams["spec"]["allocation"] = {"namespaceSelectors": [{"matchLabels": {"team": "b"}}]}
    made.pools.put(teams)
    made.services.put(objects.service("web"))
    return made


async def test_its_namespace_is_read_before_a_pool_is_chosen() -> None:
    server = Server(team="b")
    assert await given(world(), server) == [TEAMS]
    assert server.asked[0] == "GET shop"


async def test_a_namespace_that_is_known_is_not_read() -> None:
    known, server = world(), Server(team="b")
    known.namespaces.put(objects.namespace("shop", team="a"))
    assert await given(known, server) == [EVERYBODYS]
    assert "GET shop" not in server.asked


async def test_one_that_is_gone_selects_nothing() -> None:
    assert await given(world(), Server()) == [EVERYBODYS]


async def test_an_address_that_another_was_about_to_get_is_left_to_who_shows_it() -> None:
    """Two operators gave it at once, as when one takes over: the other one was faster."""
    known, shows = world(), objects.service("web", EVERYBODYS)
    known.namespaces.put(objects.namespace("shop"))
    known.services.put(shows)
    known.expect(virtual_ip_view(objects.virtual_ip(EVERYBODYS, "another")))
    server = Server(shows, objects.virtual_ip(EVERYBODYS, "web"), team="a")

    assert await given(known, server) == [EVERYBODYS]
    for body in server.written:
        assert body["status"].get("loadBalancer", shows["status"]["loadBalancer"])["ingress"]


async def test_an_address_that_is_anothers_is_taken_out_of_the_status() -> None:
    known, shows = world(), objects.service("web", EVERYBODYS)
    known.namespaces.put(objects.namespace("shop"))
    known.services.put(shows)
    theirs = objects.virtual_ip(EVERYBODYS, "another")
    known.virtual_ips.put(theirs)
    server = Server(shows, theirs, team="a")

    await given(known, server)
    (written,) = [body for body in server.written if "loadBalancer" in body.get("status", {})]
    assert written["status"]["loadBalancer"]["ingress"] == []
