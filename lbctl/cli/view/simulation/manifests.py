"""Objects are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State, addresses_of
from lbctl.cli.view.simulation.outcome import Given, Simulation, Stock, move, summed_up
from lbctl.cli.view.simulation.settling import planned, settle
from lbctl.core.addresses import Address, Family
from lbctl.core.allocation.belonging import out_of_pool
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.virtualips import VirtualIPView


def applied(snapshot: Snapshot, changed: Snapshot, what: str) -> Simulation:
    """Objects are written: those of `changed`, where they were those of `snapshot`."""
    state, then = State(snapshot), State(changed)
    before = {view.address: view for view in state.allocated}
    had = {one.key: _addresses(state, one.key) for one in then.services}
    outside, unplanned = _outside(state), _unplanned(state)
    settle(then)
    pools = tuple(_stocks(state, then))
    notes = [text for address, text in _unplanned(then).items() if address not in unplanned]
    after = {view.address: planned(then, view) for view in _allocated(then)}
    given = tuple(_given(state, then, had))
    moves = [
        move(view, after[address], _announcer(after[address]), "handed over, make before break")
        for address, view in before.items()
        if address in after and after[address].outgoing is not None
    ]
    losing = [one for one in given if one.before and not one.after]
    told = tuple(text for key, text in _outside(then).items() if key not in outside)
    base = summed_up(what, before, after, moves, notes)
    return replace(
        base, harmless=base.harmless and not losing, given=given, pools=pools, out_of_pool=told
    )


def _announcer(view: VirtualIPView) -> str | None:
    """Who announces an address once all is done."""
    if view.outgoing is None and view.holder is not None:
        return view.holder
    return next(iter(view.succession), None)


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
