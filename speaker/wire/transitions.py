"""The steps that several rules share: to ask, to stand by, to take, to announce, to offer. Pure."""

import math
from dataclasses import replace
from typing import Final

from speaker.messages import Role
from speaker.wire.watch import Action, Asking, Blocked, Holding, Idle, Timings, Watch

Step = tuple[Watch, tuple[Action, ...]]
NOTHING: Final[tuple[Action, ...]] = ()
_SHARES: Final = 4
"""Parts of the poll interval that ranks begin in."""


def ask(watch: Watch, now: float, timings: Timings, *, regain: bool = False) -> Step:
    """Ask the LAN, from the first question on."""
    state = Asking(sent=1, due=now + timings.probe_interval, regain=regain)
    return replace(watch, state=state), (Action.PROBE,)


def answered(watch: Watch, by: bytes | None, now: float, chance: float, timings: Timings) -> Watch:
    """Somebody else has the address, or the question could not be sent."""
    if watch.stands_by:
        return stand_by(watch, by, now, chance, timings)
    if watch.role is Role.KEEP:
        return replace(watch, state=Idle())
    wait = timings.verify_again if watch.role is Role.VERIFY else timings.ask_again
    return replace(watch, state=Blocked(by=by, due=now + wait + chance * timings.ask_again_jitter))


def stand_by(watch: Watch, by: bytes | None, now: float, chance: float, timings: Timings) -> Watch:
    """Look after the one who holds, as far as that is known."""
    # Spread over the interval, and by rank: nodes that heard the same frame must not ask in step.
    share = ((watch.rank or 0) % _SHARES + chance) / _SHARES
    return replace(watch, state=Blocked(by=by, due=now + share * timings.poll_interval))


def take(
    watch: Watch, now: float, chance: float, timings: Timings, *, giver: bytes | None = None
) -> Step:
    """Hold the address and say so at once."""
    taken = Holding(gap=0, due=now, giver=giver, settled_at=now + timings.settling)
    holding = to_offer(watch, taken, now)
    return announce(watch, holding, now, chance, timings)


def announce(watch: Watch, holding: Holding, now: float, chance: float, timings: Timings) -> Step:
    """Say who holds, and when it is said again."""
    in_burst = holding.gap < len(timings.burst)
    # The refresh is spread by a fifth, so that a thousand addresses taken together drift apart.
    wait = timings.burst[holding.gap] if in_burst else timings.refresh * (0.9 + 0.2 * chance)
    gap = holding.gap + in_burst
    state = replace(holding, gap=gap, due=now + wait, postponed=False)
    return replace(watch, state=state), (Action.ANNOUNCE,)


def to_offer(watch: Watch, holding: Holding, now: float) -> Holding:
    """The same hold, with or without offers, as the plan wants it."""
    if not watch.hands_over:
        return replace(holding, offers=0, offer_due=math.inf)
    return holding if holding.offer_due < math.inf else replace(holding, offers=0, offer_due=now)


def offer(holding: Holding, now: float, timings: Timings) -> Holding:
    """One more offer, and when the next one is due."""
    offers = holding.offers + 1
    wait = timings.turn if offers < timings.quick_offers else timings.poll_interval
    return replace(holding, offers=offers, offer_due=now + wait)
