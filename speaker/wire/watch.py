"""One address on one interface, as data: its states, what can happen to it, and every interval.

The rules that lead from state to state are in `holding`.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

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
    poll_interval: float = 2.0
    """Between two questions of a standby to the holder."""
    polls: int = 3
    """Questions without an answer before a standby believes that nobody holds the address."""
    turn: float = 0.15
    """What each live node earlier in the succession is given to take the address first."""
    longest_wait: float = 0.6
    """More than that, for one that is seen to take others: it may have thousands to take."""
    burst: tuple[float, ...] = (0.1, 0.2, 0.7, 2.0)
    """Gaps between the announcements after taking: a lost frame is made good quickly."""
    resend: float = 0.01
    """After an announcement that the kernel refused, for its queue was full."""
    refresh: float = 10.0
    """Between announcements while holding. It keeps switches from forgetting the port, and it is
    how two holders find each other after a partition."""
    settling: float = 0.5
    """After taking an address from a node, frames of that one may still be on their way."""
    spread: float = 2.0
    """Holders that are to repeat their bursts begin within this time, not all at once."""
    defend_interval: float = 10.0
    """Between two defences against another MAC (RFC 5227's DEFEND_INTERVAL), and between two
    questions to a stranger that has claimed a held address."""
    quick_offers: int = 4
    """Offers of an address to the next one, a turn apart; later ones a poll's interval apart."""


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
    """Somebody else answers, or is believed to; ask again when due."""

    by: bytes | None
    """The other's MAC; None when it is not known, or the question could not be sent."""
    due: float
    unanswered: int = 0
    """Questions of a standby, since the other was heard last."""


@dataclass(frozen=True, slots=True)
class Succeeding:
    """The holder is dead; those earlier in the succession have their turn."""

    of: bytes
    """The MAC of the dead holder."""
    due: float
    until: float = -math.inf
    """The turn lasts so long at most, however busy they are."""
    asked: bool = False
    """Half a turn before it takes the address, it asks for it. Most are taken by then, and need no
    question."""


@dataclass(frozen=True, slots=True)
class Intruder:
    """A host that is no speaker, and claims an address that is held here."""

    by: bytes
    claims: int
    due: float
    """When it is asked next whether it still has the address."""
    unanswered: int = 0
    """Such questions since it was heard last."""


@dataclass(frozen=True, slots=True)
class Holding:
    """This node answers for the address."""

    gap: int
    """Index of the next gap of the burst; past its end the slow refresh runs."""
    due: float
    """When it is announced next."""
    postponed: bool = False
    """To that time, because too much was to be announced at once."""
    defended: float | None = None
    offers: int = 0
    """So far, while it is to be handed over."""
    offer_due: float = math.inf
    intruder: Intruder | None = None
    giver: bytes | None = None
    """The MAC of the node that it was taken from, offered or by that one's death."""
    settled_at: float = -math.inf
    """Until then a frame of the giver may be from before."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Asked for a release, and nobody answered."""


WatchState = Idle | Asking | Blocked | Succeeding | Holding | Silent


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan names this address (again, or for the first time)."""

    role: Role
    generation: int = 0
    rank: int | None = None
    """The own place in the succession; None where the plan says nothing about who is next: then
    only the first may take the address, and nobody stands by."""
    outgoing: bytes | None = None
    """The MAC of the node that is to hand the address over to another one."""
    hands_over: bool = False
    """This node is to let the address go as soon as another one has it."""
    serving: bool = True
    """Whether this node can hand on traffic; who cannot takes nothing."""


@dataclass(frozen=True, slots=True)
class Due:
    """The state's time has come."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A frame says that the address is at another MAC."""

    by: bytes
    foreign: bool = False
    """It is no speaker's: the plan names the MACs of all that may hold it, and not this one."""


@dataclass(frozen=True, slots=True)
class Probed:
    """Another MAC asks whether the address is free."""

    by: bytes
    directed: bool = False
    """It asks this node alone."""
    precedes: bool | None = None
    """Whether it comes earlier in the succession than this node; None where the plan is silent."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """This process stood still (stopped, suspended, starved): the LAN may have moved on."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """This process ends soon: what it holds is handed over, and it takes nothing any more."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """The kernel refused the question, so silence means nothing."""


@dataclass(frozen=True, slots=True)
class Bereaved:
    """The holder of this MAC is dead, by BFD."""

    of: bytes
    ahead: int
    """Nodes earlier in the succession that are not known to be dead."""
    lost_at: float | None = None
    """When its session ended; only measured by."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """One that came earlier in the succession died after the holder, before it took the address."""

    ahead: int
    """As for `Bereaved`: those that are left."""


@dataclass(frozen=True, slots=True)
class Busy:
    """`Due`, while one earlier in the succession is seen to take what the dead node held."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """An announcement is to be repeated later: there are too many at once."""

    until: float


@dataclass(frozen=True, slots=True)
class Doubted:
    """The holder may have let go: its wire has restarted, or it died and is only believed to hold.

    Given to those who believe so.
    """

    ahead: int
    lost_at: float | None = None
    """When its session ended, if it did; only measured by."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """Nothing at all is heard on the interface any more."""


@dataclass(frozen=True, slots=True)
class Rejoined:
    """The first frame after `CutOff`."""


@dataclass(frozen=True, slots=True)
class PeerBack:
    """A session with another node is up again."""


Event = (
    Planned
    | Due
    | Claimed
    | Probed
    | Stalled
    | Stopping
    | Unsent
    | Bereaved
    | Promoted
    | Busy
    | Postponed
    | Doubted
    | CutOff
    | Rejoined
    | PeerBack
)


class Action(Enum):
    """What to put on the LAN."""

    PROBE = auto()
    """One question to all: an ARP probe."""
    POLL = auto()
    """One question to the one who is believed to hold, or to all while nobody is known."""
    ANNOUNCE = auto()
    """A gratuitous ARP, request and reply form."""
    OFFER = auto()
    """A question to the next one alone, by the holder itself: it may take the address."""
    CHALLENGE = auto()
    """A question to a stranger that has claimed the address."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One address on one interface."""

    mac: bytes
    """The interface's own."""
    role: Role
    generation: int
    state: WatchState
    rank: int | None = None
    outgoing: bytes | None = None
    hands_over: bool = False
    serving: bool = True
    stopping: bool = False

    @property
    def stands_by(self) -> bool:
        """Whether it may take the address when the holder is gone."""
        return self.rank is not None and self.role is not Role.VERIFY and self.serving

    @property
    def leaves(self) -> bool:
        """Whether it is to be let go as soon as another one has it."""
        return self.hands_over or self.stopping


def due(watch: Watch) -> float | None:
    """When `Due` is to be given next; None for never."""
    match watch.state:
        case Holding(due=announced, offer_due=offered, intruder=stranger):
            when = min(announced, offered, stranger.due if stranger else math.inf)
        case Asking(due=when) | Blocked(due=when) | Succeeding(due=when):
            pass
        case Idle() | Silent():
            return None
        case _:
            assert_never(watch.state)
    return when if when < math.inf else None


def regains(watch: Watch) -> bool:
    """Whether it is held, or was until a moment ago: then it may be taken again by any rank."""
    match watch.state:
        case Holding():
            return True
        case Asking(regain=regain):
            return regain
        case _:
            return False


def outcome(watch: Watch) -> State:  # noqa: PLR0911  # a table: one row for each state
    """The state in the words of the agent."""
    match watch.state:
        case Idle():
            return State.IDLE
        case Asking(due=math.inf):
            return State.IDLE
        case Asking() | Succeeding():
            return State.ASKING
        case Blocked() if watch.role is Role.KEEP:
            return State.IDLE
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


def succeeds(watch: Watch) -> bool:
    """Whether it waits for those who come first to take the address of a dead holder."""
    return isinstance(watch.state, Succeeding)


def intruder(watch: Watch) -> Intruder | None:
    """The stranger that claims an address that is held here."""
    return watch.state.intruder if isinstance(watch.state, Holding) else None
