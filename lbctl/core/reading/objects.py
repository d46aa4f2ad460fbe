"""From the JSON of the API server to the views that decisions read. Missing fields are no surprise.

A dict in, a frozen view out: a few microseconds an object, where a full model costs ten times that.
The speaker's agent uses this too, and must stay small.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_interface, ip_network
from typing import Any

from lbctl.core.addresses import (
    Address,
    Family,
    InterfaceAddress,
    Subnet,
    address_of,
    family_of,
    parse,
)
from lbctl.core.labels import DRAIN, EXCLUDE_LABEL, NETWORK_UNAVAILABLE, ZONE_LABEL
from lbctl.core.objects import requests
from lbctl.core.objects.endpoints import Endpoint, SliceView
from lbctl.core.objects.requests import LBCTL, Dialect
from lbctl.core.objects.services import (
    FamilyPolicy,
    Ingress,
    Port,
    ServiceKey,
    ServiceRef,
    ServiceView,
    TrafficPolicy,
)
from lbctl.core.objects.speakers import InterfaceView, NodeView, PartnerReport, SpeakerView, Taint
from lbctl.core.objects.virtualips import (
    UNTIMED,
    Conflict,
    HandOff,
    Quarantine,
    Release,
    ReleasedCondition,
    Retention,
    Terms,
    Timings,
    VirtualIPView,
)
from lbctl.core.outcomes import (
    AnnouncedReason,
    ConditionType,
    ConflictReason,
    Liveness,
    NodePortReason,
    PartnerState,
)

Json = Mapping[str, Any]
"""An object as the API server sends it."""


def service_view(obj: Json, dialect: Dialect = LBCTL) -> ServiceView:
    """Read a Service of any type."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    annotations: Json = meta.get("annotations") or {}
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    return ServiceView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        created=meta.get("creationTimestamp") or "",
        resource_version=meta.get("resourceVersion") or "",
        is_load_balancer=spec.get("type") == "LoadBalancer",
        load_balancer_class=spec.get("loadBalancerClass"),
        families=tuple(Family(family) for family in spec.get("ipFamilies") or ["IPv4"]),
        family_policy=FamilyPolicy(spec.get("ipFamilyPolicy") or "SingleStack"),
        request=requests.read(annotations, spec.get("loadBalancerIP") or "", dialect),
        granted_from=annotations.get(dialect.granted_from, ""),
        ports=tuple(_port(entry) for entry in spec.get("ports") or ()),
        node_ports={
            _port(entry): entry["nodePort"]
            for entry in spec.get("ports") or ()
            if entry.get("nodePort")
        },
        source_ranges=tuple(spec.get("loadBalancerSourceRanges") or ()),
        selector=spec.get("selector") or {},
        external_traffic_policy=TrafficPolicy(spec.get("externalTrafficPolicy") or "Cluster"),
        health_check_node_port=spec.get("healthCheckNodePort"),
        deleting="deletionTimestamp" in meta,
        ingress=tuple(_ingress(entry) for entry in balancer.get("ingress") or ()),
        conditions=tuple((obj.get("status") or {}).get("conditions") or ()),
        generation=meta.get("generation"),
        labels=meta.get("labels") or {},
    )


def _port(entry: Json) -> Port:
    return Port(entry.get("protocol") or "TCP", entry["port"])


def _ingress(entry: Json) -> Ingress:
    return Ingress(entry.get("ip", ""), entry.get("hostname", ""), entry.get("ipMode", ""))


SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""


def slice_view(obj: Json) -> SliceView | None:
    """Read an EndpointSlice; None when it belongs to no Service, or holds names."""
    meta = obj["metadata"]
    service = (meta.get("labels") or {}).get(SERVICE_NAME_LABEL)
    try:
        family = Family(obj.get("addressType") or "")
    except ValueError:
        return None  # FQDN
    if not service:
        return None
    endpoints = frozenset(_endpoints(obj.get("endpoints") or ()))
    ordered = sorted(endpoints, key=lambda one: (one.node, one.ready, one.draining))
    return SliceView(ServiceKey(meta["namespace"], service), family, tuple(ordered))


def _endpoints(entries: Iterable[Json]) -> Iterator[Endpoint]:
    for entry in entries:
        if node := entry.get("nodeName"):
            said = entry.get("conditions") or {}
            # Unknown is ready; and who is ready serves (discovery.k8s.io/v1 EndpointConditions).
            ready = said.get("ready") is not False
            serving = ready if said.get("serving") is None else bool(said["serving"])
            yield Endpoint(node, ready, draining=serving and bool(said.get("terminating")))


