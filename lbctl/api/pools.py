"""IPAddressPool: the addresses that Services may get."""

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
from lbctl.api.rules import (
    DURATION_RULE,
    ENTRY_MAX_LENGTH,
    ENTRY_RULES,
    NAMESPACE_RULE,
    validations,
)
from lbctl.api.selectors import MAX_SELECTORS, LabelSelector

MAX_ENTRIES = 64
MAX_NAMESPACES = 256

Entry = Annotated[
    str,
    Field(max_length=ENTRY_MAX_LENGTH, json_schema_extra=validations(*ENTRY_RULES)),
]
"""A CIDR, a range or one address."""


Namespace = Annotated[
    str,
    Field(min_length=1, max_length=63, json_schema_extra=validations(NAMESPACE_RULE)),
]
"""The name of a namespace."""


Duration = Annotated[str, Field(max_length=23, json_schema_extra=validations(DURATION_RULE))]
"""Whole seconds, as Kubernetes writes them: 90s, 10m, 1h30m."""


class OnRemoval(StrEnum):
    """What becomes of an address that was given and that the pool would not give any more."""

    KEEP = "Keep"
    REASSIGN = "Reassign"


class Sharing(StrEnum):
    """Which Services may have one address of the pool together."""

    WITHIN_NAMESPACE = "WithinNamespace"
    ACROSS_NAMESPACES = "AcrossNamespaces"


class PoolAllocation(ApiModel):
    """Who may have addresses of the pool, and when it is asked."""

    priority: int | None = Field(default=None, ge=1, le=1_000_000)
    """Lower is asked first. Not set: after all that have one. Before that, pools whose selectors
    mean the Service are asked; after that, pools are asked by name."""
    namespaces: list[Namespace] = Field(
        default_factory=list, max_length=MAX_NAMESPACES, json_schema_extra=LIST_SET
    )
    """The namespaces whose Services may have addresses. Neither these nor namespaceSelectors: all
    namespaces."""
    namespace_selectors: list[LabelSelector] = Field(
        default_factory=list, max_length=MAX_SELECTORS, json_schema_extra=LIST_ATOMIC
    )
    """The namespaces that one of these selects are meant too. A selector that matches none grants
    nothing."""
    service_selectors: list[LabelSelector] = Field(
        default_factory=list, max_length=MAX_SELECTORS, json_schema_extra=LIST_ATOMIC
    )
    """Only Services that one of these selects, in those namespaces. Empty: all Services."""
    quota_per_namespace: int | None = Field(default=None, ge=1, le=1_000_000)
    """How many addresses of the pool, of both families together, the Services of one namespace may
    have. Not set: any number. Lowering it takes nothing away."""
    sharing: Sharing = Sharing.WITHIN_NAMESPACE
    """Which Services with the same lbctl.io/allow-shared-ip may have one address together. Within
    a namespace: who may write Services elsewhere cannot take a port of it. AcrossNamespaces lets
    Services of all namespaces that the pool is for share."""


class IPAddressPoolSpec(ApiModel):
    """What the pool may give."""

    addresses: list[Entry] = Field(
        min_length=1,
        max_length=MAX_ENTRIES,
        json_schema_extra=LIST_SET,
    )
    """The addresses, IPv4 or IPv6 or both: CIDRs (172.16.110.96/28, fd00:110::100/120), ranges
    (172.16.110.100-172.16.110.119) and single addresses. Every address of them is used, lowest
    first, but for the first one of an IPv6 CIDR, which routers may answer for (RFC 4291 section
    2.6.1); entries may overlap each other. They must be free on the LAN and outside of what its
    DHCP server or SLAAC gives. Never given are nodes' own addresses and their default gateways."""
    exclude: list[Entry] = Field(
        default_factory=list,
        max_length=MAX_ENTRIES,
        json_schema_extra=LIST_SET,
    )
    """Addresses that are not in the pool after all, in the same forms. Another pool may have
    them."""
    auto_assign: bool = True
    """Whether Services get addresses that do not ask for this pool by name. If not, only those do
    that name it, or one of its addresses, in an annotation."""
    avoid_buggy_ips: bool = Field(default=False, alias="avoidBuggyIPs")
    """Whether to leave out IPv4 addresses that end in .0 or .255, which some old clients take for
    a network's or for broadcast."""
    allow_subnet_edges: bool = False
    """Whether to give the network and broadcast addresses of the subnets that nodes are in too.
    Only where none of these subnets is the LAN's: hosts do not answer to, nor ask for, theirs."""
    disabled: bool = False
    """Whether to stop giving: Services keep the addresses that they have, and no other gets one."""
    cooldown: Duration = "0s"
    """How long an address rests after its Service is gone, or has left it: like 90s, 10m or 24h.
    Nobody gets it before. To give it up earlier, delete its VirtualIP."""
    retain_for: Duration = "0s"
    """How long an address is kept for its Service after that is gone: a Service that is created
    under the same namespace and name within that time gets it back. Like 10m or 24h."""
    on_removal: OnRemoval = OnRemoval.KEEP
    """What becomes of an address that was given, after an edit of the pool (or of a namespace's
    labels) by which it would not be given any more. Keep: its Service keeps it. Reassign: its
    Service gets another one, and moves to it once that is announced. Either way it works until
    then, and its VirtualIP and Service say so. With disabled: true, Reassign empties the pool."""
    allocation: PoolAllocation | None = None
    """Who may have addresses of the pool, and when it is asked. Not set: every Service."""


