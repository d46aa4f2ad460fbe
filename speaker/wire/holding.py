"""Who holds an address: the rules, as a pure function over events and time.

Each node runs these rules for each address of its plan, without the API server and without a vote:

1. Whoever holds, keeps. The order of the succession says only who is next.
2. When the holder's BFD session was up and timed out, or the holder said that it stops, the next of
   the succession takes the address at once. Those behind it give each live one before them a turn.
3. Who is not sure asks the LAN first (ARP probes, RFC 5227 section 2.1.1, with short timers) and
   takes the address only when nobody answers. Not sure is: a start, a new plan, a stall of the own
   process, an interface that came back, a lost conflict, a holder in doubt.
4. Who stands by asks the holder now and then. Silence three times: nobody holds it, whatever BFD
   says, and rule 3 begins.
5. Two that hear each other claim one address: the lower MAC keeps it and repeats its burst, the
   other goes silent and asks. Two that ask at once: the lower MAC goes on, the other waits.
6. Who hears nothing at all is cut off: it is silent and takes nothing; hearing again, it asks.
7. A holder repeats its burst when a peer is heard again: caches may have been poisoned meanwhile.

`step` takes a watch (role and state of one address), an event and the time, and gives the next
watch and what to send. It reads no clock, sends nothing and draws no random number.
"""

import math
from dataclasses import replace
from typing import Final, assert_never

from speaker.messages import Role
from speaker.wire.watch import (
    Action,
    Asking,
    Bereaved,
    Blocked,
    Claimed,
    CutOff,
    Doubted,
    Due,
    Event,
    Holding,
    Idle,
    PeerBack,
    Planned,
    Probed,
    Rejoined,
    Silent,
    Stalled,
    Succeeding,
    Timings,
    Unsent,
    Watch,
)

Step = tuple[Watch, tuple[Action, ...]]
_NOTHING: Final[tuple[Action, ...]] = ()
_SHARES: Final = 4
"""Parts of the poll interval that ranks begin in."""


def begin(
    mac: bytes,
    planned: Planned,
    *,
    now: float,
    chance: float,
    timings: Timings | None = None,
    regain: bool = False,
) -> Step:
    """The first step for an address: it is not held, whatever the plan says.

    Args:
        mac: the interface's own.
        planned: what the plan says.
        now: as for `step`.
        chance: as for `step`.
        timings: as for `step`.
        regain: it was held on this interface until that vanished or changed.
    """
    state = Asking(sent=0, due=now, regain=True) if regain else Idle()
    watch = Watch(mac=mac, role=Role.KEEP, generation=planned.generation, state=state)
    return step(watch, planned, now=now, chance=chance, timings=timings or Timings())


def step(  # noqa: C901, PLR0911  # a table: one row for each event
    watch: Watch, event: Event, *, now: float, chance: float, timings: Timings
) -> Step:
    """What follows from an event.

    Args:
        watch: the address as it is.
        event: what happened.
        now: seconds by any clock that never goes back.
        chance: a fresh random number in [0, 1), for the jitter.
        timings: the intervals.
    """
    match event:
        case Planned():
            return _planned(watch, event, now, chance, timings)
        case Due():
            return _due(watch, now, chance, timings)
        case Claimed(by=by):
            return _claimed(watch, by, now, chance, timings)
        case Probed(by=by):
            return _probed(watch, by, now, chance, timings)
        case Stalled():
            return _stalled(watch, now, timings)
        case Unsent():
            return _unsent(watch, now, chance, timings)
        case Bereaved():
            return _bereaved(watch, event, now, chance, timings)
        case Doubted(ahead=ahead):
            return _doubted(watch, ahead, now, timings), _NOTHING
        case CutOff():
            return _cut_off(watch), _NOTHING
        case Rejoined():
            return _rejoined(watch, now, chance, timings)
        case PeerBack():
            return _peer_back(watch, now, chance, timings), _NOTHING
        case _:
            assert_never(event)


