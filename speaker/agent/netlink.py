"""The node's interfaces, followed by netlink events.

An event only says that something changed; what the interfaces are is read anew each time. So a lost
event (ENOBUFS: the kernel's queue was full) costs a reading and never the truth.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_interface
from typing import Final

from pyroute2.iproute.linux import AsyncIPRoute
from pyroute2.netlink import rtnl
from pyroute2.netlink.exceptions import NetlinkError

from lbctl.core.addresses import InterfaceAddress
from speaker.agent.gateways import read_gateways
from speaker.agent.interfaces import Interface, Link, in_use, usable

_log: Final = logging.getLogger(__name__)

_GATHER_SECONDS: Final = 0.02
"""From an event to the reading: a change makes several."""
_FLOCK_SECONDS: Final = 0.2
"""Between two readings: where pods come and go, most events mean nothing to us."""
_RETRY_SECONDS: Final = 1.0
_ROUTES_SECONDS: Final = 30.0
"""The default routes are read this often: to be told of them means to be told of every pod's."""
_WATCHED: Final = rtnl.RTMGRP_LINK | rtnl.RTMGRP_IPV4_IFADDR | rtnl.RTMGRP_IPV6_IFADDR


async def read_links() -> list[Link]:
    """Every interface of this network namespace, with its addresses."""
    addresses: dict[int, list[tuple[InterfaceAddress, int]]] = {}
    async with AsyncIPRoute() as netlink:
        async for message in await netlink.addr("dump"):
            # IFA_ADDRESS is the other end of a point-to-point link; IPv6 has no IFA_LOCAL else.
            local = message.get("local") or message.get("address")
            own = ip_interface(f"{local}/{message.get('prefixlen')}")
            flags = int(message.get("flags") or 0)
            addresses.setdefault(message["index"], []).append((own, flags))
        gateways = read_gateways()
        return [
            Link(
                index=message["index"],
                name=message.get("ifname"),
                type=message["ifi_type"],
                flags=message["flags"],
                mac=message.get("address") or "",
                master=message.get("master"),
                addresses=in_use(addresses.get(message["index"], ())),
                gateways=gateways.get(message.get("ifname"), ()),
            )
            async for message in await netlink.link("dump")
        ]


async def follow(on_change: Callable[[tuple[Interface, ...]], None]) -> None:
    """Tell of the usable interfaces now and after every change, until cancelled."""
    known: tuple[Interface, ...] | None = None
    while True:
        try:
            async with AsyncIPRoute() as events:
                # Bound before the reading, so that no change falls between the two.
                await events.bind(_WATCHED)
                while True:
                    read_at = time.monotonic()
                    found = usable(await read_links())
                    if found != known:
                        known = found
                        on_change(found)
                    await _flock(events, read_at)
        except (OSError, NetlinkError) as error:
            _log.warning("netlink: %s; reading the interfaces anew", error)
            await asyncio.sleep(_RETRY_SECONDS)


async def _flock(events: AsyncIPRoute, read_at: float) -> None:
    """Wait for an event and for those that come with it: a pod's start makes a dozen."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ROUTES_SECONDS):
            await _datagram(events)
    wait = max(_GATHER_SECONDS, read_at + _FLOCK_SECONDS - time.monotonic())
    with suppress(TimeoutError):
        async with asyncio.timeout(wait):
            while True:
                await _datagram(events)


async def _datagram(events: AsyncIPRoute) -> None:
    # What `get` iterates over ends with each datagram of the kernel's, not with the subscription.
    async for _ in events.get():
        pass
