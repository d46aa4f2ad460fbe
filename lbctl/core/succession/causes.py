"""Why a succession is not what it was: one word for it, which is counted. Pure."""

from __future__ import annotations

from lbctl.core.outcomes import LeftOut, Replanned
from lbctl.core.succession.planner import SuccessionPlan


def begins_a_move(outgoing: str | None, plan: SuccessionPlan) -> bool:
    """Whether a plan tells a node to hand the address over, which the one before did not."""
    return plan.outgoing is not None and plan.outgoing != outgoing


def why_replanned(
    before: tuple[str, ...],
    outgoing: str | None,
    plan: SuccessionPlan,
    *,
    rebalanced: bool,
) -> Replanned | LeftOut | None:
    """What changed a succession; None when it is what it was.

    Args:
        before: the succession so far.
        outgoing: who handed the address over already.
        plan: the new one.
        rebalanced: whether the address was asked to move to another node.
    """
    why = {one.node: one.reason for one in plan.left_out}
    if plan.outgoing is not None and begins_a_move(outgoing, plan):
        return why.get(plan.outgoing, Replanned.REBALANCED if rebalanced else Replanned.PREFERRED)
    if plan.succession == before:
        return None
    if not before:
        return Replanned.FIRST_PLAN
    gone = (why[node] for node in before if node not in plan.succession and node in why)
    joined = set(plan.succession) > set(before)
    return next(gone, Replanned.NODE_JOINED if joined else Replanned.REORDERED)
