"""A real Prometheus reads the real pods: what it sees, and which alerts it would send."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lbctl.operator import metric_table as operator
from lbctl.telemetry import Kind, Metric
from speaker.agent import metric_table as speaker
from tests.e2e.prometheus import Prometheus, running
from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import get, until
from tests.tour.site import CHART, NAMESPACE, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

NOT_WITHOUT_A_REASON = {
    operator.ADDRESS_UNHELD,
    operator.ALLOCATIONS,
    operator.ALLOCATION_FAILURES,
    operator.IN_CONFLICT,
    operator.LEFT_OUT,
    operator.METALLB_PROBLEMS,
    operator.NOT_AS_ASKED,
    operator.OUT_OF_POOL,
    operator.SERVICES_PENDING,
    operator.SERVICES_UNMET,
    operator.WITHOUT_HOLDER,
    speaker.ADDRESS_BYTES,
    speaker.ADDRESS_PACKETS,
    speaker.TABLE_LOOKS,
}
"""There is a series only once something is so."""


def pods(site: Site, component: str) -> list[dict[str, Any]]:
    chosen = f"app.kubernetes.io/component={component}"
    found: list[dict[str, Any]] = get(site, "pods", "-n", NAMESPACE, "-l", chosen)["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


@pytest.fixture(scope="module")
def reachable(installed: Site) -> Iterator[Site]:
    """lbctl with its speakers' metrics on the nodes' own addresses."""
    # fmt: off
    installed.helm("upgrade", "lbctl", str(CHART), "-n", NAMESPACE, "--reset-then-reuse-values",
                   "--wait", "--timeout", "5m", "--set", "speaker.http.address=node",
                   "--set", "metrics.perAddress=true")
    # fmt: on
    installed.kubectl("rollout", "status", "-n", NAMESPACE, "daemonset/lbctl-speaker")
    yield installed
    installed.helm("rollback", "lbctl", "-n", NAMESPACE, "--wait", "--timeout", "5m")


@pytest.fixture(scope="module")
def holder(reachable: Site, address: str) -> str:
    _, node = steps.holder(reachable, address)
    return node


@pytest.fixture(scope="module")
def prometheus(
    reachable: Site, holder: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    lab: Lab | None = reachable.lab
    if lab is None:
        pytest.skip("this cluster's nodes are not ours to run a Prometheus on")
    speakers = [
        {
            "targets": [f"{pod['status']['podIP']}:7950"],
            "labels": {"node": pod["spec"]["nodeName"], "pod": pod["metadata"]["name"]},
        }
        for pod in pods(reachable, "speaker")
    ]
    operators = [
        {
            "targets": [f"{pod['status']['podIP']}:8080"],
            "labels": {"pod": pod["metadata"]["name"]},
        }
        for pod in pods(reachable, "operator")
    ]
    beside = next(pod["spec"]["nodeName"] for pod in pods(reachable, "speaker")
                  if pod["spec"]["nodeName"] != holder)  # fmt: skip
    folder: Path = tmp_path_factory.mktemp("prometheus")
    targets = {"speaker": speakers, "operator": operators}
    with running(lab, beside, folder, targets) as made:
        yield made


def shown(metric: Metric) -> str:
    return f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name


def series(prometheus: Prometheus, query: str) -> list[Any]:
    found: list[Any] = prometheus.ask("query", query=query).get("result") or []
    return found


def held(site: Site) -> list[str]:
    """The addresses that have a holder, as the API has it; one that rests has none."""
    return [
        one["metadata"]["name"]
        for one in get(site, "virtualips")["items"]
        if one.get("status", {}).get("holder")
    ]


def says(prometheus: Prometheus, query: str, expected: float) -> bool:
    return prometheus.value(query) == expected


def test_every_metric_arrives(prometheus: Prometheus) -> None:
    always = {*operator.TABLE, *speaker.TABLE} - NOT_WITHOUT_A_REASON - {speaker.CHECK}
    for metric in sorted(always, key=shown):
        until(partial(series, prometheus, shown(metric)), what=shown(metric))


def test_what_it_shows_is_so(prometheus: Prometheus, reachable: Site) -> None:
    for query, expected in (
        ("sum(lbctl_leader)", 1.0),
        ("min(lbctl_node_speaker_up)", 1.0),
        ("count(lbctl_node_speaker_up)", float(len(pods(reachable, "speaker")))),
        ("count(count by (version) (lbctl_build_info))", 1.0),
    ):
        until(partial(says, prometheus, query, expected), what=f"{query} is {expected}")
    holding = 'sum(lbctl_speaker_addresses{state="holding"})'
    until(
        lambda: says(prometheus, holding, len(held(reachable))),
        what="as many addresses are held as VirtualIPs have a holder",
    )


def test_where_all_is_well_every_rule_is_evaluated_and_none_fires(prometheus: Prometheus) -> None:
    until(prometheus.rules, what="the rules")
    until(
        lambda: {rule["health"] for rule in prometheus.rules()} == {"ok"},
        what="every rule is evaluated without an error",
    )
    firing = [rule["name"] for rule in prometheus.rules() if rule["state"] == "firing"]
    assert not firing


def test_a_failover_is_measured_and_the_lost_partner_named(
    prometheus: Prometheus, reachable: Site, address: str, holder: str
) -> None:
    lab = reachable.lab
    assert lab is not None
    # Whoever is cut off is not read any more, and what it counted is in no sum.
    failovers = f'sum(lbctl_speaker_failover_duration_seconds_count{{node!="{holder}"}})'
    before = prometheus.value(failovers) or 0.0
    lab.faults.switch_port_dead(holder)
    try:
        steps.another_holder(reachable, address, holder)
        until(lambda: (prometheus.value(failovers) or 0.0) > before, what="a failover is counted")
        lost = f'max(lbctl_speaker_bfd_sessions_lost_total{{peer="{holder}"}})'
        until(lambda: (prometheus.value(lost) or 0.0) >= 1, what=f"{holder} is named")
        out = f'min(lbctl_node_speaker_up{{node="{holder}"}})'
        until(lambda: prometheus.value(out) == 0.0, what=f"the speaker of {holder} is out")

        def pending() -> bool:
            states = {rule["name"]: rule["state"] for rule in prometheus.rules()}
            return bool(states["LbctlSpeakerOut"] != "inactive")

        until(pending, what="LbctlSpeakerOut begins")
    finally:
        lab.faults.switch_port_alive(holder)
    until(
        lambda: prometheus.value(f'min(lbctl_node_speaker_up{{node="{holder}"}})') == 1.0,
        what=f"the speaker of {holder} is back",
    )
