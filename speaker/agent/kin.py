"""The MACs of speakers that share an address with this one and are no partners of it.

In a cluster of more than eleven nodes a succession names some. The wire must tell them from
strangers: who holds defends its address against a stranger, and agrees with a speaker about who
keeps it. So their Speakers are read, each once and then now and then: a watch of them all would
cost every node the news of the whole cluster.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from lbctl.core.objects.speakers import InterfaceView
from lbctl.core.reading.objects import speaker_view
from lbctl.kube.client import Client
from lbctl.kube.errors import ApiError, NotFound
from lbctl.kube.objects import SPEAKERS
from speaker.agent.interfaces import Interface
from speaker.messages import Entry, Kin, Peer

_log: Final = logging.getLogger(__name__)

Interfaces = tuple[InterfaceView, ...]

AGAIN_SECONDS: Final = 900.0
"""Until a Speaker is read again. A node that is replaced under its name has another MAC then."""
UNREAD_SECONDS: Final = 30.0
"""The same for one that was not there, or could not be read."""
DOUBT_SECONDS: Final = 10.0
"""When a stranger is heard it may be one of them with another MAC: then all are read again, so
often at most."""
REMEMBERED_SECONDS: Final = 3600.0
"""A node that the plan names no more may hold an address still, by an older plan: for so long it is
no stranger. The same of one whose Speaker is gone."""
PAUSE_SECONDS: Final = 0.1
"""Between two readings."""
AT_MOST: Final = 256
"""Nodes that are read about. More share no address with one node."""


def unknown(entries: Iterable[Entry], peers: Iterable[Peer], node: str) -> set[str]:
    """The nodes that may hold an address of the plan and are no partners where it is announced."""
    known = {(peer.node, peer.interface) for peer in peers if peer.mac}
    return {
        name
        for entry in entries
        for name in (*entry.succession, entry.holder, entry.outgoing)
        if name and name != node and (name, entry.interface) not in known
    }


def rows(known: Mapping[str, Interfaces], own: Iterable[Interface]) -> tuple[Kin, ...]:
    """What the wire is told: on each of our interfaces, the MAC of each of these nodes.

    It is that of the node's interface in a subnet of ours; where there is none, of the interface of
    the same name, for an advertisement may name it whatever its subnets are.
    """
    found = []
    for one in own:
        networks = [address.network for address in one.view.addresses]
        for name, there in sorted(known.items()):
            near = [
                each
                for each in there
                if any(theirs.ip in network for theirs in each.addresses for network in networks)
            ]
            alike = [each for each in there if each.name == one.view.name]
            chosen = next(iter((*near, *alike)), None)
            if chosen is not None:
                found.append(Kin(name, one.view.name, chosen.mac))
    return tuple(found)


class Acquaintances:
    """Reads the Speakers of the nodes that the plan makes it want to know.

    Args:
        client: an open client.
        changed: called when more is known than before.
    """

    def __init__(self, client: Client, *, changed: Callable[[], None]) -> None:
        self._client = client
        self._changed = changed
        self._wanted: frozenset[str] = frozenset()
        self._due: dict[str, float] = {}
        self._left: dict[str, float] = {}
        """Node -> when the plan ceased to name it."""
        self._doubted_at = -DOUBT_SECONDS
        self._wake = asyncio.Event()
        self.known: dict[str, Interfaces] = {}
        """Node -> its interfaces; without any, nothing is known of it."""

    @property
    def macs(self) -> set[str]:
        """Of all that are known."""
        return {one.mac for interfaces in self.known.values() for one in interfaces}

    @property
    def unread(self) -> frozenset[str]:
        """The nodes of which nothing was read yet, not even that they have no Speaker."""
        return self._wanted - self.known.keys()

    def want(self, nodes: Collection[str]) -> None:
        """The nodes of the newest plan; the others are forgotten after an hour."""
        wanted = frozenset(sorted(nodes)[:AT_MOST])
        if wanted == self._wanted:
            return
        now = time.monotonic()
        left = {name: self._left.get(name, now) for name in self.known.keys() - wanted}
        recent = sorted(left, key=left.__getitem__, reverse=True)[: AT_MOST - len(wanted)]
        self._left = {name: left[name] for name in recent if now - left[name] < REMEMBERED_SECONDS}
        self.known = {
            name: found
            for name, found in self.known.items()
            if name in wanted or name in self._left
        }
        self._wanted = wanted
        self._due = {name: self._due.get(name, 0.0) for name in wanted}
        self._wake.set()

    def doubt(self) -> None:
        """A stranger is heard: look whether it is one of them."""
        now = time.monotonic()
        if now - self._doubted_at >= DOUBT_SECONDS:
            self._doubted_at = now
            self._due = dict.fromkeys(self._wanted, now)
            self._wake.set()

    async def run(self) -> None:
        """Read what is due, until cancelled."""
        while True:
            self._wake.clear()
            now = time.monotonic()
            name = min(self._due, key=self._due.__getitem__, default=None)
            wait = None if name is None else self._due[name] - now
            if name is not None and wait is not None and wait <= 0:
                await self._look(name)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self, name: str) -> None:
        found: Interfaces | None
        try:
            found = speaker_view(await self._client.get(SPEAKERS, name)).interfaces
        except NotFound:
            found = ()
        except ApiError as error:
            _log.debug("the Speaker of %s: %s", name, error)
            found = None
        if name not in self._due:
            return  # the plan has changed meanwhile
        # Spread: a thousand nodes that start together must not read together for ever.
        pause = AGAIN_SECONDS * random.uniform(0.8, 1.2) if found else UNREAD_SECONDS  # noqa: S311  # no secret
        self._due[name] = time.monotonic() + pause
        before = self.known.get(name)
        if found or (before is None and found is not None):
            self.known[name] = found
            if found != before:
                self._changed()
