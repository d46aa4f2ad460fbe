"""Each of the operator's metrics moves with what it is about, on a real API server."""

from collections.abc import Callable
from typing import Final

import pytest

from lbctl.operator import metric_table as table
from lbctl.telemetry import Metric
from lbctl.telemetry.shared import API_REQUESTS, API_SECONDS, BUILD_INFO
from tests.cluster.operators import Operator, Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.proxy import Call, Cut, Fault, Proxy, Refuse
from tests.cluster.speakers import Speakers
from tests.exposition import Exposition

pytestmark = pytest.mark.lab

FIRST, LAST = "172.16.110.100", "172.16.110.109"
NOWHERE = "192.0.2.1"
STRANGER = "02:00:00:00:00:99"

ELSEWHERE: Final = {
    table.METALLB_PROBLEMS: "test_metallb",
    table.NODE_FAILURES: "test_failures",
    table.NODES_SPARED: "test_failures",
    table.PODS_MARKED: "test_failures",
    table.QUEUE_DEPTH: "the second test here",
    table.QUEUE_OLDEST: "tests/unit/kube/test_queue.py, for here it is over in a moment",
}
"""What other tests move."""


class Shown(Exposition):
    """An operator's metrics."""

    def __init__(self, operator: Operator) -> None:
        super().__init__(lambda: operator.get("/metrics")[1])

    def becomes(self, metric: Metric, value: float, **labels: str) -> None:
        """Wait until it says so; a series that is not there says 0."""
        what = f"{metric.name}{labels} is {value}"
        eventually(lambda: (self.sum(metric, **labels) or 0.0) == value, what=what)

    def reaches(self, metric: Metric, value: float, **labels: str) -> None:
        """Wait until it says that or more."""
        what = f"{metric.name}{labels} reaches {value}"
        eventually(lambda: (self.sum(metric, **labels) or 0.0) >= value, what=what)


def holder(cluster: Oracle) -> str | None:
    return (cluster.vips()[FIRST].get("status") or {}).get("holder")


def label(cluster: Oracle, node: str, **labels: str | None) -> None:
    named = {f"lbctl.io/{name}": value for name, value in labels.items()}
    cluster.core.patch_node(node, {"metadata": {"labels": named}})


