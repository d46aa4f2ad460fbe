"""Objects as the API server would send them, with no more than a test needs."""

from itertools import count
from typing import Any

_versions = count(1)


def _meta(name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    version = next(_versions)
    base = {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-01-01T12:00:00Z",
    }
    return {**base, **({"namespace": namespace} if namespace else {}), **more}


def service(name: str, *shown: str, **spec: Any) -> dict[str, Any]:
    ingress = [{"ip": address, "ipMode": "VIP"} for address in shown]
    return {
        "metadata": _meta(name, "shop"),
        "spec": {
            "type": "LoadBalancer",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            **spec,
        },
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": _meta(name, labels=labels)}


def pool(name: str, *addresses: str) -> dict[str, Any]:
    return {"metadata": _meta(name), "spec": {"addresses": [*addresses]}}


def advertisement(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": _meta(name), "spec": spec}


def virtual_ip(address: str, owner: str | None, *succession: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"address": address, "services": [], "succession": [*succession]}
    if owner is None:
        spec["release"] = {}
    else:
        spec["services"] = [{"namespace": "shop", "name": owner, "uid": f"uid-{owner}"}]
    return {"metadata": _meta(address), "spec": spec}


def node(
    name: str,
    address: str,
    *,
    conditions: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A Node; ``conditions`` are their statuses by type."""
    said = [{"type": kind, "status": status} for kind, status in (conditions or {}).items()]
    addresses = [{"type": "InternalIP", "address": address}]
    return {
        "metadata": _meta(name, labels=labels or {}),
        "status": {"addresses": addresses, "conditions": said},
    }


def speaker(
    name: str, *addresses: str, carrier: bool = True, sees: dict[str, str] | None = None
) -> dict[str, Any]:
    """A Speaker; ``sees`` is what it says of its partners, by node."""
    interface = {
        "name": "eth0",
        "mac": "02:00:00:00:00:01",
        "addresses": [*addresses],
        "carrier": carrier,
    }
    partners = [{"node": node, "state": state} for node, state in (sees or {}).items()]
    return {
        "metadata": _meta(name),
        "status": {"interfaces": [interface], "partners": partners},
    }


def lease(node: str) -> dict[str, Any]:
    spec = {"holderIdentity": node, "renewTime": "2026-01-01T12:00:00.000000Z"}
    return {"metadata": _meta(f"lbctl-speaker-{node}", "lbctl-system"), "spec": spec}
