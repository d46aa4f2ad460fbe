"""Speaker: what a node can announce on, and whose life it watches."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, ConfigDict, Field

from lbctl.api.meta import (
    LIST_ATOMIC,
    ApiModel,
    Column,
    Condition,
    Definition,
    Resource,
    list_map,
)

MAX_PARTNERS = 64

_IP_MAX_LENGTH = 45
"""An IPv6 address fits."""


class Partner(ApiModel):
    """The speaker of another node, as it is reached on a LAN that both are on."""

    node: str = Field(min_length=1, max_length=253)
    """Its node."""
    address: str = Field(min_length=1, max_length=_IP_MAX_LENGTH)
    """The address that it has on that LAN, IPv4 or IPv6."""
    mac: str = Field(default="", max_length=17)
    """The MAC address of its interface there."""
    interface: str = Field(default="", max_length=15)
    """This node's own interface on that LAN, which the session runs on. Empty: the one in the
    subnet of the address."""


class SpeakerSpec(ApiModel):
    """Whose life the speaker watches. Written by the operator."""

    partners: list[Partner] = Field(
        default_factory=list,
        max_length=MAX_PARTNERS,
        json_schema_extra=LIST_ATOMIC,
    )
    """The speakers that this one exchanges BFD packets with (RFC 5880), to notice within a
    fraction of a second that one of them died. One row for each partner and LAN."""


class SessionState(StrEnum):
    """What BFD says of a partner."""

    NEVER_UP = "NeverUp"
    """It has not been heard since the session began: it is not there, or a firewall is."""
    UP = "Up"
    DOWN = "Down"
    """It was up and fell silent."""
    ADMIN_DOWN = "AdminDown"
    """It said that it is being stopped."""


class PartnerStatus(ApiModel):
    """A partner as it is seen from here, on one LAN."""

    node: str = Field(min_length=1, max_length=253)
    """Its node."""
    interface: str = Field(default="", max_length=15)
    """This node's own interface on that LAN."""
    address: str = Field(default="", max_length=_IP_MAX_LENGTH)
    """The address that the partner has there."""
    state: SessionState
    """NeverUp: not heard since the session began. Up: alive. Down: it was alive and fell silent.
    AdminDown: it said that it is being stopped."""
    since: AwareDatetime | None = None
    """When it came to this state."""
    answers: bool | None = None
    """After a death: whether the partner's own address still answered ARP or NS. If it did, its
    speaker is gone and not the node. Absent while that is not known."""


class InterfaceStatus(ApiModel):
    """A network interface of the node."""

    name: str = Field(min_length=1, max_length=15)
    """Its name."""
    mac: str = Field(default="", max_length=17)
    """Its MAC address."""
    addresses: list[Annotated[str, Field(max_length=49)]] = Field(
        default_factory=list,
        max_length=256,
        json_schema_extra=LIST_ATOMIC,
    )
    """Its addresses with their prefix lengths, like 172.16.110.11/24."""
    carrier: bool = False
    """Whether its link is up."""
    gateways: list[Annotated[str, Field(max_length=_IP_MAX_LENGTH)]] = Field(
        default_factory=list,
        max_length=16,
        json_schema_extra=LIST_ATOMIC,
    )
    """The routers that the node sends to by this interface by default: no Service gets their
    addresses. Link-local ones are left out."""


class SpeakerStatus(ApiModel):
    """What the node can announce on, and which partners it sees alive."""

    version: str | None = Field(default=None, max_length=128)
    """The speaker's version."""
    interfaces: list[InterfaceStatus] = Field(
        default_factory=list,
        max_length=64,
        json_schema_extra=list_map("name"),
    )
    """The interfaces that addresses can be announced on."""
    partners: list[PartnerStatus] = Field(
        default_factory=list,
        max_length=MAX_PARTNERS,
        json_schema_extra=LIST_ATOMIC,
    )
    """The partners, and whether they live: one row for each partner and LAN."""
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Ready: whether the speaker can send and receive (reasons WireRunning, WireDown,
    NoInterface). PartnersReachable: whether the partners that live are heard by BFD (reasons
    Reachable, BFDBlocked: a firewall drops its packets, LANSilent: nothing passes on one of
    several LANs). HandOffReady: whether the node's proxy
    takes the traffic from there (reasons ProxyHealthy, ProxyUnhealthy, ProxySilent, NodeLeaving;
    Unknown for NoProxyHealth and NotChecked, and then the node holds addresses as others do).
    NodePortReady, where the chart's handOff.nodePort.enabled is true: whether the node can send
    traffic to NodePorts itself (reasons TableInPlace, TableRepaired, NoPermission, NoNftables,
    NoNodeAddress, KernelRefused).
    About the node's settings, each False with the command that mends it: KernelSilent,
    ReversePathOpen, Forwarding, RouterAdvertisementsHeard and InterfacesSound; they change no
    plan."""


class Speaker(Resource):
    """The speaker of the node of this name. It registers itself and goes away with its Node."""

    model_config = ConfigDict(title="Speaker")
    definition: ClassVar[Definition] = Definition(
        kind="Speaker",
        plural="speakers",
        singular="speaker",
        columns=(
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            Column("Interface", ".status.interfaces[0].name"),
            Column("MAC", ".status.interfaces[0].mac"),
            Column("Addresses", ".status.interfaces[*].addresses", wide=True),
            Column("Partners", '.status.conditions[?(@.type=="PartnersReachable")].status'),
            Column("HandOff", '.status.conditions[?(@.type=="HandOffReady")].status'),
            Column("Version", ".status.version"),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
    )

    kind: str = "Speaker"
    """The kind."""
    spec: SpeakerSpec | None = None
    """Whose life the speaker watches. Written by the operator."""
    status: SpeakerStatus | None = None
    """What the node can announce on, and which partners it sees alive."""
