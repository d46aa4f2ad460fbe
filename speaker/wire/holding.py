"""Who holds an address: the rules, as a pure function over events and time.

Each node runs these rules for each address of its plan, without the API server and without a vote:

1. Whoever holds, keeps. The order of the succession says only who is next.
2. Who is not sure asks the LAN first (ARP probes, RFC 5227 section 2.1.1, with short timers) and
   takes the address only when nobody answers. Not sure is: a start, a new plan, a stall of the own
   process, an interface that came back, a lost conflict.
3. Two that hear each other claim one address: the lower MAC keeps it and repeats its burst, the
   other goes silent and asks.
4. Two that ask at once: the lower MAC goes on, the other waits.

`step` takes a watch (role and state of one address), an event and the time, and gives the next
watch and what to send. It reads no clock, sends nothing and draws no random number.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, assert_never

from speaker.messages import Role, State


@dataclass(frozen=True, slots=True)
class Timings:
    """Every interval of the wire, in seconds."""

    probes: int = 3
    """Questions before silence counts (RFC 5227's PROBE_NUM)."""
    probe_interval: float = 0.15
    """Between two questions, and after the last one. RFC 5227 section 1.1 says 1 to 2 s and lets
    faster links shorten it; a failover must not wait that long."""
    ask_again: float = 1.0
    """After an answer, until the next round of questions."""
    ask_again_jitter: float = 0.5
    """At most this much more, so that nodes that wait do not ask in step."""
    verify_again: float = 5.0
    """The same for an address that is being released."""
    burst: tuple[float, ...] = (0.1, 0.2, 0.7, 2.0)
    """Gaps between the announcements after taking: a lost frame is made good quickly."""
    refresh: float = 10.0
    """Between announcements while holding. It keeps switches from forgetting the port, and it is
    how two holders find each other after a partition."""
    defend_interval: float = 10.0
    """Between two defences against another MAC (RFC 5227's DEFEND_INTERVAL)."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Not held, and nothing to do about it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The LAN is being asked; nothing is answered meanwhile."""

    sent: int
    due: float
    regain: bool = False
    """It was held a moment ago, so the address may be taken again even in the role `keep`."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Somebody else answers; ask again when due."""

    by: bytes | None
    """The other's MAC; None when the question could not be sent."""
    due: float


@dataclass(frozen=True, slots=True)
class Holding:
    """This node answers for the address."""

    gap: int
    """Index of the next gap of the burst; past its end the slow refresh runs."""
    due: float
    defended: float | None = None


@dataclass(frozen=True, slots=True)
class Silent:
    """Asked for a release, and nobody answered."""


WatchState = Idle | Asking | Blocked | Holding | Silent


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan names this address (again, or for the first time)."""

    role: Role
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """The state's time has come."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A frame says that the address is at another MAC."""

    by: bytes


@dataclass(frozen=True, slots=True)
class Probed:
    """Another MAC asks whether the address is free."""

    by: bytes


@dataclass(frozen=True, slots=True)
class Stalled:
    """This process stood still (stopped, suspended, starved): the LAN may have moved on."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """The kernel refused the question, so silence means nothing."""


Event = Planned | Due | Claimed | Probed | Stalled | Unsent


class Action(Enum):
    """What to put on the LAN."""

    PROBE = auto()
    """One question: an ARP probe."""
    ANNOUNCE = auto()
    """A gratuitous ARP, request and reply form."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One address on one interface."""

    mac: bytes
    """The interface's own."""
    role: Role
    generation: int
    state: WatchState


Step = tuple[Watch, tuple[Action, ...]]
_NOTHING: Final[tuple[Action, ...]] = ()


def begin(
    mac: bytes, planned: Planned, *, now: float, chance: float, timings: Timings | None = None
) -> Step:
    """The first step for an address: it is not held, whatever the plan says."""
    watch = Watch(mac=mac, role=Role.KEEP, generation=planned.generation, state=Idle())
    return step(watch, planned, now=now, chance=chance, timings=timings or Timings())


def step(watch: Watch, event: Event, *, now: float, chance: float, timings: Timings) -> Step:
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
            return _planned(watch, event, now, timings)
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
        case _:
            assert_never(event)


def due(watch: Watch) -> float | None:
    """When `Due` is to be given next; None for never."""
    match watch.state:
        case Asking(due=when) | Blocked(due=when) | Holding(due=when):
            return when
        case Idle() | Silent():
            return None
        case _:
            assert_never(watch.state)


def outcome(watch: Watch) -> State:
    """The state in the words of the agent."""
    match watch.state:
        case Idle():
            return State.IDLE
        case Asking():
            return State.ASKING
        case Blocked(by=None):
            return State.ASKING
        case Blocked():
            return State.ANSWERED if watch.role is Role.VERIFY else State.BLOCKED
        case Holding():
            return State.HOLDING
        case Silent():
            return State.SILENT
        case _:
            assert_never(watch.state)


def answered_by(watch: Watch) -> bytes | None:
    """The MAC that answers instead of this node, where one is known."""
    return watch.state.by if isinstance(watch.state, Blocked) else None


def _planned(  # noqa: PLR0911  # a table: one row for each pair of role and state
    watch: Watch, planned: Planned, now: float, timings: Timings
) -> Step:
    was = watch.role
    told = replace(watch, role=planned.role, generation=planned.generation)
    match planned.role, watch.state:
        case Role.VERIFY, _ if was is Role.VERIFY and watch.generation == planned.generation:
            return watch, _NOTHING
        case ((Role.CLAIM | Role.KEEP), Holding()):
            return told, _NOTHING
        case Role.KEEP, Asking(regain=True):
            return told, _NOTHING
        case Role.CLAIM, (Asking() | Blocked()) if was is Role.CLAIM:
            return told, _NOTHING
        case Role.KEEP, _:
            return replace(told, state=Idle()), _NOTHING
        case ((Role.CLAIM | Role.VERIFY), Asking(regain=regain)):
            return _ask(told, now, timings, regain=regain)
        case _:
            return _ask(told, now, timings)


def _due(watch: Watch, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Asking(sent=sent) as asking if sent < timings.probes:
            state = replace(asking, sent=sent + 1, due=now + timings.probe_interval)
            return replace(watch, state=state), (Action.PROBE,)
        case Asking():
            if watch.role is Role.VERIFY:
                return replace(watch, state=Silent()), _NOTHING
            return _announce(watch, Holding(gap=0, due=now), now, chance, timings)
        case Blocked():
            return _ask(watch, now, timings)
        case Holding() as holding:
            return _announce(watch, holding, now, chance, timings)
        case Idle() | Silent():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _claimed(watch: Watch, by: bytes, now: float, chance: float, timings: Timings) -> Step:
    match watch.state:
        case Holding() as holding if watch.mac < by:
            last = holding.defended
            if last is not None and now - last < timings.defend_interval:
                return watch, _NOTHING
            again = Holding(gap=0, due=now, defended=now)
            return _announce(watch, again, now, chance, timings)
        case Holding():
            return _ask(watch, now, timings, regain=True)
        case Asking() | Silent():
            return _answered(watch, by, now, chance, timings), _NOTHING
        case Blocked() as blocked:
            return replace(watch, state=replace(blocked, by=by)), _NOTHING
        case Idle():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _probed(watch: Watch, by: bytes, now: float, chance: float, timings: Timings) -> Step:
    # A verifier only looks; two that look at once must not take each other for an owner.
    if isinstance(watch.state, Asking) and watch.role is not Role.VERIFY and by < watch.mac:
        return _answered(watch, by, now, chance, timings), _NOTHING
    return watch, _NOTHING


def _stalled(watch: Watch, now: float, timings: Timings) -> Step:
    match watch.state:
        case Holding():
            return _ask(watch, now, timings, regain=True)
        case Asking(regain=regain):
            return _ask(watch, now, timings, regain=regain)
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
        case Asking():
            return _answered(watch, None, now, chance, timings), _NOTHING
        case Idle() | Blocked() | Holding() | Silent():
            return watch, _NOTHING
        case _:
            assert_never(watch.state)


def _ask(watch: Watch, now: float, timings: Timings, *, regain: bool = False) -> Step:
    state = Asking(sent=1, due=now + timings.probe_interval, regain=regain)
    return replace(watch, state=state), (Action.PROBE,)


def _answered(watch: Watch, by: bytes | None, now: float, chance: float, timings: Timings) -> Watch:
    if watch.role is Role.KEEP:
        return replace(watch, state=Idle())
    wait = timings.verify_again if watch.role is Role.VERIFY else timings.ask_again
    return replace(watch, state=Blocked(by=by, due=now + wait + chance * timings.ask_again_jitter))


def _announce(watch: Watch, holding: Holding, now: float, chance: float, timings: Timings) -> Step:
    in_burst = holding.gap < len(timings.burst)
    # The refresh is spread by a fifth, so that a thousand addresses taken together drift apart.
    wait = timings.burst[holding.gap] if in_burst else timings.refresh * (0.9 + 0.2 * chance)
    state = replace(holding, gap=holding.gap + in_burst, due=now + wait)
    return replace(watch, state=state), (Action.ANNOUNCE,)