def _planned(  # noqa: PLR0911  # a table: one row for each pair of role and state
    watch: Watch, planned: Planned, now: float, chance: float, timings: Timings
) -> Step:
    was = watch.role
    told = replace(watch, role=planned.role, generation=planned.generation, rank=planned.rank)
    match planned.role, watch.state:
        case Role.VERIFY, _ if was is Role.VERIFY and watch.generation == planned.generation:
            return watch, _NOTHING
        case ((Role.CLAIM | Role.KEEP), Holding()):
            return told, _NOTHING
        case Role.KEEP, Asking(regain=True):
            return told, _NOTHING
        case Role.CLAIM, (Asking() | Blocked()) if was is Role.CLAIM:
            return told, _NOTHING
        case ((Role.CLAIM | Role.KEEP), Succeeding()) if told.stands_by:
            return told, _NOTHING
        case Role.KEEP, Blocked() if told.stands_by and watch.stands_by:
            return told, _NOTHING
        case Role.KEEP, _ if told.stands_by:
            return _stand_by(told, None, now, chance, timings), _NOTHING
        case Role.KEEP, _:
            return replace(told, state=Idle()), _NOTHING
        case ((Role.CLAIM | Role.VERIFY), Asking(regain=regain)):
            return _ask(told, now, timings, regain=regain)
        case _:
            return _ask(told, now, timings)


