"""A metric that breaks a convention of Prometheus cannot be declared."""

from typing import Any

import pytest

from lbctl.telemetry import Kind, Label, Metric, Unit

GOOD: dict[str, Any] = {
    "name": "lbctl_things_total",
    "kind": Kind.COUNTER,
    "unit": Unit.TIMES,
    "text": "Things.",
    "wrong": "Look at them.",
}
HISTOGRAM = {"name": "lbctl_wait_seconds", "kind": Kind.HISTOGRAM, "unit": Unit.SECONDS}


def test_one_that_keeps_them_can() -> None:
    assert Metric(**GOOD).family == "lbctl_things", "the client library adds the ending"
    assert Metric(**GOOD | HISTOGRAM, buckets=(0.1, 1.0)).family == "lbctl_wait_seconds"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"name": "things_total"}, "lbctl_", id="whose it is"),
        pytest.param({"name": "lbctl_Things_total"}, "lower case", id="capitals"),
        pytest.param({"name": "lbctl_things"}, "_total", id="a counter without its ending"),
        pytest.param({"kind": Kind.GAUGE}, "_total", id="a gauge with a counter's"),
        pytest.param(
            {"name": "lbctl_wait_milliseconds", "kind": Kind.GAUGE}, "base unit", id="no base unit"
        ),
        pytest.param(
            {"name": "lbctl_wait", "kind": Kind.GAUGE, "unit": Unit.SECONDS},
            "end of the name",
            id="a measure that the name keeps to itself",
        ),
        pytest.param(
            {"name": "lbctl_wait_seconds", "kind": Kind.GAUGE},
            "end of the name",
            id="a name that says another unit",
        ),
        pytest.param(HISTOGRAM, "buckets", id="a histogram without buckets"),
        pytest.param({"buckets": (1.0,)}, "buckets", id="a counter with some"),
        pytest.param(HISTOGRAM | {"buckets": (1.0, 0.5)}, "rise", id="buckets in disorder"),
        pytest.param({"labels": (Label("Reason", "why"),)}, "no label", id="a label in capitals"),
        pytest.param(
            {"labels": (Label("pod", "whose"),)}, "no label", id="a label that scrapers set"
        ),
        pytest.param(
            {"labels": (Label("address", "which"),)}, "value", id="a series for each address"
        ),
        pytest.param({"labels": (Label("reason", ""),)}, "says what", id="a label without words"),
        pytest.param({"text": "Things"}, "sentences", id="a help text without an end"),
    ],
)
def test_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Metric(**GOOD | changed)


def test_an_address_is_a_label_where_a_value_turns_it_on() -> None:
    assert Metric(**GOOD, labels=(Label("address", "which"),), option="metrics.perAddress").labels
