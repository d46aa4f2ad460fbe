"""What the agent and the wire say to each other.

One message is one JSON object in one datagram of a SOCK_SEQPACKET pair. The agent sends its plan as
a snapshot in parts; the wire obeys it only when the last part is here, so half a plan, or the
remains of a plan that a dead process left in the socket, changes nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

ENTRIES_PER_PART: Final = 200
"""Entries in one datagram, at most."""

PART_BYTES: Final = 32_000
"""About the size of a datagram at most, well under a Unix socket's default send buffer. Sixteen
names of nodes may make one entry longer than 4 kB."""

_ENTRY_BYTES: Final = 260
"""Of one entry, the names of nodes apart."""
_QUOTES: Final = 3

DATAGRAM_BYTES: Final = 128 * 1024
"""The receiver's buffer; no message comes near it."""


FAILOVER_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: how `Counters.failovers` are counted by size."""
ROUND_TRIP_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds: the same of `Counters.round_trips`."""


class BadMessageError(ValueError):
    """A datagram that is not one of our messages."""


class Role(StrEnum):
    """What the plan wants from this node for one address."""

    CLAIM = "claim"
    """First in the succession: take the address when the LAN is silent about it."""
    KEEP = "keep"
    """Later in the succession: go on if it is held here, never take it."""
    VERIFY = "verify"
    """Being released: be silent, ask the LAN whether anybody still answers, and say so."""


class State(StrEnum):
    """What the wire does with one address, as the agent hears of it."""

    HOLDING = "holding"
    ASKING = "asking"
    BLOCKED = "blocked"
    IDLE = "idle"
    SILENT = "silent"
    ANSWERED = "answered"


class Taking(StrEnum):
    """Why this node took an address."""

    DEATH = "death"
    """The session with its holder was lost, or said that it stops."""
    HANDED_OVER = "handed-over"
    """Its holder offered it, as the plan wanted."""
    SILENCE = "silence"
    """The LAN was asked, and nobody answered: a new address, or a holder that nobody watched."""


class PeerState(StrEnum):
    """A BFD session with another speaker, as the agent hears of it."""

    NEVER_UP = "never-up"
    """Not once since this wire knows the peer: it says nothing about the peer's life."""
    UP = "up"
    DOWN = "down"
    """It was up. The diagnostic says whether it timed out or the peer took it down."""
    ADMIN_DOWN = "admin-down"
    """The peer said that it stops."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another speaker, to keep a BFD session with: one for each interface that both share."""

    node: str
    address: str
    """Its address on the LAN that both share, IPv4 or IPv6."""
    mac: str
    """Its MAC there: who claims an address with it is this peer."""
    interface: str
    """Our own interface on that LAN."""
    source: str = ""
    """Our own address there, as the peer knows it: where we have several, the kernel could choose
    another. Empty: the kernel chooses."""


@dataclass(frozen=True, slots=True)
class Kin:
    """A speaker that is no peer and may hold an address of the plan."""

    node: str
    interface: str
    """Our own interface on the LAN where it has the MAC."""
    mac: str


@dataclass(frozen=True, slots=True)
class Bfd:
    """How sessions run, the same on every node (RFC 5880 section 6.8.1)."""

    port: int = 3784
    """UDP port of control packets (RFC 5881 section 4)."""
    interval_ms: int = 100
    """Wanted between two packets, both ways."""
    multiplier: int = 3
    """So many intervals without a packet, and the session is down."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One address of the plan."""

    address: str
    """IPv4 or IPv6, in canonical text: IPv6 compressed and in lower case (RFC 5952)."""
    interface: str
    ifindex: int
    mac: str
    role: Role
    generation: int = 0
    """metadata.generation of the VirtualIP; a verification is good for one generation only."""
    succession: tuple[str, ...] = ()
    """Every node in order, this one included. Empty: the plan says nothing about who is next."""
    holder: str | None = None
    """Who holds it as far as the API knows: a hint, for the LAN knows better."""
    outgoing: str | None = None
    """The node that is to hand the address over; None when no move is planned."""
    serving: bool = True
    """Whether this node can hand on traffic for the address. False: let it go if it is held here
    and another can have it, and take it never."""
    burst: tuple[float, ...] | None = None
    """Seconds between the announcements after taking; None for the wire's own."""
    refresh: float | None = None
    """Seconds between announcements while holding; None for the wire's own."""
    ping: bool = False
    """Whether the wire answers pings to the address while it is held: nobody else here does."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one node is to do."""

    entries: tuple[Entry, ...] = ()
    node: str = ""
    """The own node's name, as successions spell it."""
    bfd: Bfd = Bfd()
    peers: tuple[Peer, ...] = ()
    """Without any, nobody takes over at once: addresses are taken after asking alone."""
    kin: tuple[Kin, ...] = ()
    """Other speakers that may hold an address, as far as they are known: no strangers."""


