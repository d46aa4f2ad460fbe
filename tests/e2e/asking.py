"""A client on the LAN that asks all the time, and what it saw."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

from tests.bench.outage.asking import Asking
from tests.bench.outage.figures import OK, Request
from tests.bench.outage.listener import Listener
from tests.lab import Lab

PORT = 8080
RESET = "ECONNRESET"
CLOCKS_SECONDS = 0.001
"""How far the listener's clock and the client's may be apart."""
QUIET_SECONDS = 1.0
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one address."""

    address: str
    asked: int
    failed: list[Request]
    gap: float
    """The longest time between two answers, in seconds."""
    moves: list[float]
    """When another MAC announced it."""
    seconds: float

    @property
    def lost(self) -> list[Request]:
        """The failures that a move does not explain.

        A connection that is open while its address moves may be reset, for the new node has not
        seen its beginning (docs/upgrading.md). A new connection is answered, always.
        """
        return [each for each in self.failed if not any(_broken_by(each, at) for at in self.moves)]

    def __str__(self) -> str:
        return (
            f"{self.address}: {self.asked} requests in {self.seconds:.0f} s, "
            f"{len(self.failed)} failed, longest gap {self.gap:.3f} s, "
            f"moved {len(self.moves)} times"
        )


def _broken_by(request: Request, move: float) -> bool:
    """Whether it was open in that moment, and no longer because of it."""
    began, ended = request.start - CLOCKS_SECONDS, request.end + CLOCKS_SECONDS
    return request.outcome == RESET and began <= move <= ended


class Watched:
    """One address and who asks for it."""

    def __init__(self, address: str, asking: Asking, listener: Listener) -> None:
        self.address = address
        self.asking = asking
        self._listener = listener
        self._began = time.monotonic()

    def begin(self) -> None:
        """What comes from now on counts. Returns when the client had a quiet moment."""
        self.asking.wait_quiet(QUIET_SECONDS, patience=PATIENCE_SECONDS)
        self._began = time.monotonic()
        # An answer to begin with: who announces later is compared with that.
        self._listener.answering()

    def seen(self) -> Seen:
        """What was seen since `begin`, when the client has ended."""
        requests = [each for each in self.asking.requests if each.start >= self._began]
        answers = sorted(each.end for each in requests if each.outcome == OK)
        ends = [self._began, *answers, max(each.end for each in requests)]
        return Seen(
            address=self.address,
            asked=len(requests),
            failed=[each for each in requests if each.outcome != OK],
            gap=max(later - earlier for earlier, later in pairwise(ends)),
            moves=self._listener.changes_since(self._began),
            seconds=ends[-1] - self._began,
        )


def _span(request: Request, move: float) -> str:
    began, ended = ((moment - move) * 1000 for moment in (request.start, request.end))
    return f"from {began:+.1f} to {ended:+.1f} ms"


@contextmanager
def watching(lab: Lab, *addresses: str) -> Iterator[list[Watched]]:
    """Ask for each address every 10 ms, each time on a new connection."""
    with ExitStack() as stack:
        watched = [
            Watched(
                address,
                stack.enter_context(Asking(lab, address, PORT)),
                stack.enter_context(Listener(lab, address)),
            )
            for address in addresses
        ]
        for each in watched:
            each.begin()
        yield watched
        for each in watched:
            each.asking.wait_quiet(QUIET_SECONDS, patience=PATIENCE_SECONDS)
        for each in watched:
            each.asking.stop()


def lost(what: str, watched: list[Watched]) -> list[Request]:
    """The requests that were lost; tells a person what was seen."""
    seen = [each.seen() for each in watched]
    for each in seen:
        print(f"{what}: {each}")
        for request in each.failed:
            spans = ", ".join(_span(request, at) for at in each.moves)
            print(f"{what}: {each.address}, {request.outcome}, of the moves: {spans}")
    return [request for each in seen for request in each.lost]
