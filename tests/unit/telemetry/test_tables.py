"""What is exposed is what is declared, documented and alerted on: in both directions."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from lbctl.operator import metric_table as operator
from lbctl.telemetry import Kind, Metric
from speaker.agent import metric_table as speaker
from speaker.messages import (
    FAILOVER_BOUNDS,
    Taking,
)
from tests.pages import ROOT
from tests.site import metrics as metrics_page
from tests.unit.telemetry.registries import of_operator, of_speaker

ALERTS = ROOT / "charts" / "lbctl" / "files" / "alerts.yaml"


PARTS = [
    pytest.param(of_operator, operator.TABLE, id="operator"),
    pytest.param(of_speaker, speaker.TABLE, id="speaker"),
]


@pytest.mark.parametrize(("exposed", "table"), PARTS)
def test_what_is_exposed_is_what_is_declared(exposed: Any, table: Iterable[Metric]) -> None:
    declared = {metric.family: metric for metric in table}
    found = {
        family.name: family
        for family in exposed().collect()
        if not family.name.startswith("process_")
    }
    assert found.keys() == declared.keys()
    for name, family in found.items():
        metric = declared[name]
        assert (family.type, family.documentation) == (str(metric.kind), metric.text), name
        labels = {key for sample in family.samples for key in sample.labels} - {"le"}
        assert labels == {*metric.label_names}, name


def test_a_label_says_only_what_the_table_lists() -> None:
    for registry, table in ((of_speaker(), speaker.TABLE),):
        allowed = {
            (metric.family, label.name): label.values
            for metric in table
            for label in metric.labels
            if label.values
        }
        for family in registry.collect():
            for sample in family.samples:
                for label, value in sample.labels.items():
                    values = allowed.get((family.name, label))
                    assert values is None or value in values, (family.name, label, value)


def test_no_metric_is_declared_twice() -> None:
    for table in (operator.TABLE, speaker.TABLE):
        assert len({metric.name for metric in table}) == len(table)


def test_the_page_says_what_the_code_declares() -> None:
    said = metrics_page.PAGE.read_text(encoding="utf-8")
    assert said == metrics_page.page(), "run: python -m tests.site"


def samples(registry: CollectorRegistry, name: str) -> list[Sample]:
    return [s for family in registry.collect() for s in family.samples if s.name == name]


def test_failovers_are_counted_up_to_each_bound() -> None:
    counts = [0] * (len(FAILOVER_BOUNDS) + 1)
    counts[0], counts[3], counts[-1] = 2, 1, 1
    registry = of_speaker(failovers=counts, failover_seconds=12.5)
    name = "lbctl_speaker_failover_duration_seconds"
    buckets = {s.labels["le"]: s.value for s in samples(registry, f"{name}_bucket")}
    assert (buckets["0.005"], buckets["0.025"], buckets["0.05"]) == (2, 2, 3)
    assert (buckets["10.0"], buckets["+Inf"]) == (3, 4)
    assert [s.value for s in samples(registry, f"{name}_sum")] == [12.5]


def test_what_never_happened_is_a_zero_and_not_missing() -> None:
    """A rate needs a value before the first event."""
    registry = of_speaker()
    taken = samples(registry, "lbctl_speaker_addresses_taken_total")
    assert {s.labels["cause"]: s.value for s in taken} == dict.fromkeys(Taking, 0.0)
    lost = samples(registry, "lbctl_speaker_bfd_sessions_lost_total")
    assert {s.labels["peer"]: s.value for s in lost} == {"n2": 0.0}
    assert samples(registry, "lbctl_speaker_failover_duration_seconds_count")[0].value == 0


# ---------------------------------------------------------------- alerts

RULES = [
    rule
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
EXPOSED = {
    name
    for metric in (*operator.TABLE, *speaker.TABLE)
    for name in (
        [metric.name]
        if metric.kind is not Kind.HISTOGRAM
        else [f"{metric.name}_{part}" for part in ("bucket", "count", "sum")]
    )
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_are_declared(rule: dict[str, Any]) -> None:
    asked = set(re.findall(r"\blbctl_\w+", rule["expr"]))
    assert asked
    assert asked <= EXPOSED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_of(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("Lbctl")
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n\n(\w+)\.", page, re.MULTILINE))
    assert list(sections) == [rule["alert"] for rule in RULES], "in the same order"
    said = {rule["alert"]: rule["labels"]["severity"] for rule in RULES}
    assert {name: severity.lower() for name, severity in sections.items()} == said


def test_every_alert_has_a_test_of_its_rule() -> None:
    tests = yaml.safe_load((ROOT / "tests" / "chart" / "alerts.yaml").read_text(encoding="utf-8"))
    fired = {
        check["alertname"]
        for test in tests["tests"]
        for check in test["alert_rule_test"]
        if check["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in RULES}
