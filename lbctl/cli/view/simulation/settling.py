"""Brings a changed world to rest.

Whoever would be given an address gets it, every address is planned, and what a plan hands over is
handed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lbctl.cli.state import State
from lbctl.core.allocation.tenancy import moved_in, moved_out
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.virtualips import VirtualIPView

_ROUNDS = 5
"""A decision can make room for another one; chains are short."""


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


def planned(state: State, view: VirtualIPView) -> VirtualIPView:
    """With the plan that the operator would write, which counts for those that follow."""
    plan = state.plan(view)
    if plan is None or not plan.planned:
        return view
    then = replace(view, succession=plan.succession, outgoing=plan.outgoing)
    state.ledger.put_virtual_ip(then)
    holder = None if then.outgoing is not None else then.holder
    state.world.loads.put(then.address, then.succession, holder)
    return then
