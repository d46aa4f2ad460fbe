"""Who answers on the LAN, beside who should: what to ask, and what the answers mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lbctl.cli.state import State
from lbctl.cli.view.words import listed
from lbctl.core.addresses import Address, family_of, place
from lbctl.core.objects.speakers import InterfaceView, interface_for
from lbctl.core.objects.virtualips import VirtualIPView


class Verdict(StrEnum):
    """What the LAN says of one address."""

    WELL = "Well"
    """Its holder answers, and nobody else."""
    FREE = "Free"
    """No Service has it, and nobody answers."""
    SILENT = "Silent"
    """A Service has it, and nobody answers."""
    SEVERAL = "Several"
    """More than one answers: clients talk to either."""
    FOREIGN = "Foreign"
    """A host that is none of the cluster's nodes answers, and no node does."""
    ANOTHER = "Another"
    """A node answers that is not the holder by the VirtualIP's status."""
    IN_USE = "InUse"
    """No Service has it, and somebody answers."""
    DIVIDED = "Divided"
    """Its holder answers, and some nodes do not hear it."""
    UNWITNESSED = "Unwitnessed"
    """Its holder alone could ask, and does not hear itself: no other node is on its LAN."""
    NOT_ASKED = "NotAsked"
    """No node could ask."""

    @property
    def well(self) -> bool:
        return self in {Verdict.WELL, Verdict.FREE, Verdict.UNWITNESSED}


@dataclass(frozen=True, slots=True)
class Question:
    """What a speaker is to ask: the fields are those of `speaker.audit`."""

    address: str
    interface: str
    source: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one node was told by the LAN."""

    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The MACs by address; an address that nobody answered for has none."""
    unasked: Mapping[str, str] = field(default_factory=dict)
    """Why it could not ask, by address."""
    problem: str = ""
    """Why it could ask nothing at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One MAC that answers for an address."""

    mac: str
    node: str
    """Whose it is; "" = none of the cluster's."""
    heard_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressAudit:
    """One address, as the LAN has it."""

    address: str
    services: tuple[str, ...]
    holder: str | None
    """By the VirtualIP's status."""
    verdict: Verdict
    message: str
    answers: tuple[Answer, ...]
    asked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeAudit:
    """One node that was to ask."""

    node: str
    asked: int
    """For so many addresses."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found."""

    well: bool
    addresses: tuple[AddressAudit, ...]
    nodes: tuple[NodeAudit, ...]


def addresses_of(state: State, asked: Iterable[Address]) -> tuple[Address, ...]:
    """The addresses to ask for: these, or all that have a VirtualIP."""
    chosen = [*asked] or [view.address for view in state.ledger.virtual_ips()]
    return tuple(sorted({*chosen}, key=place))


def questions(state: State, addresses: Iterable[Address]) -> dict[str, tuple[Question, ...]]:
    """What each node can ask: those that live and have an interface on the address's LAN."""
    wanted = [*addresses]
    found: dict[str, tuple[Question, ...]] = {}
    for name, node in sorted(state.nodes.items()):
        if node.speaker is None or not state.lives(name):
            continue
        interfaces = node.speaker.interfaces
        each = (_question(state.ledger.virtual_ip(one), one, interfaces) for one in wanted)
        found[name] = tuple(one for one in each if one is not None)
    return {name: those for name, those in found.items() if those}


def judge(state: State, addresses: Iterable[Address], told: Mapping[str, Told]) -> Audit:
    """What the answers mean.

    Args:
        state: what should be.
        addresses: those that were asked for.
        told: what each node was told.
    """
    owners = _owners(state)
    found = tuple(_address(state, one, told, owners) for one in addresses)
    nodes = tuple(_node(name, one) for name, one in sorted(told.items()))
    well = all(one.verdict.well for one in found) and not any(one.problem for one in nodes)
    return Audit(well, found, nodes)


def suspects(audit: Audit) -> tuple[str, ...]:
    """The addresses that are to be asked for again: one that just moved is no finding."""
    return tuple(one.address for one in audit.addresses if not one.verdict.well)


def _question(
    view: VirtualIPView | None, address: Address, interfaces: Iterable[InterfaceView]
) -> Question | None:
    chosen = interface_for(interfaces, address, () if view is None else view.interfaces)
    if chosen is None:
        return None
    family = family_of(address)
    own = [one for one in chosen.addresses if family_of(one.ip) is family]
    near = [one for one in own if address in one.network and one.ip != address]
    source = next(iter((*near, *own)), None)
    return None if source is None else Question(str(address), chosen.name, str(source.ip))