def named_after_address(virtual_ip: Json) -> bool:
    """Whether a VirtualIP is of a kind that this version knows: a newer one may make others."""
    return address_of(virtual_ip["metadata"]["name"]) is not None


def virtual_ip_view(obj: Json) -> VirtualIPView:
    """Read a VirtualIP.

    Raises:
        ValueError: it is not named after an address. The API server refuses such objects.
    """
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    address = address_of(meta["name"])
    if address is None:
        raise ValueError(f"{meta['name']} is no name of a VirtualIP")
    services = spec.get("services") or ()
    release, reserved_for = spec.get("release"), spec.get("reservedFor")
    hand_off = spec.get("handOff") or {}
    return VirtualIPView(
        address=address,
        uid=meta.get("uid") or "",
        resource_version=meta.get("resourceVersion") or "",
        generation=meta.get("generation") or 1,
        pool=spec.get("pool"),
        services=tuple(_service_ref(entry) for entry in services),
        terms={entry["uid"]: _terms(entry) for entry in services},
        sharing_key=spec.get("sharingKey") or "",
        reserved_for=None
        if reserved_for is None
        else ServiceKey(reserved_for["namespace"], reserved_for["name"]),
        succession=tuple(spec.get("succession") or ()),
        interfaces=tuple(spec.get("interfaces") or ()),
        outgoing=spec.get("outgoing") or None,
        timings=timings(spec.get("announcement")),
        health_check_node_port=hand_off.get("healthCheckNodePort"),
        node_ports={_port(each): each["nodePort"] for each in hand_off.get("nodePorts") or ()},
        node_ports_until=hand_off.get("nodePortsUntil") or "",
        release=None if release is None else _release(release),
        labels=frozenset(meta.get("labels") or ()),
        holder=status.get("holder") or None,
        released=_released(condition(obj, ConditionType.RELEASED)),
        conflict=_conflict(obj),
        adopted=bool(spec.get("adopted")),
        answered_by=status.get("answeredBy") or "",
        handed_on=hand_off_of(status) or HandOff.CLUSTER_PROXY,
        ever_held=bool(status.get("everHeld")),
        answered_by_another=_answered_by_another(condition(obj, ConditionType.ANNOUNCED) or {}),
    )


def timings(entry: Json | None) -> Timings:
    """Read an `announcement`, of a VirtualIP or of an L2Advertisement."""
    if entry is None:
        return UNTIMED
    burst = entry.get("burstMilliseconds")
    return Timings(None if burst is None else tuple(burst), entry.get("refreshSeconds"))


def hand_off_of(entry: Json) -> HandOff | None:
    """Read `handOff`; None when it is not said, or is one that only a newer version knows."""
    said = entry.get("handOff")
    return next((one for one in HandOff if one == said), None)


def _service_ref(entry: Json) -> ServiceRef:
    return ServiceRef(ServiceKey(entry["namespace"], entry["name"]), entry["uid"])


def _terms(entry: Json) -> Terms:
    return Terms(tuple(_port(port) for port in entry.get("ports") or ()), entry.get("localPods"))


def _release(entry: Json) -> Release:
    quarantine = entry.get("quarantine")
    kept = entry.get("retainedFor")
    return Release(
        entry.get("verifier") or None,
        None if quarantine is None else Quarantine(quarantine["mac"], quarantine["until"]),
        entry.get("coolingUntil") or "",
        None if kept is None else Retention(kept["namespace"], kept["name"], kept["until"]),
    )


def _conflict(obj: Json) -> Conflict | None:
    found = condition(obj, ConditionType.CONFLICT) or {}
    said = (obj.get("status") or {}).get("conflict") or {}
    if found.get("status") != "True" or found.get("reason") not in {*ConflictReason}:
        return None
    reason = ConflictReason(found["reason"])
    return Conflict(said.get("mac") or "", reason, found.get("message") or "")


def _answered_by_another(found: Json) -> str:
    another = found.get("reason") == AnnouncedReason.ANSWERED_BY_ANOTHER
    return found.get("message") or "" if another else ""


def _released(found: Json | None) -> ReleasedCondition | None:
    if found is None:
        return None
    return ReleasedCondition(
        silent=found.get("status") == "True",
        observed_generation=found.get("observedGeneration") or 0,
        message=found.get("message") or "",
    )


