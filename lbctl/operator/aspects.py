"""What others depend on of an object: where two versions agree on that, nobody need look again.

Each function takes an object as the API server sends it (None = it is not there), or what was found
of a pool.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lbctl.core.objects.advertisements import AdvertisementView
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.services import PROXY_MODE
from lbctl.core.objects.speakers import SpeakerView
from lbctl.core.objects.virtualips import Kept
from lbctl.core.outcomes import Liveness
from lbctl.core.reading.objects import node_view, service_view, speaker_view, virtual_ip_view
from lbctl.kube.objects import Object


def intent(obj: Object) -> object:
    """What a person wrote that a plan may depend on."""
    return obj.get("spec"), obj["metadata"].get("labels") or {}


def ordered(node: Object | None) -> object:
    """What a person wrote about a node, wherever addresses are."""
    if node is None:
        return None
    view = node_view("", None, Liveness.MISSING, node)
    return view.draining, view.excluded


def judged(node: Object | None, advertisements: Iterable[AdvertisementView]) -> object:
    """What plans depend on of a Node: not its heartbeat, nor labels that nobody asks for."""
    if node is None:
        return None
    view = node_view(node["metadata"]["name"], None, Liveness.MISSING, node)
    asked = tuple(
        (
            one.admission.selects(view.labels),
            one.admission.avoids(view.taints),
            tuple(each.selector.matches(view.labels) for each in one.preferences),
        )
        for one in advertisements
    )
    return replace(view, labels={}, taints=()), asked


def gives(finding: PoolFinding) -> object:
    """What those depend on who wait for a pool."""
    return grants(finding), finding.reason, finding.giveable


def grants(finding: PoolFinding) -> object:
    """What those depend on who have an address of a pool."""
    return replace(finding.pool, resource_version="", generation=0), finding.addresses


def labels(obj: Object | None) -> object:
    return None if obj is None else obj["metadata"].get("labels") or {}


def holder(virtual_ip: Object | None) -> object:
    return ((virtual_ip or {}).get("status") or {}).get("holder")


def handed_on(virtual_ip: Object | None) -> object:
    """What the `ipMode` in its Services' status depends on."""
    if virtual_ip is None:
        return None
    sent = (virtual_ip.get("spec") or {}).get("handOff") or {}
    ports, until = bool(sent.get("nodePorts")), bool(sent.get("nodePortsUntil"))
    return ports, until, (virtual_ip.get("status") or {}).get("handOff")


def kept(virtual_ip: Object) -> Kept | None:
    return virtual_ip_view(virtual_ip).kept


def tenancy(virtual_ip: Object | None) -> object:
    """Who has an address, for whom it is kept, and who else may have it."""
    spec = (virtual_ip or {}).get("spec") or {}
    return spec.get("services") or (), spec.get("reservedFor"), spec.get("sharingKey")


def announcing(speaker: Object | None) -> SpeakerView | None:
    """A Speaker without what it says of others."""
    return None if speaker is None else replace(speaker_view(speaker), reports=())


def announced(service: Object) -> object:
    """What a Service's plan depends on."""
    view = service_view(service)
    by_proxy = [one.ip for one in view.ingress if one.ip_mode == PROXY_MODE]
    handed_on = (view.node_ports, view.source_ranges, by_proxy)
    return (view.local, view.health_check_node_port, view.labels, handed_on)


def reports(speaker: Object | None) -> Object | None:
    return ((speaker or {}).get("status") or {}).get("partners")


def outgoing(virtual_ip: Object | None) -> str | None:
    """The node that is to hand the address over."""
    return ((virtual_ip or {}).get("spec") or {}).get("outgoing")


def owners(virtual_ip: Object | None) -> list[Object]:
    """The Services that a VirtualIP names: that have it, and whom it is reserved for."""
    spec = (virtual_ip or {}).get("spec") or {}
    reserved_for = spec.get("reservedFor")
    return [*(spec.get("services") or ()), *([] if reserved_for is None else [reserved_for])]
