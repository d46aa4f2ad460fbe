"""The alerts: rendered as they are written, each with its page, and firing when they should."""

import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from tests.chart.rendering import CHART, ROOT, Manifests, RefusedError, template
from tests.lab import packages
from tests.unit.telemetry.registries import of_operator, of_speaker

ALERTS = CHART / "files" / "alerts.yaml"
TESTS = Path(__file__).with_name("alerts.yaml")

ON = {"metrics": {"prometheusRule": {"enabled": True}}}
MONITORED = {
    "metrics": {"podMonitor": {"enabled": True}},
    "speaker": {"http": {"address": "node"}},
}


@pytest.fixture(scope="module")
def rule() -> dict[str, Any]:
    (found,) = Manifests.of(ON).kinds("PrometheusRule")
    return found


def rules(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for group in groups for one in group["rules"]]


def promtool(*arguments: str | Path, cwd: Path, stdin: str = "") -> str:
    """Run promtool and return what it printed; an AssertionError has its words."""
    packages.ensure(packages.PROMETHEUS)
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, input=stdin
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alerts_fire_when_they_should_and_not_else(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path / "alerts.yaml")
    shutil.copy(TESTS, tmp_path / "tests.yaml")
    promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_a_wrong_rule_would_be_found(tmp_path: Path) -> None:
    """The tests of the rules can fail: here nobody is called when no operator is active."""
    text = ALERTS.read_text(encoding="utf-8")
    broken = text.replace("(sum(lbctl_leader) or vector(0)) < 1", "sum(lbctl_leader) < 1")
    assert broken != text
    (tmp_path / "alerts.yaml").write_text(broken, encoding="utf-8")
    shutil.copy(TESTS, tmp_path / "tests.yaml")
    with pytest.raises(AssertionError, match="no operator at all"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


@pytest.mark.parametrize("registry", [of_operator, of_speaker])
def test_prometheus_own_linter_finds_nothing_wrong_with_the_metrics(
    registry: Callable[[], CollectorRegistry], tmp_path: Path
) -> None:
    text = generate_latest(registry()).decode()
    assert promtool("check", "metrics", cwd=tmp_path, stdin=text) == ""
    with pytest.raises(AssertionError, match="_total"):
        promtool("check", "metrics", cwd=tmp_path, stdin=text.replace("_total", "_sum_of"))


def test_what_the_chart_renders_is_what_is_tested(rule: dict[str, Any]) -> None:
    written = rules(yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"])
    rendered = rules(deepcopy(rule["spec"]["groups"]))
    for one in rendered:
        del one["annotations"]["runbook_url"]
    assert rendered == written


def test_prometheus_accepts_what_is_rendered(rule: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]), encoding="utf-8")
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", "rules.yaml", cwd=tmp_path)


def test_each_alert_leads_to_its_section_of_the_documentation(rule: dict[str, Any]) -> None:
    home = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["home"]
    headings = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8").lower().splitlines()
    for one in rules(rule["spec"]["groups"]):
        page, anchor = one["annotations"]["runbook_url"].split("#")
        assert page == f"{home}/docs/alerts.html"
        assert f"## {anchor}" in headings


def test_nothing_of_this_is_made_unasked() -> None:
    found = Manifests.of()
    assert not [*found.kinds("PrometheusRule"), *found.kinds("PodMonitor")]


@pytest.mark.parametrize("part", ["operator", "speaker"])
def test_a_pod_monitor_selects_its_pods_and_names_their_port(part: str) -> None:
    found = Manifests.of(MONITORED)
    monitor = found.one("PodMonitor", part)["spec"]
    kind = {"operator": "Deployment", "speaker": "DaemonSet"}[part]
    labels = found.one(kind, part)["spec"]["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in found.container(part)["ports"]}


def test_speakers_that_prometheus_cannot_reach_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"say node or 0\.0\.0\.0"):
        template({"metrics": {"podMonitor": {"enabled": True}}})
