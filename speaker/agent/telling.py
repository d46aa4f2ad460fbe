"""Writes what the wire does with an address into the status of its VirtualIP."""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from lbctl.core.addresses import address_of
from lbctl.kube.client import Client
from lbctl.kube.errors import NotFound
from lbctl.kube.objects import VIRTUAL_IPS, Key, Object
from speaker.agent import status
from speaker.agent.channel import Channel
from speaker.agent.kin import Acquaintances
from speaker.messages import State

WRITE_SECONDS: Final = 1.0
"""Between two writes of one address's status: frames can be forged by thousands."""


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
    ) -> None:
        self._client = client
        self._node = node
        self._channel = channel
        self._known = known
        self._kin = kin
        self._partners = partners
        self._rewrites = rewrites
        self._told: dict[str, float] = {}
        """address -> since when it is held, as far as its status was told."""
        self._written: dict[str, float] = {}
        """address -> when its status was written last."""
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
        self._written.pop(address, None)

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
        virtual_ip = self._known.get(key)
        in_sight = virtual_ip is not None
        if virtual_ip is None:
            if not held:
                self._channel.reports.pop(address, None)
            # Out of our sight: a status of ours may still stand there.
            spoke = self._told.pop(address, None) is not None
            if held or not (spoke or address in self._strangers):
                return None
            virtual_ip = await self._read(key)
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
            if patch is not None:
                if in_sight and (wait := self._soonest(address) - time.monotonic()) > 0:
                    return wait
                await self._write(virtual_ip, patch)
                self._note_stranger(address, patch)
                if in_sight:
                    self._written[address] = time.monotonic()
        if held:
            self._told[address] = report.since
        else:
            self._told.pop(address, None)
        return None

    def _ours(self) -> set[str]:
        """The MACs of speakers that this node knows: all others are strangers'."""
        return {*self._partners()} | self._kin.macs

    def _soonest(self, address: str) -> float:
        return self._written.get(address, -WRITE_SECONDS) + WRITE_SECONDS

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
