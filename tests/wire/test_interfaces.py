"""The agent follows the node's interfaces through one change after another."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from speaker.agent import netlink
from speaker.agent.interfaces import Interface
from tests.wire.network import INTERFACE, Host, Network, inside, write_setting

pytestmark = pytest.mark.root

Told = asyncio.Queue[tuple[Interface, ...]]


def addresses(interfaces: tuple[Interface, ...]) -> set[str]:
    return {str(own.ip) for interface in interfaces for own in interface.view.addresses}


async def tells(told: Told, wanted: set[str]) -> None:
    async with asyncio.timeout(20):
        while addresses(await told.get()) != wanted:
            pass


def followed(host: Host, story: Callable[[Told], Awaitable[None]]) -> None:
    """Follow the host's interfaces while the story is told."""

    async def told() -> None:
        heard: Told = asyncio.Queue()
        following = asyncio.create_task(netlink.follow(heard.put_nowait))
        telling = asyncio.ensure_future(story(heard))
        done, _ = await asyncio.wait({following, telling}, return_when=asyncio.FIRST_COMPLETED)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert telling in done, "the agent stopped following"
        telling.result()

    inside(host.namespace, lambda: asyncio.run(told()))


def test_every_change_is_told_not_only_the_first(network: Network) -> None:
    node = network.host("node", 11)
    own = {node.address}

    async def story(told: Told) -> None:
        await tells(told, own)
        for number in range(20, 24):
            node.ip("address", "add", f"172.31.9.{number}/24", "dev", INTERFACE)
            await tells(told, own | {f"172.31.9.{number}"})
            node.ip("address", "del", f"172.31.9.{number}/24", "dev", INTERFACE)
            await tells(told, own)

    followed(node, story)


def test_a_flock_of_events_ends_in_the_truth(network: Network) -> None:
    node = network.host("node", 11)
    many = {f"172.31.9.{number}" for number in range(20, 60)}

    async def story(told: Told) -> None:
        await tells(told, {node.address})
        for address in sorted(many):
            node.ip("address", "add", f"{address}/24", "dev", INTERFACE)
        await tells(told, {node.address} | many)

    followed(node, story)


def test_an_interface_that_vanishes_and_returns_is_told(network: Network) -> None:
    node = network.host("node", 11)

    async def story(told: Told) -> None:
        await tells(told, {node.address})
        network.unplug(node)
        await tells(told, set())
        network.plug(node)
        await tells(told, {node.address})

    followed(node, story)


def test_a_default_gateway_is_told_and_so_is_another_one(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netlink, "_ROUTES_SECONDS", 0.05)
    node = network.host("node", 11)
    first, second = f"{node.address.rpartition('.')[0]}.1", "fd00:31::fe"

    async def gateways(told: Told, wanted: set[str]) -> None:
        async with asyncio.timeout(20):
            while {str(g) for each in await told.get() for g in each.view.gateways} != wanted:
                pass

    async def story(told: Told) -> None:
        node.ip("route", "add", "default", "via", first, "dev", INTERFACE)
        await gateways(told, {first})
        node.ip("route", "del", "default")
        await gateways(told, set())
        write_setting(node.namespace, f"ipv6/conf/{INTERFACE}/disable_ipv6", "0")
        node.ip("address", "add", "fd00:31::1/64", "dev", INTERFACE, "nodad")
        node.ip("route", "add", "default", "via", second, "dev", INTERFACE)
        await gateways(told, {second})

    followed(node, story)
