"""The cluster as a person with kubectl would see it: the official client, none of our code."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import client, config

T = TypeVar("T")

SYSTEM = "lbctl-system"
NAMESPACE = "shop"
GROUP = ("lbctl.io", "v1beta1")
CLASS = "lbctl.io/lbctl"
PATIENCE_SECONDS = 60.0


def eventually(look: Callable[[], T], *, what: str, patience: float = PATIENCE_SECONDS) -> T:
    """Wait until a look finds something true, and return it. Busy machines only make it slower.

    A status, a field or an object that is not there yet (LookupError) is nothing true.
    """
    deadline = time.monotonic() + patience
    missing = ""
    while True:
        try:
            if seen := look():
                return seen
            missing = ""
        except LookupError as error:
            missing = f"; at the end there was no {error}"
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:.0f} s in vain: {what}{missing}")
        time.sleep(0.05)


class Oracle:
    """Reads and writes the cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self.connection = config.new_client_from_config(str(kubeconfig))
        self.core = client.CoreV1Api(self.connection)
        self.custom = client.CustomObjectsApi(self.connection)
        self.leases = client.CoordinationV1Api(self.connection)
        self.events = client.EventsV1Api(self.connection)

    # making

    def create_namespace(self, name: str) -> None:
        try:
            self.core.create_namespace({"metadata": {"name": name}})
        except client.ApiException as error:
            if error.status != 409:
                raise

    def pool(self, name: str, *addresses: str, **spec: Any) -> None:
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": "IPAddressPool",
            "metadata": {"name": name},
            "spec": {"addresses": list(addresses), **spec},
        }
        self.custom.create_cluster_custom_object(*GROUP, "ipaddresspools", body)

    def advertise(self, name: str, **spec: Any) -> None:
        """Make an L2Advertisement."""
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": "L2Advertisement",
            "metadata": {"name": name},
            "spec": spec,
        }
        self.custom.create_cluster_custom_object(*GROUP, "l2advertisements", body)

    def change_pool(self, name: str, **spec: Any) -> None:
        self.custom.patch_cluster_custom_object(*GROUP, "ipaddresspools", name, {"spec": spec})

    def service(self, name: str, asks: dict[str, str] | None = None, /, **spec: Any) -> str:
        """Create a LoadBalancer Service; returns its uid. `asks` are annotations of ours."""
        annotations = {f"lbctl.io/{what}": value for what, value in (asks or {}).items()}
        body = {
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": False,
                "ports": [{"port": 80}],
                **spec,
            },
        }
        made = self._raw("POST", f"/api/v1/namespaces/{NAMESPACE}/services", body)
        return str(made["metadata"]["uid"])

    def change_service(self, name: str, **spec: Any) -> None:
        self._raw("PATCH", f"/api/v1/namespaces/{NAMESPACE}/services/{name}", {"spec": spec})

    def annotate(self, name: str, annotations: Mapping[str, str | None]) -> None:
        """Add annotations to a Service; None takes one away."""
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{name}"
        self._raw("PATCH", path, {"metadata": {"annotations": dict(annotations)}})

    def ask(self, name: str, **asks: str | None) -> None:
        """Change annotations of ours; `_` stands for `-`, None removes one."""
        annotations = {f"lbctl.io/{k.replace('_', '-')}": v for k, v in asks.items()}
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{name}"
        self._raw("PATCH", path, {"metadata": {"annotations": annotations}})

    def reserve(self, address: str, name: str | None = None) -> None:
        """Make a VirtualIP as a person would, for the Service of this name or for nobody."""
        whom = {} if name is None else {"reservedFor": {"namespace": NAMESPACE, "name": name}}
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": "VirtualIP",
            "metadata": {"name": address},
            "spec": {"address": address, **whom},
        }
        self.custom.create_cluster_custom_object(*GROUP, "virtualips", body)

    def show(self, name: str, *addresses: str) -> None:
        """Write a Service's status, as another controller or a backup would."""
        ingress = [{"ip": address, "ipMode": "VIP"} for address in addresses]
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{name}/status"
        self._raw("PATCH", path, {"status": {"loadBalancer": {"ingress": ingress}}})

    def put_endpoints(self, service: str, endpoints: list[dict[str, Any]]) -> None:
        """Write the one EndpointSlice of a Service that has no selector."""
        body = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": endpoints,
        }
        path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
        try:
            self._raw("POST", path, body)
        except client.ApiException as error:
            if error.status != 409:
                raise
            self._raw("PATCH", f"{path}/{service}", {"endpoints": endpoints})

    def delete_service(self, name: str) -> None:
        self.core.delete_namespaced_service(name, NAMESPACE)

    def delete_vip(self, address: str) -> None:
        self.custom.delete_cluster_custom_object(*GROUP, "virtualips", address)

    # looking

    def services(self) -> dict[str, list[str]]:
        """The addresses that each Service shows."""
        items = self._raw("GET", f"/api/v1/namespaces/{NAMESPACE}/services")["items"]
        return {item["metadata"]["name"]: _shown(item) for item in items}

    def shown(self, name: str) -> list[str]:
        return self.services()[name]

    def created(self, name: str) -> str:
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{name}"
        return str(self._raw("GET", path)["metadata"]["creationTimestamp"])

    def objects(self, plural: str) -> dict[str, dict[str, Any]]:
        found = self.custom.list_cluster_custom_object(*GROUP, plural)
        return {item["metadata"]["name"]: item for item in found["items"]}

    def vips(self) -> dict[str, dict[str, Any]]:
        return self.objects("virtualips")

    def owners(self) -> dict[str, str | None]:
        """The uid of the Service that each VirtualIP names."""
        return {
            vip["spec"]["address"]: (vip["spec"].get("services") or [{"uid": None}])[0]["uid"]
            for vip in self.vips().values()
        }

    def condition(self, plural: str, name: str, condition: str) -> dict[str, Any]:
        status = self.objects(plural)[name].get("status") or {}
        found = [c for c in status.get("conditions") or [] if c["type"] == condition]
        return found[0] if found else {}

    def notes(self, name: str, namespace: str = NAMESPACE) -> dict[str, str]:
        """The Events of a Service, or of a Node in `default`: reason and message."""
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        items = self._raw("GET", path)["items"]
        return {
            item["reason"]: item["note"]
            for item in items
            if item["regarding"]["name"] == name and item["reportingController"] == "lbctl"
        }

    def said(self, name: str) -> tuple[str, str, str]:
        """Status, reason and message of a Service's condition; empty while it has none."""
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{name}"
        for one in self._raw("GET", path)["status"].get("conditions") or []:
            if one["type"] == "lbctl.io/AddressAllocated":
                return one["status"], one["reason"], one["message"]
        return "", "", ""

    def tenants(self, address: str) -> list[str]:
        """The names of the Services that the VirtualIP of an address names."""
        found = self.vips().get(address, {"spec": {}})["spec"]
        return [row["name"] for row in found.get("services") or []]

    def leader(self) -> str:
        """Who holds the operators' Lease."""
        try:
            lease = self.leases.read_namespaced_lease("lbctl-operator", SYSTEM)
        except client.ApiException:
            return ""
        return str(lease.spec.holder_identity or "")

    # waiting

    def wait_shown(self, name: str, *addresses: str) -> None:
        """Wait until a Service shows exactly these addresses."""
        eventually(
            lambda: self.services().get(name) == [*addresses], what=f"{name} shows {addresses}"
        )

    def wait_note(self, service: str, reason: str) -> str:
        """Wait for an Event; returns its message."""
        return (
            eventually(lambda: self.notes(service).get(reason), what=f"{service}: {reason}") or ""
        )

    def wait_said(self, service: str, status: str, reason: str) -> str:
        """Wait for what the Service's condition says; returns its message."""
        eventually(
            lambda: self.said(service)[:2] == (status, reason),
            what=f"{service}: {status} {reason}",
        )
        return self.said(service)[2]

    def wait_settled(self, count: int, *, patience: float = PATIENCE_SECONDS) -> None:
        """Wait until so many Services have one address each, and no other is taken."""

        def settled() -> bool:
            return sum(map(len, self.services().values())) == count and len(self.vips()) == count

        try:
            eventually(settled, what="as many addresses as Services", patience=patience)
        except AssertionError as error:
            without = [name for name, shown in self.services().items() if not shown]
            error.add_note(f"{len(self.vips())} VirtualIPs; without an address: {without}")
            raise
        self.assert_one_owner_for_an_address()

    def assert_one_owner_for_an_address(self) -> None:
        """The product's first promise: every address shown once, and owned by who shows it."""
        items = self._raw("GET", f"/api/v1/namespaces/{NAMESPACE}/services")["items"]
        shown = [(address, item["metadata"]["uid"]) for item in items for address in _shown(item)]
        assert len({address for address, _ in shown}) == len(shown), "an address was given twice"
        assert dict(shown) == self.owners()

    # cleaning

    def clear(self) -> None:
        """Remove everything that tests make."""
        self._raw("DELETE", f"/api/v1/namespaces/{NAMESPACE}/services")
        self._raw("DELETE", f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices")
        for plural in ("ipaddresspools", "l2advertisements", "virtualips", "speakers"):
            self.custom.delete_collection_cluster_custom_object(*GROUP, plural)
        self.core.delete_collection_node()
        self.leases.delete_collection_namespaced_lease(SYSTEM)
        for namespace in (NAMESPACE, "default"):
            self._raw("DELETE", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")

    def _raw(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A request with plain dicts on both sides."""
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = self.connection.param_serialize(
            method,
            path,
            header_params={"Accept": "application/json", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self.connection.call_api(*request)
        response.read()
        if response.status >= 400:
            raise client.ApiException.from_response(
                http_resp=response, body=response.data.decode(), data=None
            )
        answer: dict[str, Any] = json.loads(response.data)
        return answer


def _shown(service: dict[str, Any]) -> list[str]:
    return [entry["ip"] for entry in service["status"]["loadBalancer"].get("ingress") or []]
