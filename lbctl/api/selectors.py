"""Label selectors, as in metav1.LabelSelector."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from lbctl.api.meta import LIST_ATOMIC, ApiModel
from lbctl.api.rules import LABEL_KEY_RULE, LABEL_VALUE_RULE, VALUES_BY_OPERATOR, validations

MAX_SELECTORS = 16
MAX_REQUIREMENTS = 8
MAX_VALUES = 32
_KEY_LENGTH = 317

LabelKey = Annotated[
    str, Field(min_length=1, max_length=_KEY_LENGTH, json_schema_extra=validations(LABEL_KEY_RULE))
]
"""The key of a label or a taint."""

LabelValue = Annotated[str, Field(max_length=63, json_schema_extra=validations(LABEL_VALUE_RULE))]
"""The value of a label or a taint."""


class SelectorOperator(StrEnum):
    """What is asked of a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelRequirement(ApiModel):
    """What one label must be."""

    model_config = ConfigDict(json_schema_extra=validations(VALUES_BY_OPERATOR))

    key: LabelKey
    """The label's key."""
    operator: SelectorOperator
    """In or NotIn some values, Exists or DoesNotExist. Objects without the label are NotIn."""
    values: list[LabelValue] = Field(
        default_factory=list, max_length=MAX_VALUES, json_schema_extra=LIST_ATOMIC
    )
    """The values, for In and NotIn."""


class LabelSelector(ApiModel):
    """Selects objects by their labels. All that is written must hold; {} selects everything."""

    match_labels: dict[str, LabelValue] = Field(default_factory=dict, max_length=MAX_REQUIREMENTS)
    """Labels that an object must have, with these values."""
    match_expressions: list[LabelRequirement] = Field(
        default_factory=list, max_length=MAX_REQUIREMENTS, json_schema_extra=LIST_ATOMIC
    )
    """What must hold for other labels."""
