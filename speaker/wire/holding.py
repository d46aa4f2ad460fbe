"""Who holds an address: the rules, as a pure function over events and time.

Each node runs these rules for each address of its plan, without the API server and without a vote:

1. Whoever holds, keeps. The order of the succession says only who is next.
2. When the holder's BFD session was up and timed out, or the holder said that it stops, the next of
   the succession takes the address at once. Those behind it give each live one before them a turn,
   and more time while that one is seen to take what the dead node held. Whoever of these dies too,
   or is heard to have died later, has no turn any more: two never wait for the same moment.
3. Who is not sure asks the LAN first (ARP probes, RFC 5227 section 2.1.1, with short timers) and
   takes the address only when nobody answers. Not sure is: a start, a new plan, a stall of the own
   process, an interface that came back, a lost conflict, a holder in doubt. One who answers and is
   to hand the address over, by the plan, offers it: rule 8.
4. Who stands by asks the holder now and then. Silence three times: nobody holds it, whatever BFD
   says, and rule 3 begins.
5. Two speakers that hear each other claim one address: the lower MAC keeps it and repeats its
   burst, the other goes silent and asks. Two that ask at once: the earlier in the succession goes
   on, the other waits; the lower MAC, where the plan does not tell who is earlier. Against a host
   that is no speaker the holder keeps, and defends (RFC 5227 section 2.4 c).
6. Who hears nothing at all is cut off: it is silent and takes nothing; hearing again, it asks.
7. A holder repeats its burst when a peer is heard again: caches may have been poisoned meanwhile.
8. Who is to let go (a planned move, a node that cannot hand on traffic, a process that stops) makes
   before it breaks: it offers the address by asking the next one for it, that one announces, and
   the first to hear of it goes silent at once. If nobody comes, it goes on, or stops in its time.

`step` takes a watch (role and state of one address), an event and the time, and gives the next
watch and what to send. It reads no clock, sends nothing and draws no random number.
"""

import math
from dataclasses import replace
from typing import assert_never

from speaker.messages import Role
from speaker.wire.parting import handed_over, intruded, may_defend, stopping, while_stopping
from speaker.wire.transitions import (
    NOTHING,
    Step,
    announce,
    answered,
    ask,
    offer,
    stand_by,
    take,
    to_offer,
)
from speaker.wire.watch import (
    Action,
    Asking,
    Bereaved,
    Blocked,
    Busy,
    Claimed,
    CutOff,
    Doubted,
    Due,
    Event,
    Holding,
    Idle,
    PeerBack,
    Planned,
    Postponed,
    Probed,
    Promoted,
    Rejoined,
    Silent,
    Stalled,
    Stopping,
    Succeeding,
    Timings,
    Unsent,
    Watch,
)


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


