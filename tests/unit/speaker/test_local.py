"""Services with local endpoints only: what their health checks say, and who is asked for it."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable
from ipaddress import IPv4Interface, IPv6Interface, ip_address

import pytest
from aiohttp import web

from lbctl.core.objects.services import ServiceKey, ServiceRef
from lbctl.core.objects.speakers import InterfaceView
from lbctl.core.objects.virtualips import VirtualIPView
from speaker.agent.handoff import (
    FORGOTTEN,
    NONE_IN_A_ROW,
    Endpoints,
    LocalHealth,
    Reply,
    endpoints,
)
from speaker.agent.health import Asker
from speaker.agent.interfaces import Interface
from speaker.agent.local import LocalWatch, Port, hosts, port_of

SOME, NONE, UNTOLD = Endpoints.SOME, Endpoints.NONE, Endpoints.UNTOLD


def said(status: int, **body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("sentence", "reply", "heard"),
    [
        ("kube-proxy has endpoints", said(200, localEndpoints=2, serviceProxyHealthy=True), SOME),
        ("kube-proxy has none", said(503, localEndpoints=0, serviceProxyHealthy=True), NONE),
        ("an unwell proxy with endpoints", said(503, localEndpoints=2), SOME),
        ("another proxy's short words", Reply(200), SOME),
        ("and its no", Reply(503), NONE),
        ("something else has the port", Reply(404), UNTOLD),
        ("a count that is none", said(200, localEndpoints="many"), SOME),
        ("nobody serves the port: that is not `no endpoints`", None, UNTOLD),
    ],
)
def test_what_a_reply_says(sentence: str, reply: Reply | None, heard: Endpoints) -> None:
    assert endpoints(reply) is heard, sentence


@pytest.mark.parametrize(
    ("sentence", "heard", "serving"),
    [
        ("nothing was asked yet", [], True),
        ("once may be a proxy that has just started", [NONE] * (NONE_IN_A_ROW - 1), True),
        ("in a row is believed", [NONE] * NONE_IN_A_ROW, False),
        ("one endpoint is enough to take it again", [*[NONE] * NONE_IN_A_ROW, SOME], True),
        ("in between there was one", [NONE, NONE, SOME, NONE, NONE], True),
        ("who falls silent is still believed", [*[NONE] * NONE_IN_A_ROW, UNTOLD], False),
        ("but not for ever", [*[NONE] * NONE_IN_A_ROW, *[UNTOLD] * FORGOTTEN], True),
        ("who never answers says nothing", [UNTOLD] * 2 * FORGOTTEN, True),
    ],
)
def test_when_a_node_does_not_serve(
    sentence: str, heard: Iterable[Endpoints], *, serving: bool
) -> None:
    health = LocalHealth()
    for one in heard:
        health = health.after(one)
    assert health.serving is serving, sentence


def view(address: str = "10.0.0.9", **fields: object) -> VirtualIPView:
    given = {
        "services": (ServiceRef(ServiceKey("default", "web"), "u"),),
        "succession": ("n1", "n2"),
        "health_check_node_port": 30007,
    }
    return VirtualIPView(address=ip_address(address), **{**given, **fields})  # type: ignore[arg-type]  # rows vary any field


@pytest.mark.parametrize(
    ("sentence", "virtual_ip", "port"),
    [
        ("a candidate asks", view(), Port(4, 30007)),
        ("for each family apart", view("fd00::9"), Port(6, 30007)),
        ("other Services have no such port", view(health_check_node_port=None), None),
        ("no candidate", view(succession=("n2", "n3")), None),
        ("the only candidate keeps it whatever is said", view(succession=("n1",)), None),
        ("an address that is being released", view(services=()), None),
    ],
)  # fmt: skip
def test_who_asks(sentence: str, virtual_ip: VirtualIPView, port: Port | None) -> None:
    assert port_of(virtual_ip, "n1") == port, sentence


def test_the_proxy_may_listen_on_the_nodes_own_addresses_alone() -> None:
    own = (IPv4Interface("10.0.0.1/24"), IPv6Interface("fd00::1/64"))
    interfaces = [Interface(2, InterfaceView("eth0", "02:00:00:00:00:01", own))]
    assert hosts("192.168.1.1", interfaces) == {
        4: ["127.0.0.1", "192.168.1.1", "10.0.0.1"],
        6: ["[::1]", "[fd00::1]"],
    }
    assert hosts("", interfaces)[4] == ["127.0.0.1", "10.0.0.1"]
    assert hosts("fd00::1", [])[6] == ["[::1]", "[fd00::1]"]


async def serve(host: str, reply: Callable[[], web.Response]) -> tuple[web.AppRunner, int]:
    async def healthz(_: web.Request) -> web.Response:
        return reply()

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    return runner, runner.addresses[0][1]


async def test_the_port_is_found_on_another_address_and_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("speaker.agent.local.ROUND_SECONDS", 0.001)
    count, changed = 1, asyncio.Event()
    runner, number = await serve(
        "127.0.0.2",
        lambda: web.json_response({"localEndpoints": count}, status=200 if count else 503),
    )
    port, rounds, enough = Port(4, number), itertools.count(), asyncio.Event()

    def wanted() -> set[Port]:
        if next(rounds) > 2 * NONE_IN_A_ROW:
            enough.set()
        return {port}

    watch = LocalWatch(
        ports=wanted,
        hosts=lambda: {4: ["127.0.0.1", "127.0.0.2"], 6: []},
        changed=changed.set,
    )
    async with Asker() as asker, asyncio.timeout(30):
        asking = asyncio.create_task(watch.run(asker))
        await enough.wait()
        assert not changed.is_set()
        for count, serving in ((0, False), (1, True)):  # noqa: B007  # the server tells it
            await changed.wait()
            changed.clear()
            assert watch.serving(port) is serving
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await runner.cleanup()


def test_what_nobody_asked_about_is_served() -> None:
    watch = LocalWatch(ports=set, hosts=lambda: {4: [], 6: []}, changed=lambda: None)
    assert watch.serving(None)
    assert watch.serving(Port(4, 30007))
