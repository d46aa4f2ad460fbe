"""Whether the machine of a dead peer lives: its own address is asked for.

A session that timed out says that a speaker is silent. Its machine may do well, and its pods with
it: then the kernel answers for the machine's own address. Who marks pods as not ready needs to know
(the chart's `fastNodeFailure`). No rule about who holds an address depends on it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from speaker.messages import Peer
from speaker.wire.keeper import Keeper
from speaker.wire.liveness import Kind, Liveness, News
from speaker.wire.neighbors import packed
from speaker.wire.ports import Port

QUESTIONS: Final = 3
"""In one round: one frame may be lost, and one more."""

PAUSE_SECONDS: Final = 0.05
"""After each question. A kernel answers within a millisecond, or some ten when it is busy."""

UNSURE_SECONDS: Final = 1.0
"""After a round in which nothing at all was heard, or a question could not be sent."""

AGAIN_SECONDS: Final = 5.0
"""Between two rounds while the session is down."""


@dataclass(slots=True)
class _Round:
    """Questions to one peer's machine."""

    peer: Peer
    address: bytes
    begun: float
    due: float
    asked: int = 0

    def begin(self, now: float, *, after: float = 0.0) -> None:
        self.begun = self.due = now + after
        self.asked = 0


class Vitals:
    """Asks for the own addresses of peers that died, until they are back."""

    def __init__(self, keeper: Keeper, liveness: Liveness, *, clock: Callable[[], float]) -> None:
        self._keeper = keeper
        self._liveness = liveness
        self._clock = clock
        self._rounds: dict[tuple[str, str], _Round] = {}

    def learn(self, news: News) -> None:
        """What has become of a peer: after a death its machine is asked, and after nothing else."""
        if news.kind is not Kind.DIED:
            self._drop(news.peer)
            return
        now, address = self._clock(), packed(news.peer.address)
        self._rounds[_who(news.peer)] = _Round(news.peer, address, begun=now, due=now)

    def keep(self, peers: Iterable[Peer]) -> None:
        """The plan names these; nobody else is asked about."""
        named = set(peers)
        for one in list(self._rounds.values()):
            if one.peer not in named:
                self._drop(one.peer)

    def close(self, interface: str) -> None:
        """An interface is gone, and its sessions."""
        for one in list(self._rounds.values()):
            if one.peer.interface == interface:
                self._drop(one.peer)

    def stalled(self) -> None:
        """This process stood still, and what came meanwhile is lost: ask anew."""
        for one in self._rounds.values():
            one.begin(self._clock())

    def due(self) -> float | None:
        """When `run` is to be called next."""
        return min((one.due for one in self._rounds.values()), default=None)

    def run(self, heard_at: Callable[[str], float]) -> None:
        """Ask and judge what is due.

        Args:
            heard_at: when anything was last heard on an interface. Who hears nobody cannot tell
                whether a machine is silent.
        """
        now = self._clock()
        for one in self._rounds.values():
            port = self._keeper.ports.get(one.peer.interface)
            if now < one.due:
                continue
            if port is None:
                one.begin(now, after=UNSURE_SECONDS)
                continue
            self._step(one, port, now, heard_at)

    def _step(self, one: _Round, port: Port, now: float, heard_at: Callable[[str], float]) -> None:
        if one.asked and port.awaited.get(one.address, 0.0) >= one.begun:
            self._liveness.found(one.peer, answers=True)
            one.begin(now, after=AGAIN_SECONDS)
        elif one.asked < QUESTIONS:
            # What is awaited is noted only from now on: frames of before say nothing.
            port.awaited.setdefault(one.address, 0.0)
            if not self._keeper.call(port.name, [one.address]):
                one.begin(now, after=UNSURE_SECONDS)
                return
            one.asked += 1
            one.due = now + PAUSE_SECONDS
        elif heard_at(port.name) > one.begun:
            self._liveness.found(one.peer, answers=False)
            one.begin(now, after=AGAIN_SECONDS)
        else:
            one.begin(now, after=UNSURE_SECONDS)

    def _drop(self, peer: Peer) -> None:
        one = self._rounds.pop(_who(peer), None)
        port = self._keeper.ports.get(peer.interface)
        if one is not None and port is not None:
            port.awaited.pop(one.address, None)


def _who(peer: Peer) -> tuple[str, str]:
    return peer.node, peer.interface
