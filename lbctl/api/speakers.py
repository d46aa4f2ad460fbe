"""Speaker: what a node can announce on, as the agent that runs there reports it."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from lbctl.api.meta import (
    LIST_ATOMIC,
    ApiModel,
    Column,
    Condition,
    Definition,
    Resource,
    list_map,
)


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


class SpeakerStatus(ApiModel):
    """What the node can announce on."""

    version: str | None = Field(default=None, max_length=128)
    """The speaker's version."""
    interfaces: list[InterfaceStatus] = Field(
        default_factory=list,
        max_length=64,
        json_schema_extra=list_map("name"),
    )
    """The interfaces that addresses can be announced on."""
    conditions: list[Condition] = Field(default_factory=list, json_schema_extra=list_map("type"))
    """Ready: whether the speaker can send and receive (reasons WireRunning, WireDown,
    NoInterface)."""


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
            Column("Version", ".status.version"),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
    )

    kind: str = "Speaker"
    """The kind."""
    status: SpeakerStatus | None = None
    """What the node can announce on."""
