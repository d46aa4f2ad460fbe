"""MetalLB's IPAddressPools as lbctl's: the same addresses for the same Services.

What differs, by lbctl's own rules: a selector that matches nothing grants nothing, and a node's own
addresses, gateways and the edges of the LAN's subnets are never given.
"""

from collections.abc import Mapping
from ipaddress import IPv6Network, ip_network
from typing import Final

from lbctl.core.metallb.reading import NOTHING, Fields, Problem
from lbctl.core.objects.pools import Allocation, PoolView, SharingScope
from lbctl.core.reading.objects import Json

_SPEC: Final = frozenset({"addresses", "autoAssign", "avoidBuggyIPs", "serviceAllocation"})
_ALLOCATION: Final = frozenset({"priority", "namespaces", "namespaceSelectors", "serviceSelectors"})


def metallb_pool_view(obj: Json) -> tuple[PoolView, tuple[Problem, ...]]:
    """Read an IPAddressPool of MetalLB's, and what of it cannot be read.

    An entry of `spec.addresses` that cannot be read is left to the finding of the pool, which
    names it and gives nothing: so it is with pools of ours.
    """
    meta, fields = obj["metadata"], Fields()
    spec = fields.part("spec", obj.get("spec"), _SPEC)
    entries = fields.texts("spec.addresses", spec.get("addresses"))
    view = PoolView(
        name=meta["name"],
        created=meta.get("creationTimestamp") or "",
        entries=tuple(map(_entry, entries)),
        auto_assign=fields.flag("spec.autoAssign", spec.get("autoAssign"), default=True),
        avoid_buggy_ips=fields.flag("spec.avoidBuggyIPs", spec.get("avoidBuggyIPs"), default=False),
        allocation=_allocation(fields, spec.get("serviceAllocation")),
        announced_unasked=False,
        generation=meta.get("generation") or 1,
        uid=meta.get("uid") or "",
        resource_version=meta.get("resourceVersion") or "",
        labels=meta.get("labels") or {},
    )
    return view, tuple(fields.problems)


def _allocation(fields: Fields, value: object) -> Allocation:
    """Who may have its addresses. MetalLB lets Services of several namespaces share one."""
    path = "spec.serviceAllocation"
    allocation = fields.part(path, value, _ALLOCATION)
    readable = value is None or isinstance(value, Mapping)
    services = fields.selectors(f"{path}.serviceSelectors", allocation.get("serviceSelectors"))
    return Allocation(
        priority=fields.number(f"{path}.priority", allocation.get("priority")) or None,
        namespaces=fields.texts(f"{path}.namespaces", allocation.get("namespaces")),
        namespace_selectors=fields.selectors(
            f"{path}.namespaceSelectors", allocation.get("namespaceSelectors")
        ),
        service_selectors=services if readable else (NOTHING,),
        sharing=SharingScope.ACROSS_NAMESPACES,
    )


def _entry(entry: str) -> str:
    """A CIDR as MetalLB means it.

    172.16.110.101/28 is 172.16.110.96/28 there, and an IPv6 CIDR has its first address too.
    """
    if "/" not in entry:
        return entry
    try:
        network = ip_network(entry.strip(), strict=False)
    except ValueError:
        return entry
    if isinstance(network, IPv6Network):
        return f"{network.network_address}-{network.broadcast_address}"
    return str(network)
