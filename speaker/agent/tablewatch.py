"""Keeps the node's table as the plan wants it, beside the event loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

from lbctl.core.outcomes import NodePortReason
from lbctl.kube.conditions import Condition
from speaker.agent.nodeports import (
    condition,
    known,
    reason_of,
    rewritten,
    without_a_node_address,
)
from speaker.netfilter.keeper import Kernel, Outcome, TableKeeper, Traffic, Wanted
from speaker.netfilter.kernel import Nftables
from speaker.netfilter.rewrites import Address

_log: Final = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Between two looks whether somebody else has changed the table."""
_GATHER_SECONDS: Final = 0.02
"""Addresses are taken many at once."""
REPORTED_SECONDS: Final = 600.0
"""A repair is told so long."""


_Served = tuple[frozenset[str], frozenset[str]]
"""The addresses that a table sends to NodePorts as it is wanted, and those that it knows."""


def _served(there: Wanted | None, wanted: Wanted) -> _Served:
    if there is None:
        return frozenset(), frozenset()
    return rewritten(there, wanted), known(there)


class OpenKernel(Kernel, Protocol):
    """What is needed of `Nftables`."""

    def close(self) -> None: ...


class TableWatch:
    """The node's table; every step of it in a thread, for the kernel may take its time.

    Args:
        wanted: what the table is to do, as of now; None before there is a plan.
        changed: called when the condition has changed.
        counted: whether anybody wants to know what came and went.
        kernel: opens the socket, in the thread of the first look.
    """

    def __init__(
        self,
        *,
        wanted: Callable[[], Wanted | None],
        changed: Callable[[], None],
        counted: bool = True,
        kernel: Callable[[], OpenKernel] = Nftables,
    ) -> None:
        self._open = kernel
        self._wanted = wanted
        self._changed = changed
        self._counted = counted
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._kernel: OpenKernel | None = None
        self._keeper: TableKeeper | None = None
        self._repaired_at: float | None = None
        self._there: Wanted | None = None
        """What the table in the kernel does, as far as is known."""
        self.rewritten: frozenset[str] = frozenset()
        """The addresses that it sends to NodePorts, just as it is wanted."""
        self.known: frozenset[str] = frozenset()
        """The addresses that it knows. It answers pings to them, if anybody is to."""
        self.condition: Condition | None = None
        """`NodePortReady`; None before the first look."""
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        """How often each has come of a look."""
        self.traffic: Mapping[Address, Traffic] = {}
        """What came and went for each address, when it was last read."""

    def look(self) -> None:
        """Something has changed that the table depends on."""
        self._wake.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()
                        await asyncio.sleep(_GATHER_SECONDS)
                self._wake.clear()
                await self.enforce()
        finally:
            if self._kernel is not None:
                self._kernel.close()

    async def enforce(self) -> None:
        """Make the table what is wanted. A refusal is in the condition."""
        async with self._turn:
            wanted = self._wanted()
            if wanted is None:
                return
            try:
                outcome, served = await asyncio.to_thread(self._enforce, wanted)
            except OSError as error:
                self._refused(wanted, error)
                return
            self._there = wanted
            self.rewritten, self.known = served
            self.outcomes[outcome] += 1
            if outcome is Outcome.REPAIRED:
                self._repaired_at = time.monotonic()
                _log.warning("somebody else had changed the table inet lbctl: put right")
            lacking = without_a_node_address(wanted)
            if lacking is not None:
                self._say(condition(NodePortReason.NO_NODE_ADDRESS, str(lacking)))
            else:
                self._say(condition(self._in_place()))

    async def count(self) -> None:
        """Read the counters into `traffic`, if they are wanted."""
        if not self._counted:
            return
        async with self._turn:
            if self._keeper is not None:
                with suppress(OSError):
                    self.traffic = await asyncio.to_thread(self._keeper.traffic)

    def _enforce(self, wanted: Wanted) -> tuple[Outcome, _Served]:
        if self._keeper is None:
            self._kernel = self._open()
            self._keeper = TableKeeper(self._kernel)
        outcome = self._keeper.enforce(wanted)
        # Here, and not in the event loop: of ten thousand addresses it takes a tenth of a second.
        return outcome, _served(wanted, wanted)

    def _refused(self, wanted: Wanted, error: OSError) -> None:
        """What is there stays, and with it the addresses that it serves."""
        before = self.rewritten, self.known
        if self._keeper is None or not self._keeper.in_place:
            self._there = None
        self.rewritten, self.known = _served(self._there, wanted)
        said = condition(reason_of(error), str(error))
        if said == self.condition and (self.rewritten, self.known) != before:
            self._changed()
        self._say(said)

    def _in_place(self) -> NodePortReason:
        repaired = self._repaired_at
        if repaired is not None and time.monotonic() - repaired < REPORTED_SECONDS:
            return NodePortReason.TABLE_REPAIRED
        return NodePortReason.TABLE_IN_PLACE

    def _say(self, said: Condition) -> None:
        before, self.condition = self.condition, said
        if said == before:
            return
        if said.status is False:
            _log.warning("%s: %s", said.reason, said.message)
        self._changed()