def step(  # noqa: C901, PLR0911, PLR0912  # a table: one row for each event
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
    if watch.stopping:
        return while_stopping(watch, event, now, timings)
    match event:
        case Planned():
            return _planned(watch, event, now, chance, timings)
        case Due():
            return _due(watch, now, chance, timings)
        case Claimed():
            return _claimed(watch, event, now, chance, timings)
        case Probed():
            return _probed(watch, event, now, chance, timings)
        case Stopping():
            return stopping(watch, now, timings), NOTHING
        case Stalled():
            return _stalled(watch, now, timings)
        case Unsent():
            return _unsent(watch, now, chance, timings)
        case Bereaved():
            return _bereaved(watch, event, now, chance, timings)
        case Promoted(ahead=ahead):
            return _promoted(watch, ahead, now, chance, timings)
        case Busy():
            return _busy(watch, now, chance, timings)
        case Postponed(until=until):
            return _postponed(watch, until), NOTHING
        case Doubted(ahead=ahead):
            return _doubted(watch, ahead, now, timings), NOTHING
        case CutOff():
            return _cut_off(watch), NOTHING
        case Rejoined():
            return _rejoined(watch, now, chance, timings)
        case PeerBack():
            return _peer_back(watch, now, chance, timings), NOTHING
        case _:
            assert_never(event)


def _planned(  # noqa: C901, PLR0911  # a table: one row for each pair of role and state
    watch: Watch, planned: Planned, now: float, chance: float, timings: Timings
) -> Step:
    was = watch.role
    told = replace(
        watch,
        role=planned.role,
        generation=planned.generation,
        rank=planned.rank,
        outgoing=planned.outgoing,
        hands_over=planned.hands_over,
        serving=planned.serving,
    )
    match planned.role, watch.state:
        case Role.VERIFY, _ if was is Role.VERIFY and watch.generation == planned.generation:
            return watch, NOTHING
        case ((Role.CLAIM | Role.KEEP), Holding() as holding):
            return replace(told, state=to_offer(told, holding, now)), NOTHING
        case ((Role.CLAIM | Role.KEEP), _) if not told.serving:
            return replace(told, state=Idle()), NOTHING
        case Role.KEEP, Asking(regain=True):
            return told, NOTHING
        case Role.CLAIM, (Asking() | Blocked()) if was is Role.CLAIM:
            return told, NOTHING
        case ((Role.CLAIM | Role.KEEP), Succeeding()) if told.stands_by:
            return told, NOTHING
        case Role.KEEP, Blocked() if told.stands_by and watch.stands_by:
            return told, NOTHING
        case Role.KEEP, _ if told.stands_by:
            return stand_by(told, None, now, chance, timings), NOTHING
        case Role.KEEP, _:
            return replace(told, state=Idle()), NOTHING
        case ((Role.CLAIM | Role.VERIFY), Asking(regain=regain)):
            return ask(told, now, timings, regain=regain)
        case _:
            return ask(told, now, timings)


def _due(  # noqa: PLR0911  # a table: one row for each state
    watch: Watch, now: float, chance: float, timings: Timings
) -> Step:
    match watch.state:
        case Asking(sent=sent) as asking if sent < timings.probes:
            state = replace(asking, sent=sent + 1, due=now + timings.probe_interval)
            return replace(watch, state=state), (Action.PROBE,)
        case Asking():
            if watch.role is Role.VERIFY:
                return replace(watch, state=Silent()), NOTHING
            return take(watch, now, chance, timings)
        case Blocked(unanswered=unanswered) as blocked if (
            watch.stands_by and unanswered < timings.polls
        ):
            wait = timings.poll_interval * (0.9 + 0.2 * chance)
            asked = replace(blocked, unanswered=unanswered + 1, due=now + wait)
            return replace(watch, state=asked), (Action.POLL,)
        case Blocked():
            return ask(watch, now, timings)
        case Succeeding(asked=False) as succeeding:
            listening = replace(succeeding, asked=True, due=now + timings.turn / 2)
            return replace(watch, state=listening), (Action.PROBE,)
        case Succeeding():
            return take(watch, now, chance, timings)
        case Holding() as holding:
            return _go_on(watch, holding, now, chance, timings)
        case Idle() | Silent():
            return watch, NOTHING
        case _:
            assert_never(watch.state)


def _go_on(watch: Watch, holding: Holding, now: float, chance: float, timings: Timings) -> Step:
    actions: tuple[Action, ...] = ()
    if now >= holding.offer_due:
        holding, actions = offer(holding, now, timings), (Action.OFFER,)
    intruder = holding.intruder
    if intruder is not None and now >= intruder.due:
        asked = intruder.unanswered + 1
        due = now + timings.defend_interval
        again = replace(intruder, unanswered=asked, due=due) if asked <= timings.polls else None
        holding = replace(holding, intruder=again)
        actions += (Action.CHALLENGE,) if again else ()
    watch = replace(watch, state=holding)
    if now < holding.due:
        return watch, actions
    watch, announced = announce(watch, holding, now, chance, timings)
    return watch, actions + announced


def _claimed(  # noqa: C901, PLR0911  # a table: one row for each state
    watch: Watch, event: Claimed, now: float, chance: float, timings: Timings
) -> Step:
    by = event.by
    match watch.state:
        case Holding(giver=giver, settled_at=settled) if by == giver and now < settled:
            return watch, NOTHING
        case Holding() as holding if event.foreign:
            return intruded(watch, holding, by, now, timings)
        case Holding() if watch.hands_over:
            return handed_over(watch, by, now, chance, timings), NOTHING
        case Holding() as holding if watch.mac < by:
            if not may_defend(holding, now, timings):
                return watch, NOTHING
            again = replace(holding, gap=0, due=now, defended=now)
            return announce(watch, again, now, chance, timings)
        case Holding():
            return ask(watch, now, timings, regain=True)
        case Asking() | Succeeding() | Silent():
            return answered(watch, by, now, chance, timings), NOTHING
        case Blocked(by=known) if event.foreign and known not in (None, by):
            # A stranger does not make the holder forgotten: its death must mean something.
            return watch, NOTHING
        case Blocked() as blocked:
            if blocked.unanswered >= timings.polls:
                return stand_by(watch, by, now, chance, timings), NOTHING
            return replace(watch, state=replace(blocked, by=by, unanswered=0)), NOTHING
        case Idle():
            return watch, NOTHING
        case _:
            assert_never(watch.state)


def _probed(watch: Watch, event: Probed, now: float, chance: float, timings: Timings) -> Step:
    by = event.by
    match watch.state:
        case Asking() | Blocked() if _offered(watch, event):
            return take(watch, now, chance, timings, giver=by)
        case Asking(regain=False) if watch.role is not Role.VERIFY and _goes_first(watch, event):
            return answered(watch, by, now, chance, timings), NOTHING
        case Holding() as holding if watch.hands_over and not event.directed:
            return replace(watch, state=offer(holding, now, timings)), (Action.OFFER,)
        case _:
            # A verifier only looks; two that look at once must not take each other for an owner.
            # Who held it a moment ago goes on: the other may be a standby that looks for the holder
            # and will not take it for seconds. If both take it, the lower MAC keeps it.
            return watch, NOTHING


def _goes_first(watch: Watch, event: Probed) -> bool:
    """Whether this node waits for the one who asks as well."""
    if event.directed:
        # Who asks this node alone takes it for the holder, and is no rival.
        return False
    # One that comes later may be a standby that looks for the holder and takes nothing for seconds:
    # its question sounds like that of one who is about to.
    return event.by < watch.mac if event.precedes is None else event.precedes


def _offered(watch: Watch, event: Probed) -> bool:
    """Whether the one who asks for the address has it, and so offers it."""
    outgoing = watch.role is Role.CLAIM and watch.serving and event.by == watch.outgoing
    match watch.state:
        case Blocked(by=by) if by == event.by:
            return outgoing or (event.directed and watch.stands_by)
        case Blocked(by=None) | Asking():
            return outgoing and event.directed
        case _:
            return False


def _stalled(watch: Watch, now: float, timings: Timings) -> Step:
    match watch.state:
        case Holding():
            return ask(watch, now, timings, regain=True)
        case Asking(regain=regain):
            return ask(watch, now, timings, regain=regain)
        case Succeeding():
            return ask(watch, now, timings)
        case Blocked(due=when) if watch.stands_by:
            # Whoever held it then may not be who holds it now: a death of that one says nothing.
            return replace(watch, state=Blocked(by=None, due=when)), NOTHING
        case Idle() | Blocked() | Silent():
            return watch, NOTHING
        case _:
            assert_never(watch.state)


def _unsent(watch: Watch, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Asking(regain=True) as asking:
            # Nobody is known to hold it, so the right to take it back stays.
            wait = timings.ask_again + chance * timings.ask_again_jitter
            return replace(watch, state=replace(asking, sent=0, due=now + wait)), NOTHING
        case Asking() | Succeeding():
            return answered(watch, None, now, chance, timings), NOTHING
        case Blocked(unanswered=unanswered) as blocked if unanswered:
            return replace(watch, state=replace(blocked, unanswered=unanswered - 1)), NOTHING
        case Holding(due=when) as holding:
            soon = min(when, now + timings.resend)
            return replace(watch, state=replace(holding, gap=0, due=soon)), NOTHING
        case Idle() | Blocked() | Silent():
            return watch, NOTHING
        case _:
            assert_never(watch.state)


def _bereaved(watch: Watch, event: Bereaved, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Blocked(by=by) if watch.stands_by and by == event.of:
            if not event.ahead:
                return take(watch, now, chance, timings, giver=by)
            turns = event.ahead * timings.turn
            # While others have their turn there is time to ask: an answer is the end of it.
            due, until = now + turns - timings.turn / 2, now + turns + timings.longest_wait
            return replace(watch, state=Succeeding(by, due, until)), NOTHING
        case _:
            return watch, NOTHING


def _promoted(watch: Watch, ahead: int, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Succeeding(of=dead) if not ahead:
            return take(watch, now, chance, timings, giver=dead)
        case Succeeding(due=when) as succeeding:
            # From now, for the one that comes first has its turn from now.
            soon = min(when, now + ahead * timings.turn - timings.turn / 2)
            return replace(watch, state=replace(succeeding, due=soon)), NOTHING
        case _:
            return watch, NOTHING


def _busy(watch: Watch, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Succeeding(until=until) as succeeding if now < until:
            again = min(now + timings.turn / 2, until)
            return replace(watch, state=replace(succeeding, due=again, asked=False)), NOTHING
        case _:
            return _due(watch, now, chance, timings)


def _postponed(watch: Watch, until: float) -> Watch:
    match watch.state:
        case Holding() as holding:
            return replace(watch, state=replace(holding, due=until, postponed=True))
        case _:
            return watch


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
            return ask(watch, now, timings, regain=regain)
        case Blocked(by=by, due=math.inf) if watch.stands_by:
            return stand_by(watch, by, now, chance, timings), NOTHING
        case Blocked(due=math.inf):
            return ask(watch, now, timings)
        case _:
            return watch, NOTHING


def _peer_back(watch: Watch, now: float, chance: float, timings: Timings) -> Watch:
    match watch.state:
        # A burst that runs is burst enough. The start is spread: there may be thousands.
        case Holding(gap=gap) as holding if gap >= len(timings.burst):
            soon = min(holding.due, now + chance * timings.spread)
            return replace(watch, state=replace(holding, gap=0, due=soon))
        case _:
            return watch
