"""What all kinds share: metadata, conditions, and what a model says to the API server."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "lbctl.io"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"
INT64: dict[str, Any] = {"format": "int64"}
"""Kubernetes counts in int64."""


class ApiModel(BaseModel):
    """A part of a stored object. Fields of a newer version survive reading and writing."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="allow",
        use_attribute_docstrings=True,
    )

    def to_object(self) -> dict[str, Any]:
        """The JSON that the API server stores: absent fields are left out, never null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class OwnerReference(ApiModel):
    """An object that this one goes away with (metav1.OwnerReference)."""

    api_version: str
    """The owner's API group and version."""
    kind: str
    """The owner's kind."""
    name: str
    """The owner's name."""
    uid: str
    """The owner's uid: a namesake of tomorrow does not count."""


class ObjectMeta(ApiModel):
    """The part of metav1.ObjectMeta that lbctl reads or writes. The rest survives as it is."""

    name: str
    """The object's name."""
    uid: str | None = None
    """Set by the API server. It is never used again, unlike the name."""
    resource_version: str | None = None
    """Set by the API server at each write."""
    generation: int | None = None
    """Set by the API server, and raised at each change of the spec."""
    creation_timestamp: AwareDatetime | None = None
    """Set by the API server."""
    labels: dict[str, str] | None = None
    """What selectors look at."""
    owner_references: list[OwnerReference] | None = None
    """The objects that this one goes away with."""


class ConditionStatus(StrEnum):
    """What is known of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One aspect of the object's state (metav1.Condition)."""

    type: str = Field(max_length=316)
    """The aspect, in CamelCase."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: str = Field(max_length=1024, min_length=1)
    """Why, as one word in CamelCase for programs."""
    message: str = Field(default="", max_length=32768)
    """Why, as a sentence for people."""
    last_transition_time: AwareDatetime
    """When the status last changed from one value to another."""
    observed_generation: int | None = Field(default=None, ge=0, json_schema_extra=INT64)
    """The metadata.generation that was looked at. An older one says nothing of the present spec."""


def list_map(*keys: str) -> dict[str, Any]:
    """The schema of a list whose items are told apart by `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
"""The schema of a list in which nothing comes twice. Its order is kept."""

LIST_ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""The schema of a list that is always written as a whole."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False
    """Shown with `-o wide` only."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a CRD says besides its schema."""

    kind: str
    plural: str
    singular: str
    columns: tuple[Column, ...]
    short_names: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    """Fields that a field selector may name, as JSON paths."""


class Resource(ApiModel):
    """A kind of the API: cluster-scoped, with a status that is written apart from the spec."""

    definition: ClassVar[Definition]

    api_version: str = API_VERSION
    """The API group and version."""
    kind: str
    """The kind."""
    metadata: ObjectMeta
    """Name, labels and what the API server adds."""

    @classmethod
    def from_object(cls, obj: dict[str, Any]) -> Self:
        """Read what the API server sent."""
        return cls.model_validate(obj)