@dataclass(frozen=True, slots=True)
class PlanBegin:
    id: int
    count: int
    """Entries in the whole snapshot."""
    node: str = ""
    bfd: Bfd = Bfd()
    peers: tuple[Peer, ...] = ()
    kin: tuple[Kin, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanPart:
    id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PlanEnd:
    id: int


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """The agent asks for everything: it is new, or it missed something."""

    id: int


@dataclass(frozen=True, slots=True)
class Hello:
    """A new wire is here: it holds nothing and waits for a plan."""

    pid: int


@dataclass(frozen=True, slots=True)
class AddressReport:
    """One address as the wire sees it. `idle` also stands for an address that left the plan."""

    address: str
    state: State
    generation: int = 0
    by_mac: str | None = None
    """Who answered instead, when `blocked` or `answered`."""
    interface: str | None = None
    mac: str | None = None
    since: float = 0.0
    """When this state began: seconds since 1970 by this node's clock."""
    claimed_by: str | None = None
    """MAC of a host that is no peer and claims the address while it is held here."""
    claims: int = 0
    """How often that one has claimed it in this conflict."""


@dataclass(frozen=True, slots=True)
class Report:
    addresses: tuple[AddressReport, ...]


@dataclass(frozen=True, slots=True)
class PeerReport:
    """One BFD session as the wire sees it."""

    node: str
    state: PeerState
    since: float = 0.0
    """When this state began: seconds since 1970 by this node's clock."""
    remote_state: str = "down"
    """What the peer says of the session: admin-down, down, init or up (RFC 5880 section 4.1)."""
    diagnostic: str = "none"
    """Why it is down, in the RFC's words: `control-detection-time-expired` for a peer that fell
    silent, `neighbor-signaled-session-down` for one that said so, or is heard again."""
    heard: bool = False
    """Whether any valid packet of the peer ever arrived. A session that is never up though the peer
    is heard is blocked in the other direction."""
    interface: str = ""
    """Our own interface that the session runs on."""
    address: str = ""
    """The peer's address that the session runs with."""
    answers: bool | None = None
    """After a death: whether the peer's own address still answers ARP or NS. None while that is
    not known, and while the peer lives."""


@dataclass(frozen=True, slots=True)
class PeersReport:
    """Every peer of the plan; sent when one has changed, and on request."""

    peers: tuple[PeerReport, ...]


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the wire's start. Sent every few seconds, so it is a sign of life as well."""

    request: int = 0
    """The last ReportRequest that was heard; its reports came before this."""
    restarts: int = 0
    """How often the wire was started again."""
    frames: dict[str, dict[str, int]] = field(default_factory=dict)
    """interface -> verdict -> frames received."""
    replies: int = 0
    gratuitous: int = 0
    probes: int = 0
    unsent: int = 0
    """Frames that the kernel refused."""
    conflicts: int = 0
    """Times that another MAC claimed an address that was held here."""
    bfd: dict[str, int] = field(default_factory=dict)
    """verdict -> BFD packets: `accepted`, each reason for a refusal, `sent` and `unsent`."""
    stalls: int = 0
    """Times that the wire stood still so long that it asked the LAN before it answered again."""
    taken: dict[str, int] = field(default_factory=dict)
    """`Taking` -> addresses taken."""
    lost: dict[str, int] = field(default_factory=dict)
    """node -> sessions with it that were up and timed out."""
    failovers: list[int] = field(default_factory=list)
    """From the end of the holder's session to the first announcement: FAILOVER_BOUNDS."""
    failover_seconds: float = 0.0
    """All of them together."""
    round_trips: list[int] = field(default_factory=list)
    """From a session's Poll to the peer's Final (RFC 5880 section 6.5): ROUND_TRIP_BOUNDS."""
    round_trip_seconds: float = 0.0


FromAgent = PlanBegin | PlanPart | PlanEnd | ReportRequest
FromWire = Hello | Report | PeersReport | Counters
Message = FromAgent | FromWire

_KINDS: Final[dict[str, type[Message]]] = {
    "plan-begin": PlanBegin,
    "plan-part": PlanPart,
    "plan-end": PlanEnd,
    "report-request": ReportRequest,
    "hello": Hello,
    "report": Report,
    "peers-report": PeersReport,
    "counters": Counters,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}

# Rows instead of objects: a plan of a thousand addresses is sent whole, and often.
_entry_row: Final = attrgetter(*(each.name for each in fields(Entry)))
_report_row: Final = attrgetter(*(each.name for each in fields(AddressReport)))
_peer_row: Final = attrgetter(*(each.name for each in fields(Peer)))
_kin_row: Final = attrgetter(*(each.name for each in fields(Kin)))
_peer_report_row: Final = attrgetter(*(each.name for each in fields(PeerReport)))


def encode(message: Message) -> bytes:
    """One datagram."""
    body: dict[str, Any] = {"kind": _NAMES[type(message)]}
    match message:
        case PlanBegin():
            body |= asdict(message)
            body["peers"] = [_peer_row(each) for each in message.peers]
            body["kin"] = [_kin_row(each) for each in message.kin]
        case PlanPart():
            body |= {"id": message.id, "entries": [_entry_row(each) for each in message.entries]}
        case Report():
            body["addresses"] = [_report_row(each) for each in message.addresses]
        case PeersReport():
            body["peers"] = [_peer_report_row(each) for each in message.peers]
        case _:
            body |= asdict(message)
    return json.dumps(body, separators=(",", ":")).encode()


def decode(datagram: bytes) -> Message:
    """The message in a datagram.

    Raises:
        BadMessageError: it is none of ours.
    """
    try:
        body: dict[str, Any] = json.loads(datagram)
        match body.pop("kind"):
            case "plan-begin":
                bfd, peers = Bfd(**body.pop("bfd")), (Peer(*row) for row in body.pop("peers"))
                kin = tuple(Kin(*row) for row in body.pop("kin"))
                return PlanBegin(**body, bfd=bfd, peers=tuple(peers), kin=kin)
            case "plan-part":
                return PlanPart(
                    id=body["id"], entries=tuple(_entry(row) for row in body["entries"])
                )
            case "report":
                reports = (
                    AddressReport(address, State(state), *rest)
                    for address, state, *rest in body["addresses"]
                )
                return Report(addresses=tuple(reports))
            case "peers-report":
                about = (
                    PeerReport(node, PeerState(state), *rest)
                    for node, state, *rest in body["peers"]
                )
                return PeersReport(peers=tuple(about))
            case kind:
                return _KINDS[kind](**body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadMessageError(f"not a message: {datagram[:80]!r}") from error


def _entry(row: list[Any]) -> Entry:
    address, interface, ifindex, mac, role, generation, succession, *rest = row
    holder, outgoing, serving, burst, refresh, ping = rest
    burst = None if burst is None else tuple(burst)
    return Entry(
        address, interface, ifindex, mac, Role(role), generation, tuple(succession),
        holder, outgoing, serving, burst, refresh, ping,
    )  # fmt: skip


def snapshot(plan_id: int, plan: Plan) -> list[FromAgent]:
    """The messages that carry one plan, in order."""
    begin = PlanBegin(plan_id, len(plan.entries), plan.node, plan.bfd, plan.peers, plan.kin)
    parts = [PlanPart(id=plan_id, entries=entries) for entries in _parts(plan.entries)]
    return [begin, *parts, PlanEnd(id=plan_id)]


def _parts(entries: tuple[Entry, ...]) -> Iterator[tuple[Entry, ...]]:
    part: list[Entry] = []
    size = 0
    for entry in entries:
        named = (*entry.succession, entry.holder or "", entry.outgoing or "")
        length = _ENTRY_BYTES + sum(len(node) + _QUOTES for node in named)
        if part and (len(part) == ENTRIES_PER_PART or size + length > PART_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(entry)
        size += length
    if part:
        yield tuple(part)


class Assembler:
    """Puts the parts of a snapshot together again."""

    def __init__(self) -> None:
        self._begun: PlanBegin | None = None
        self._entries: list[Entry] = []

    def feed(self, message: PlanBegin | PlanPart | PlanEnd) -> Plan | None:
        """The whole plan when `message` completes it, else None."""
        match message:
            case PlanBegin():
                self._begun, self._entries = message, []
            case PlanPart():
                if self._begun is not None and self._begun.id == message.id:
                    self._entries.extend(message.entries)
            case PlanEnd():
                begun, self._begun = self._begun, None
                if begun is None or begun.id != message.id or begun.count != len(self._entries):
                    return None
                return Plan(tuple(self._entries), begun.node, begun.bfd, begun.peers, begun.kin)
        return None