def test_each_metric_moves_with_what_it_is_about(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    cluster.pool("lab", f"{FIRST}-{LAST}")
    shown = Shown(operators.start("--metrics-per-address"))
    shown.becomes(table.LEADER, 1)
    shown.becomes(BUILD_INFO, 1, component="operator")
    shown.becomes(table.POOL_ADDRESSES, 10, pool="lab", family="ipv4", state="free")

    a_service_comes_before_anybody_can_announce(cluster, shown)
    lan = speakers("n1", "n2")
    shown.becomes(table.SPEAKER_UP, 2)
    shown.becomes(table.WITHOUT_HOLDER, 0)
    shown.becomes(table.ADDRESS_UNHELD, 0)
    shown.becomes(table.ADDRESS_HELD, 1, address=FIRST, service_name="web")
    shown.becomes(table.SUCCESSION_CHANGES, 1, cause="FirstPlan")
    what_cannot_be_had_is_asked_for(cluster, shown)
    a_host_that_is_none_of_the_clusters_claims_it(lan, shown)
    cluster.advertise("all", handOff="NodePort")
    shown.becomes(table.NOT_AS_ASKED, 1, reason="NoNodePort")
    a_node_is_drained_and_one_dies(cluster, lan, shown)
    cluster.change_pool("lab", addresses=["172.16.110.120-172.16.110.129"])
    shown.becomes(table.OUT_OF_POOL, 1, reason="NotInPool")

    shown.reaches(table.RECONCILE_SECONDS, 1, kind="service", outcome="success")
    shown.reaches(API_REQUESTS, 1, method="POST", code="201")
    shown.reaches(API_REQUESTS, 1, method="WATCH", code="200")
    shown.reaches(API_SECONDS, 1, method="POST")
    assert shown.undeclared(table.TABLE) == []
    assert shown.moved == {*table.TABLE} - ELSEWHERE.keys()


def a_service_comes_before_anybody_can_announce(cluster: Oracle, shown: Shown) -> None:
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    shown.becomes(table.ALLOCATIONS, 1, pool="lab")
    shown.becomes(table.POOL_ADDRESSES, 9, pool="lab", family="ipv4", state="free")
    shown.becomes(table.WITHOUT_HOLDER, 1, reason="NobodyPlanned")
    of_it = {"address": FIRST, "service_namespace": "shop", "service_name": "web", "pool": "lab"}
    shown.becomes(table.ADDRESS_UNHELD, 1, **of_it)


def what_cannot_be_had_is_asked_for(cluster: Oracle, shown: Shown) -> None:
    """By a Service that has an address, and by one that has none."""
    cluster.change_service("web", loadBalancerIP=NOWHERE)
    shown.becomes(table.SERVICES_UNMET, 1, reason="RequestedAddressUnavailable")
    cluster.change_service("web", loadBalancerIP=None)
    shown.becomes(table.SERVICES_UNMET, 0)
    cluster.service("wide", loadBalancerIP=NOWHERE)
    shown.becomes(table.SERVICES_PENDING, 1, reason="RequestedAddressUnavailable")
    shown.becomes(table.ALLOCATION_FAILURES, 1, reason="RequestedAddressUnavailable")
    cluster.delete_service("wide")
    shown.becomes(table.SERVICES_PENDING, 0)


def a_host_that_is_none_of_the_clusters_claims_it(lan: Speakers, shown: Shown) -> None:
    lan.claims(FIRST, STRANGER)
    shown.becomes(table.IN_CONFLICT, 1, reason="ClaimedByForeignHost")
    shown.becomes(table.CONFLICTS, 1, reason="ClaimedByForeignHost")
    lan.claims(FIRST, None)
    shown.becomes(table.IN_CONFLICT, 0)


def a_node_is_drained_and_one_dies(cluster: Oracle, lan: Speakers, shown: Shown) -> None:
    first = holder(cluster)
    assert first is not None
    (second,) = {"n1", "n2"} - {first}
    label(cluster, first, drain="")
    shown.becomes(table.PLANNED_MOVES, 1, cause="Draining")
    shown.reaches(table.SUCCESSION_CHANGES, 1, cause="Draining")
    shown.becomes(table.LEFT_OUT, 1, reason="Draining")
    shown.becomes(table.SPEAKER_UP, 1)
    assert shown.sum(table.SPEAKER_UP, node=first) is None, "away on purpose is no news"
    eventually(lambda: holder(cluster) == second, what="the other one holds it")
    label(cluster, first, drain=None)
    shown.becomes(table.LEFT_OUT, 0)
    shown.reaches(table.SUCCESSION_CHANGES, 1, cause="NodeJoined")
    lan.die(second)
    shown.becomes(table.SPEAKER_UP, 0, node=second)
    shown.reaches(table.SUCCESSION_CHANGES, 1, cause="SpeakerSilent")


def test_an_api_server_that_fails_is_seen(
    cluster: Oracle, operators: Operators, proxy: Proxy
) -> None:
    cluster.pool("lab", f"{FIRST}-{LAST}")
    shown = Shown(operators.start(kubeconfig=proxy.kubeconfig))
    shown.becomes(table.LEADER, 1)
    cut = False

    def refused(call: Call) -> Fault | None:
        if call.method != "POST" or not call.path.endswith("/virtualips"):
            return None
        return Cut(done=False) if cut else Refuse(503, "ServiceUnavailable", retry_after=1)

    proxy.play(refused)
    cluster.service("web")
    shown.reaches(API_REQUESTS, 1, method="POST", code="503")
    shown.reaches(table.RECONCILE_SECONDS, 1, kind="service", outcome="retry")
    shown.becomes(table.QUEUE_DEPTH, 1, kind="service", state="later")
    cut = True
    shown.reaches(API_REQUESTS, 1, method="POST", code="none")
    proxy.play(lambda _: None)
    cluster.wait_shown("web", FIRST)
    shown.becomes(table.QUEUE_DEPTH, 0, kind="service")
    shown.becomes(table.QUEUE_OLDEST, 0)
    assert shown.undeclared(table.TABLE) == []


def test_a_standby_says_nothing_of_what_the_leader_sees(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    """Else sums over both replicas would be twice what is so."""
    cluster.pool("lab", f"{FIRST}-{LAST}")
    cluster.service("web")
    patient = ("--lease-duration-seconds", "15")  # A busy leader is not to lose its Lease.
    leads = Shown(operators.start(*patient))
    leads.becomes(table.WITHOUT_HOLDER, 1)
    one = operators.start(*patient)
    one.wait_ready()
    stands_by = Shown(one)
    speakers("n1", "n2")
    leads.becomes(table.SPEAKER_UP, 2)
    assert stands_by.sum(table.LEADER) == 0
    for metric in (
        table.SPEAKER_UP,
        table.POOL_ADDRESSES,
        table.WITHOUT_HOLDER,
        table.SERVICES_PENDING,
        table.LEFT_OUT,
    ):
        assert not stands_by.sum(metric), metric.name
