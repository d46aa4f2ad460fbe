"""IPAddressPools, from the JSON of the API server to the view that decisions read."""

from lbctl.core.durations import parse_duration
from lbctl.core.objects.pools import Allocation, OnRemoval, PoolView, SharingScope
from lbctl.core.reading.advertisements import selectors
from lbctl.core.reading.objects import Json


def pool_view(obj: Json) -> PoolView:
    """Read an IPAddressPool. What a newer version allows and this one does not know is default."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    return PoolView(
        name=meta["name"],
        created=meta.get("creationTimestamp") or "",
        entries=tuple(spec.get("addresses") or ()),
        exclude=tuple(spec.get("exclude") or ()),
        disabled=bool(spec.get("disabled")),
        auto_assign=bool(spec.get("autoAssign", True)),
        avoid_buggy_ips=bool(spec.get("avoidBuggyIPs")),
        allow_subnet_edges=bool(spec.get("allowSubnetEdges")),
        cooldown=_seconds(spec.get("cooldown")),
        retain_for=_seconds(spec.get("retainFor")),
        on_removal=(
            OnRemoval.REASSIGN if spec.get("onRemoval") == OnRemoval.REASSIGN else OnRemoval.KEEP
        ),
        allocation=None if spec.get("allocation") is None else _allocation(spec["allocation"]),
        generation=meta.get("generation") or 1,
        uid=meta.get("uid") or "",
        resource_version=meta.get("resourceVersion") or "",
        labels=meta.get("labels") or {},
    )


def _allocation(entry: Json) -> Allocation:
    across = entry.get("sharing") == SharingScope.ACROSS_NAMESPACES
    return Allocation(
        priority=entry.get("priority"),
        namespaces=tuple(entry.get("namespaces") or ()),
        namespace_selectors=selectors(entry.get("namespaceSelectors")),
        service_selectors=selectors(entry.get("serviceSelectors")),
        quota_per_namespace=entry.get("quotaPerNamespace"),
        sharing=SharingScope.ACROSS_NAMESPACES if across else SharingScope.WITHIN_NAMESPACE,
    )


def _seconds(text: str | None) -> int:
    try:
        return 0 if text is None else parse_duration(text)
    except ValueError:
        return 0  # It came past the API server.
