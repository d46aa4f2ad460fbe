"""What the rules want on the LAN, as frames: asked, announced, offered, and at which pace."""

from collections.abc import Callable
from typing import Final, assert_never

from speaker.wire import watch
from speaker.wire.frames import Frames
from speaker.wire.pace import Pace, Slots
from speaker.wire.ports import Kept, Totals
from speaker.wire.sockets import PacketSocket
from speaker.wire.watch import Action

POLLS_PER_SECOND: Final = 200
"""Questions that a node's standbys ask, at most: the LAN's cost is bounded, whatever the plan."""

REPEATS_PER_SECOND: Final = 2_000
"""Addresses whose announcement is repeated, at most. The first one never waits for another's
second: a node that takes thousands must have told of all of them within the second."""


class Speech:
    """Sends what is to be sent for an address.

    Args:
        clock: seconds that never go back.
        totals: where it is counted.
    """

    def __init__(self, totals: Totals, *, clock: Callable[[], float]) -> None:
        self._totals = totals
        self._clock = clock
        self._pace = Pace(POLLS_PER_SECOND, now=clock())
        self._repeats = Slots(REPEATS_PER_SECOND)

    def turn_of(self, kept: Kept, now: float) -> float | None:
        """When the announcement that is due may be repeated; None for now."""
        state = kept.watch.state if kept.watch else None
        if not isinstance(state, watch.Holding) or state.due > now:
            return None
        # A state that was postponed has its slot, and is not sent to the end again.
        return None if state.postponed else self._repeats.next(now)

    def act(  # noqa: PLR0911  # a table: one row for each action
        self, kept: Kept, action: Action
    ) -> watch.Unsent | None:
        """Send one action's frames. What is returned is to be given to the rules."""
        if kept.line is None or kept.frames is None or kept.watch is None:
            return None
        via = kept.line.socket
        match action:
            case Action.PROBE:
                return self._ask(via, *kept.frames.questions(via.source))
            case Action.POLL:
                if not self._pace.allows(self._clock()):
                    return watch.Unsent()
                if by := watch.answered_by(kept.watch):
                    return self._ask(via, kept.frames.poll(by, via.source))
                return self._ask(via, *kept.frames.questions(via.source))
            case Action.ANNOUNCE:
                return self._announce(via, kept.frames)
            case Action.OFFER:
                self._offer(kept, via, kept.frames)
                return None
            case Action.CHALLENGE:
                stranger = watch.intruder(kept.watch)
                if stranger is not None:
                    self._ask(via, kept.frames.poll(stranger.by, via.source))
                return None
            case _:
                assert_never(action)

    def _announce(self, via: PacketSocket, frames: Frames) -> watch.Unsent | None:
        refused = 0
        for frame in frames.announcements:
            if via.send(frame):
                self._totals.gratuitous += 1
            else:
                refused += 1
        self._totals.unsent += refused
        return watch.Unsent() if refused else None

    def _offer(self, kept: Kept, via: PacketSocket, frames: Frames) -> None:
        """Ask the next of the heirs for the address, each in turn; all, when none is known."""
        state = kept.watch.state if kept.watch else None
        if isinstance(state, watch.Holding) and self._pace.allows(self._clock()):
            heir = kept.heirs[(state.offers - 1) % len(kept.heirs)] if kept.heirs else b""
            # Of either family by nobody, as a probe: no kernel asks one host alone like that.
            self._ask(via, heir + frames.probe[len(heir) :])

    def _ask(self, via: PacketSocket, *frames: bytes | bytearray) -> watch.Unsent | None:
        refused = sum(not via.send(frame) for frame in frames)
        self._totals.probes += len(frames) - refused
        self._totals.unsent += refused
        return watch.Unsent() if refused else None
