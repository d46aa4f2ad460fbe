"""Taking an address, when the API server's answer comes late or not at all."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from aiohttp import web

from lbctl.core.addresses import Family
from lbctl.core.services import Ownership, ServiceRef
from lbctl.kube.errors import ApiError
from lbctl.kube.events import Recorder
from lbctl.operator.metrics import Metrics
from lbctl.operator.virtualips import VirtualIPs
from lbctl.operator.world import World
from tests.unit.kube.fake_api import serving, status
from tests.unit.operator import objects

ADDRESS = IPv4Address("172.16.110.100")
WEB = ServiceRef("shop", "web", "uid-web")


@pytest.fixture
def world() -> World:
    made = World(lease_duration=15.0)
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
