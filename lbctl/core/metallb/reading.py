"""Fields of MetalLB's objects, read without trust: what cannot be read is told, and does nothing.

The schemas of `metallb.io` are MetalLB's own, of any version: they let pass what its webhooks would
refuse, and a newer one may have fields that lbctl does not know. A selector that cannot be read
selects nothing; left out, it would widen what the others select.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lbctl.core.outcomes import CompatReason
from lbctl.core.selectors import Operator, Requirement, Selector

GROUP: Final = "metallb.io"
"""MetalLB's API group, and the domain of its annotations."""

NOTHING: Final = Selector((Requirement("", Operator.IN),))
"""Selects no object."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One field of an object of MetalLB's that does not do what its author may expect."""

    reason: CompatReason
    field: str
    """Its path, such as `spec.nodeSelectors[0].matchLabels`."""
    text: str
    """What is wrong with it and what to write, as the end of a sentence."""

    def __str__(self) -> str:
        return f"{self.field} {self.text}"


@dataclass(slots=True)
class Fields:
    """Reads fields by their path, and keeps what was wrong with them."""

    problems: list[Problem] = field(default_factory=list)

    def part(self, path: str, value: object, known: frozenset[str]) -> Mapping[str, Any]:
        """An object with named fields. Those that are not known are told."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._unread(path, "is no object")
            return {}
        for name in sorted(map(str, value.keys() - known)):
            self.problems.append(
                Problem(
                    CompatReason.FIELD_NOT_SUPPORTED,
                    f"{path}.{name}",
                    "is a field that lbctl does not know: it has no effect.",
                )
            )
        return value

    def texts(self, path: str, value: object) -> tuple[str, ...]:
        """A list of strings. One that cannot be read is empty, which is no name of anything."""
        return tuple(self._text(at, entry) for at, entry in self._entries(path, value))

    def flag(self, path: str, value: object, *, default: bool) -> bool:
        """True or false. What cannot be read is the other one than the default: the stricter."""
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._unread(path, f"is {value!r}: write true or false")
        return not default

    def number(self, path: str, value: object) -> int | None:
        """A whole number; None when there is none, or none that can be read."""
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._unread(path, f"is {value!r}: write a whole number")
        return None

    def selectors(self, path: str, value: object) -> tuple[Selector, ...]:
        """A list of label selectors."""
        return tuple(self.selector(at, entry) for at, entry in self._entries(path, value))

    def selector(self, path: str, value: object) -> Selector:
        """A label selector (metav1.LabelSelector). What cannot be read selects nothing."""
        before = len(self.problems)
        if value is None:
            self._unread(path, "is missing: write a label selector")
        parts = self.part(path, value, frozenset({"matchLabels", "matchExpressions"}))
        found = (*self._labels(path, parts), *self._expressions(path, parts))
        return NOTHING if len(self.problems) > before else Selector(found)

    def items(
        self, path: str, value: object, known: frozenset[str]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects of a list, each with its path."""
        for at, entry in self._entries(path, value):
            yield at, self.part(at, entry, known)

    def _labels(self, path: str, parts: Mapping[str, Any]) -> Iterator[Requirement]:
        labels = parts.get("matchLabels")
        if labels is not None and not isinstance(labels, Mapping):
            self._unread(f"{path}.matchLabels", "is no object: write labels and their values")
            return
        for key, value in (labels or {}).items():
            if isinstance(value, str):
                yield Requirement(key, Operator.IN, (value,))
            else:
                self._unread(f"{path}.matchLabels.{key}", f"is {value!r}: write a string")

    def _expressions(self, path: str, parts: Mapping[str, Any]) -> Iterator[Requirement]:
        known = frozenset({"key", "operator", "values"})
        for at, entry in self.items(
            f"{path}.matchExpressions", parts.get("matchExpressions"), known
        ):
            key, said = entry.get("key"), entry.get("operator")
            values = self.texts(f"{at}.values", entry.get("values"))
            if not isinstance(key, str) or not key:
                self._unread(f"{at}.key", "is missing: write the key of a label")
            elif said not in {*Operator}:
                self._unread(f"{at}.operator", f"is {said!r}: write one of {', '.join(Operator)}")
            elif (said in {Operator.IN, Operator.NOT_IN}) is not bool(values):
                need = "no values" if values else "at least one value"
                self._unread(f"{at}.values", f"do not fit: {said} takes {need}")
            else:
                yield Requirement(key, Operator(str(said)), values)

    def _text(self, path: str, value: object) -> str:
        if isinstance(value, str):
            return value
        self._unread(path, f"is {value!r}: write a string")
        return ""

    def _entries(self, path: str, value: object) -> Iterator[tuple[str, object]]:
        """The entries of a list. What is no list has one entry, which cannot be read either."""
        if value is None:
            return
        if not isinstance(value, list):
            self._unread(path, "is no list")
            yield path, None
            return
        yield from ((f"{path}[{index}]", entry) for index, entry in enumerate(value))

    def _unread(self, path: str, text: str) -> None:
        self.problems.append(Problem(CompatReason.FIELD_NOT_READ, path, f"{text}."))
