"""What of foreign objects is kept."""

from typing import Any

import pytest

from lbctl.kube.objects import NODES, SERVICES, Key
from lbctl.world.world import World


@pytest.mark.parametrize(
    ("annotations", "kept"),
    [
        pytest.param({"lbctl.io/pools": "a"}, {"lbctl.io/pools": "a"}, id="what asks is read"),
        pytest.param(
            {"metallb.io/address-pool": "a", "metallb.universe.tf/address-pool": "b"},
            {"metallb.io/address-pool": "a", "metallb.universe.tf/address-pool": "b"},
            id="in the words of MetalLB too",
        ),
        pytest.param(
            {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x" * 9_999},
            {},
            id="manifests and notes are not kept",
        ),
        pytest.param({"notlbctl.io/pools": "a", "lbctl.iot/x": "b"}, {}, id="nor look-alikes"),
    ],
)
def test_annotations_of_a_service(annotations: dict[str, str], kept: dict[str, str]) -> None:
    obj: dict[str, Any] = {
        "metadata": {
            "namespace": "shop",
            "name": "web",
            "uid": "1",
            "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": annotations,
        },
        "spec": {"type": "LoadBalancer", "ipFamilies": ["IPv4"], "ports": [{"port": 80}]},
    }
    stored = _stored(SERVICES, obj, Key("shop", "web"))
    assert stored == {**obj, "metadata": {**obj["metadata"], "annotations": kept}}
    assert obj["metadata"]["annotations"] == annotations, "the object itself is another's"


def test_a_node_without_its_images() -> None:
    addresses = [{"type": "InternalIP", "address": "172.16.110.11"}]
    images = [{"names": ["registry.example/web:1"], "sizeBytes": 1}]
    obj: dict[str, Any] = {
        "metadata": {"name": "n1", "resourceVersion": "7", "annotations": {"a": "b"}},
        "spec": {"podCIDRs": ["10.244.0.0/24"]},
        "status": {"addresses": addresses, "conditions": [], "images": images},
    }
    assert _stored(NODES, obj, Key("", "n1")) == {
        "metadata": {"name": "n1", "resourceVersion": "7"},
        "spec": {"podCIDRs": ["10.244.0.0/24"]},
        "status": {"addresses": addresses, "conditions": []},
    }


def _stored(kind: Any, obj: dict[str, Any], key: Key) -> dict[str, Any]:
    world = World(lease_duration=15)
    world.stores[kind].put(obj)
    return world.stores[kind][key]
