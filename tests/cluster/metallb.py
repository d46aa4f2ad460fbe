"""MetalLB's objects in a cluster: what its users have, and what its controller writes."""

from pathlib import Path
from typing import Any

from kubernetes import client

from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.lab import Lab

CRDS = Path(__file__).parents[2] / "charts" / "lbctl" / "files" / "metallb-crds"
SYSTEM = "metallb-system"
GROUP = ("metallb.io", "v1beta1")
PLURALS = ("ipaddresspools", "l2advertisements")
DEFINITIONS = tuple(f"crd/{plural}.{GROUP[0]}" for plural in PLURALS)
COMPAT = ("--compat-metallb", "--metallb-namespace", SYSTEM)
"""The flags that the chart gives the operator with `compat.metallb`."""


class MetalLB:
    """Writes what a user of MetalLB writes, and reads what they would look at."""

    def __init__(self, cluster: Oracle, lab: Lab) -> None:
        self._cluster = cluster
        self._lab = lab
        self._custom = cluster.custom

    def install(self) -> None:
        """The kinds, as the chart brings them where they are missing."""
        self._lab.kubectl("apply", "--server-side", "-f", CRDS)
        self._lab.kubectl("wait", "--for=condition=Established", *DEFINITIONS, "--timeout=60s")
        self._cluster.create_namespace(SYSTEM)

    def uninstall(self) -> None:
        """As `helm uninstall metallb`: the kinds go, and every object of them."""
        self._lab.kubectl("delete", "--ignore-not-found", "--wait", *DEFINITIONS)

    def pool(self, name: str, *addresses: str, **spec: Any) -> None:
        self._create("IPAddressPool", name, {"addresses": [*addresses], **spec})

    def advertisement(self, name: str, **spec: Any) -> None:
        self._create("L2Advertisement", name, spec)

    def change(self, plural: str, name: str, **spec: Any) -> None:
        self._custom.patch_namespaced_custom_object(*GROUP, SYSTEM, plural, name, {"spec": spec})

    def delete(self, plural: str, name: str) -> None:
        self._custom.delete_namespaced_custom_object(*GROUP, SYSTEM, plural, name)

    def counts(self, name: str) -> dict[str, int]:
        """The status of a pool."""
        found = self._custom.get_namespaced_custom_object(*GROUP, SYSTEM, "ipaddresspools", name)
        status: dict[str, int] = found.get("status") or {}
        return status

    def wait_note(self, name: str, reason: str) -> str:
        """Wait for an Event on one of the objects; returns its message."""
        return (
            eventually(
                lambda: self._cluster.notes(name, SYSTEM).get(reason), what=f"{name}: {reason}"
            )
            or ""
        )

    def clear(self) -> None:
        """Remove everything that tests make."""
        for plural in PLURALS:
            try:
                self._custom.delete_collection_namespaced_custom_object(*GROUP, SYSTEM, plural)
            except client.ApiException as error:
                if error.status != 404:
                    raise
        self._cluster.events.delete_collection_namespaced_event(SYSTEM)

    def _create(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        plural = f"{kind.lower()}s"
        self._custom.create_namespaced_custom_object(*GROUP, SYSTEM, plural, body)


def service(cluster: Oracle, name: str, **more: Any) -> None:
    """A Service of type LoadBalancer with labels, annotations or fields of its spec."""
    meta = {"name": name, **{word: more.pop(word, {}) for word in ("labels", "annotations")}}
    spec = {
        "type": "LoadBalancer",
        "allocateLoadBalancerNodePorts": False,
        "ports": [{"port": 80}],
        **more,
    }
    cluster.core.create_namespaced_service(NAMESPACE, {"metadata": meta, "spec": spec})
