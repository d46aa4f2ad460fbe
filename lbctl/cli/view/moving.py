"""Draining nodes, taking that back, and sharing addresses out again: the next step of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from lbctl.cli.exits import NotAllowed, NotThere
from lbctl.cli.snapshot import Right, not_allowed
from lbctl.cli.state import State
from lbctl.cli.view import words
from lbctl.cli.view.deeds import End, Ended, Step, Write, patch, waiting
from lbctl.cli.view.words import count, listed
from lbctl.core.labels import DRAIN, REBALANCE
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import ConditionType
from lbctl.core.reading.objects import condition
from lbctl.kube.objects import NODES, POOLS, Object

_NAMED = 3
"""So many addresses are named."""


def drain(state: State, nodes: Collection[str]) -> Step:
    """Nodes are to hand over all that they hold, and to take nothing more.

    Raises:
        NotThere: there is no such node.
        NotAllowed: Nodes cannot be read.
    """
    for name, obj in _nodes(state, nodes):
        if not state.nodes[name].draining:
            return patch(
                NODES, obj, f"{name} is drained", {"metadata": {"labels": {DRAIN: "true"}}}
            )
    left = [one for one in state.allocated if one.holder in nodes or one.outgoing in nodes]
    who = listed(sorted(nodes))
    holds = "hold" if len(nodes) > 1 else "holds"
    if not left:
        back = f"lbctl undrain {' '.join(sorted(nodes))}"
        text = f"{who} {holds} no address, and will take none until: {back}"
        return Ended(End.DONE, text)
    stuck = [one for one in left if _stays(state, one)]
    if len(stuck) == len(left):
        text = f"{who} {holds} {_addresses(left)}, and no other node can announce "
        text += "that." if len(left) == 1 else "these."
        return Ended(
            End.STUCK,
            f"{text} Handed over as soon as one can.",
            f"lbctl explain address {left[0].address}",
        )
    return waiting(state, f"{who} still {holds} {_addresses(left)}.")


def undrain(state: State, nodes: Collection[str]) -> Step:
    """Nodes may take addresses again. Raises NotThere, NotAllowed."""
    for name, obj in _nodes(state, nodes):
        if state.nodes[name].draining:
            return patch(NODES, obj, f"{name} is drained no more", _undrained(obj))
    for name in sorted(nodes):
        view = state.nodes[name]
        if view.speaker is None or not state.lives(name):
            return waiting(state, f"The speaker of {name} does not live.")
        if any(name in one.succession for one in state.allocated):
            continue
        if any(_would_stand_by(state, one, name) for one in state.allocated):
            return waiting(state, f"{name} is planned for no address yet.")
    who = listed(sorted(nodes))
    return Ended(
        End.DONE,
        f"{who} can take addresses again. None moves back by itself.",
        "lbctl rebalance",
    )


def rebalance(state: State, pools: Collection[str], token: str, wrote: Collection[str]) -> Step:
    """The addresses of pools, of all pools without a name, go to nodes that carry less.

    Args:
        state: what is there.
        pools: their names.
        token: the value of this request's annotation.
        wrote: the pools that were asked already.

    Raises:
        NotThere: there is no such pool, or none at all.
    """
    there = {one["metadata"]["name"]: one for one in state.snapshot.of(POOLS)}
    missing = [name for name in pools if name not in there]
    if missing or not there:
        raise NotThere(
            f"there is no IPAddressPool {listed(missing)}".rstrip() + f"; {words.there(there)}"
        )
    chosen = sorted(pools or there)
    asked = {
        name: (there[name]["metadata"].get("annotations") or {}).get(REBALANCE) for name in chosen
    }
    for name in chosen:
        if asked[name] != token and name not in wrote:
            return _ask(there[name], token)
    for name in chosen:
        if asked[name] != token:
            text = f"{name}: another request took the place of this one."
            return Ended(End.STUCK, text, f"kubectl get ipaddresspool {name} -o yaml")
        if (there[name].get("status") or {}).get("rebalanced") != token:
            return waiting(state, f"{name}: {_rebalanced(there[name])}")
    return Ended(End.DONE, " ".join(f"{name}: {_rebalanced(there[name])}" for name in chosen))


def _ask(pool: Object, token: str) -> Write:
    name = pool["metadata"]["name"]
    body = {"metadata": {"annotations": {REBALANCE: token}}}
    return Write("patch", POOLS, name, f"pool {name} is to be shared out again", body)


def _rebalanced(pool: Object) -> str:
    said = condition(pool, ConditionType.REBALANCED)
    return (said or {}).get("message") or "The operator has not begun."


def _nodes(state: State, nodes: Iterable[str]) -> Iterator[tuple[str, Object]]:
    for name in sorted(nodes):
        if name not in state.nodes:
            raise NotThere(f"there is no node {name}; {words.there(state.nodes)}")
        obj = state.snapshot.find(NODES, name)
        if obj is None:
            if not state.snapshot.knows(NODES):
                lacking = [right for right in state.snapshot.missing if right.kind is NODES]
                raise NotAllowed(not_allowed(lacking or [Right("list", NODES)]))
            raise NotThere(f"the Node {name} is gone; its speaker's object will follow")
        yield name, obj


def _undrained(node: Object) -> dict[str, object]:
    """A patch without the label, and without a taint of that name: either drains."""
    body: dict[str, object] = {"metadata": {"labels": {DRAIN: None}}}
    taints = (node.get("spec") or {}).get("taints") or []
    kept = [one for one in taints if one.get("key") != DRAIN]
    return body if len(kept) == len(taints) else {**body, "spec": {"taints": kept}}


def _stays(state: State, view: VirtualIPView) -> bool:
    """Whether the planner leaves an address on a drained node: nobody else can have it."""
    if view.outgoing is not None:
        return False
    plan = state.plan(view)
    return plan is not None and plan.outgoing is None and view.holder in plan.succession


def _would_stand_by(state: State, view: VirtualIPView, node: str) -> bool:
    plan = state.plan(view)
    return plan is not None and node in plan.succession


def _addresses(views: Collection[VirtualIPView]) -> str:
    named = ", ".join(str(one.address) for one in [*views][:_NAMED])
    more = ", ..." if len(views) > _NAMED else ""
    return f"{count(len(views), 'address', 'addresses')} ({named}{more})"
