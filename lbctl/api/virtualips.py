"""VirtualIP: one address, who has it, and who is to answer for it."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, ConfigDict, Field

from lbctl.api.meta import (
    LIST_ATOMIC,
    LIST_SET,
    ApiModel,
    Column,
    Condition,
    Definition,
    Resource,
    list_map,
)
from lbctl.api.rules import (
    ADDRESS_RULES,
    NAMED_AFTER_ADDRESS,
    OUTGOING_IS_NOT_FIRST,
    RELEASED_WITHOUT_SERVICE,
    RESERVED_IS_NOT_RELEASED,
    SHARED_BY_SEVERAL,
    SHARED_BY_SOMEBODY,
    UNTIL_OF_WHAT,
    validations,
)

MAX_SUCCESSION = 16
MAX_INTERFACES = 16
MAX_BURST = 16
MAX_SERVICES = 64
"""So many Services may share an address."""
MAX_PORTS = 256
"""Of one Service; `lbctl.core.allocation.sharing` lets nobody share who has more."""
MAX_NODE_PORTS = 1024
"""Of all Services at one address."""
MAX_SHARING_KEY = 253
"""Characters; `lbctl.core.objects.requests` refuses longer ones in words."""

_IP_MAX_LENGTH = 45
"""An IPv6 address fits, so that a rule refuses it that says why."""

NodeName = Annotated[str, Field(min_length=1, max_length=253)]
"""The name of a Node."""


class PortProtocol(StrEnum):
    """The protocol of a port."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class PortReference(ApiModel):
    """A port that a Service has at the address."""

    protocol: PortProtocol
    """TCP, UDP or SCTP."""
    port: int = Field(ge=1, le=65535)
    """Its number."""


class ServiceReference(ApiModel):
    """A Service that has the address."""

    namespace: str = Field(min_length=1, max_length=63)
    """Its namespace."""
    name: str = Field(min_length=1, max_length=63)
    """Its name."""
    uid: str = Field(min_length=1, max_length=128)
    """Its metadata.uid: another Service of this name is another Service."""
    ports: list[PortReference] = Field(
        default_factory=list,
        max_length=MAX_PORTS,
        json_schema_extra=list_map("protocol", "port"),
    )
    """Its ports: nobody who shares the address can have one of them. Of a Service with more than
    256, which cannot share, the first."""
    local_pods: str | None = Field(default=None, max_length=1024)
    """With externalTrafficPolicy Local the selector of its pods, like app=web,tier=gold: whoever
    shares the address must have the same. Not set: any node hands its traffic on."""


class ServiceName(ApiModel):
    """A Service that may not be there yet."""

    namespace: str = Field(min_length=1, max_length=63)
    """Its namespace."""
    name: str = Field(min_length=1, max_length=63)
    """Its name."""


class Quarantine(ApiModel):
    """Why the address is not given for a while."""

    mac: str = Field(min_length=1, max_length=17)
    """The MAC address of the host that answered for it and is none of the cluster's."""
    until: AwareDatetime = Field(json_schema_extra={"maxLength": 40})
    """Not given before this time; then the LAN is asked again."""


class ConflictStatus(ApiModel):
    """A host that is none of the cluster's and has or claims the address."""

    mac: str = Field(min_length=1, max_length=17)
    """Its MAC address."""
    node: str | None = Field(default=None, max_length=253)
    """The node that heard it."""
    since: AwareDatetime | None = None
    """When it was heard first."""


class Retention(ApiModel):
    """The Service that had the address and gets it back."""

    namespace: str = Field(min_length=1, max_length=63)
    """Its namespace."""
    name: str = Field(min_length=1, max_length=63)
    """Its name."""
    until: AwareDatetime = Field(json_schema_extra={"maxLength": 40})
    """Kept for it until this time; then the address becomes free."""


class Release(ApiModel):
    """How the address becomes free again."""

    verifier: NodeName | None = None
    """The node whose speaker asks the LAN whether anybody still answers for the address."""
    quarantine: Quarantine | None = None
    """Set when the address was taken from its Service because a foreign host answered for it."""
    cooling_until: AwareDatetime | None = Field(default=None, json_schema_extra={"maxLength": 40})
    """Not given before this time: spec.cooldown of its pool when it was let go."""
    retained_for: Retention | None = None
    """The Service that gets it back, by spec.retainFor of its pool when it was let go."""


