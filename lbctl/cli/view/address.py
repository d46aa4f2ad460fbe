"""The story of one address: who has it, who announces it, who comes next, and why each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lbctl.cli.snapshot import time_of
from lbctl.cli.state import State
from lbctl.cli.view import handing_on
from lbctl.cli.view.concerns.addresses import why_not_held
from lbctl.cli.view.words import duration, listed, sentence
from lbctl.core.addresses import family_of, object_name
from lbctl.core.allocation.belonging import out_of_pool
from lbctl.core.objects.advertisements import EVERYWHERE, Announcing
from lbctl.core.objects.speakers import Exclusion
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import PartnerState
from lbctl.core.succession.eligibility import Judgement
from lbctl.core.succession.partners import watchers
from lbctl.kube.objects import VIRTUAL_IPS

_BURST = "0.1, 0.3, 1 and 3 s"
_REFRESH = 10
"""The speaker's own, where no L2Advertisement sets others."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node in a succession."""

    node: str
    holds: bool
    able: bool
    """Whether it can announce the address now."""
    carries: int
    """How many other addresses it holds, or takes first."""
    why: str
    """Why it stands there."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A node that is not in the succession, or is to leave it."""

    node: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Death:
    """What would happen if the holder died now."""

    heir: str | None
    """Who would answer; None = nobody."""
    message: str


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about an address that has a VirtualIP."""

    address: str
    family: str
    pool: str | None
    stage: str
    services: tuple[str, ...]
    sharing_key: str
    reserved_for: str | None
    held: bool
    """Whether a node that lives says that it announces it."""
    holder: str | None
    interface: str | None
    mac: str | None
    since: str | None
    held_seconds: int | None
    announced: str
    """Whether it is announced, and why not."""
    moving: str | None
    """Who hands over to whom."""
    gratuitous: str | None
    """When the holder last told the LAN, as far as the API knows."""
    hand_off: str | None
    """How traffic gets from the holder to a pod."""
    advertisements: tuple[str, ...]
    succession: tuple[Place, ...]
    left_out: tuple[Outside, ...]
    not_obeyed: tuple[Outside, ...]
    """What is held against most nodes at once, and is therefore not obeyed."""
    in_pool: str | None
    """Why its pool would not give it today."""
    conflict: str | None
    death: Death | None


def story(state: State, view: VirtualIPView) -> Story:
    """Tell the story of an address."""
    obj = state.snapshot.find(VIRTUAL_IPS, object_name(view.address)) or {}
    said = obj.get("status") or {}
    since = time_of(said.get("since"))
    held = state.held(view)
    allocated = view.stage is Stage.ALLOCATED
    judged = state.judge(view) if allocated else None
    announcing = state.world.announcing(view)
    age = None if since is None else (state.snapshot.now - since).total_seconds()
    return Story(
        address=str(view.address),
        family=family_of(view.address),
        pool=view.pool,
        stage=view.stage,
        services=tuple(str(ref.key) for ref in view.services),
        sharing_key=view.sharing_key,
        reserved_for=None if view.reserved_for is None else str(view.reserved_for),
        held=held,
        holder=view.holder,
        interface=said.get("interface") or None,
        mac=said.get("mac") or None,
        since=said.get("since") or None,
        held_seconds=None if age is None else max(0, round(age)),
        announced=_announced(state, view, age),
        moving=_moving(view),
        gratuitous=_gratuitous(view) if held else None,
        hand_off=handing_on.told(state, view) if allocated else None,
        advertisements=() if announcing is None else announcing.names,
        succession=tuple(_places(state, view, judged, announcing or EVERYWHERE)),
        left_out=() if judged is None else _outside(judged.left_out),
        not_obeyed=() if judged is None else _outside(judged.disobeyed),
        in_pool=_in_pool(state, view),
        conflict=None if view.conflict is None else _conflict(view),
        death=_death(state, view) if held else None,
    )


def _announced(state: State, view: VirtualIPView, age: float | None) -> str:
    if state.held(view):
        since = "" if age is None else f" for {duration(age)}"
        return f"{view.holder} has announced it{since}."
    match view.stage:
        case Stage.ALLOCATED:
            return f"No node announces it: {why_not_held(state, view)}"
        case Stage.RESERVED:
            return "Nobody announces it: no Service has it."
        case Stage.RELEASING:
            refused = state.ledger.why_not_free(view.address)
            return sentence(refused.message if refused else "it is being released")


def _moving(view: VirtualIPView) -> str | None:
    if view.outgoing is None or not view.succession:
        return None
    return f"{view.outgoing} hands it over to {view.succession[0]}, and answers until then."


def _gratuitous(view: VirtualIPView) -> str:
    burst, refresh = view.timings.burst_milliseconds, view.timings.refresh_seconds
    pauses = _BURST if burst is None else f"pauses of {', '.join(map(str, burst))} ms"
    begun = f"after {pauses}" if burst is None else f"with {pauses}"
    return (
        f"At the takeover, again {begun}, and about every {refresh or _REFRESH} s since. "
        "The API keeps no time of the last one."
    )


def _places(
    state: State, view: VirtualIPView, judged: Judgement | None, announcing: Announcing
) -> Iterator[Place]:
    against = {} if judged is None else {one.node: one for one in judged.left_out}
    anchor = view.holder or next(iter(view.succession), "")
    watching = frozenset[str]()
    if anchor in state.nodes:
        found = state.nodes[anchor]
        watching = watchers(found, view.address, state.partners, announcing.interfaces)
    order = view.succession
    if view.holder is not None and view.holder not in order and state.held(view):
        order = (view.holder, *order)
    for node in order:
        why = _why(state, view, node, anchor, watching)
        if node in against:
            why = f"is to leave: {against[node].detail}"
        yield Place(
            node=node,
            holds=node == view.holder and state.held(view),
            able=node not in against and state.lives(node),
            carries=state.world.loads.firsts(node, besides=view.address),
            why=why,
        )


def _why(
    state: State, view: VirtualIPView, node: str, anchor: str, watching: frozenset[str]
) -> str:
    judged = state.judge(view)
    weight = 0 if judged is None else judged.weights.get(node, 0)
    preferred = f"; preferred by {weight}" if weight else ""
    if node == view.holder:
        return f"holds it: who holds keeps it{preferred}"
    if node == anchor:
        return f"takes it when nobody else answers{preferred}"
    reasons = [
        f"watches {anchor} by BFD" if node in watching else f"is no partner of {anchor}: asks first"
    ]
    zone = state.nodes[node].zone if node in state.nodes else ""
    other = state.nodes[anchor].zone if anchor in state.nodes else ""
    if zone and other and zone != other:
        reasons.append(f"in another zone ({zone})")
    if judged is not None and node in judged.doubted:
        reasons.append("under doubt, so last")
    return "; ".join(reasons) + preferred


def _outside(exclusions: tuple[Exclusion, ...]) -> tuple[Outside, ...]:
    return tuple(Outside(one.node, one.reason, one.detail) for one in exclusions)


def _in_pool(state: State, view: VirtualIPView) -> str | None:
    for ref in view.services:
        service = state.ledger.service(ref.key)
        found = None if service is None else out_of_pool(view, service, state.ledger)
        if found is not None:
            return found.message
    return None


def _conflict(view: VirtualIPView) -> str:
    conflict = view.conflict
    assert conflict is not None  # noqa: S101 - asked before
    return sentence(conflict.message or f"{conflict.mac} has {view.address} too")


def _death(state: State, view: VirtualIPView) -> Death:
    holder, heir = view.holder or "", state.heir(view)
    if heir is None:
        others = [node for node in view.succession if node != holder]
        why = f"{listed(others)} cannot" if others else "no other node is in its succession"
        return Death(None, f"Nobody would answer: {why}. See which nodes are left out, and why.")
    speaker = state.nodes[heir].speaker
    reports = () if speaker is None else speaker.reports
    sees = any(one.node == holder and one.state is PartnerState.UP for one in reports)
    when = (
        "after about 0.3 s: it sees the holder by BFD"
        if sees
        else "after 6 to 8 s: it has no BFD session with the holder, and asks the LAN first"
    )
    pods = (
        f"Pods on {holder} get requests for another second (fastNodeFailure)."
        if state.snapshot.installation.fast_node_failure
        else f"Pods on {holder} get requests for another 40 to 55 s, which fail."
    )
    after = state.heir(view, without=[heir])
    then = f" After it comes {after}." if after else " Nobody comes after it."
    return Death(heir, f"{heir} answers {when}.{then} {pods}")
