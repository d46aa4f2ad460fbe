"""What the operator knows of a node and its speaker, and what that makes it good for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from lbctl.core.addresses import Address, InterfaceAddress
from lbctl.core.outcomes import LeftOut, Liveness, PartnerState


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """An interface of a node, as its speaker reports it."""

    name: str
    mac: str
    addresses: tuple[InterfaceAddress, ...] = ()
    carrier: bool = True

    def reaches(self, address: Address) -> bool:
        """Whether `address` is in a subnet of the interface, so that neighbours ask here for it."""
        return any(address in own.network for own in self.addresses)


@dataclass(frozen=True, slots=True)
class PartnerReport:
    """What a speaker says of one of its partners."""

    node: str
    state: PartnerState
    answers: bool | None = None
    """After a death: whether the partner's own address still answered. None while not known."""


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """The part of a Speaker that a decision depends on."""

    node: str
    interfaces: tuple[InterfaceView, ...] = ()
    ready: bool = True
    """False only when its condition `Ready` says so: a new one that has not spoken is believed."""
    message: str = ""
    """The message of the condition, when it is not ready."""
    reports: tuple[PartnerReport, ...] = ()
    hand_off_ready: bool = True
    """False only when its condition `HandOffReady` says so: where nobody can tell, it is."""
    hand_off_message: str = ""
    """The message of that condition, when it is not ready."""
    version: str = ""
    """The speaker's version, "" before it has spoken."""


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint of a Node."""

    key: str
    value: str = ""
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.key}{'=' if self.value else ''}{self.value}:{self.effect}"


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node of the cluster: its speaker, if there is one, and how alive that is."""

    name: str
    speaker: SpeakerView | None = None
    liveness: Liveness = Liveness.MISSING
    reported_down: bool = False
    """Whether its partners saw it die, by `lbctl.core.deaths`."""
    ready: bool = True
    """The Node's condition `Ready`; unknown is not ready."""
    network_available: bool = True
    """False while the Node's condition `NetworkUnavailable` is True."""
    excluded: bool = False
    """Labelled `node.kubernetes.io/exclude-from-external-load-balancers`."""
    draining: bool = False
    """Labelled or tainted `lbctl.io/drain`."""
    taints: tuple[Taint, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    """The label `topology.kubernetes.io/zone`, "" without."""
    updated: bool = True
    """Whether its speaker's version is the newest that any speaker has."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a node cannot announce an address."""

    node: str
    reason: LeftOut
    detail: str

    def __str__(self) -> str:
        return f"{self.node}: {self.detail}"


def exclusion(node: NodeView, address: Address) -> Exclusion | None:
    """The first reason why `node` cannot announce `address`; None when it can."""
    speaker = node.speaker
    if speaker is None:
        return Exclusion(node.name, LeftOut.NO_SPEAKER, "no speaker has registered")
    if (dead := _not_alive(node)) is not None:
        return dead
    if not speaker.ready:
        detail = f"its speaker is not ready: {speaker.message or 'no reason given'}"
        return Exclusion(node.name, LeftOut.SPEAKER_NOT_READY, detail)
    return _no_way_to_the_lan(speaker, address)


def _not_alive(node: NodeView) -> Exclusion | None:
    match node.liveness:
        case Liveness.RELEASED:
            return Exclusion(node.name, LeftOut.SPEAKER_STOPPED, "its speaker was stopped")
        case Liveness.FRESH | Liveness.STALE if node.reported_down:
            # Said of the stale too: one more message for each address would tell nothing new.
            return Exclusion(node.name, LeftOut.REPORTED_DOWN, "its partners report it down")
        case Liveness.FRESH:
            return None
        case Liveness.STALE:
            detail = "its speaker no longer renews its Lease"
            return Exclusion(node.name, LeftOut.SPEAKER_SILENT, detail)
        case Liveness.MISSING:
            return Exclusion(node.name, LeftOut.SPEAKER_SILENT, "its speaker has no Lease")


def _no_way_to_the_lan(speaker: SpeakerView, address: Address) -> Exclusion | None:
    reaching = [i for i in speaker.interfaces if i.reaches(address)]
    if not reaching:
        seen = ", ".join(f"{i.name} {own}" for i in speaker.interfaces for own in i.addresses)
        detail = f"no interface in a subnet with the address (it has {seen or 'none'})"
        return Exclusion(speaker.node, LeftOut.NO_INTERFACE_IN_SUBNET, detail)
    if not any(i.carrier for i in reaching):
        detail = f"{reaching[0].name} is in the subnet but has no carrier"
        return Exclusion(speaker.node, LeftOut.NO_CARRIER, detail)
    return None


def newest_version(speakers: Iterable[SpeakerView]) -> str:
    """The newest version that any speaker has; "" when none has spoken."""
    return max((one.version for one in speakers), key=_order, default="")


def _order(version: str) -> tuple[tuple[int, ...], str]:
    """Of `1.10.0` and `1.9.0`, the first is newer; what is no number comes after that."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))
    return numbers, version


def rendezvous(node: str, address: Address) -> int:
    """A weight that settles ties: the same in every process, and another order for each address.

    Highest random weight hashing (Thaler and Ravishankar, 1998); here the lowest wins.
    """
    digest = blake2b(f"{node} {address}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
