"""How a holder hands on the traffic of an address: pure.

What was asked for is done only where it would work for every Service that has the address; else
they keep what works, and hear why. The way there and the way back are made before they are broken:
the holder sends to the NodePorts before the proxies hear that they need not know the address, and
goes on until they know it again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lbctl.core.addresses import Family
from lbctl.core.objects.services import PROXY_MODE, VIP_MODE, Port, ServiceView
from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import HandOff, VirtualIPView
from lbctl.core.outcomes import HandedOnReason

MAX_NODE_PORTS: Final = 1024
"""Ports that one VirtualIP can name with their nodePorts."""
PROXIES_LEARN_SECONDS: Final = 15
"""On the way back, the nodePorts stay so long after the Services have said that the proxies are to
know the address: those write their rules at most every second (`minSyncPeriod`), or every few."""
_ASK_FOR_IT: Final = "its speaker keeps no table: set the chart's handOff.nodePort.enabled to true."


@dataclass(frozen=True, slots=True)
class HandedOn:
    """What was decided for an address."""

    reason: HandedOnReason
    message: str
    node_ports: Mapping[Port, int] = field(default_factory=dict)
    """Where the holder sends each port's traffic; empty = the cluster's proxy knows the address."""


@dataclass(frozen=True, slots=True)
class Sending:
    """`spec.handOff.nodePorts` and `nodePortsUntil`, as they are to be."""

    node_ports: Mapping[Port, int] = field(default_factory=dict)
    until: str = ""
    """RFC 3339 in UTC, by the seconds: the end of the way back; "" = there is none."""


NOT_SENT: Final = Sending()
"""The cluster's proxy knows the address."""


def hand_on(
    asked: HandOff,
    services: Sequence[ServiceView],
    succession: Collection[str],
    *,
    unable: Mapping[str, str],
    already: bool,
) -> HandedOn:
    """Decide how an address is handed on.

    Args:
        asked: what the L2Advertisement says.
        services: that have the address.
        succession: the nodes that may come to hold it.
        unable: those of them that cannot send to NodePorts, and why not.
        already: whether it is sent to NodePorts now. Then a node that cannot is one that does not
            hold it: a speaker that restarts must not change how all others hand on. When most
            cannot, as when somebody turns the chart's value off, the proxy takes over.
    """
    if asked is HandOff.CLUSTER_PROXY:
        return HandedOn(HandedOnReason.AS_ASKED, "The cluster's proxy serves the address.")
    for service in services:
        if refused := _refused(service):
            return refused
    node_ports = {port: number for each in services for port, number in each.node_ports.items()}
    if len(node_ports) > MAX_NODE_PORTS:
        said = f"The Services have {len(node_ports)} ports; {MAX_NODE_PORTS} can be sent on."
        return HandedOn(HandedOnReason.TOO_MANY_PORTS, said)
    if unable and (not already or 2 * len(unable) > len(succession)):
        return HandedOn(HandedOnReason.NODE_UNABLE, _who(unable))
    said = "The holder sends the traffic to NodePorts."
    return HandedOn(
        HandedOnReason.AS_ASKED,
        f"{said} It is not held where that cannot be: {_who(unable)}" if unable else said,
        node_ports,
    )


def _refused(service: ServiceView) -> HandedOn | None:
    if service.source_ranges:
        return HandedOn(
            HandedOnReason.SOURCE_RANGES,
            f"Service {service.key} has spec.loadBalancerSourceRanges, which no proxy obeys for "
            "NodePorts: use a NetworkPolicy in their place, or handOff: ClusterProxy.",
        )
    without = [port for port in service.ports if port not in service.node_ports]
    if without:
        return HandedOn(
            HandedOnReason.NO_NODE_PORT,
            f"Service {service.key} has no nodePort for {without[0]}: set "
            "spec.allocateLoadBalancerNodePorts to true, or use handOff: ClusterProxy.",
        )
    return None


def _who(unable: Mapping[str, str]) -> str:
    node, why = min(unable.items())
    others = f" (and {len(unable) - 1} more)" if len(unable) > 1 else ""
    return f"Node {node}{others}: {why}"


def unable_to(
    succession: Collection[str], nodes: Mapping[str, NodeView], family: Family
) -> dict[str, str]:
    """The nodes that cannot send what comes for an address of this family to NodePorts, and why."""
    found: dict[str, str] = {}
    for name in succession:
        node = nodes.get(name)
        if node is None or node.speaker is None or not node.speaker.node_port_ready:
            said = "" if node is None or node.speaker is None else node.speaker.node_port_message
            found[name] = said or _ASK_FOR_IT
        elif node.families is not None and family not in node.families:
            found[name] = f"it has no InternalIP of {family}."
    return found


def sending(
    decided: HandedOn,
    view: VirtualIPView,
    services: Iterable[ServiceView],
    *,
    relied_on: bool,
    now: str,
    end: str,
) -> Sending:
    """What the VirtualIP is to say, one step further on the way to what was decided.

    Args:
        decided: where the way leads.
        view: what it says now.
        services: that have the address. On the way back a nodePort stays only while it is theirs:
            of one that was given back, the proxies have no rule, or another Service has it.
        relied_on: whether a Service still says that proxies need not know the address.
        now: RFC 3339 in UTC, by the seconds.
        end: the same, `PROXIES_LEARN_SECONDS` later.
    """
    if decided.node_ports or not view.node_ports:
        return Sending(decided.node_ports)
    theirs = {item for each in services for item in each.node_ports.items()}
    left = {port: number for port, number in view.node_ports.items() if (port, number) in theirs}
    over = view.node_ports_until and view.node_ports_until <= now and not relied_on
    if over or not left:
        return NOT_SENT
    return Sending(left, view.node_ports_until or end)


def ip_mode(view: VirtualIPView | None, shown: str) -> str:
    """The `ipMode` of an address in a Service's status (KEP-1860).

    `Proxy` once the holder sends to NodePorts, or for an address that nobody could use before: no
    node takes it without. It stays while holders change.

    Args:
        view: its VirtualIP, if that is known.
        shown: what the status says of this address now; "" when it does not show it.
    """
    if view is None or not view.node_ports or view.node_ports_until:
        return VIP_MODE
    new = not view.ever_held and not view.adopted
    holds_so = view.handed_on is HandOff.NODE_PORT
    return PROXY_MODE if new or holds_so or shown == PROXY_MODE else VIP_MODE
