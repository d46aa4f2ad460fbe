"""The declaration of a metric, and the conventions that it must keep."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_NAME: Final = re.compile(r"lbctl(_[a-z0-9]+)+")
_LABEL: Final = re.compile(r"[a-z]+(_[a-z]+)*")
_OF_SCRAPERS: Final = frozenset(
    {"le", "quantile", "job", "instance", "namespace", "pod", "container", "service", "endpoint"}
)
"""Who scrapes sets these, and ours would be renamed."""
_OF_OBJECTS: Final = frozenset({"address", "service_namespace", "service_name"})


class Kind(StrEnum):
    """The types of Prometheus that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Unit(StrEnum):
    """What a value counts. A unit that is a measure stands at the end of the name."""

    ADDRESSES = "addresses"
    ANNOUNCEMENTS = "announcements"
    BYTES = "bytes"
    FRAMES = "frames"
    ITEMS = "items"
    NODES = "nodes"
    PACKETS = "packets"
    PODS = "pods"
    PROCESSES = "processes"
    REQUESTS = "requests"
    SECONDS = "seconds"
    SERVICES = "Services"
    SESSIONS = "sessions"
    TIMES = "times"
    TRUTH = "1 or 0"


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and what it may say.

    Args:
        name: as Prometheus shows it.
        text: what it says, for the page.
        values: every value that it can have, where these are words of the code.
    """

    name: str
    text: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: as Prometheus shows it; the parts of a histogram have their endings besides.
        kind: its type.
        unit: what its value counts.
        text: what it means, one sentence. It is the help text and the page's.
        wrong: what to look at, and what to do, when it is not as it should be.
        labels: its labels.
        buckets: upper bounds, of a histogram.
        option: the chart's value that turns it on; "" for one that is always there.

    Raises:
        ValueError: it breaks a convention, and which.
    """

    name: str
    kind: Kind
    unit: Unit
    text: str
    wrong: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    option: str = ""

    def __post_init__(self) -> None:
        for broken in self._broken():
            raise ValueError(f"{self.name}: {broken}")

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @property
    def family(self) -> str:
        """The name that the client library wants: it adds a counter's `_total` itself."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name

    def _broken(self) -> Iterator[str]:
        yield from self._broken_by_the_name()
        if bool(self.buckets) != (self.kind is Kind.HISTOGRAM):
            yield "histograms have buckets, and nothing else does"
        if list(self.buckets) != sorted(set(self.buckets)):
            yield "buckets rise"
        for name in self.label_names:
            if not _LABEL.fullmatch(name) or name in _OF_SCRAPERS:
                yield f"{name} is no label of ours to set"
        if not all(label.text for label in self.labels):
            yield "a label says what it says"
        if _OF_OBJECTS.intersection(self.label_names) and not self.option:
            yield "an address or a Service is a label only where a value turns it on"
        if not (self.text.endswith(".") and self.wrong.endswith(".")):
            yield "texts are sentences"

    def _broken_by_the_name(self) -> Iterator[str]:
        if not _NAME.fullmatch(self.name):
            yield "a name is lbctl_ and words in lower case"
        if self.name.endswith("_total") != (self.kind is Kind.COUNTER):
            yield "counters end with _total, and nothing else does"
        if self.name.endswith(("_count", "_sum", "_bucket", "_milliseconds", "_percent")):
            yield "the ending belongs to histograms, or is no base unit"
        if (self.unit is Unit.SECONDS) != self.name.removesuffix("_total").endswith("_seconds"):
            yield "a measured unit stands at the end of the name"