def speaker_view(obj: Json) -> SpeakerView:
    """Read a Speaker."""
    status = obj.get("status") or {}
    ready = condition(obj, ConditionType.READY) or {}
    hand_off = condition(obj, ConditionType.HAND_OFF_READY) or {}
    hands_off = hand_off.get("status") != "False"
    node_port = condition(obj, ConditionType.NODE_PORT_READY) or {}
    # Which address it is that the node has none of its family for, the operator knows itself.
    rewrites = node_port.get("reason") == NodePortReason.NO_NODE_ADDRESS
    rewrites |= node_port.get("status") == "True"
    return SpeakerView(
        node=obj["metadata"]["name"],
        interfaces=tuple(_interface(entry) for entry in status.get("interfaces") or ()),
        ready=ready.get("status") != "False",
        message=ready.get("message") or "",
        reports=tuple(_reports(status.get("partners") or ())),
        hand_off_ready=hands_off,
        hand_off_message="" if hands_off else hand_off.get("message") or "",
        node_port_ready=rewrites,
        node_port_message="" if rewrites else node_port.get("message") or "",
        version=status.get("version") or "",
    )


def _reports(entries: Iterable[Json]) -> Iterator[PartnerReport]:
    for entry in entries:
        # A newer speaker may have a state that this version does not know.
        with suppress(ValueError):
            yield PartnerReport(entry["node"], PartnerState(entry["state"]), entry.get("answers"))


def _interface(entry: Json) -> InterfaceView:
    addresses: list[InterfaceAddress] = []
    for text in entry.get("addresses") or ():
        with suppress(ValueError):
            addresses.append(ip_interface(text))
    return InterfaceView(
        name=entry["name"],
        mac=entry.get("mac") or "",
        addresses=tuple(addresses),
        carrier=bool(entry.get("carrier", True)),
        gateways=tuple(a for text in entry.get("gateways") or () if (a := parse(text)) is not None),
    )


def pod_ranges(node: Json) -> tuple[Subnet, ...]:
    """The networks that a Node gives its pods addresses of."""
    return tuple(_networks((node.get("spec") or {}).get("podCIDRs") or ()))


def service_ranges(obj: Json) -> tuple[Subnet, ...]:
    """The networks that a ServiceCIDR gives Services' cluster IPs of."""
    return tuple(_networks((obj.get("spec") or {}).get("cidrs") or ()))


def _networks(texts: Iterable[str]) -> Iterator[Subnet]:
    for text in texts:
        with suppress(ValueError):
            yield ip_network(text, strict=False)


def node_view(
    name: str, speaker: SpeakerView | None, liveness: Liveness, node: Json | None = None
) -> NodeView:
    """Put together what is known of a node; without its Node object nothing is held against it."""
    if node is None:
        return NodeView(name, speaker, liveness)
    labels = node["metadata"].get("labels") or {}
    taints = tuple(
        Taint(entry["key"], entry.get("value") or "", entry.get("effect") or "")
        for entry in (node.get("spec") or {}).get("taints") or ()
    )
    ready = condition(node, ConditionType.READY) or {}
    network = condition(node, NETWORK_UNAVAILABLE) or {}
    return NodeView(
        name,
        speaker,
        liveness,
        ready=ready.get("status", "True") == "True",
        network_available=network.get("status") != "True",
        excluded=EXCLUDE_LABEL in labels,
        draining=labels.get(DRAIN, "false") != "false" or any(t.key == DRAIN for t in taints),
        taints=taints,
        labels=labels,
        zone=labels.get(ZONE_LABEL) or "",
        families=frozenset(_families(node)),
    )


def _families(node: Json) -> Iterator[Family]:
    """Of the Node's InternalIPs."""
    for entry in (node.get("status") or {}).get("addresses") or ():
        if (
            entry.get("type") == "InternalIP"
            and (address := parse(entry.get("address") or "")) is not None
        ):
            yield family_of(address)


def node_identity(node: Json | None) -> frozenset[Address]:
    """The addresses by which a Node is known (`status.addresses`)."""
    found: set[Address] = set()
    status = (node or {}).get("status") or {}
    for entry in status.get("addresses") or ():
        if (address := parse(entry.get("address") or "")) is not None:
            found.add(address)
    return frozenset(found)


def node_addresses(node: Json | None, speaker: SpeakerView | None) -> frozenset[Address]:
    """The addresses that are a node's own, by its Node and by its Speaker."""
    interfaces = () if speaker is None else speaker.interfaces
    return node_identity(node).union(
        own.ip for interface in interfaces for own in interface.addresses
    )


def condition(obj: Json, kind: str) -> Json | None:
    """The condition of this type, if the object has it."""
    conditions: Iterable[Json] = (obj.get("status") or {}).get("conditions") or ()
    return next((found for found in conditions if found.get("type") == kind), None)
