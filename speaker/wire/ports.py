"""What the wire has: open interfaces, and the addresses of the plan on them. Data alone."""

from collections import Counter
from dataclasses import dataclass, field
from socket import AddressFamily

from speaker.messages import FAILOVER_BOUNDS, Entry, Taking
from speaker.wire.families import Family
from speaker.wire.frames import Frames
from speaker.wire.sockets import PacketSocket
from speaker.wire.spread import Spread
from speaker.wire.watch import Holding, Planned, Timings, Watch


@dataclass(slots=True)
class Totals:
    """What was sent and taken, since the start."""

    replies: int = 0
    gratuitous: int = 0
    probes: int = 0
    unsent: int = 0
    conflicts: int = 0
    taken: Counter[Taking] = field(default_factory=Counter)
    failovers: Spread = field(default_factory=lambda: Spread(FAILOVER_BOUNDS))


@dataclass(slots=True)
class Line:
    """One family on an open interface."""

    family: Family
    socket: PacketSocket
    port: "Port"


@dataclass(slots=True)
class Port:
    """One open interface."""

    name: str
    lines: dict[AddressFamily, Line] = field(default_factory=dict)
    kept: "dict[bytes, Kept]" = field(default_factory=dict)
    """Addresses of the plan on this interface."""
    held: dict[bytes, Frames] = field(default_factory=dict)
    """Those that are answered for: all that the hot path looks at."""
    heard: bool = False
    """A frame has come since somebody last looked here."""
    cut_off: bool = False
    """Nothing at all is heard: addresses are silent."""
    witness: bytes = b""
    """The last host, not a peer, that was heard asking: it would answer us."""
    awaited: dict[bytes, float] = field(default_factory=dict)
    """Own addresses of dead peers that are asked for, and when one was last heard."""
    taken_at: dict[bytes, float] = field(default_factory=dict)
    """MAC of a speaker -> when it was last heard to take an address that another one held."""

    def answers_ping(self, address: bytes) -> bool:
        """Whether it is for the wire to answer pings to an address."""
        kept = self.kept.get(address)
        return address in self.held and kept is not None and kept.entry.ping


@dataclass(slots=True)
class Kept:
    """One address of the plan. Without a line it waits for its interface."""

    address: bytes
    entry: Entry
    since: float
    rank: int | None = None
    """The own place in the succession; None when nobody is to stand by."""
    planned: Planned | None = None
    """What the watch was told last."""
    timings: Timings = field(default_factory=Timings)
    heirs: tuple[bytes, ...] = ()
    """The MACs of those that it is offered to, in order, when it is to be handed over."""
    before: tuple[bytes, ...] = ()
    """The MACs of those that are earlier in the succession, as far as they are known."""
    behind: frozenset[bytes] = frozenset()
    """The MACs of those that are later."""
    kin: frozenset[bytes] | None = None
    """The MACs of all speakers that may hold it; None when not all of them are known."""
    line: Line | None = None
    watch: Watch | None = None
    frames: Frames | None = None
    regain: bool = False
    """It was held here when its interface vanished or changed."""

    lost_at: float | None = None
    """When the session with the one that held it ended, until it is announced from here or turns
    out to be another's."""

    def precedes(self, mac: bytes) -> bool | None:
        """Whether another node comes earlier in the succession; None when that is not known."""
        return True if mac in self.before else False if mac in self.behind else None

    @property
    def is_held(self) -> bool:
        """Whether it is answered for."""
        return self.watch is not None and isinstance(self.watch.state, Holding)

    @property
    def leaves(self) -> bool:
        """Whether it is to be let go as soon as another one has it."""
        return self.watch is not None and self.watch.leaves