InterfaceName = Annotated[str, Field(min_length=1, max_length=15)]
"""The name of a network interface (the kernel's IFNAMSIZ is 16, with a final zero)."""

Pause = Annotated[int, Field(ge=10, le=60_000)]
"""Milliseconds between two announcements."""


class Announcement(ApiModel):
    """When the holder tells the LAN, unasked, that the address is here."""

    burst_milliseconds: list[Pause] | None = Field(
        default=None, max_length=MAX_BURST, json_schema_extra=LIST_ATOMIC
    )
    """The pauses between the first announcements, in milliseconds: after takeover one is sent at
    once, and another after each pause. Not set: 100, 200, 700, 2000."""
    refresh_seconds: int | None = Field(default=None, ge=1, le=3600)
    """After the burst the announcement is repeated about every so many seconds. Not set: 10."""


class NodePort(ApiModel):
    """A Service's port, and where each node takes its traffic."""

    protocol: PortProtocol
    """TCP, UDP or SCTP."""
    port: int = Field(ge=1, le=65535)
    """The port at the address."""
    node_port: int = Field(ge=1, le=65535)
    """The Service's nodePort for it."""


class HandOffMode(StrEnum):
    """Who gives the traffic of an address to the cluster's proxy."""

    CLUSTER_PROXY = "ClusterProxy"
    """The proxy knows the address itself."""
    NODE_PORT = "NodePort"
    """The node that holds the address sends what comes for it to the Service's nodePorts."""


class HandOff(ApiModel):
    """What a node needs to hand over the address's traffic to the pods."""

    model_config = ConfigDict(json_schema_extra=validations(UNTIL_OF_WHAT))

    health_check_node_port: int | None = Field(default=None, ge=1, le=65535)
    """The Service's healthCheckNodePort, with externalTrafficPolicy Local: a node on which it does
    not answer 200 has no pod to hand traffic to and does not hold the address. Of several Services
    it is that of the first that has pods."""
    node_ports: list[NodePort] = Field(
        default_factory=list,
        max_length=MAX_NODE_PORTS,
        json_schema_extra=list_map("protocol", "port"),
    )
    """The nodePort of every port, for the holder to send traffic there itself: a node that cannot
    does not hold the address. Empty: the cluster's proxy knows the address."""
    node_ports_until: AwareDatetime | None = Field(
        default=None, json_schema_extra={"maxLength": 40}
    )
    """The address goes back to the cluster's proxy, and nodePorts go after this time: by then
    proxies know the address."""


class VirtualIPSpec(ApiModel):
    """Who has the address, and who is to answer for it."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            RELEASED_WITHOUT_SERVICE,
            OUTGOING_IS_NOT_FIRST,
            SHARED_BY_SEVERAL,
            SHARED_BY_SOMEBODY,
            RESERVED_IS_NOT_RELEASED,
        )
    )

    address: str = Field(
        min_length=1,
        max_length=_IP_MAX_LENGTH,
        json_schema_extra=validations(*ADDRESS_RULES),
    )
    """The address, the same as metadata.name. It cannot be changed."""
    pool: str | None = Field(default=None, max_length=253)
    """The IPAddressPool that it was given from."""
    services: list[ServiceReference] = Field(
        default_factory=list,
        max_length=MAX_SERVICES,
        json_schema_extra=list_map("uid"),
    )
    """The Services that have the address; several when they share it. Empty and no release: a
    reservation. Written by the operator."""
    sharing_key: str | None = Field(default=None, min_length=1, max_length=MAX_SHARING_KEY)
    """Services with the same lbctl.io/allow-shared-ip may join. Written by the operator."""
    reserved_for: ServiceName | None = None
    """The Service that a person keeps the address for: it gets it when it needs one, and when it
    goes the address is kept on. A reservation without this is nobody's until it is deleted."""
    succession: list[NodeName] = Field(
        default_factory=list,
        max_length=MAX_SUCCESSION,
        json_schema_extra=LIST_SET,
    )
    """The nodes that may answer for the address, in order: the first takes it when nobody holds it,
    and whoever holds it keeps it. Written by the operator."""
    interfaces: list[InterfaceName] = Field(
        default_factory=list,
        max_length=MAX_INTERFACES,
        json_schema_extra=LIST_SET,
    )
    """The network interfaces that may announce the address: on each node one of these, and first
    one whose subnet holds it. Empty: the one whose subnet holds it. Written by the operator."""
    outgoing: NodeName | None = None
    """The node that holds the address and is to hand it over: it goes on until it hears the first
    of the succession announce. Written by the operator."""
    announcement: Announcement | None = None
    """When the holder announces unasked. Written by the operator."""
    hand_off: HandOff | None = None
    """What a node needs to hand the traffic on. Written by the operator."""
    release: Release | None = None
    """The address has lost its Service and becomes free once the LAN is silent. Written by the
    operator."""
    adopted: bool | None = None
    """Whether a Service showed the address before this object was made, so that clients know it: a
    foreign host that answers for it takes it from no Service. Written by the operator."""


