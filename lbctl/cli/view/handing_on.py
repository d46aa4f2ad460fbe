"""How the traffic of an address gets from its holder to a pod."""

from __future__ import annotations

from lbctl.cli.state import State
from lbctl.cli.view.words import listed
from lbctl.core.addresses import family_of, object_name
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import ConditionType
from lbctl.core.reading.objects import condition
from lbctl.kube.objects import VIRTUAL_IPS

_NAMED = 4
"""So many ports are named."""


def told(state: State, view: VirtualIPView) -> str:
    """The way, in a sentence, and why it is not the one that was asked for."""
    way = _to_node_ports(view) if view.node_ports else _by_proxy(state, view)
    refused = otherwise(state, view)
    return way if refused is None else f"{way} Not as asked: {refused}"


def otherwise(state: State, view: VirtualIPView) -> str | None:
    """Why it is not handed on as an L2Advertisement asks, in the operator's words."""
    obj = state.snapshot.find(VIRTUAL_IPS, object_name(view.address)) or {}
    said = condition(obj, ConditionType.HANDED_ON)
    if said is None or said.get("status") != "False":
        return None
    return str(said.get("message") or said.get("reason") or "no reason given")


def _to_node_ports(view: VirtualIPView) -> str:
    each = [f"{port} to {to}" for port, to in sorted(view.node_ports.items())]
    more = [f"{len(each) - _NAMED} more"] if len(each) > _NAMED else []
    until = f" Until {view.node_ports_until}; then by its proxy." if view.node_ports_until else ""
    return f"By the holder itself, to NodePorts: {listed([*each[:_NAMED], *more])}.{until}"


def _by_proxy(state: State, view: VirtualIPView) -> str:
    service = state.planning.service(view.service)
    if service is not None and service.local:
        nodes = state.world.endpoints.nodes(service.key, family_of(view.address))
        if nodes is None:
            return "To pods of the holder alone (Local). Where pods are cannot be read."
        where = listed(sorted(nodes)) if nodes else "no node"
        return f"To pods of the holder alone (externalTrafficPolicy: Local); ready: {where}."
    holder = state.nodes.get(view.holder or "")
    speaker = None if holder is None else holder.speaker
    if speaker is not None and not speaker.hand_off_ready:
        return f"The proxy of {speaker.node} does not take it: {speaker.hand_off_message}"
    return "By the holder's kube-proxy, to pods on any node (externalTrafficPolicy: Cluster)."
