"""What would happen: the operator's decisions and the wire's rule, on a world that is only thought.

A fresh state is changed as the event would change it, and then brought to rest: whoever would be
given an address gets it, every address is planned, and what a plan hands over is handed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

from lbctl.cli.exits import NotThere
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State, addresses_of
from lbctl.cli.view.words import listed
from lbctl.core.addresses import Address, Family
from lbctl.core.allocation.belonging import out_of_pool
from lbctl.core.allocation.tenancy import moved_in, moved_out
from lbctl.core.labels import DRAIN, speaker_lease
from lbctl.core.objects.endpoints import SliceView
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import PartnerState
from lbctl.core.reading.objects import slice_view
from lbctl.kube.lease import Record
from lbctl.kube.objects import ENDPOINT_SLICES, NODES, SPEAKERS, Object, key_of

_ROUNDS = 5
"""A decision can make room for another one; chains are short."""


@dataclass(frozen=True, slots=True)
class Move:
    """An address that another node would announce."""

    address: str
    services: tuple[str, ...]
    before: str | None
    after: str | None
    """None: nobody would announce it."""
    how: str
    succession: tuple[str, ...]
    """The one that would be planned then."""


@dataclass(frozen=True, slots=True)
class Given:
    """A Service whose addresses, or whose verdict, would be others."""

    service: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Stock:
    """A pool of which something would be other than now."""

    pool: str
    before: str
    after: str
    """The reasons of its condition Ready; "" = it is not there."""
    message: str
    free_before: int
    free_after: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would be other than now."""

    what: str
    harmless: bool
    """Nobody would be without an address or an announcement who has one now."""
    moves: tuple[Move, ...] = ()
    given: tuple[Given, ...] = ()
    pools: tuple[Stock, ...] = ()
    out_of_pool: tuple[str, ...] = ()
    """What Services would be told whose pool would not give them their address any more."""
    replanned: int = 0
    """Addresses that stay where they are, and whose next nodes would be others."""
    unchanged: int = 0
    """Addresses of which nothing would change."""
    notes: tuple[str, ...] = ()


def node_loss(snapshot: Snapshot, nodes: Iterable[str]) -> Simulation:
    """These nodes lose their power, all at once. Raises NotThere."""
    lost = [*nodes]
    state = _looked(snapshot, lost)
    before = {view.address: view for view in state.allocated}
    seen = {address: _sees(state, view) for address, view in before.items()}
    for name in lost:
        state.world.lease_changed(speaker_lease(name), Record("lost", ""))
    _forget_pods(state, frozenset(lost))
    after: dict[Address, VirtualIPView] = {}
    for address, view in before.items():
        dies = view.holder in lost
        held = replace(view, holder=state.heir(view), outgoing=None) if dies else view
        after[address] = _planned(state, held)
    moves = []
    for address, view in before.items():
        if view.holder in lost:
            heir = state.heir(view)
            moves.append(_move(view, after[address], heir, seen[address].get(heir or "", _NOBODY)))
    return _moved(f"{listed(lost)} would be lost", before, after, moves, _pods(snapshot, lost))


def drain(snapshot: Snapshot, nodes: Iterable[str]) -> Simulation:
    """These nodes are labelled ``lbctl.io/drain``. Raises NotThere."""
    drained = [*nodes]
    state = _looked(snapshot, drained)
    before = {view.address: view for view in state.allocated}
    for name in drained:
        obj = snapshot.find(NODES, name)
        if obj is None:
            raise NotThere(f"the Node {name} cannot be read, so nothing can be said of draining it")
        state.world.nodes.put(_labelled(obj))
    after = {address: _planned(state, view) for address, view in before.items()}
    moves = []
    for address, view in before.items():
        then = after[address]
        if then.outgoing is not None:
            moves.append(_move(view, then, then.succession[0], "handed over, make before break"))
        elif view.holder in drained:
            stays = "stays there: no other node can announce it"
            moves.append(_move(view, then, view.holder, stays))
    notes = [] if all(move.after != move.before for move in moves) else [
        "What stays on a drained node is lost when that is switched off."
    ]  # fmt: skip
    return _moved(f"{listed(drained)} would be drained", before, after, moves, notes)