def _owners(state: State) -> dict[str, str]:
    """The nodes by the MACs of their interfaces."""
    return {
        interface.mac.lower(): name
        for name, node in state.nodes.items()
        for interface in (() if node.speaker is None else node.speaker.interfaces)
    }


def _node(name: str, told: Told) -> NodeAudit:
    problem = told.problem or next(iter(told.unasked.values()), "")
    return NodeAudit(name, len(told.answers), problem)


def _address(
    state: State, address: Address, told: Mapping[str, Told], owners: Mapping[str, str]
) -> AddressAudit:
    view = state.ledger.virtual_ip(address)
    text = str(address)
    asked = tuple(sorted(name for name, one in told.items() if text in one.answers))
    heard: dict[str, list[str]] = {}
    for name in asked:
        for mac in told[name].answers[text]:
            heard.setdefault(mac, []).append(name)
    answers = tuple(
        Answer(mac, owners.get(mac.lower(), ""), tuple(by)) for mac, by in sorted(heard.items())
    )
    services = () if view is None else tuple(str(ref.key) for ref in view.services)
    holder = view.holder if view is not None and services else None
    if services:
        verdict, message = _of_service(answers, asked, holder)
    else:
        verdict, message = _of_nobody(answers, asked, _own(state, address))
    return AddressAudit(text, services, holder, verdict, message, answers, asked)


_NOBODY_ASKED = "no node is on its LAN, or could ask"


def _of_service(
    answers: tuple[Answer, ...], asked: tuple[str, ...], holder: str | None
) -> tuple[Verdict, str]:
    witnesses = [name for name in asked if name != holder]
    if not asked:
        return Verdict.NOT_ASKED, _NOBODY_ASKED
    if not answers and not witnesses:
        return Verdict.UNWITNESSED, f"no other node than {holder} could ask"
    if not answers:
        return Verdict.SILENT, f"nobody answers{_though(holder)}"
    foreign = [one.mac for one in answers if not one.node]
    nodes = sorted({one.node for one in answers if one.node})
    if foreign or nodes != [holder]:
        return _of_wrong(foreign, nodes, holder, witnessed=bool(witnesses))
    deaf = [name for name in witnesses if all(name not in one.heard_by for one in answers)]
    if deaf:
        return Verdict.DIVIDED, f"{holder} answers, and {listed(deaf)} cannot hear it"
    return Verdict.WELL, f"{holder} answers, alone"


def _of_wrong(
    foreign: list[str], nodes: list[str], holder: str | None, *, witnessed: bool
) -> tuple[Verdict, str]:
    """Others than the holder answer, or others besides it."""
    if len(foreign) + len(nodes) > 1:
        return Verdict.SEVERAL, f"{listed([*nodes, *map(_stranger, foreign)])} answer"
    if not foreign:
        return Verdict.ANOTHER, f"{nodes[0]} answers{_though(holder)}"
    if not witnessed:
        return Verdict.SEVERAL, f"{holder} has it, and hears {_stranger(foreign[0])} answer"
    return Verdict.FOREIGN, f"{_stranger(foreign[0])} answers{_though(holder)}"


def _of_nobody(
    answers: tuple[Answer, ...], asked: tuple[str, ...], own: str | None
) -> tuple[Verdict, str]:
    if not asked:
        return Verdict.NOT_ASKED, _NOBODY_ASKED
    if not answers:
        return Verdict.FREE, "nobody answers"
    who = listed([one.node or _stranger(one.mac) for one in answers])
    verb = "answers" if len(answers) == 1 else "answer"
    why = f": it is the own address of {own}" if own is not None else ", and no Service has it"
    return Verdict.IN_USE, f"{who} {verb}{why}"


def _own(state: State, address: Address) -> str | None:
    """The node whose own address it is."""
    return next(_owning(state, address), None) or state.ledger.node_known_by(address)


def _owning(state: State, address: Address) -> Iterator[str]:
    for name, node in state.nodes.items():
        for interface in () if node.speaker is None else node.speaker.interfaces:
            if any(own.ip == address for own in interface.addresses):
                yield name


def _stranger(mac: str) -> str:
    return f"the foreign host {mac}"


def _though(holder: str | None) -> str:
    return "; nobody holds it" if holder is None else f", though {holder} should"
