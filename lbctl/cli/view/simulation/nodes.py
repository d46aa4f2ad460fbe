"""Nodes lose their power, or are drained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace

from lbctl.cli.exits import NotThere
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State
from lbctl.cli.view.simulation.outcome import Simulation, move, summed_up
from lbctl.cli.view.simulation.settling import planned
from lbctl.cli.view.words import listed, there
from lbctl.core.addresses import Address
from lbctl.core.labels import DRAIN, speaker_lease
from lbctl.core.objects.endpoints import SliceView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import PartnerState
from lbctl.core.reading.objects import slice_view
from lbctl.kube.lease import Record
from lbctl.kube.objects import ENDPOINT_SLICES, NODES, SPEAKERS, Object, key_of

_NOBODY = "nobody can take it"


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
        after[address] = planned(state, held)
    moves = []
    for address, view in before.items():
        if view.holder in lost:
            heir = state.heir(view)
            moves.append(move(view, after[address], heir, seen[address].get(heir or "", _NOBODY)))
    return summed_up(f"{listed(lost)} would be lost", before, after, moves, _pods(snapshot, lost))


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
    after = {address: planned(state, view) for address, view in before.items()}
    moves = []
    for address, view in before.items():
        then = after[address]
        if then.outgoing is not None:
            moves.append(move(view, then, then.succession[0], "handed over, make before break"))
        elif view.holder in drained:
            stays = "stays there: no other node can announce it"
            moves.append(move(view, then, view.holder, stays))
    notes = [] if all(move.after != move.before for move in moves) else [
        "What stays on a drained node is lost when that is switched off."
    ]  # fmt: skip
    return summed_up(f"{listed(drained)} would be drained", before, after, moves, notes)


def _looked(snapshot: Snapshot, nodes: Iterable[str]) -> State:
    """A state in which the nodes have been looked at once, as the operator has. Raises NotThere."""
    state = State(snapshot)
    for name in nodes:
        if name not in state.nodes:
            raise NotThere(f"there is no node {name}; {there(state.nodes)}")
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
