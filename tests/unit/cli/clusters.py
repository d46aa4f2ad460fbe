"""Clusters as the API server would tell of them: one that is well, and what can become of it."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from lbctl.cli.snapshot import Installation, Snapshot
from lbctl.core.addresses import object_name, parse
from lbctl.kube.objects import (
    L2_ADVERTISEMENTS,
    LEASES,
    NAMESPACES,
    NODES,
    POOLS,
    SERVICE_CIDRS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
    Kind,
    Object,
)

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
"""Three in the morning."""
_versions = count(100)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta(name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    base = {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(next(_versions)),
        "generation": 1,
        "creationTimestamp": "2026-01-01T12:00:00Z",
    }
    return {**base, **({"namespace": namespace} if namespace else {}), **more}


def condition(kind: str, good: bool, reason: str, message: str = "") -> Object:  # noqa: FBT001 - a row
    return {
        "type": kind,
        "status": "True" if good else "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(3600),
    }


def node(name: str, number: int, **labels: str) -> Object:
    return {
        "metadata": meta(name, labels=labels),
        "spec": {"podCIDRs": [f"10.244.{number}.0/24"]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"172.16.110.{10 + number}"}],
            "conditions": [condition("Ready", True, "KubeletReady")],
        },
    }


def speaker(name: str, number: int, partners: dict[str, str], *conditions: Object) -> Object:
    interface = {
        "name": "eth0",
        "mac": f"02:00:00:00:00:{10 + number:02d}",
        "addresses": [f"172.16.110.{10 + number}/24", f"fd00:110::{10 + number}/64"],
        "carrier": True,
        "gateways": ["172.16.110.1"],
    }
    rows = [
        {"node": other, "interface": "eth0", "state": state} for other, state in partners.items()
    ]
    good = condition("Ready", True, "WireRunning", "the wire runs")
    return {
        "metadata": meta(name),
        "status": {
            "version": "1.0.0",
            "interfaces": [interface],
            "partners": rows,
            "conditions": [good, *conditions],
        },
    }


def lease(name: str, age: float = 2.0, holder: str | None = None) -> Object:
    holder = name if holder is None else holder
    spec = {"holderIdentity": holder, "renewTime": ago(age), "leaseDurationSeconds": 15}
    return {"metadata": meta(f"lbctl-speaker-{name}", "lbctl-system"), "spec": spec}


def service(
    name: str, *shown: str, namespace: str = "shop", annotations: Object | None = None, **spec: Any
) -> Object:
    return {
        "metadata": meta(name, namespace, annotations=annotations or {}),
        "spec": {
            "type": "LoadBalancer",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"protocol": "TCP", "port": 80}],
            "selector": {"app": name},
            **spec,
        },
        "status": {"loadBalancer": {"ingress": [{"ip": one, "ipMode": "VIP"} for one in shown]}},
    }


def virtual_ip(address: str, owner: str, *succession: str, holder: str | None = None) -> Object:
    parsed = parse(address)
    assert parsed is not None
    row = {"namespace": "shop", "name": owner, "uid": f"uid-{owner}",
           "ports": [{"protocol": "TCP", "port": 80}]}  # fmt: skip
    status: Object = {}
    if holder:
        number = int(holder.removeprefix("n"))
        status = {
            "holder": holder,
            "interface": "eth0",
            "mac": f"02:00:00:00:00:{10 + number:02d}",
            "since": ago(86_400),
            "everHeld": True,
            "conditions": [condition("Announced", True, "Holding")],
        }
    return {
        "metadata": meta(object_name(parsed)),
        "spec": {
            "address": address,
            "pool": "lan",
            "services": [row],
            "succession": [*succession],
        },
        "status": status,
    }


def pool(name: str, *addresses: str, **spec: Any) -> Object:
    return {"metadata": meta(name), "spec": {"addresses": [*addresses], **spec}}


def healthy() -> Snapshot:
    """Three nodes that watch each other, a pool of ten, two Services with an address each."""
    names = ("n1", "n2", "n3")
    nodes = [node(name, at + 1, **{"topology.kubernetes.io/zone": f"z{at % 2}"})
             for at, name in enumerate(names)]  # fmt: skip
    speakers = [
        speaker(name, at + 1, {other: "Up" for other in names if other != name})
        for at, name in enumerate(names)
    ]
    operator = {
        "metadata": meta("lbctl-operator", "lbctl-system"),
        "spec": {"holderIdentity": "lbctl-operator-7c5d", "renewTime": ago(1)},
    }
    return Snapshot(
        objects={
            NODES: tuple(nodes),
            SPEAKERS: tuple(speakers),
            LEASES: tuple(lease(name) for name in names),
            NAMESPACES: ({"metadata": meta("shop", labels={"team": "a"})},),
            POOLS: (pool("lan", "172.16.110.100-172.16.110.109"),),
            L2_ADVERTISEMENTS: (),
            SERVICE_CIDRS: (),
            SERVICES: (service("web", "172.16.110.100"), service("api", "172.16.110.101")),
            VIRTUAL_IPS: (
                virtual_ip("172.16.110.100", "web", "n1", "n2", "n3", holder="n1"),
                virtual_ip("172.16.110.101", "api", "n2", "n3", "n1", holder="n2"),
            ),
        },
        now=NOW,
        installation=Installation(
            found=True, name="lbctl-operator", version="1.0.0", wanted=2, ready=2
        ),
        operator_lease=operator,
        namespace="shop",
        server="https://172.16.110.11:6443",
    )


def changed(snapshot: Snapshot, kind: Kind, name: str, **parts: Any) -> Snapshot:
    """With other values in an object, by path: ``status__holder=None``."""
    found = next(one for one in snapshot.of(kind) if one["metadata"]["name"] == name)
    copy = deepcopy(found)
    for path, value in parts.items():
        *way, last = path.split("__")
        inner = copy
        for step in way:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return snapshot.put(kind, copy)


def dead(snapshot: Snapshot, name: str, age: float = 300.0) -> Snapshot:
    """A node whose speaker has been silent for a while."""
    return snapshot.put(LEASES, lease(name, age))


def without(snapshot: Snapshot, kind: Kind) -> Snapshot:
    return replace(snapshot, objects={**snapshot.objects, kind: ()})
