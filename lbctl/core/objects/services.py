"""What the operator knows of a Service, and which Services are its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from lbctl.core.addresses import Address, Family, parse
from lbctl.core.labels import DEFAULT_LOAD_BALANCER_CLASS
from lbctl.core.objects.requests import NOTHING, Request


class ServiceKey(NamedTuple):
    """A Service's name. It can be reused; the uid cannot."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ServiceRef(NamedTuple):
    """The Service that a VirtualIP was created for: this one, not its namesake of tomorrow."""

    key: ServiceKey
    uid: str

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def name(self) -> str:
        return self.key.name


class Port(NamedTuple):
    """A port of a Service, as clients see it."""

    protocol: str
    """TCP, UDP or SCTP."""
    number: int

    def __str__(self) -> str:
        return f"{self.protocol} {self.number}"


class FamilyPolicy(StrEnum):
    """`spec.ipFamilyPolicy` of a Service."""

    SINGLE_STACK = "SingleStack"
    PREFER_DUAL_STACK = "PreferDualStack"
    REQUIRE_DUAL_STACK = "RequireDualStack"


class TrafficPolicy(StrEnum):
    """`spec.externalTrafficPolicy` of a Service."""

    CLUSTER = "Cluster"
    LOCAL = "Local"


VIP_MODE = "VIP"
"""`ipMode` of what lbctl announces: kube-proxy may treat the address as its own (KEP-1860)."""
PROXY_MODE = "Proxy"
"""`ipMode` of an address that the holder sends to NodePorts: proxies need not know it."""


class Ingress(NamedTuple):
    """One entry of `status.loadBalancer.ingress`, whoever wrote it."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str = ""

    @property
    def address(self) -> Address | None:
        """The address of the entry; None for a hostname or nonsense."""
        return parse(self.ip)


@dataclass(frozen=True, slots=True)
class ServiceView:
    """The part of a Service that a decision depends on."""

    namespace: str
    name: str
    uid: str
    created: str
    """creationTimestamp as the API server writes it: RFC 3339 in UTC, so strings sort by age."""
    resource_version: str = ""
    is_load_balancer: bool = True
    load_balancer_class: str | None = None
    families: tuple[Family, ...] = (Family.IPV4,)
    family_policy: FamilyPolicy = FamilyPolicy.SINGLE_STACK
    request: Request = NOTHING
    """What its annotations and `spec.loadBalancerIP` ask for."""
    granted_from: str = ""
    """The pool that an annotation names as the one that its address is from, if any does."""
    ports: tuple[Port, ...] = ()
    node_ports: Mapping[Port, int] = field(default_factory=dict)
    """Where nodes take each port's traffic; without those that have none."""
    source_ranges: tuple[str, ...] = ()
    """`spec.loadBalancerSourceRanges`: who may be a client; empty = everybody."""
    selector: Mapping[str, str] = field(default_factory=dict)
    """Which pods are its endpoints; empty = somebody writes the endpoints by hand."""
    external_traffic_policy: TrafficPolicy = TrafficPolicy.CLUSTER
    health_check_node_port: int | None = None
    """Where each node says whether it has a pod; only with `externalTrafficPolicy: Local`."""
    deleting: bool = False
    """Somebody's finalizer holds the Service back: it keeps what it has and gets nothing new."""
    ingress: tuple[Ingress, ...] = ()
    conditions: tuple[Mapping[str, Any], ...] = ()
    """`status.conditions` as they are, whoever wrote them."""
    generation: int | None = None
    """metadata.generation, where the API server counts it for Services."""
    labels: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[Address, ...] = field(init=False, compare=False, repr=False)
    """The addresses that the status shows, each once, in their order."""
    key: ServiceKey = field(init=False, compare=False, repr=False)
    ref: ServiceRef = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Asked for again and again while it is decided upon.
        key = ServiceKey(self.namespace, self.name)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "ref", ServiceRef(key, self.uid))
        found = dict.fromkeys([entry.address for entry in self.ingress])
        found.pop(None, None)
        object.__setattr__(self, "shown", tuple(found))

    @property
    def local(self) -> bool:
        """Whether only nodes with a pod of the Service hand its traffic on."""
        return self.external_traffic_policy is TrafficPolicy.LOCAL

    @property
    def seniority(self) -> tuple[str, str, str, str]:
        """A total order by age: of two Services with one address, the lower keeps it."""
        return (self.created, self.namespace, self.name, self.uid)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which Services are ours."""

    load_balancer_class: str = DEFAULT_LOAD_BALANCER_CLASS
    default_class: bool = True
    """Whether a Service that names no class is ours too."""

    def ours(self, service: ServiceView) -> bool:
        """Whether this installation serves the Service."""
        return service.is_load_balancer and (
            self.explicit(service) or (self.default_class and service.load_balancer_class is None)
        )

    def explicit(self, service: ServiceView) -> bool:
        """Whether the Service names our class: then nobody else may write its status."""
        return service.load_balancer_class == self.load_balancer_class
