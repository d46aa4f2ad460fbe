"""What a cluster would be with other objects written: as the API server would store them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from lbctl.cli.exits import Unusable
from lbctl.cli.manifests import Manifest
from lbctl.cli.snapshot import Snapshot
from lbctl.core.labels import GROUP
from lbctl.kube.objects import (
    L2_ADVERTISEMENTS,
    NAMESPACES,
    POOLS,
    SERVICES,
    VIRTUAL_IPS,
    Kind,
    Object,
)

KINDS = {
    (GROUP, "IPAddressPool"): POOLS,
    (GROUP, "L2Advertisement"): L2_ADVERTISEMENTS,
    (GROUP, "VirtualIP"): VIRTUAL_IPS,
    ("", "Namespace"): NAMESPACES,
    ("", "Service"): SERVICES,
}
"""What can be written here, by group and kind."""

_VERSION = 1_000_000_000_000
"""A resourceVersion that is newer than any."""
_BOTH = ("IPv4", "IPv6")


def kind_of(manifest: Manifest) -> Kind | None:
    """The kind of a manifest; None for one that has nothing to do with addresses."""
    return KINDS.get((manifest.group, manifest.kind))


def write(snapshot: Snapshot, manifests: Iterable[Manifest]) -> Snapshot:
    """Write these objects, each as a whole, as `kubectl replace` would.

    Raises:
        Unusable: one of them has no name.
    """
    for manifest in manifests:
        kind = kind_of(manifest)
        if kind is None:
            continue
        if not manifest.name:
            where = f"{manifest.file}:{manifest.line()}"
            raise Unusable(f"{where}: a {manifest.kind} needs metadata.name")
        snapshot = snapshot.put(kind, _stored(snapshot, kind, manifest))
    return snapshot


def _stored(snapshot: Snapshot, kind: Kind, manifest: Manifest) -> Object:
    obj: Object = deepcopy(manifest.content)
    namespace = (manifest.namespace or snapshot.namespace) if kind.namespaced else ""
    old = snapshot.find(kind, manifest.name, namespace)
    meta: dict[str, Any] = {**(obj.get("metadata") or {})}
    known = {} if old is None else old["metadata"]
    meta["uid"] = known.get("uid") or f"simulated {manifest.name}"
    meta["creationTimestamp"] = known.get("creationTimestamp") or _now(snapshot)
    meta["resourceVersion"] = str(_VERSION)
    meta["generation"] = int(known.get("generation") or 0) + 1
    if namespace:
        meta["namespace"] = namespace
    stored = {**obj, "metadata": meta}
    if old is not None and "status" in old:
        stored["status"] = old["status"]
    if kind is SERVICES:
        stored["spec"] = _families(snapshot, stored.get("spec") or {}, old)
    return stored


def _now(snapshot: Snapshot) -> str:
    return snapshot.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _families(snapshot: Snapshot, spec: dict[str, Any], old: Object | None) -> dict[str, Any]:
    """`spec.ipFamilies` and its policy, which the API server fills in."""
    before = {} if old is None else old.get("spec") or {}
    policy = spec.get("ipFamilyPolicy") or before.get("ipFamilyPolicy") or "SingleStack"
    families = spec.get("ipFamilies") or before.get("ipFamilies") or [_first(snapshot)]
    if policy != "SingleStack" and len(families) == 1:
        families = [*families, *(one for one in _BOTH if one not in families)]
    return {**spec, "ipFamilyPolicy": policy, "ipFamilies": families}


def _first(snapshot: Snapshot) -> str:
    """The cluster's first family: that of any Service with one family which says nothing else."""
    for service in snapshot.of(SERVICES):
        spec = service.get("spec") or {}
        if (spec.get("ipFamilyPolicy") or "SingleStack") == "SingleStack" and spec.get(
            "ipFamilies"
        ):
            return str(spec["ipFamilies"][0])
    return _BOTH[0]
