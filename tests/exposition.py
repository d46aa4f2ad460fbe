"""What a part serves at /metrics, read as Prometheus reads it, and held against its table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from lbctl.telemetry import Kind, Metric


def sample_name(metric: Metric) -> str:
    """The series that counts: of a histogram, how many were observed."""
    return f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name


@dataclass
class Exposition:
    """One process' metrics.

    Args:
        read: asks for /metrics; "" while nobody answers.
        moved: filled with the metrics that had a value other than 0.
    """

    read: Callable[[], str]
    moved: set[Metric] = field(default_factory=set)

    def samples(self) -> list[Sample]:
        """Every series of now."""
        families = text_string_to_metric_families(self.read())
        return [sample for family in families for sample in family.samples]

    def sum(self, metric: Metric, **labels: str) -> float | None:
        """The series with these labels together; None when there is none."""
        found = [
            sample.value
            for sample in self.samples()
            if sample.name == sample_name(metric) and labels.items() <= sample.labels.items()
        ]
        if any(found):
            self.moved.add(metric)
        return sum(found) if found else None

    def undeclared(self, table: Iterable[Metric]) -> list[str]:
        """What is served and is in no table: names, labels, and words that labels say."""
        known = {metric.name: metric for metric in table}
        return [
            f"{sample.name}{sample.labels}"
            for sample in self.samples()
            if not sample.name.startswith("process_") and not _is_declared(sample, known)
        ]


def _is_declared(sample: Sample, known: dict[str, Metric]) -> bool:
    name = sample.name
    for ending in ("_bucket", "_count", "_sum", "_created"):
        if name not in known:
            name = name.removesuffix(ending)
    if (metric := known.get(name, known.get(f"{name}_total"))) is None:
        return False
    said = {label: value for label, value in sample.labels.items() if label != "le"}
    words = {label.name: label.values for label in metric.labels}
    return said.keys() == words.keys() and all(
        not words[label] or value in words[label] for label, value in said.items()
    )
