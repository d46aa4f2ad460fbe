"""Taking an address, when the API server's answer comes late or not at all."""

from collections import Counter
from ipaddress import IPv4Address
from typing import Any

import pytest
from aiohttp import web

from lbctl.core.addresses import Family
from lbctl.core.objects.services import Ownership
from lbctl.core.reading.objects import service_view
from lbctl.kube.errors import ApiError
from lbctl.kube.events import Recorder
from lbctl.kube.lease import Record
from lbctl.kube.objects import Key
from lbctl.operator.metrics import Metrics
from lbctl.operator.virtualips import WORDS_AT_ONCE, VirtualIPs
from lbctl.world.world import World
from tests.unit.kube.fake_api import serving, status
from tests.unit.operator import objects

ADDRESS = IPv4Address("172.16.110.100")
WEB = service_view(objects.service("web"))


@pytest.fixture
def world() -> World:
    made = World(lease_duration=15.0, clock=lambda: 100.0)
    made.pools.put(objects.pool("lab", "172.16.110.100-172.16.110.109"))
    return made


async def taken(world: World, answer: Any) -> None:
    """Create the VirtualIP; the server answers so."""
    async with serving(answer) as client:
        recorder = Recorder(client, controller="lbctl", instance="test")
        virtual_ips = VirtualIPs(
            world,
            client,
            recorder=recorder,
            metrics=Metrics(),
            ownership=Ownership(),
            again=lambda _key, _seconds: None,
        )
        await virtual_ips.create(ADDRESS, "lab", WEB)


async def test_what_was_created_is_used(world: World) -> None:
    made = objects.virtual_ip(str(ADDRESS), "web")

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(made)

    await taken(world, answer)
    assert [view.address for view in world.ledger.virtual_ips_of(WEB.key)] == [ADDRESS]


async def test_what_was_not_created_is_free(world: World) -> None:
    async def answer(_: web.Request) -> web.Response:
        return status(503, "ServiceUnavailable")

    with pytest.raises(ApiError):
        await taken(world, answer)
    assert world.ledger.lowest_free("lab", Family.IPV4) == ADDRESS


async def test_what_was_deleted_before_its_creation_was_answered_is_free(world: World) -> None:
    """The watch may tell only of the end: kopf merges what happens to an object at once."""
    made = objects.virtual_ip(str(ADDRESS), "web")
    gone = objects.virtual_ip(str(ADDRESS), "web")

    async def answer(_: web.Request) -> web.Response:
        world.virtual_ips.remove(gone)
        return web.json_response(made)

    await taken(world, answer)
    assert world.ledger.lowest_free("lab", Family.IPV4) == ADDRESS


async def test_words_alone_are_written_at_a_bounded_rate(world: World) -> None:
    """A node dies: every condition could tell of it, and hardly any plan changes."""
    count = WORDS_AT_ONCE + 10
    addresses = [str(ADDRESS + number) for number in range(count)]
    world.nodes.put(objects.node("n1", "172.16.110.11"))
    world.speakers.put(objects.speaker("n1", "172.16.0.11/16"))
    world.lease_changed("lbctl-speaker-n1", Record("n1", "t1"))
    for address in addresses:
        world.services.put(objects.service(address, address))
        world.virtual_ips.put(objects.virtual_ip(address, address, "n1"))
    written: Counter[str] = Counter()
    put_off: list[float] = []

    async def answer(request: web.Request) -> web.Response:
        address = request.path.split("/")[5]
        written[address] += 1
        body = await request.json()
        known = world.virtual_ips[Key("", address)]
        meta = known["metadata"] | objects.virtual_ip(address, None)["metadata"]
        if request.method == "PUT":
            meta |= {"labels": body["metadata"]["labels"]}
            return web.json_response(known | {"metadata": meta, "spec": body["spec"]})
        meta |= {"labels": known["metadata"].get("labels")}
        return web.json_response(known | {"metadata": meta, "status": body["status"]})

    async with serving(answer) as client:
        virtual_ips = VirtualIPs(
            world,
            client,
            recorder=Recorder(client, controller="lbctl", instance="test"),
            metrics=Metrics(),
            ownership=Ownership(),
            again=lambda _key, seconds: put_off.append(seconds),
        )

        async def look() -> tuple[int, int]:
            """The writes, and the addresses that are to be looked at again later."""
            written.clear()
            put_off.clear()
            for address in addresses:
                assert await virtual_ips.reconcile(Key("", address))
            return written.total(), len(put_off)

        await look()
        assert await look() == (0, 0), "all is said"
        world.speakers.put(objects.speaker("n2", "10.0.0.1/24"))
        assert await look() == (WORDS_AT_ONCE, 10), "n2 is left out: that changes words alone"
        world.nodes.put(objects.node("n1", "172.16.110.11", labels={"lbctl.io/drain": ""}))
        assert (await look())[0] >= count, "a reason that changes does not wait"
