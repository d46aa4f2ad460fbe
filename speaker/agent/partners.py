"""Partners: whom the wire is to keep sessions with, and what the Speaker says of them. Pure.

The operator names them in the Speaker's spec. What BFD says of them goes into its status, with one
condition for what a person has to mend: a firewall between nodes.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from lbctl.core.addresses import Address, parse
from lbctl.core.outcomes import ConditionType, PartnersReason, PartnerState
from lbctl.core.succession.partners import Partner
from lbctl.kube.conditions import Condition
from lbctl.kube.objects import Object
from speaker.agent.interfaces import Interface
from speaker.messages import Peer, PeerReport, PeerState

BLOCKED_AFTER_SECONDS: Final = 10.0
"""A session with a partner that lives and is reachable is up within two or three seconds."""

TIMED_OUT: Final = "control-detection-time-expired"

_STATES: Final = {
    PeerState.NEVER_UP: PartnerState.NEVER_UP,
    PeerState.UP: PartnerState.UP,
    PeerState.DOWN: PartnerState.DOWN,
    PeerState.ADMIN_DOWN: PartnerState.ADMIN_DOWN,
}


def named(speaker: Object | None) -> tuple[Partner, ...] | None:
    """The partners in a Speaker's spec; None when nobody has written any yet.

    A Speaker that is not there, or was made anew, says nothing about partners: whoever had some
    keeps them, for the other side keeps its session with us.
    """
    entries = ((speaker or {}).get("spec") or {}).get("partners")
    if entries is None:
        return None
    found = []
    for entry in entries:
        address = parse(entry["address"])
        if address is None:
            continue  # Nobody but the operator writes here, and it writes addresses.
        found.append(
            Partner(entry["node"], address, entry.get("mac") or "", entry.get("interface") or "")
        )
    return tuple(found)


def peers(partners: Iterable[Partner], interfaces: Collection[Interface]) -> tuple[Peer, ...]:
    """The sessions that the wire is to keep: one for each partner and own interface.

    An interface without a carrier will do: its sessions are down, and that is the truth. Packets
    leave from our address in the partner's subnet, the first as the Speaker's status lists them:
    the partner knows us by that one.
    """
    found: dict[tuple[str, str], Peer] = {}
    for partner in partners:
        via = _way_to(partner, interfaces)
        if via is not None:
            name, source = via
            peer = Peer(partner.node, str(partner.address), partner.mac, name, str(source))
            found.setdefault((partner.node, name), peer)
    return tuple(found.values())


def _way_to(partner: Partner, interfaces: Iterable[Interface]) -> tuple[str, Address] | None:
    """Our interface on the partner's LAN, by name, and our address there."""
    reaching = [
        (not interface.view.carrier, -own.network.prefixlen, interface.index, interface, own.ip)
        for interface in interfaces
        if partner.interface in {"", interface.view.name}
        for own in interface.view.addresses
        if partner.address in own.network
    ]
    if not reaching:
        return None
    *_, via, source = min(reaching, key=lambda found: found[:3])
    return via.view.name, source


def urgent(before: Iterable[PeerReport], after: Iterable[PeerReport]) -> bool:
    """Whether a partner has died between two reports: the operator is to hear of that at once.

    All else can wait a little, and is often over by then: a wire that starts again is up in 2 s.
    """
    return bool(_deaths(after) - _deaths(before))


def _deaths(reports: Iterable[PeerReport]) -> set[tuple[str, str, float, bool | None]]:
    """The deaths, and whether the dead one's own address answers: all of a node may hang on it."""
    return {
        (one.node, one.interface, one.since, one.answers)
        for one in reports
        if one.state is PeerState.ADMIN_DOWN
        or (one.state is PeerState.DOWN and one.diagnostic == TIMED_OUT)
    }


def status_rows(reports: Iterable[PeerReport]) -> list[dict[str, Any]]:
    """`status.partners`."""
    return [
        {
            "node": report.node,
            "interface": report.interface,
            "address": report.address,
            "state": _STATES[report.state].value,
            "since": datetime.fromtimestamp(report.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **({} if report.answers is None else {"answers": report.answers}),
        }
        for report in sorted(reports, key=lambda one: (one.node, one.interface))
    ]


def unheard(reports: Iterable[PeerReport], now: float) -> list[PeerReport]:
    """The partners without a session for so long that it should be there, if they live.

    One whose own address does not answer is no riddle: it is dead, or its LAN is.

    Args:
        reports: what the wire says.
        now: seconds since 1970 by this node's clock, as in the reports.
    """
    return [report for report in _long_down(reports, now) if report.answers is not False]


def cut_off(reports: Iterable[PeerReport], now: float) -> list[PeerReport]:
    """The partners that are silent on one LAN and live on another. Arguments as for `unheard`."""
    known = tuple(reports)
    living = {report.node for report in known if report.state is PeerState.UP}
    return [
        report
        for report in _long_down(known, now)
        if report.answers is False and report.node in living
    ]


def _long_down(reports: Iterable[PeerReport], now: float) -> Iterator[PeerReport]:
    for report in reports:
        down = report.state in (PeerState.NEVER_UP, PeerState.DOWN)
        if down and now - report.since >= BLOCKED_AFTER_SECONDS:
            yield report


def reachable(
    reports: Iterable[PeerReport], alive: Collection[str], *, port: int, now: float, generation: int
) -> Condition:
    """The condition `PartnersReachable`.

    Args:
        reports: what the wire says.
        alive: the nodes whose speakers were seen to renew their Lease.
        port: the UDP port of the sessions.
        now: seconds since 1970 by this node's clock.
        generation: of the Speaker.
    """
    known = tuple(reports)
    blocked = _names(one for one in unheard(known, now) if one.node in alive)
    silent = _names(cut_off(known, now))
    told = []
    if blocked:
        told.append(
            f"{blocked}: alive, and yet there is no BFD session with this node: let UDP port "
            f"{port} pass between the nodes, both ways"
        )
    if silent:
        told.append(
            f"{silent}: silent there, and alive on another LAN: see whether cable, switch port "
            "and VLAN let frames pass between the nodes"
        )
    reason = PartnersReason.REACHABLE
    if told:
        reason = PartnersReason.BFD_BLOCKED if blocked else PartnersReason.LAN_SILENT
    return Condition(
        type=ConditionType.PARTNERS_REACHABLE,
        status=not told,
        reason=reason,
        message="; ".join(told) or "no partner that lives is unheard",
        generation=generation,
    )


def _names(reports: Iterable[PeerReport]) -> str:
    return ", ".join(sorted({f"{one.node} on {one.interface}" for one in reports}))
