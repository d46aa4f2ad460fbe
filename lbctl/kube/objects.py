"""Kubernetes objects as plain dicts, and the few things that all of them have.

Reading stays with dicts on purpose: the speaker's agent shares this code and has a small memory
budget, and a typed model costs several times the decoding. Whoever decides something turns a dict
into a frozen view of ``lbctl.core`` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

Object = dict[str, Any]


class Key(NamedTuple):
    """What names an object among its kind. Cluster-scoped objects have namespace ``""``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as the API server's paths spell it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        """``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, *, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, of the kind in one namespace, or of the kind everywhere."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


SERVICES = Kind("", "v1", "services", "Service", namespaced=True)
NODES = Kind("", "v1", "nodes", "Node")
NAMESPACES = Kind("", "v1", "namespaces", "Namespace")
PODS = Kind("", "v1", "pods", "Pod", namespaced=True)
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", namespaced=True)
SERVICE_CIDRS = Kind("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR")
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
EVENTS = Kind("events.k8s.io", "v1", "events", "Event", namespaced=True)
POOLS = Kind("lbctl.io", "v1beta1", "ipaddresspools", "IPAddressPool")
VIRTUAL_IPS = Kind("lbctl.io", "v1beta1", "virtualips", "VirtualIP")
L2_ADVERTISEMENTS = Kind("lbctl.io", "v1beta1", "l2advertisements", "L2Advertisement")
METALLB_POOLS = Kind("metallb.io", "v1beta1", "ipaddresspools", "IPAddressPool", namespaced=True)
METALLB_L2_ADVERTISEMENTS = Kind(
    "metallb.io", "v1beta1", "l2advertisements", "L2Advertisement", namespaced=True
)
SPEAKERS = Kind("lbctl.io", "v1beta1", "speakers", "Speaker")


def key_of(obj: Object) -> Key:
    """The key of an object among its kind."""
    meta = obj["metadata"]
    return Key(meta.get("namespace") or "", meta["name"])


def uid_of(obj: Object) -> str:
    """The object's uid: tells it from another one that bore the same name."""
    return str(obj["metadata"].get("uid") or "")


def version_of(obj: Object) -> int:
    """The object's resourceVersion as a number.

    Kubernetes 1.35 promises that resourceVersions of one kind compare as numbers (KEP-5504); every
    release with etcd behaves so.
    """
    return int(obj["metadata"].get("resourceVersion") or 0)


def slim(obj: Object) -> Object:
    """Drop what nobody here reads and what weighs most in memory: ``metadata.managedFields``."""
    obj["metadata"].pop("managedFields", None)
    return obj