class VirtualIPStatus(ApiModel):
    """Who answers for the address."""

    holder: str | None = Field(default=None, max_length=253)
    """The node that answers for the address, or did last."""
    interface: str | None = Field(default=None, max_length=15)
    """The holder's network interface on which it answers."""
    mac: str | None = Field(default=None, max_length=17)
    """The MAC address that it answers with."""
    since: AwareDatetime | None = None
    """When the holder took the address."""
    hand_off: HandOffMode | None = None
    """How the holder hands the traffic on: NodePort when it sends it to spec.handOff.nodePorts.
    Not set: the cluster's proxy knows the address."""
    ever_held: bool | None = None
    """Whether any node ever answered for it. A foreign host that answers later takes it from
    no Service."""
    answered_by: str | None = Field(default=None, max_length=17)
    """The MAC address that answers for it while no node of the succession has taken it."""
    conflict: ConflictStatus | None = None
    """A foreign host that has or claims the address; absent when there is none."""
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Announced: whether the holder answers (reasons Holding, AnsweredByAnother, NotHeld).
    Planned: whether a node can (reasons Planned, NoEligibleSpeaker, NobodyToAsk, Quarantined,
    CoolingDown, Retained). InPool: whether its pool would give it to its Services today (reasons
    InPool, NotInPool, Excluded, Disabled, NamespaceNotAllowed, ServiceNotSelected, NoSuchPool and
    what is never given). Reserved, of an address without a Service: whether a person keeps it for
    one (reasons ForService, ServiceNotFound, ForNobody). HandedOn, once handOff: NodePort was asked
    for: whether the traffic is handed on as an L2Advertisement says (reasons AsAsked, NoNodePort,
    SourceRanges, TooManyPorts, NodeUnable). Released: whether the LAN is silent again
    (reasons Silent, StillAnswered). Conflict: whether a foreign host answers for it (reasons
    AnsweredByForeignHost, ClaimedByForeignHost, NoConflict)."""


class VirtualIP(Resource):
    """One address that nodes answer for on the LAN, named after itself.

    Its name is the lock: the address is taken by whoever creates the object.
    """

    model_config = ConfigDict(
        title="VirtualIP",
        json_schema_extra=validations(*NAMED_AFTER_ADDRESS),
    )
    definition: ClassVar[Definition] = Definition(
        kind="VirtualIP",
        plural="virtualips",
        singular="virtualip",
        short_names=("vip", "vips"),
        selectable=(".spec.pool", ".status.holder"),
        columns=(
            Column("Namespace", ".spec.services[0].namespace"),
            Column("Service", ".spec.services[0].name"),
            Column("Shared", ".spec.sharingKey", wide=True),
            Column("Reserved", ".spec.reservedFor.name", wide=True),
            Column("Pool", ".spec.pool"),
            Column("InPool", '.status.conditions[?(@.type=="InPool")].status', wide=True),
            Column("Holder", ".status.holder"),
            Column("Interface", ".status.interface"),
            Column("MAC", ".status.mac", wide=True),
            Column("Announced", '.status.conditions[?(@.type=="Announced")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Announced")].reason', wide=True),
            Column("Conflict", ".status.conflict.mac", wide=True),
            Column("HandOff", ".status.handOff", wide=True),
            Column("Planned", '.status.conditions[?(@.type=="Planned")].reason', wide=True),
            Column("Released", '.status.conditions[?(@.type=="Released")].reason', wide=True),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
    )

    kind: str = "VirtualIP"
    """The kind."""
    spec: VirtualIPSpec
    """Who has the address, and who is to answer for it."""
    status: VirtualIPStatus | None = None
    """Who answers for the address."""
