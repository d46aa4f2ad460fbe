"""What a metric is: declared once, for the code that counts it and for the page that explains it.

The names follow Prometheus' conventions, and a declaration that does not cannot be made: base units
in names, `_total` for counters, labels with few values. An address or a Service is a label only of
a metric that a person has to turn on.
"""

from lbctl.telemetry.declaration import Kind, Label, Metric, Unit
from lbctl.telemetry.families import counter_family, gauge_family, histogram_family

__all__ = [
    "Kind",
    "Label",
    "Metric",
    "Unit",
    "counter_family",
    "gauge_family",
    "histogram_family",
]
