"""MetalLB's IPAddressPools as lbctl's: the same addresses for the same Services.

What differs, by lbctl's own rules: a selector that matches nothing grants nothing, and a node's own
addresses and the edges of the LAN's subnets are never given.
"""

from ipaddress import ip_network
from typing import Final

from lbctl.core.metallb_reading import Fields, Problem
from lbctl.core.pools import PoolView
from lbctl.core.reading import Json

_SPEC: Final = frozenset({"addresses"})


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
        entries=tuple(map(_network, entries)),
        announced_unasked=False,
        generation=meta.get("generation") or 1,
        uid=meta.get("uid") or "",
        resource_version=meta.get("resourceVersion") or "",
        labels=meta.get("labels") or {},
    )
    return view, tuple(fields.problems)


def _network(entry: str) -> str:
    """A CIDR without host bits: MetalLB reads 172.16.110.101/28 as 172.16.110.96/28."""
    if "/" not in entry:
        return entry
    try:
        return str(ip_network(entry.strip(), strict=False))
    except ValueError:
        return entry