def applied(snapshot: Snapshot, changed: Snapshot, what: str) -> Simulation:
    """Objects are written: those of `changed`, where they were those of `snapshot`."""
    state, then = State(snapshot), State(changed)
    before = {view.address: view for view in state.allocated}
    had = {one.key: _addresses(state, one.key) for one in then.services}
    outside, unplanned = _outside(state), _unplanned(state)
    settle(then)
    pools = tuple(_stocks(state, then))
    notes = [text for address, text in _unplanned(then).items() if address not in unplanned]
    after = {view.address: _planned(then, view) for view in _allocated(then)}
    given = tuple(_given(state, then, had))
    moves = [
        _move(view, after[address], _announcer(after[address]), "handed over, make before break")
        for address, view in before.items()
        if address in after and after[address].outgoing is not None
    ]
    losing = [one for one in given if one.before and not one.after]
    told = tuple(text for key, text in _outside(then).items() if key not in outside)
    base = _moved(what, before, after, moves, notes)
    return replace(
        base, harmless=base.harmless and not losing, given=given, pools=pools, out_of_pool=told
    )


def settle(state: State, keys: Iterable[ServiceKey] | None = None) -> None:
    """Carry out what is decided for Services, the oldest first, until nothing more is decided."""
    wanted = None if keys is None else {*keys}
    services = sorted(state.services, key=lambda one: one.seniority)
    for _ in range(_ROUNDS):
        changed = False
        for service in services:
            if wanted is not None and service.key not in wanted:
                continue
            decision = state.decide(service.key)
            for take in decision.takes:
                view = moved_in(take.existing or VirtualIPView(take.address), service, take.pool)
                plan = state.plan(view)
                state.world.expect(view if plan is None else replace(
                    view, succession=plan.succession))  # fmt: skip
                changed = True
            for view in decision.release:
                left = moved_out(view, service.key)
                if left.services:
                    state.ledger.put_virtual_ip(left)
                else:
                    state.ledger.drop_virtual_ip(view.address)
                changed = True
        if not changed:
            return


_NOBODY = "nobody can take it"


def _looked(snapshot: Snapshot, nodes: Iterable[str]) -> State:
    """A state in which the nodes have been looked at once, as the operator has. Raises NotThere."""
    state = State(snapshot)
    for name in nodes:
        if name not in state.nodes:
            there = listed(sorted(state.nodes))
            raise NotThere(f"there is no node {name}; there are {there}")
    return state


def _sees(state: State, view: VirtualIPView) -> dict[str, str]:
    """How each node of a succession would learn that the holder is dead."""
    found: dict[str, str] = {}
    for node in view.succession:
        speaker = state.nodes[node].speaker if node in state.nodes else None
        reports = () if speaker is None else speaker.reports
        up = any(one.node == view.holder and one.state is PartnerState.UP for one in reports)
        found[node] = "taken over after about 0.3 s" if up else "taken over after 6 to 8 s"
    return found


def _forget_pods(state: State, lost: frozenset[str]) -> None:
    """With `externalTrafficPolicy: Local` a dead node's pods count no more."""
    for obj in state.snapshot.of(ENDPOINT_SLICES):
        before = slice_view(obj)
        if before is not None:
            kept = tuple(one for one in before.endpoints if one.node not in lost)
            after = SliceView(before.service, before.family, kept)
            state.world.endpoints.put(key_of(obj), before, after)


def _pods(snapshot: Snapshot, lost: list[str]) -> Iterator[str]:
    speakers = {key_of(one).name for one in snapshot.of(SPEAKERS)}
    if not speakers - {*lost}:
        yield "No node with a speaker would be left."
    for_how_long = (
        "a second (fastNodeFailure)"
        if snapshot.installation.fast_node_failure
        else "40 to 55 s; fastNodeFailure makes it a second"
    )
    yield f"Requests to pods on {listed(lost)} fail for {for_how_long}."


