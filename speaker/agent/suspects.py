"""Partners that are not heard: do they live? Their Leases tell a blocked port from a dead node.

A Lease is read only while a session should be there and is not, so on a healthy LAN never.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from lbctl.core.labels import speaker_lease
from lbctl.kube.client import Client
from lbctl.kube.errors import ApiError, NotFound
from lbctl.kube.lease import Record
from lbctl.kube.objects import LEASES

_log: Final = logging.getLogger(__name__)

AT_MOST: Final = 3
"""Leases read in one round: where a firewall blocks a whole cluster, every node asks for them."""


class Renewals:
    """Whose Leases are renewed: a living speaker changes its own between two looks.

    The time in a Lease is by another node's clock and says nothing here, and one look tells
    nothing at all.
    """

    def __init__(self) -> None:
        self._looks: list[str] = []
        self._marks: dict[str, str] = {}
        self.alive: frozenset[str] = frozenset()

    def next(self, suspects: Iterable[str]) -> Sequence[str]:
        """Whose Lease to look at now. All who are no suspects are forgotten."""
        wanted = {*suspects}
        self._looks = [node for node in self._looks if node in wanted]
        self._marks = {node: mark for node, mark in self._marks.items() if node in wanted}
        self.alive &= wanted
        # Who was found alive needs no other look soon; then those that were not looked at lately.
        turn = {node: place for place, node in enumerate(self._looks)}
        return sorted(wanted, key=lambda node: (node in self.alive, turn.get(node, -1), node))[
            :AT_MOST
        ]

    def see(self, node: str, record: Record | None) -> None:
        """Look at a Lease; None is one that is not there."""
        self._looks = [*(each for each in self._looks if each != node), node]
        mark = record.renewed if record is not None and record.holder else ""
        before = self._marks.get(node)
        self._marks[node] = mark
        if mark and before is not None and before != mark:
            self.alive |= {node}
        elif before is not None or not mark:
            self.alive -= {node}


class Suspects:
    """Looks at the Leases of the partners that are not heard.

    Args:
        client: an open client.
        namespace: where the Leases are.
        pause: seconds between two rounds; longer than a living speaker takes to renew.
        suspects: the nodes in question, as of now.
        changed: called when it is seen that one of them lives, or no longer does.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        pause: float,
        suspects: Callable[[], Iterable[str]],
        changed: Callable[[], None],
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._pause = pause
        self._suspects = suspects
        self._changed = changed
        self._renewals = Renewals()

    @property
    def alive(self) -> frozenset[str]:
        """The nodes that are not heard and yet renew their Lease."""
        return self._renewals.alive

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._pause)
            before = self.alive
            for node in self._renewals.next(self._suspects()):
                try:
                    self._renewals.see(node, await self._read(node))
                except ApiError as error:
                    _log.debug("the Lease of %s: %s", node, error)
            if self.alive != before:
                self._changed()

    async def _read(self, node: str) -> Record | None:
        try:
            lease = await self._client.get(LEASES, speaker_lease(node), namespace=self._namespace)
        except NotFound:
            return None
        return Record.of(lease)
