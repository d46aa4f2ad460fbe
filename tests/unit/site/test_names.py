"""What pages name is there: metrics that are exported, values that the chart has."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from lbctl.operator import metric_table as operator
from speaker.agent import metric_table as speaker
from tests.pages import PAGES, ROOT

VALUES = yaml.safe_load((ROOT / "charts" / "lbctl" / "values.yaml").read_text(encoding="utf-8"))
METRICS = {metric.name for metric in (*operator.TABLE, *speaker.TABLE)}
SERIES = {f"{name}{part}" for name in METRICS for part in ("_bucket", "_count", "_sum")}
_METRIC = re.compile(r"\blbctl_[a-z_]+")
_SET = re.compile(r"--set(?:-string|-json)? '?([A-Za-z][\w.\[\]]*)=")


def named(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Each match, with the page where it stands."""
    for page in PAGES:
        for found in pattern.findall(page.read_text(encoding="utf-8")):
            yield str(page.relative_to(ROOT)), found


def has(values: Mapping[str, Any], path: str) -> bool:
    """Whether the chart has a value of that path; below an empty map or list anything goes."""
    first, _, rest = re.sub(r"\[\d+\]", "", path).partition(".")
    if first not in values:
        return False
    below = values[first]
    return not rest or below in ({}, []) or (isinstance(below, dict) and has(below, rest))


@pytest.mark.parametrize(("page", "metric"), sorted(set(named(_METRIC))))
def test_a_metric_that_a_page_names_is_exported(page: str, metric: str) -> None:
    assert metric in METRICS | SERIES, page


@pytest.mark.parametrize(("page", "value"), sorted(set(named(_SET))))
def test_a_value_that_a_page_sets_is_one_of_the_chart(page: str, value: str) -> None:
    assert has(VALUES, value), page


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("bfd.port", True),
        ("imagePullSecrets[0].name", True),
        ("metrics.podMonitor.labels.release", True),
        ("bfd.prt", False),
        ("bfd.port.number", False),
        ("crd.install", False),
    ],
)
def test_a_misspelt_value_is_noticed(value: str, *, known: bool) -> None:
    assert has(VALUES, value) is known
