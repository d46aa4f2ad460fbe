"""fastNodeFailure: a dead node's pods are marked not ready, on a real API server.

Nodes have addresses of the loopback network, where "kubelets" listen or are silent: a listener
whose backlog is full drops every further SYN, as a host without power does.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
from kubernetes import client

from tests.cluster.operators import Operator, Operators
from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

PORT = 10250
LOST = {"state": "Down", "answers": False}
UP = {"state": "Up"}

_serials = count(1)


class Site:
    """Nodes with a kubelet, a speaker, and a ready pod each."""

    def __init__(self, oracle: Oracle, speakers: Speakers, nodes: tuple[str, ...]) -> None:
        self.oracle = oracle
        self.speakers = speakers
        self.nodes = nodes
        self._stack = ExitStack()
        self._kubelets: dict[str, socket.socket] = {}
        for node in nodes:
            address = {"type": "InternalIP", "address": self.address(node)}
            oracle.core.patch_node_status(node, {"status": {"addresses": [address]}})
            self.kubelet_answers(node)
            self.pod(f"on-{node}", node)

    def address(self, node: str) -> str:
        return f"127.0.110.{node[-1]}"

    def kubelet_answers(self, node: str) -> None:
        listener = self._stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address(node), PORT))
        listener.listen(512)
        self._kubelets[node] = listener

    def kubelet_is_silent(self, node: str) -> None:
        self._kubelets[node].listen(0)
        for _ in range(8):
            caller = self._stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex((self.address(node), PORT))

    def pod(self, name: str, node: str) -> None:
        body = {
            "metadata": {"name": name},
            "spec": {
                "nodeName": node,
                "automountServiceAccountToken": False,
                "containers": [{"name": "web", "image": "nginx"}],
            },
        }
        self.oracle.core.create_namespaced_pod(NAMESPACE, body)
        self.set_ready(name, ready=True)

    def set_ready(self, pod: str, *, ready: bool) -> None:
        """As the node's kubelet would say it."""
        condition = {"type": "Ready", "status": "True" if ready else "False", "reason": None}
        status = {"phase": "Running", "conditions": [condition]}
        self.oracle.core.patch_namespaced_pod_status(pod, NAMESPACE, {"status": status})

    def ready(self) -> dict[str, dict[str, Any]]:
        """The condition Ready of each pod."""
        pods = self.oracle.core.list_namespaced_pod(NAMESPACE).items
        return {
            pod.metadata.name: condition.to_dict()
            for pod in pods
            for condition in pod.status.conditions
            if condition.type == "Ready"
        }

    def marked(self) -> set[str]:
        """The nodes whose pods the operator marked."""
        found = self.ready().items()
        return {
            name.removeprefix("on-")
            for name, condition in found
            if (condition["status"], condition["reason"]) == ("False", "NodeFailure")
        }

    def lost(self, node: str, *, but: str = "", **row: Any) -> None:
        """All others lose a node; `but` is one that says something else of it (`row`)."""
        for witness in self.nodes:
            if witness != node:
                said = row if witness == but else LOST
                up = {other: UP for other in self.nodes if other != witness}
                self.speakers.says(witness, {**up, node: said})

    def node_events(self, node: str) -> dict[str, str]:
        return self.oracle.notes(node, "default")

    def close(self) -> None:
        self._stack.close()
        for name in self.ready():
            self.oracle.core.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0)
        eventually(lambda: not self.ready(), what="the pods are gone")
        self.oracle.events.delete_collection_namespaced_event("default")


@pytest.fixture
def site(cluster: Oracle, speakers: Any) -> Iterator[Site]:
    eventually(lambda: _has_account(cluster), what="the namespace can have pods")
    # The controllers remember for a while when they last heard a node of the same name.
    serial = next(_serials)
    nodes = tuple(f"t{serial}-n{number}" for number in range(1, 6))
    made = Site(cluster, speakers(*nodes), nodes)
    yield made
    made.close()


def _has_account(oracle: Oracle) -> bool:
    try:
        oracle.core.read_namespaced_service_account("default", NAMESPACE)
    except client.ApiException:
        return False
    return True


