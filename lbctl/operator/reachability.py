"""Whether a host answers TCP at all. Whatever it answers, it lives; only silence says something."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterable
from enum import Enum, auto
from ipaddress import ip_address

ATTEMPTS = 3
"""A lost SYN is repeated by the kernel after a second only; so there are several, side by side."""
EVERY_SECONDS = 0.08
WITHIN_SECONDS = 0.3
"""A kernel answers within a millisecond on a LAN, also when every process of the host starves."""

_SILENT = frozenset({errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN})
"""The neighbour does not answer ARP or NS: a router on the way may say so before the time is up."""
_NOT_SENT = frozenset({errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL})
"""Nothing went out, so silence says nothing."""


class Answer(Enum):
    """What became of a question."""

    ANSWERED = auto()
    """Accepted, refused or reset."""
    SILENT = auto()
    NOT_ASKED = auto()
    """There is no address, or this host has no way there."""


async def ask(addresses: Iterable[str], port: int, *, within: float = WITHIN_SECONDS) -> Answer:
    """Ask a host by TCP, at each of its addresses.

    Args:
        addresses: IPv4 or IPv6, no names.
        port: where something should listen; whether it does makes no difference.
        within: seconds to wait.
    """
    found = await asyncio.gather(
        *(
            _attempt(address, port, after=EVERY_SECONDS * attempt, until=within)
            for address in addresses
            for attempt in range(ATTEMPTS)
        )
    )
    if Answer.ANSWERED in found:
        return Answer.ANSWERED
    return Answer.SILENT if Answer.SILENT in found else Answer.NOT_ASKED


async def _attempt(address: str, port: int, *, after: float, until: float) -> Answer:
    await asyncio.sleep(after)
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as asking:
        asking.setblocking(False)  # noqa: FBT003 - the socket's own word
        try:
            async with asyncio.timeout(until - after):
                await asyncio.get_running_loop().sock_connect(asking, (address, port))
        except TimeoutError:
            return Answer.SILENT
        except OSError as error:
            if error.errno in _SILENT:
                return Answer.SILENT
            return Answer.NOT_ASKED if error.errno in _NOT_SENT else Answer.ANSWERED
    return Answer.ANSWERED
