"""Writes what the wire does with an address into the status of its VirtualIP."""

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from lbctl.core.addresses import address_of
from lbctl.kube.client import Client
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.informer import Backoff
from lbctl.kube.objects import VIRTUAL_IPS, Key, Object, version_of
from speaker.agent import status
from speaker.agent.channel import Channel
from speaker.agent.kin import Acquaintances
from speaker.messages import AddressReport, State

_log: Final = logging.getLogger(__name__)

WRITE_SECONDS: Final = 1.0
"""Between two writes of one address's status: frames can be forged by thousands."""
AFTER_CONFLICT: Final = Backoff(shortest=0.2, longest=0.2)
"""An address that moves has its status written by two nodes and the operator, all within tenths of
a second. Who was slower waits until they are done, some longer than others."""


class Teller:
    """Compares what is said of an address with what is so, and says it.

    Args:
        client: an open client.
        node: this one.
        channel: what the wire reports.
        known: the VirtualIPs that this node sees, as a watch mirrors them.
        kin: the speakers that are no partners.
        partners: the MACs of those that are, as of now.
        rewrites: whether the node's table sends what comes for an address to NodePorts.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: Client,
        *,
        node: str,
        channel: Channel,
        known: Mapping[Key, Object],
        kin: Acquaintances,
        partners: Callable[[], Collection[str]],
        rewrites: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._node = node
        self._channel = channel
        self._known = known
        self._kin = kin
        self._partners = partners
        self._rewrites = rewrites
        self._clock = clock
        self._told: dict[str, float] = {}
        """address -> since when it is held, as far as its status was told."""
        self._not_before: dict[str, float] = {}
        """address -> when its status may be written again."""
        self._refused: dict[str, int] = {}
        """address -> the resourceVersion that was not the newest when a write was refused."""
        self._strangers: set[str] = set()
        """Addresses of which this agent has said that a stranger has or claims them."""

    def heard_of(self, address: str) -> None:
        """The wire has reported: if it names a stranger, look whether that is one of ours."""
        report = self._channel.reports[address]
        by = report.claimed_by or (report.by_mac if report.state is State.BLOCKED else None)
        if by is not None and by not in self._ours():
            self._kin.doubt()

    def gone(self, address: str) -> None:
        """The VirtualIP is out of this node's sight."""
        self._not_before.pop(address, None)
        self._refused.pop(address, None)

    async def tell(self, key: Key) -> float | None:
        """Write what is new about an address.

        Returns:
            After so many seconds it may be written again; None when nothing is left to say.

        Raises:
            ApiError: it could not be written.
        """
        address = str(address_of(key.name))
        report = self._channel.reports.get(address)
        if report is None:
            return None
        held = report.state is State.HOLDING
        known = self._known.get(key)
        if known is None and held:
            return None  # Out of our sight: the wire lets it go, and then a word of ours must too.
        if address in self._refused and (wait := self._wait(address)) > 0:
            return wait
        virtual_ip = await self._newest(key, known)
        if virtual_ip is None:
            self._strangers.discard(address)
        else:
            patch = status.status_patch(
                virtual_ip,
                report,
                node=self._node,
                told=self._told.get(address) == report.since,
                ours=self._ours(),
                sure=self._kin.unread.isdisjoint(virtual_ip["spec"].get("succession") or ()),
                rewrites=self._rewrites(address),
                now=time.time(),
            )
            seen = known is not None
            later = None if patch is None else await self._say(virtual_ip, patch, in_sight=seen)
            if later is not None:
                return later
        self._refused.pop(address, None)
        if held:
            self._told[address] = report.since
        else:
            self._told.pop(address, None)
        if known is None:
            self._forget(address, report)
        return None

    async def _newest(self, key: Key, known: Object | None) -> Object | None:
        """The VirtualIP; None when there is none, or nothing of ours to mend."""
        address = str(address_of(key.name))
        if known is not None and version_of(known) > self._refused.get(address, -1):
            return known
        # The watch has not told yet what others wrote; or it tells no more of this one, and a
        # status of ours may still stand there.
        if known is not None or address in self._told or address in self._strangers:
            return await self._read(key)
        return None

    async def _say(self, virtual_ip: Object, patch: Object, *, in_sight: bool) -> float | None:
        """Write it, unless that is too soon or others write: then the seconds to wait."""
        address = str(address_of(virtual_ip["metadata"]["name"]))
        if in_sight and (wait := self._wait(address)) > 0:
            return wait
        try:
            await self._write(virtual_ip, patch)
        except Conflict as error:
            return self._refuse(address, virtual_ip, error)
        self._note_stranger(address, patch)
        if in_sight:
            self._not_before[address] = self._clock() + WRITE_SECONDS
        return None

    def _forget(self, address: str, report: AddressReport) -> None:
        self._not_before.pop(address, None)
        if self._channel.reports.get(address) is report:
            del self._channel.reports[address]

    def _ours(self) -> set[str]:
        """The MACs of speakers that this node knows: all others are strangers'."""
        return {*self._partners()} | self._kin.macs

    def _wait(self, address: str) -> float:
        """For how many seconds its status may not be written yet."""
        return self._not_before.get(address, 0.0) - self._clock()

    def _refuse(self, address: str, virtual_ip: Object, error: Conflict) -> float:
        """Others write this status too. Returns the seconds until they should be done."""
        pause = AFTER_CONFLICT.pause(0)
        _log.debug("%s: %s; again in %.1f s", address, error, pause)
        self._refused[address] = version_of(virtual_ip)
        self._not_before[address] = self._clock() + pause
        return pause

    def _note_stranger(self, address: str, patch: Object) -> None:
        if patch.get("conflict"):
            self._strangers.add(address)
        elif "conflict" in patch:
            self._strangers.discard(address)

    async def _read(self, key: Key) -> Object | None:
        try:
            return await self._client.get(VIRTUAL_IPS, key.name)
        except NotFound:
            return None

    async def _write(self, virtual_ip: Object, patch: Object) -> None:
        meta = virtual_ip["metadata"]
        with contextlib.suppress(NotFound):
            await self._client.patch_status(
                VIRTUAL_IPS, meta["name"], patch, resource_version=meta["resourceVersion"]
            )