def counted(operator: Operator, metric: str) -> float:
    found = re.search(rf"^{re.escape(metric)} (\S+)$", operator.get("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def spared(operator: Operator, reason: str) -> float:
    """How often a node was spared for this reason."""
    return counted(operator, f'lbctl_node_failures_spared_total{{reason="{reason}"}}')


def start(operators: Operators) -> Operator:
    operator = operators.start("--fast-node-failure")
    operator.wait_ready()
    return operator


def test_a_dead_nodes_pods_are_marked_once_and_the_kubelet_is_believed(
    site: Site, operators: Operators
) -> None:
    n1, n2, n3, n4, n5 = site.nodes
    replicas = [start(operators) for _ in range(2)]
    site.kubelet_is_silent(n4)
    site.lost(n4)
    eventually(lambda: site.marked() == {n4}, what="its pod is marked")
    marked = site.ready()[f"on-{n4}"]
    assert marked["reason"] == "NodeFailure"
    assert marked["message"].startswith(
        f"lbctl: node {n4} is dead: the speakers of {n1}, {n2}, {n3}, {n5} lost it"
    )
    eventually(lambda: "NodeFailure" in site.node_events(n4), what="the Node's Event")

    for metric in ("lbctl_node_failure_pods_total", "lbctl_node_failures_total"):
        assert sum(counted(one, metric) for one in replicas) == 1, metric

    site.set_ready(f"on-{n4}", ready=True)
    up = {n2: UP, n5: UP}
    site.speakers.says(n1, {**up, n3: {"state": "Down"}, n4: LOST})
    eventually(
        lambda: all(spared(one, "SeenAlive") for one in replicas),
        what="both have looked again, for n3 that the others see",
    )
    assert site.marked() == set(), "it is not marked twice in an incident"

    site.lost(n4, but=n1, state="Up")
    eventually(lambda: "NodeReturned" in site.node_events(n4), what="the incident is over")


@pytest.mark.parametrize(
    ("rule", "row", "silent", "reason"),
    [
        ("one partner sees it", UP, True, "SeenAlive"),
        ("it only lost its speaker", {"state": "Down", "answers": True}, True, "AddressAnswers"),
        ("its kubelet answers", LOST, False, "KubeletAnswers"),
    ],
)
def test_a_node_that_lives_is_never_touched(
    site: Site,
    operators: Operators,
    rule: str,
    row: dict[str, Any],
    reason: str,
    *,
    silent: bool,
) -> None:
    n1, _, _, n4, _ = site.nodes
    operator = start(operators)
    if silent:
        site.kubelet_is_silent(n4)
    site.lost(n4, but=n1, **row)
    eventually(lambda: spared(operator, reason), what=f"{rule}: it is spared, and counted")
    assert site.marked() == set(), rule


def test_a_second_node_within_five_minutes_is_held_back(site: Site, operators: Operators) -> None:
    n1, n2, n3, n4, n5 = site.nodes
    operator = start(operators)
    site.kubelet_is_silent(n4)
    site.lost(n4)
    eventually(lambda: site.marked() == {n4}, what="the first is marked")
    site.kubelet_is_silent(n3)
    for witness in (n1, n2, n5):
        others = {other: UP for other in (n1, n2, n5) if other != witness}
        site.speakers.says(witness, {**others, n3: LOST})
    eventually(lambda: spared(operator, "LimitReached"), what="the second is held back")
    eventually(lambda: "NodeFailureHeldBack" in site.node_events(n3), what="and it is told")
    assert site.marked() == {n4}


def test_the_limit_holds_for_operators_that_start_later(site: Site, operators: Operators) -> None:
    n1, n2, n3, n4, n5 = site.nodes
    start(operators)
    site.kubelet_is_silent(n4)
    site.lost(n4)
    eventually(lambda: site.marked() == {n4}, what="the first is marked")
    operators.kill_all()
    site.set_ready(f"on-{n4}", ready=True)
    site.kubelet_is_silent(n3)
    for witness in (n1, n2, n4, n5):
        others = {other: UP for other in (n1, n2, n4, n5) if other != witness}
        site.speakers.says(witness, {**others, n3: LOST})
    later = start(operators)
    eventually(lambda: spared(later, "LimitReached"), what="the second is held back")
    assert site.marked() == set(), "the first is back, and its pod was marked by others"


def test_a_whole_lan_going_down_marks_nothing(site: Site, operators: Operators) -> None:
    n1, n2, n3, n4, _ = site.nodes
    operator = start(operators)
    for node in site.nodes:
        site.kubelet_is_silent(node)
    for witness in site.nodes:
        site.speakers.says(witness, {other: LOST for other in site.nodes if other != witness})
    probe = dict.fromkeys((n2, n3), UP)
    site.speakers.says(n1, {**probe, n4: {"state": "Down"}})
    eventually(lambda: spared(operator, "TooFewWords"), what="the operator has seen all that")
    assert site.marked() == set()


def test_an_operator_that_hears_no_kubelet_accuses_nobody(site: Site, operators: Operators) -> None:
    _, _, _, n4, _ = site.nodes
    operator = start(operators)
    for node in site.nodes:
        site.kubelet_is_silent(node)
    site.lost(n4)
    eventually(lambda: spared(operator, "OperatorCutOff"), what="it knows that it is deaf")
    eventually(lambda: "10250" in site.node_events(n4).get("NodeFailureHeldBack", ""), what="told")
    assert site.marked() == set()


def test_without_the_option_nothing_is_marked(site: Site, operators: Operators) -> None:
    _, _, _, n4, _ = site.nodes
    operator = operators.start()
    operator.wait_ready()
    site.kubelet_is_silent(n4)
    site.oracle.pool("lab", "172.16.110.100-172.16.110.119")
    site.oracle.service("web")
    site.oracle.wait_shown("web", "172.16.110.100")
    site.lost(n4)
    eventually(
        lambda: n4 not in site.oracle.vips()["172.16.110.100"]["spec"]["succession"],
        what="the operator knows that it is dead",
    )
    assert site.marked() == set()
