"""VirtualIP: one address, who has it, and who is to answer for it."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, ConfigDict, Field

from lbctl.api.meta import (
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
    RELEASED_WITHOUT_SERVICE,
    validations,
)

MAX_SUCCESSION = 16
MAX_SERVICES = 1
"""One Service for an address. Sharing raises this when it comes."""

_IP_MAX_LENGTH = 45
"""An IPv6 address fits, so that a rule refuses it that says why."""

NodeName = Annotated[str, Field(min_length=1, max_length=253)]
"""The name of a Node."""


class ServiceReference(ApiModel):
    """The Service that has the address."""

    namespace: str = Field(min_length=1, max_length=63)
    """Its namespace."""
    name: str = Field(min_length=1, max_length=63)
    """Its name."""
    uid: str = Field(min_length=1, max_length=128)
    """Its metadata.uid: another Service of this name is another Service."""


class Release(ApiModel):
    """How the address becomes free again."""

    verifier: NodeName | None = None
    """The node whose speaker asks the LAN whether anybody still answers for the address."""


class VirtualIPSpec(ApiModel):
    """Who has the address, and who is to answer for it."""

    model_config = ConfigDict(json_schema_extra=validations(RELEASED_WITHOUT_SERVICE))

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
    """The Service that has the address. Empty and no release: a reservation, which no Service
    gets."""
    succession: list[NodeName] = Field(
        default_factory=list,
        max_length=MAX_SUCCESSION,
        json_schema_extra=LIST_SET,
    )
    """The nodes that may answer for the address, in order: the first takes it when nobody holds it,
    and whoever holds it keeps it. Written by the operator."""
    release: Release | None = None
    """The address has lost its Service and becomes free once the LAN is silent. Written by the
    operator."""


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
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Announced: whether the holder answers (reasons Holding, AnsweredByAnother, NotHeld).
    Planned: whether a node can (reasons Planned, NoEligibleSpeaker, NobodyToAsk). Released: whether
    the LAN is silent again (reasons Silent, StillAnswered)."""


class VirtualIP(Resource):
    """One address that nodes answer for on the LAN, named after itself.

    Its name is the lock: the address is taken by whoever creates the object.
    """

    model_config = ConfigDict(
        title="VirtualIP",
        json_schema_extra=validations(NAMED_AFTER_ADDRESS),
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
            Column("Pool", ".spec.pool"),
            Column("Holder", ".status.holder"),
            Column("Interface", ".status.interface"),
            Column("MAC", ".status.mac", wide=True),
            Column("Announced", '.status.conditions[?(@.type=="Announced")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Announced")].reason', wide=True),
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