def _labelled(node: Object) -> Object:
    changed = deepcopy(node)
    changed["metadata"].setdefault("labels", {})[DRAIN] = "true"
    changed["metadata"]["resourceVersion"] = str(
        int(node["metadata"].get("resourceVersion") or 0) + 1
    )
    return changed


def _planned(state: State, view: VirtualIPView) -> VirtualIPView:
    """With the plan that the operator would write, which counts for those that follow."""
    plan = state.plan(view)
    if plan is None or not plan.planned:
        return view
    then = replace(view, succession=plan.succession, outgoing=plan.outgoing)
    state.ledger.put_virtual_ip(then)
    holder = None if then.outgoing is not None else then.holder
    state.world.loads.put(then.address, then.succession, holder)
    return then


def _announcer(view: VirtualIPView) -> str | None:
    """Who announces an address once all is done."""
    if view.outgoing is None and view.holder is not None:
        return view.holder
    return next(iter(view.succession), None)


def _move(before: VirtualIPView, then: VirtualIPView, to: str | None, how: str) -> Move:
    return Move(
        address=str(before.address),
        services=tuple(str(ref.key) for ref in before.services),
        before=before.holder,
        after=to,
        how=how,
        succession=then.succession,
    )


def _moved(
    what: str,
    before: dict[Address, VirtualIPView],
    after: dict[Address, VirtualIPView],
    moves: Iterable[Move],
    notes: Iterable[str],
) -> Simulation:
    found = tuple(sorted(moves, key=lambda one: (one.after is not None, one.address)))
    moving = {one.address for one in found}
    stays = [one for one in before if str(one) not in moving and one in after]
    replanned = sum(before[one].succession != after[one].succession for one in stays)
    return Simulation(
        what=what,
        harmless=all(one.after is not None for one in found),
        moves=found,
        replanned=replanned,
        unchanged=len(stays) - replanned,
        notes=tuple(notes),
    )


def _allocated(state: State) -> list[VirtualIPView]:
    return [view for view in state.ledger.virtual_ips() if view.services]


def _addresses(state: State, key: ServiceKey) -> tuple[str, ...]:
    service = state.ledger.service(key)
    found = () if service is None else addresses_of(state, service)
    return tuple(str(view.address) for view in found)


def _given(state: State, then: State, had: dict[ServiceKey, tuple[str, ...]]) -> Iterator[Given]:
    for key, before in had.items():
        was, is_ = state.decide(key).verdict, then.decide(key).verdict
        after = _addresses(then, key)
        if is_ is None or (before == after and was is not None and was.reason is is_.reason):
            continue
        yield Given(str(key), before, after, is_.reason, is_.message)


def _stocks(state: State, then: State) -> Iterator[Stock]:
    was = {one.pool.name: one for one in state.ledger.findings()}
    is_ = {one.pool.name: one for one in then.ledger.findings()}
    for name in sorted(was.keys() | is_.keys()):
        before, after = was.get(name), is_.get(name)
        found = Stock(
            pool=name,
            before="" if before is None else before.reason,
            after="" if after is None else after.reason,
            message="" if after is None else after.message,
            free_before=_free(state, name),
            free_after=_free(then, name),
        )
        if (found.before, found.free_before) != (found.after, found.free_after):
            yield found


def _free(state: State, pool: str) -> int:
    if state.ledger.finding(pool) is None:
        return 0
    return sum(state.ledger.counts(pool, family).free for family in Family)


def _unplanned(state: State) -> dict[Address, str]:
    """The addresses that no node can announce, or that nothing is about: their plans stay."""
    found = {view.address: state.plan(view) for view in _allocated(state)}
    return {
        address: f"{plan.message} It stays where it is until its holder stops."
        for address, plan in found.items()
        if plan is not None and not plan.planned
    }


def _outside(state: State) -> dict[tuple[Address, ServiceKey], str]:
    """The addresses that their pools would not give today, and what is said of each."""
    found: dict[tuple[Address, ServiceKey], str] = {}
    for view in state.allocated:
        for ref in view.services:
            service = state.ledger.service(ref.key)
            outside = None if service is None else out_of_pool(view, service, state.ledger)
            if outside is not None:
                found[view.address, ref.key] = outside.message
    return found
