"""L2Advertisement: which nodes announce which addresses, and how. Optional."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from lbctl.api.meta import (
    INT64,
    LIST_ATOMIC,
    LIST_SET,
    ApiModel,
    Column,
    Condition,
    Definition,
    Resource,
    list_map,
)
from lbctl.api.rules import FAIL_BACK_TO_WHOM, HOLD_OFF_OF_WHAT, validations
from lbctl.api.selectors import MAX_SELECTORS, LabelKey, LabelSelector, LabelValue
from lbctl.api.virtualips import MAX_INTERFACES, Announcement, HandOffMode, InterfaceName

MAX_POOLS = 64
MAX_PREFERENCES = 16
MAX_TAINTS = 16

PoolName = Annotated[str, Field(min_length=1, max_length=253)]
"""The name of an IPAddressPool."""


class PreferredNodes(ApiModel):
    """Nodes that are to come first."""

    weight: int = Field(ge=1, le=100)
    """How much: a node's weight is the sum of those that select it, and more goes first."""
    node_selector: LabelSelector
    """Which nodes."""


class TaintEffect(StrEnum):
    """What a taint does to pods."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class AvoidedTaint(ApiModel):
    """A taint that keeps a node from announcing."""

    key: LabelKey
    """The taint's key."""
    value: LabelValue | None = None
    """The taint's value. Not set: any."""
    effect: TaintEffect | None = None
    """The taint's effect. Not set: any."""


class Failback(StrEnum):
    """Whether a preferred node gets its addresses back."""

    NEVER = "Never"
    AFTER_HOLD_OFF = "AfterHoldOff"


class L2AdvertisementSpec(ApiModel):
    """Which addresses this is about, which nodes announce them, and how."""

    model_config = ConfigDict(json_schema_extra=validations(HOLD_OFF_OF_WHAT, FAIL_BACK_TO_WHOM))

    ip_address_pools: list[PoolName] = Field(
        default_factory=list, max_length=MAX_POOLS, json_schema_extra=LIST_SET
    )
    """The IPAddressPools, by name. Neither these nor ipAddressPoolSelectors: all pools."""
    ip_address_pool_selectors: list[LabelSelector] = Field(
        default_factory=list, max_length=MAX_SELECTORS, json_schema_extra=LIST_ATOMIC
    )
    """The IPAddressPools that one of these selects are meant too."""
    service_selectors: list[LabelSelector] = Field(
        default_factory=list, max_length=MAX_SELECTORS, json_schema_extra=LIST_ATOMIC
    )
    """Only the addresses of Services that one of these selects. Empty: of all Services."""
    node_selectors: list[LabelSelector] = Field(
        default_factory=list, max_length=MAX_SELECTORS, json_schema_extra=LIST_ATOMIC
    )
    """Only nodes that one of these selects announce. Empty: all nodes."""
    avoided_taints: list[AvoidedTaint] = Field(
        default_factory=list, max_length=MAX_TAINTS, json_schema_extra=LIST_ATOMIC
    )
    """Nodes with one of these taints do not announce; what they hold moves. Other taints
    change nothing, that of a cordon included; only lbctl.io/drain always drains a node."""
    interfaces: list[InterfaceName] = Field(
        default_factory=list, max_length=MAX_INTERFACES, json_schema_extra=LIST_SET
    )
    """The network interfaces that may announce: on each node the first of these whose subnet holds
    the address, else the first with a carrier. Empty: the one whose subnet holds the address."""
    preferred_nodes: list[PreferredNodes] = Field(
        default_factory=list, max_length=MAX_PREFERENCES, json_schema_extra=LIST_ATOMIC
    )
    """Nodes that come first when an address is placed, as long as they do not carry much more than
    their share: ceil(addresses / nodes) + 1."""
    announcement: Announcement | None = None
    """When the holder announces unasked."""
    hand_off: HandOffMode | None = None
    """How the holder hands the traffic on. ClusterProxy: the cluster's proxy knows the address.
    NodePort: the holder sends it to the Services' nodePorts, and clients in the cluster take the
    same way as those outside; the chart's handOff.nodePort.enabled must be true. Where that cannot
    be, the address stays with the proxy, and the condition HandedOn of its VirtualIP says why. Of
    several L2Advertisements the oldest that says it decides. Not set: ClusterProxy."""
    failback: Failback = Failback.NEVER
    """Whether an address moves to a node that is preferred to its holder: Never, or AfterHoldOff,
    when that node has been well for so long. The move loses no request."""
    hold_off_seconds: int | None = Field(default=None, ge=0, le=86_400)
    """For how long, in seconds. Not set: 300."""


class L2AdvertisementStatus(ApiModel):
    """What it selects."""

    observed_generation: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """The metadata.generation that this status is about."""
    pools: int | None = Field(default=None, ge=0)
    """The IPAddressPools that it selects."""
    nodes: int | None = Field(default=None, ge=0)
    """The nodes with a speaker that it selects."""
    addresses: int | None = Field(default=None, ge=0)
    """The addresses of Services that it matches."""
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Ready: whether addresses can be announced by it. Reasons: Ready, PoolNotFound,
    TimingsOverridden, SelectsNoPool, SelectsNoNode, InterfaceNotFound."""


class L2Advertisement(Resource):
    """Which nodes announce which addresses, and how.

    Without any, every node announces the addresses of every pool. With some, an address that none
    of them matches is not announced.
    """

    model_config = ConfigDict(title="L2Advertisement")
    definition: ClassVar[Definition] = Definition(
        kind="L2Advertisement",
        plural="l2advertisements",
        singular="l2advertisement",
        short_names=("l2ad", "l2ads"),
        columns=(
            Column("Pools", ".status.pools", "integer"),
            Column("Nodes", ".status.nodes", "integer"),
            Column("Addresses", ".status.addresses", "integer"),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
            Column("Failback", ".spec.failback", wide=True),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
    )

    kind: str = "L2Advertisement"
    """The kind."""
    spec: L2AdvertisementSpec = Field(default_factory=L2AdvertisementSpec)
    """Which addresses this is about, which nodes announce them, and how."""
    status: L2AdvertisementStatus | None = None
    """What it selects."""
