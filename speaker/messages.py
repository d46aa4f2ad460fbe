"""What the agent and the wire say to each other.

One message is one JSON object in one datagram of a SOCK_SEQPACKET pair. The agent sends its plan as
a snapshot in parts; the wire obeys it only when the last part is here, so half a plan, or the
remains of a plan that a dead process left in the socket, changes nothing.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

ENTRIES_PER_PART: Final = 200
"""Entries in one datagram: about 30 kB, well under a Unix socket's default send buffer."""

DATAGRAM_BYTES: Final = 128 * 1024
"""The receiver's buffer; no message comes near it."""


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One address of the plan."""

    address: str
    """IPv4, dotted."""
    interface: str
    ifindex: int
    mac: str
    role: Role
    generation: int = 0
    """metadata.generation of the VirtualIP; a verification is good for one generation only."""


@dataclass(frozen=True, slots=True)
class PlanBegin:
    id: int
    count: int
    """Entries in the whole snapshot."""


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


@dataclass(frozen=True, slots=True)
class Report:
    addresses: tuple[AddressReport, ...]


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


FromAgent = PlanBegin | PlanPart | PlanEnd | ReportRequest
FromWire = Hello | Report | Counters
Message = FromAgent | FromWire

_KINDS: Final[dict[str, type[Message]]] = {
    "plan-begin": PlanBegin,
    "plan-part": PlanPart,
    "plan-end": PlanEnd,
    "report-request": ReportRequest,
    "hello": Hello,
    "report": Report,
    "counters": Counters,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}

# Rows instead of objects: a plan of a thousand addresses is sent whole, and often.
_entry_row: Final = attrgetter(*(each.name for each in fields(Entry)))
_report_row: Final = attrgetter(*(each.name for each in fields(AddressReport)))


def encode(message: Message) -> bytes:
    """One datagram."""
    body: dict[str, Any] = {"kind": _NAMES[type(message)]}
    match message:
        case PlanPart():
            body |= {"id": message.id, "entries": [_entry_row(each) for each in message.entries]}
        case Report():
            body["addresses"] = [_report_row(each) for each in message.addresses]
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
            case "plan-part":
                entries = (
                    Entry(address, interface, ifindex, mac, Role(role), generation)
                    for address, interface, ifindex, mac, role, generation in body["entries"]
                )
                return PlanPart(id=body["id"], entries=tuple(entries))
            case "report":
                reports = (
                    AddressReport(address, State(state), *rest)
                    for address, state, *rest in body["addresses"]
                )
                return Report(addresses=tuple(reports))
            case kind:
                return _KINDS[kind](**body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMessageError(f"not a message: {datagram[:80]!r}") from error


def snapshot(plan_id: int, entries: tuple[Entry, ...]) -> list[FromAgent]:
    """The messages that carry one plan, in order."""
    parts = [
        PlanPart(id=plan_id, entries=entries[start : start + ENTRIES_PER_PART])
        for start in range(0, len(entries), ENTRIES_PER_PART)
    ]
    return [PlanBegin(id=plan_id, count=len(entries)), *parts, PlanEnd(id=plan_id)]


class Assembler:
    """Puts the parts of a snapshot together again."""

    def __init__(self) -> None:
        self._begun: PlanBegin | None = None
        self._entries: list[Entry] = []

    def feed(self, message: PlanBegin | PlanPart | PlanEnd) -> tuple[Entry, ...] | None:
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
                return tuple(self._entries)
        return None
