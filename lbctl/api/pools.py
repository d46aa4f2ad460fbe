"""IPAddressPool: the addresses that Services may get."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from lbctl.api.meta import (
    INT64,
    LIST_SET,
    ApiModel,
    Column,
    Condition,
    Definition,
    Resource,
    list_map,
)
from lbctl.api.rules import ENTRY_MAX_LENGTH, ENTRY_RULES, validations

MAX_ENTRIES = 64

Entry = Annotated[
    str,
    Field(max_length=ENTRY_MAX_LENGTH, json_schema_extra=validations(*ENTRY_RULES)),
]
"""A CIDR, a range or one address."""


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
    DHCP server or SLAAC gives."""
    disabled: bool = False
    """Whether to stop giving: Services keep the addresses that they have, and no other gets one."""


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
    """Those that can still be given: neither used nor a node's own."""
    quarantined: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """Of those in use, those that are not given because a foreign host answered for them."""


class IPAddressPoolStatus(ApiModel):
    """What became of the pool."""

    observed_generation: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """The metadata.generation that this status is about."""
    ipv4: AddressCounts | None = None
    """How many IPv4 addresses there are; absent when the pool has none."""
    ipv6: AddressCounts | None = None
    """How many IPv6 addresses there are; absent when the pool has none."""
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Ready: whether the pool gives addresses. Reasons: Ready, NodeAddressesSkipped, Disabled,
    Overlap, InvalidAddresses."""


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
            Column("Total6", ".status.ipv6.total", "integer", wide=True),
            Column("Used6", ".status.ipv6.used", "integer"),
            Column("Free6", ".status.ipv6.free", "integer", wide=True),
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
