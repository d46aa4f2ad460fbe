"""From a received frame to an answer, to what it means for the rules, and to its verdict.

This is the hot path: one call for each frame of the LAN that reaches the node.
"""

from collections.abc import Callable
from typing import Final

from speaker.wire import watch
from speaker.wire.frames import Frames
from speaker.wire.neighbors import NOBODY, Heard, Verdict
from speaker.wire.ports import Kept, Line, Port, Totals

_HELD_BY_ANOTHER: Final = (watch.Succeeding, watch.Blocked)


class Hearing:
    """Reads frames, answers questions, and tells the rules of the rest.

    Args:
        tell: gives an event to the rules of one address.
        totals: where answers and conflicts are counted.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        tell: Callable[[Kept, watch.Event], None],
        totals: Totals,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._tell = tell
        self._totals = totals
        self._clock = clock
        self.partners: frozenset[bytes] = frozenset()
        """The MACs of the plan's peers."""
        self.stopping = False
        """The process ends soon."""
        self.frames: dict[str, list[int]] = {}
        """interface -> frames received, indexed by verdict."""

    def frame(self, line: Line, buffer: bytearray, length: int, packet_type: int) -> None:
        """One received frame."""
        line.port.heard = True
        heard = line.family.read(buffer, length, packet_type, line.socket.mac)
        verdict = heard if isinstance(heard, Verdict) else self._heard(line, heard)
        self.frames[line.port.name][verdict] += 1

    def _heard(self, line: Line, heard: Heard) -> Verdict:
        port = line.port
        if heard.question and heard.sender not in NOBODY and heard.mac not in self.partners:
            port.witness = heard.sender
        if heard.sender in port.awaited:
            port.awaited[heard.sender] = self._clock()
        claimed = port.kept.get(heard.sender)
        if claimed is not None:
            self._claimed(port, claimed, heard.mac)
        if not heard.question:
            return Verdict.REPLY if claimed is None else Verdict.CLAIM
        frames = port.held.get(heard.target)
        if frames is not None and heard.target != heard.sender:
            kept = port.kept[heard.target]
            if kept.leaves and (heard.sender in NOBODY or self._is_speaker(kept, heard.mac)):
                return self._asked_for(kept, line, frames, heard)
            self._answer(line, frames, heard)
            return Verdict.ANSWERED if claimed is None else Verdict.CLAIM
        if claimed is not None:
            return Verdict.CLAIM
        return self._not_answered(port, heard)

    def _claimed(self, port: Port, kept: Kept, by: bytes) -> None:
        if kept.address in port.held and not kept.leaves:
            self._totals.conflicts += 1
        if by in kept.before and kept.watch is not None:
            state = kept.watch.state
            if isinstance(state, _HELD_BY_ANOTHER) and watch.answered_by(kept.watch) != by:
                port.taken_at[by] = self._clock()
        foreign = kept.kin is not None and by not in kept.kin
        self._tell(kept, watch.Claimed(by=by, foreign=foreign))

    def _is_speaker(self, kept: Kept, mac: bytes) -> bool:
        return mac in self.partners or (kept.kin is not None and mac in kept.kin)

    def _asked_for(self, kept: Kept, line: Line, frames: Frames, heard: Heard) -> Verdict:
        """Another speaker asks for an address that is held and to be handed over."""
        if not self.stopping:
            self._answer(line, frames, heard)
            # It asks in its own name beside that, for those who answer nobody else.
            if heard.sender in NOBODY:
                self._tell(kept, watch.Probed(by=heard.mac, directed=not heard.to_all))
            return Verdict.ANSWERED
        # The next one asks because this node ends: an answer would make it wait.
        return Verdict.RIVAL_PROBE

    def _answer(self, line: Line, frames: Frames, heard: Heard) -> None:
        if line.socket.send(frames.answer(heard.mac, heard.sender)):
            self._totals.replies += 1
        else:
            self._totals.unsent += 1

    def _not_answered(self, port: Port, heard: Heard) -> Verdict:
        kept = port.kept.get(heard.target)
        if kept is None:
            return Verdict.NOT_PLANNED
        if heard.sender not in NOBODY:
            return Verdict.NOT_HELD
        precedes = kept.precedes(heard.mac)
        self._tell(kept, watch.Probed(heard.mac, directed=not heard.to_all, precedes=precedes))
        # A probe to this interface alone is a standby that takes it for the holder, or an offer.
        return Verdict.RIVAL_PROBE if heard.to_all else Verdict.NOT_HELD