def _due(  # noqa: PLR0911  # a table: one row for each state
    watch: Watch, now: float, chance: float, timings: Timings
) -> Step:
    match watch.state:
        case Asking(sent=sent) as asking if sent < timings.probes:
            state = replace(asking, sent=sent + 1, due=now + timings.probe_interval)
            return replace(watch, state=state), (Action.PROBE,)
        case Asking():
            if watch.role is Role.VERIFY:
                return replace(watch, state=Silent()), _NOTHING
            return _announce(watch, Holding(gap=0, due=now), now, chance, timings)
        case Blocked(unanswered=unanswered) as blocked if (
            watch.stands_by and unanswered < timings.polls
        ):
            wait = timings.poll_interval * (0.9 + 0.2 * chance)
            asked = replace(blocked, unanswered=unanswered + 1, due=now + wait)
            return replace(watch, state=asked), (Action.POLL,)
        case Blocked():
            return _ask(watch, now, timings)
        case Succeeding():
            return _announce(watch, Holding(gap=0, due=now), now, chance, timings)
        case Holding() as holding:
            return _announce(watch, holding, now, chance, timings)
        case Idle() | Silent():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _claimed(  # noqa: PLR0911  # a table: one row for each state
    watch: Watch, by: bytes, now: float, chance: float, timings: Timings
) -> Step:
    match watch.state:
        case Holding() as holding if watch.mac < by:
            last = holding.defended
            if last is not None and now - last < timings.defend_interval:
                return watch, _NOTHING
            again = Holding(gap=0, due=now, defended=now)
            return _announce(watch, again, now, chance, timings)
        case Holding():
            return _ask(watch, now, timings, regain=True)
        case Asking() | Succeeding() | Silent():
            return _answered(watch, by, now, chance, timings), _NOTHING
        case Blocked() as blocked:
            if blocked.unanswered >= timings.polls:
                return _stand_by(watch, by, now, chance, timings), _NOTHING
            return replace(watch, state=replace(blocked, by=by, unanswered=0)), _NOTHING
        case Idle():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _probed(watch: Watch, by: bytes, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Asking(regain=False) if watch.role is not Role.VERIFY and by < watch.mac:
            return _answered(watch, by, now, chance, timings), _NOTHING
        case _:
            # A verifier only looks; two that look at once must not take each other for an owner.
            # Who held it a moment ago goes on: the other may be a standby that looks for the holder
            # and will not take it for seconds. If both take it, the lower MAC keeps it.
            return watch, _NOTHING


def _stalled(watch: Watch, now: float, timings: Timings) -> Step:
    match watch.state:
        case Holding():
            return _ask(watch, now, timings, regain=True)
        case Asking(regain=regain):
            return _ask(watch, now, timings, regain=regain)
        case Succeeding():
            return _ask(watch, now, timings)
        case Blocked(due=when) if watch.stands_by:
            # Whoever held it then may not be who holds it now: a death of that one says nothing.
            return replace(watch, state=Blocked(by=None, due=when)), _NOTHING
        case Idle() | Blocked() | Silent():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _unsent(watch: Watch, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Asking(regain=True) as asking:
            # Nobody is known to hold it, so the right to take it back stays.
            wait = timings.ask_again + chance * timings.ask_again_jitter
            return replace(watch, state=replace(asking, sent=0, due=now + wait)), _NOTHING
        case Asking() | Succeeding():
            return _answered(watch, None, now, chance, timings), _NOTHING
        case Blocked(unanswered=unanswered) as blocked if unanswered:
            return replace(watch, state=replace(blocked, unanswered=unanswered - 1)), _NOTHING
        case Idle() | Blocked() | Holding() | Silent():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _bereaved(watch: Watch, event: Bereaved, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Blocked(by=by) if watch.stands_by and by == event.of:
            if not event.ahead:
                return _announce(watch, Holding(gap=0, due=now), now, chance, timings)
            state = Succeeding(due=now + event.ahead * timings.turn)
            # While others have their turn there is time to ask: an answer is the end of it.
            return replace(watch, state=state), (Action.PROBE,)
        case _:
            return watch, _NOTHING


def _doubted(watch: Watch, ahead: int, now: float, timings: Timings) -> Watch:
    match watch.state:
        case Blocked(due=when) as blocked if watch.stands_by and when < math.inf:
            soon = min(when, now + ahead * timings.turn)
            return replace(watch, state=replace(blocked, unanswered=timings.polls, due=soon))
        case _:
            return watch


def _cut_off(watch: Watch) -> Watch:
    match watch.state:
        case Holding():
            return replace(watch, state=Asking(sent=0, due=math.inf, regain=True))
        case Asking() as asking:
            return replace(watch, state=replace(asking, sent=0, due=math.inf))
        case Blocked() | Succeeding():
            return replace(watch, state=Blocked(by=None, due=math.inf))
        case Idle() | Silent():
            return watch
        case _:
            assert_never(watch.state)


def _rejoined(watch: Watch, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Asking(due=math.inf, regain=regain):
            return _ask(watch, now, timings, regain=regain)
        case Blocked(by=by, due=math.inf) if watch.stands_by:
            return _stand_by(watch, by, now, chance, timings), _NOTHING
        case Blocked(due=math.inf):
            return _ask(watch, now, timings)
        case _:
            return watch, _NOTHING


def _peer_back(watch: Watch, now: float, chance: float, timings: Timings) -> Watch:
    match watch.state:
        # A burst that runs is burst enough. The start is spread: there may be thousands.
        case Holding(gap=gap) as holding if gap == len(timings.burst):
            soon = min(holding.due, now + chance * timings.burst[-1])
            return replace(watch, state=replace(holding, gap=0, due=soon))
        case _:
            return watch


def _ask(watch: Watch, now: float, timings: Timings, *, regain: bool = False) -> Step:
    state = Asking(sent=1, due=now + timings.probe_interval, regain=regain)
    return replace(watch, state=state), (Action.PROBE,)


def _answered(watch: Watch, by: bytes | None, now: float, chance: float, timings: Timings) -> Watch:
    if watch.stands_by:
        return _stand_by(watch, by, now, chance, timings)
    if watch.role is Role.KEEP:
        return replace(watch, state=Idle())
    wait = timings.verify_again if watch.role is Role.VERIFY else timings.ask_again
    return replace(watch, state=Blocked(by=by, due=now + wait + chance * timings.ask_again_jitter))


def _stand_by(watch: Watch, by: bytes | None, now: float, chance: float, timings: Timings) -> Watch:
    # Spread over the interval, and by rank: nodes that heard the same frame must not ask in step.
    share = ((watch.rank or 0) % _SHARES + chance) / _SHARES
    return replace(watch, state=Blocked(by=by, due=now + share * timings.poll_interval))


def _announce(watch: Watch, holding: Holding, now: float, chance: float, timings: Timings) -> Step:
    in_burst = holding.gap < len(timings.burst)
    # The refresh is spread by a fifth, so that a thousand addresses taken together drift apart.
    wait = timings.burst[holding.gap] if in_burst else timings.refresh * (0.9 + 0.2 * chance)
    state = replace(holding, gap=holding.gap + in_burst, due=now + wait)
    return replace(watch, state=state), (Action.ANNOUNCE,)
