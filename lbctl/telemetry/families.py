"""Declared metrics as the client library's families, for values that are read at each scrape."""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.utils import floatToGoString

from lbctl.telemetry.declaration import Metric

Values = Mapping[tuple[str, ...], float]
"""The labels' values, in the order of the declaration, and the number."""


def gauge_family(metric: Metric, values: Values) -> GaugeMetricFamily:
    """A gauge with one series for each key."""
    family = GaugeMetricFamily(metric.family, metric.text, labels=metric.label_names)
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def counter_family(metric: Metric, values: Values) -> CounterMetricFamily:
    """A counter with one series for each key."""
    family = CounterMetricFamily(metric.family, metric.text, labels=metric.label_names)
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def histogram_family(metric: Metric, counts: Sequence[int], total: float) -> HistogramMetricFamily:
    """A histogram without labels.

    Args:
        metric: declared with its bounds.
        counts: observations in each bucket alone, and one number more for those above all bounds.
            An empty one stands for nothing observed.
        total: the sum of all that was observed.
    """
    bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
    filled = list(counts) or [0] * len(bounds)
    family = HistogramMetricFamily(metric.family, metric.text)
    family.add_metric([], list(zip(bounds, _running(filled), strict=True)), sum_value=total)
    return family


def _running(counts: Iterable[int]) -> Iterable[float]:
    so_far = 0
    for count in counts:
        so_far += count
        yield so_far
