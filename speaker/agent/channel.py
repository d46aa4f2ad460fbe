"""The agent's end of the socket pair: plans out, reports in."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Final

from speaker.messages import (
    DATAGRAM_BYTES,
    AddressReport,
    BadMessageError,
    Counters,
    Hello,
    PeerReport,
    PeersReport,
    Plan,
    Report,
    ReportRequest,
    decode,
    encode,
    snapshot,
)

_log: Final = logging.getLogger(__name__)

WIRE_SILENCE_SECONDS: Final = 15.0
"""The wire speaks every five seconds; after so long without a word it is taken for dead."""

_MESSAGES_PER_TURN: Final = 64

Peers = tuple[PeerReport, ...]


class Channel:
    """Keeps the wire supplied with the newest plan, and knows what it said last.

    Args:
        end: the inherited end of the pair.
        on_report: called for each report, with the address.
        on_peers: called when sessions changed, with the reports before and after; None before a
            wire said anything.
        on_life: called when the wire came to life.
        on_closed: called when the supervisor is gone.
    """

    def __init__(
        self,
        end: socket.socket,
        *,
        on_report: Callable[[str], None],
        on_peers: Callable[[Peers | None, Peers], None],
        on_life: Callable[[], None],
        on_closed: Callable[[], None],
    ) -> None:
        end.settimeout(0)
        self._end = end
        self._on_report = on_report
        self._on_peers = on_peers
        self._on_life = on_life
        self._on_closed = on_closed
        self._wanted: Plan | None = None
        self._sent: Plan | None = None
        self._wake = asyncio.Event()
        self._serial = 0
        self._heard_at: float | None = None
        self.reports: dict[str, AddressReport] = {}
        """By address. An address that is in no plan and idle is forgotten."""
        self.peers: Peers | None = None
        """Every session; None until the wire has spoken of them."""
        self.counters = Counters()
        self.wire_starts = 0
        self._request = 0

    @property
    def wire_alive(self) -> bool:
        """Whether the wire gave a sign of life lately."""
        heard = self._heard_at
        return heard is not None and time.monotonic() - heard < WIRE_SILENCE_SECONDS

    def plan(self, plan: Plan) -> None:
        """Give the wire a new plan. Only a plan from a complete picture may come here."""
        self._wanted = plan
        if plan != self._sent:
            self._wake.set()

    async def run(self) -> None:
        """Serve the channel until cancelled."""
        loop = asyncio.get_running_loop()
        self._discard_old_news()
        loop.add_reader(self._end, self._read)
        try:
            await self._ask()
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_plan()
        finally:
            loop.remove_reader(self._end)

    async def _ask(self) -> None:
        self._request += 1
        await self._send(encode(ReportRequest(id=self._request)))

    async def _send_plan(self) -> None:
        plan = self._wanted
        if plan is None or plan == self._sent:
            return
        self._serial += 1
        starts = self.wire_starts
        for message in snapshot(self._serial, plan):
            await self._send(encode(message))
        # A wire that started meanwhile has seen the end of it at most.
        self._sent = plan if self.wire_starts == starts else None
        if self._sent != self._wanted:
            self._wake.set()

    async def _send(self, datagram: bytes) -> None:
        # Waits while the socket is full: a wire that is away finds at most that much later.
        await asyncio.get_running_loop().sock_sendall(self._end, datagram)

    def _discard_old_news(self) -> None:
        """Drop what the wire told an agent that is no more; everything will be asked anew."""
        try:
            while self._end.recv(DATAGRAM_BYTES):
                pass
        except BlockingIOError:
            return

    def _read(self) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            try:
                datagram = self._end.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            if not datagram:
                asyncio.get_running_loop().remove_reader(self._end)
                self._on_closed()
                return
            self._hear(datagram)

    def _hear(self, datagram: bytes) -> None:
        was_alive, self._heard_at = self.wire_alive, time.monotonic()
        try:
            message = decode(datagram)
        except BadMessageError as error:
            _log.error("from the wire: %s", error)
            return
        match message:
            case Hello(pid=pid):
                _log.info("wire %d is here", pid)
                self.wire_starts += 1
                self.reports.clear()
                self.peers = None
                self._sent = None
                self._wake.set()
            case Report(addresses=reports):
                for report in reports:
                    self.reports[report.address] = report
                    self._on_report(report.address)
            case PeersReport(peers=peers):
                before, self.peers = self.peers, peers
                self._on_peers(before, peers)
            case Counters():
                self.counters = message
            case _:
                _log.error("the wire sent a %s", type(message).__name__)
        if not was_alive:
            self._on_life()