class AddressCounts(ApiModel):
    """How many addresses there are, and what became of them.

    An IPv6 pool can have more than a number of JSON holds: 9007199254740991 stands for that many
    and more (2^53 - 1, RFC 8259 section 6).
    """

    total: int = Field(ge=0, json_schema_extra=INT64)
    """The addresses that the pool names."""
    used: int = Field(ge=0, json_schema_extra=INT64)
    """Those that have a VirtualIP, or that a Service shows."""
    free: int = Field(ge=0, json_schema_extra=INT64)
    """Those that can still be given."""
    excluded: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """Those that are never given: by spec.exclude or spec.avoidBuggyIPs, or because they are a
    node's own, a default gateway, the network or broadcast address of a subnet, or in a range that
    the cluster uses for pods or Services. Each address is used, free or excluded."""
    quarantined: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """Of those in use, those that are not given because a foreign host answered for them."""
    cooling_down: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """Of those in use, those that no Service has any more and that rest (spec.cooldown)."""
    reserved: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """Of those in use, those that no Service has and that are kept for one: by a VirtualIP that a
    person made, or by spec.retainFor."""


class IPAddressPoolStatus(ApiModel):
    """What became of the pool."""

    observed_generation: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """The metadata.generation that this status is about."""
    ipv4: AddressCounts | None = None
    """How many IPv4 addresses there are; absent when the pool has none."""
    ipv6: AddressCounts | None = None
    """How many IPv6 addresses there are; absent when the pool has none."""
    rebalanced: str | None = None
    """The last value of the annotation lbctl.io/rebalance that was carried out: no address of the
    pool moves for it any more."""
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Ready: whether the pool gives addresses. Reasons: Ready, AddressesSkipped, NotAdvertised,
    Disabled, Overlap, InvalidAddresses. Rebalanced, once somebody asked for it: whether it is done.
    Reasons: Moving, Balanced, Withdrawn."""


class IPAddressPool(Resource):
    """Addresses of the LAN that Services of type LoadBalancer may get."""

    model_config = ConfigDict(title="IPAddressPool")
    definition: ClassVar[Definition] = Definition(
        kind="IPAddressPool",
        plural="ipaddresspools",
        singular="ipaddresspool",
        short_names=("ippool", "ippools"),
        columns=(
            Column("Addresses", ".spec.addresses"),
            Column("Total", ".status.ipv4.total", "integer"),
            Column("Used", ".status.ipv4.used", "integer"),
            Column("Free", ".status.ipv4.free", "integer"),
            Column("Excluded", ".status.ipv4.excluded", "integer", wide=True),
            Column("Cooling", ".status.ipv4.coolingDown", "integer", wide=True),
            Column("Reserved", ".status.ipv4.reserved", "integer", wide=True),
            Column("Total6", ".status.ipv6.total", "integer", wide=True),
            Column("Used6", ".status.ipv6.used", "integer"),
            Column("Free6", ".status.ipv6.free", "integer", wide=True),
            Column("Auto", ".spec.autoAssign", "boolean"),
            Column("Priority", ".spec.allocation.priority", "integer", wide=True),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
    )

    kind: str = "IPAddressPool"
    """The kind."""
    spec: IPAddressPoolSpec
    """What the pool may give."""
    status: IPAddressPoolStatus | None = None
    """What became of the pool."""
