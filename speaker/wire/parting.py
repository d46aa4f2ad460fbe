"""How an address is handed over, and how it is not given away: rule 8, and strangers. Pure."""

import math
from dataclasses import replace

from speaker.wire.transitions import NOTHING, Step, offer, stand_by
from speaker.wire.watch import (
    Action,
    Claimed,
    CutOff,
    Due,
    Event,
    Holding,
    Idle,
    Intruder,
    Stalled,
    Timings,
    Watch,
    WatchState,
)


def handed_over(watch: Watch, by: bytes, now: float, chance: float, timings: Timings) -> Watch:
    """Another speaker has announced what this node was to hand over."""
    if watch.stands_by:
        return stand_by(watch, by, now, chance, timings)
    return replace(watch, state=Idle())


def intruded(watch: Watch, holding: Holding, by: bytes, now: float, timings: Timings) -> Step:
    """A stranger claims what is held here: noted, asked now and then, defended against."""
    known = holding.intruder
    if known is not None and known.by == by:
        intruder = replace(known, claims=known.claims + 1, unanswered=0)
    else:
        intruder = Intruder(by, claims=1, due=now + timings.defend_interval)
    if not may_defend(holding, now, timings):
        return replace(watch, state=replace(holding, intruder=intruder)), NOTHING
    # One announcement and no burst: "at most once in DEFEND_INTERVAL" (RFC 5227 section 2.4 c).
    state = replace(holding, intruder=intruder, defended=now)
    return replace(watch, state=state), (Action.ANNOUNCE,)


def may_defend(holding: Holding, now: float, timings: Timings) -> bool:
    """Whether the last defence is long enough ago."""
    return holding.defended is None or now - holding.defended >= timings.defend_interval


def stopping(watch: Watch, now: float, timings: Timings) -> Watch:
    """The process ends soon."""
    match watch.state:
        case Holding(gap=gap):
            # The partners have heard that this node stops; who did not is made an offer.
            state: WatchState = Holding(gap=gap, due=math.inf, offer_due=now + timings.turn)
        case _:
            state = Idle()
    return replace(watch, state=state, stopping=True)


def while_stopping(watch: Watch, event: Event, now: float, timings: Timings) -> Step:
    """What still counts in the last second: to be relieved, or to have lost sight of the LAN."""
    match watch.state, event:
        case Holding(), (Claimed(foreign=False) | Stalled() | CutOff()):
            return replace(watch, state=Idle()), NOTHING
        case Holding(offer_due=due) as holding, Due() if now >= due:
            return replace(watch, state=offer(holding, now, timings)), (Action.OFFER,)
        case _:
            return watch, NOTHING
