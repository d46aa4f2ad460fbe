"""docs/metrics.md: every metric, its labels and what to do, made from what the code declares."""

from collections.abc import Iterable, Iterator
from itertools import chain

from lbctl.operator import metric_table as operator
from lbctl.telemetry import Label, Metric
from lbctl.telemetry.shared import SHARED
from speaker.agent import metric_table as speaker
from tests.pages import ROOT

PAGE = ROOT / "docs" / "metrics.md"

HEAD = """\
# Metrics

Made by `python -m tests.site` from the tables in `lbctl/operator/metric_table.py`,
`speaker/agent/metric_table.py` and `lbctl/telemetry/shared.py`; do not edit it here.

Both parts serve `/metrics` in Prometheus' text format: the operator on port 8080 of its pods, the
speaker on `speaker.http.port` of its node, by default for the node alone (`speaker.http.address`).
`metrics.podMonitor.enabled` of the chart makes a PodMonitor for each. What a person should be woken
for is in [alerts.md](alerts.md).

Nothing here has an address or a Service as a label unless a value of the chart turns it on. Nodes
are labels: each speaker has a handful of partners. A standby operator shows only what it does
itself, so that sums over both replicas are right.

Besides, both have the `process_*` of every Prometheus client library: CPU, memory, open files and
the time of the start. A speaker's are those of its agent, not of the process that answers the LAN;
`container_*` of the kubelet has both together.
"""
PARTS = (
    ("Operator", operator.TABLE),
    ("Speaker", speaker.TABLE),
)


def page() -> str:
    """The whole page."""
    own = ((title, (m for m in table if m not in SHARED)) for title, table in PARTS)
    sections = (_section(title, metrics) for title, metrics in (*own, ("Both", iter(SHARED))))
    return "\n".join(chain([HEAD], *sections))


def _section(title: str, metrics: Iterable[Metric]) -> Iterator[str]:
    yield f"## {title}\n"
    for metric in metrics:
        yield f"### {metric.name}\n"
        yield f"{metric.text} A {metric.kind}, in {metric.unit}.{_option(metric)}\n"
        yield from _labels(metric.labels)
        if metric.buckets:
            yield f"Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}.\n"
        yield f"**When it is wrong:** {metric.wrong}\n"


def _option(metric: Metric) -> str:
    return f" Only with `{metric.option}`." if metric.option else ""


def _labels(labels: tuple[Label, ...]) -> Iterator[str]:
    if not labels:
        return
    yield "| label | says | values |"
    yield "|---|---|---|"
    for label in labels:
        values = ", ".join(f"`{value}`" for value in label.values)
        yield f"| `{label.name}` | {label.text} | {values} |"
    yield ""
