"""How a holder hands on the traffic of an address: pure.

What was asked for is done only where it would work for every Service that has the address; else
they keep what works, and hear why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from lbctl.core.objects.services import Port, ServiceView
from lbctl.core.outcomes import HandedOnReason

MAX_NODE_PORTS: Final = 1024
"""Ports that one VirtualIP can name with their nodePorts."""


class HandOff(StrEnum):
    """`handOff` of an L2Advertisement."""

    CLUSTER_PROXY = "ClusterProxy"
    """The cluster's proxy knows the address."""
    NODE_PORT = "NodePort"
    """The holder sends the traffic to the Service's NodePorts."""


@dataclass(frozen=True, slots=True)
class HandedOn:
    """What was decided for an address."""

    reason: HandedOnReason
    message: str
    node_ports: Mapping[Port, int] = field(default_factory=dict)
    """Where the holder sends each port's traffic; empty = the cluster's proxy knows the address."""


def hand_on(
    asked: HandOff,
    services: Sequence[ServiceView],
    *,
    unable: Mapping[str, str],
    already: bool,
) -> HandedOn:
    """Decide how an address is handed on.

    Args:
        asked: what the L2Advertisement says.
        services: that have the address.
        unable: the nodes of its succession that cannot send to NodePorts, and why not.
        already: whether it is sent to NodePorts now. Then a node that cannot is one that does not
            hold it: a speaker that restarts must not change how all others hand on.
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
    if unable and not already:
        node, why = min(unable.items())
        others = f" (and {len(unable) - 1} more)" if len(unable) > 1 else ""
        return HandedOn(HandedOnReason.NODE_UNABLE, f"Node {node}{others}: {why}")
    return HandedOn(
        HandedOnReason.AS_ASKED, "The holder sends the traffic to NodePorts.", node_ports
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
