"""Label selectors (metav1.LabelSelector), as Kubernetes reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class Operator(StrEnum):
    """What a requirement asks of a label."""

    IN = "In"
    NOT_IN = "NotIn"
    """Also true of objects that do not have the label."""
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of `matchExpressions`, or one label of `matchLabels`."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels
            case _ as never:
                assert_never(never)


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; without any, every object is selected."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)


def any_matches(selectors: Iterable[Selector], labels: Mapping[str, str]) -> bool:
    """Whether one of the selectors selects an object with these labels."""
    return any(selector.matches(labels) for selector in selectors)
