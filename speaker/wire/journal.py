"""What is logged of an address: a line for each that is taken or let go, and for each conflict."""

import logging
from collections.abc import Callable
from typing import Final

from speaker.messages import State
from speaker.wire import watch
from speaker.wire.neighbors import show_mac
from speaker.wire.pace import Pace
from speaker.wire.ports import Kept
from speaker.wire.watch import Watch

_log: Final = logging.getLogger("speaker.wire")

CONFLICTS_PER_SECOND: Final = 20
"""Lines about others that answer or claim: whoever forges frames must not write the log."""

_QUIET: Final = frozenset({State.ASKING, State.IDLE})
_ABOUT_OTHERS: Final = frozenset({State.BLOCKED, State.ANSWERED})


class Journal:
    """Writes the lines.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pace = Pace(CONFLICTS_PER_SECOND, now=clock())

    def state(self, kept: Kept, after: Watch) -> None:
        """It is in another state, or answered by another one."""
        state, by = watch.outcome(after), watch.answered_by(after)
        if state in _ABOUT_OTHERS and not self._pace.allows(self._clock()):
            return
        level = logging.DEBUG if state in _QUIET else logging.INFO
        who = f", {show_mac(by)} answers" if by else ""
        _log.log(level, "%s on %s: %s%s", kept.entry.address, kept.entry.interface, state, who)

    def claim(self, kept: Kept, after: Watch, claimed: watch.Claimed, *, defended: bool) -> None:
        """Another one claims it while it is held."""
        who, address = show_mac(claimed.by), kept.entry.address
        if watch.outcome(after) is not State.HOLDING:
            if kept.leaves:
                _log.info("%s has taken %s over", who, address)
            elif self._pace.allows(self._clock()):
                _log.warning("%s claims %s: silent, asking", who, address)
        elif defended:
            _log.warning("%s claims %s: kept, announcing again", who, address)

    def let_go(self, kept: Kept, interface: str) -> None:
        """It was held, and the plan or the interface is gone."""
        _log.info("%s on %s: let go", kept.entry.address, interface)
