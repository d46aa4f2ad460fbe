"""What a Service would get if it were written now, and why."""

from __future__ import annotations

from dataclasses import dataclass

from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State, addresses_of
from lbctl.cli.view.address import Outside
from lbctl.cli.view.service import Considered, ServiceStory, explain, find
from lbctl.cli.view.simulation.settling import settle
from lbctl.core.objects.services import ServiceKey


@dataclass(frozen=True, slots=True)
class Planned:
    """An address that it would have."""

    address: str
    pool: str | None
    new: bool
    """Whether it has it not yet."""
    announced_by: str | None
    """Who would announce it; None = nobody could."""
    succession: tuple[str, ...]
    left_out: tuple[Outside, ...]
    message: str
    """What the condition Planned would say."""


@dataclass(frozen=True, slots=True)
class NewService:
    """What would become of one Service."""

    service: str
    ours: bool
    whose: str
    asks: tuple[str, ...]
    allocated: bool
    reason: str
    message: str
    pools: tuple[Considered, ...]
    addresses: tuple[Planned, ...]


def new_service(changed: Snapshot, key: ServiceKey) -> NewService:
    """Give a Service of the snapshot what the operator would give it."""
    state = State(changed)
    story: ServiceStory = explain(state, *key)
    service = find(state, *key)
    before = {view.address for view in addresses_of(state, service)}
    settle(state, [key])
    planned = []
    for view in addresses_of(state, service):
        plan = state.plan(view)
        judged = state.judge(view)
        holder = view.holder
        if plan is not None and plan.planned and (holder is None or plan.outgoing is not None):
            holder = next(iter(plan.succession), None)
        planned.append(
            Planned(
                address=str(view.address),
                pool=view.pool,
                new=view.address not in before,
                announced_by=holder,
                succession=() if plan is None else plan.succession,
                left_out=() if judged is None else tuple(
                    Outside(one.node, one.reason, one.detail) for one in judged.left_out
                ),
                message="" if plan is None else plan.message,
            )
        )  # fmt: skip
    verdict = state.decide(key).verdict
    return NewService(
        service=story.service,
        ours=story.ours,
        whose=story.whose,
        asks=story.asks,
        allocated=verdict is not None and verdict.allocated,
        reason="" if verdict is None else verdict.reason,
        message="" if verdict is None else verdict.message,
        pools=story.pools,
        addresses=tuple(planned),
    )
