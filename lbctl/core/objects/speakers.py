"""What the operator knows of a node and its speaker, and what that makes it good for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from lbctl.core.addresses import Address, Family, InterfaceAddress
from lbctl.core.outcomes import LeftOut, Liveness, PartnerState


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """An interface of a node, as its speaker reports it."""

    name: str
    mac: str
    addresses: tuple[InterfaceAddress, ...] = ()
    carrier: bool = True
    gateways: tuple[Address, ...] = ()
    """The routers that the node sends to by this interface, by default."""

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
    node_port_ready: bool = False
    """Whether its condition `NodePortReady` says that it can send traffic to NodePorts."""
    node_port_message: str = ""
    """The message of that condition, when it cannot; "" when there is none."""
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
    """Whether its partners saw it die, by `lbctl.core.succession.deaths`."""
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
    families: frozenset[Family] | None = None
    """Of which the Node has an InternalIP; None without a Node."""
    updated: bool = True
    """Whether its speaker's version is the newest that any speaker has."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a node cannot announce an address."""

    node: str
    reason: LeftOut
    detail: str

    def __str__(self) -> str:
        return f"{self.node}: {self.detail} [{self.reason}]"


def exclusion(
    node: NodeView, address: Address, interfaces: tuple[str, ...] = ()
) -> Exclusion | None:
    """The first reason why `node` cannot announce `address`; None when it can.

    Args:
        node: the node.
        address: the address.
        interfaces: the names of those that may announce it; empty = any in its subnet.
    """
    return next(barriers(node, address, interfaces), None)


def barriers(
    node: NodeView, address: Address, interfaces: tuple[str, ...] = ()
) -> Iterator[Exclusion]:
    """Every reason why `node` cannot announce `address`."""
    if node.speaker is None:
        yield Exclusion(node.name, LeftOut.NO_SPEAKER, "no speaker has registered")
        return
    for found in (not_alive(node), not_ready(node)):
        if found is not None:
            yield found
    yield from _no_way_to_the_lan(node.speaker, address, interfaces)


def interface_for(
    found: Iterable[InterfaceView], address: Address, named: tuple[str, ...] = ()
) -> InterfaceView | None:
    """The interface of a node that announces an address.

    Of the named ones, in their order, the first whose subnet holds the address, else the first with
    a carrier. If none is named, one whose subnet holds it, with a carrier if there is one.
    """
    by_name = {one.name: one for one in found}
    if named:
        there = [by_name[name] for name in named if name in by_name]
        reaching = [one for one in there if one.reaches(address)]
        return next(iter((*reaching, *(one for one in there if one.carrier), *there)), None)
    reaching = [one for one in by_name.values() if one.reaches(address)]
    return next(iter((*(one for one in reaching if one.carrier), *reaching)), None)


def not_alive(node: NodeView) -> Exclusion | None:
    """What its Lease and its partners say against a node with a speaker."""
    if node.speaker is None:
        return None
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


def not_ready(node: NodeView) -> Exclusion | None:
    """What a node's speaker says against itself."""
    if node.speaker is None or node.speaker.ready:
        return None
    detail = f"its speaker is not ready: {node.speaker.message or 'no reason given'}"
    return Exclusion(node.name, LeftOut.SPEAKER_NOT_READY, detail)


def _no_way_to_the_lan(
    speaker: SpeakerView, address: Address, named: tuple[str, ...]
) -> Iterator[Exclusion]:
    chosen = interface_for(speaker.interfaces, address, named)
    if chosen is None and named:
        has = ", ".join(i.name for i in speaker.interfaces) or "none"
        detail = f"no interface {' or '.join(named)} (it has {has})"
        yield Exclusion(speaker.node, LeftOut.NO_SUCH_INTERFACE, detail)
    elif chosen is None:
        seen = ", ".join(f"{i.name} {own}" for i in speaker.interfaces for own in i.addresses)
        detail = f"no interface in a subnet with the address (it has {seen or 'none'})"
        yield Exclusion(speaker.node, LeftOut.NO_INTERFACE_IN_SUBNET, detail)
    elif not chosen.carrier:
        where = "in the subnet" if chosen.reaches(address) else "named"
        detail = f"{chosen.name} is {where} but has no carrier"
        yield Exclusion(speaker.node, LeftOut.NO_CARRIER, detail)


def newest_version(speakers: Iterable[SpeakerView]) -> str:
    """The newest version that any speaker has; "" when none has spoken."""
    return max((one.version for one in speakers), key=_order, default="")


def _order(version: str) -> tuple[tuple[int, ...], str]:
    """Of `1.10.0` and `1.9.0`, the first is newer; what is no number comes after that."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))
    return numbers, version


_MASK = (1 << 64) - 1


def lowest(nodes: Iterable[str], address: Address) -> str:
    """Of equals one, not the same for each address: the one with the lowest `rendezvous`.

    Raises:
        ValueError: there are none.
    """
    salt = _hashed(str(address))
    return min(nodes, key=lambda node: _mixed(_hashed(node) ^ salt))


def rendezvous(node: str, address: Address) -> int:
    """A weight that settles ties: the same in every process, and another order for each address.

    Highest random weight hashing (Thaler and Ravishankar, 1998); here the lowest wins. Both names
    are hashed once and mixed by the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    return _mixed(_hashed(node) ^ _hashed(str(address)))


def _mixed(mixed: int) -> int:
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
    return mixed ^ (mixed >> 31)


@lru_cache(maxsize=65_536)
def _hashed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
