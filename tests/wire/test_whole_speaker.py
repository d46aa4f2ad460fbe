"""Speakers with a real API server: what the API says and what the LAN hears are the same."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import Lab, LabSpec, own_name
from tests.wire.tap import PATIENCE
from tests.wire.whole import Cluster, Speaker, wait_until

pytestmark = [pytest.mark.root, pytest.mark.lab]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """An API server and two nodes without kubelets."""
    with Lab(LabSpec(name=own_name("speakers"), nodes=2, kubelets=False)) as lab:
        made = Cluster(lab)
        made.install()
        yield made


@pytest.fixture(scope="module")
def started(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Speaker]]:
    """One on each node; a test may end one."""
    logs = tmp_path_factory.mktemp("speakers")
    nodes = {node: Speaker(cluster.lab, node, logs / f"{node}.log") for node in ("n1", "n2")}
    yield nodes
    for speaker in nodes.values():
        speaker.close()


@pytest.fixture
def speakers(cluster: Cluster, started: dict[str, Speaker]) -> Iterator[dict[str, Speaker]]:
    """One on each node, ready, without addresses."""
    for speaker in started.values():
        speaker.start()
    for speaker in started.values():
        speaker.wait_ready()
    yield started
    cluster.lab.kubectl("delete", "virtualips", "--all")


def test_a_speaker_registers_itself_under_its_node(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    assert speakers["n1"].http("/healthz") == "ok\n"
    found = cluster.get("speaker", "n1")
    (interface,) = found["status"]["interfaces"]
    node = cluster.get("node", "n1")

    assert interface["mac"] == cluster.lab.mac("n1")
    assert f"{cluster.lab.node_address('n1')}/24" in interface["addresses"]
    assert found["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]
    assert cluster.condition("speaker", "n1", "Ready")["reason"] == "WireRunning"
    assert cluster.lease_holder("n1") == "n1"
    wait_until(
        lambda: cluster.condition("speaker", "n1", "KernelSilent").get("reason") == "Good",
        "the node was checked",
    )
    assert 'lbctl_speaker_check{check="KernelSilent",reason="Good"} 1.0' in speakers["n1"].http(
        "/metrics"
    )


def test_a_node_says_whether_its_proxy_takes_the_traffic(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    """A real kube-proxy. Which node holds, nobody asks here: that is the operator's to decide."""
    address = "172.16.110.109"
    cluster.apply(address, "n1", "n2")
    cluster.wait_holder(address, "n1")

    def says(reason: str) -> None:
        wait_until(
            lambda: cluster.condition("speaker", "n1", "HandOffReady").get("reason") == reason,
            f"n1 says {reason}",
        )

    says("ProxyHealthy")
    cluster.lab.faults.proxy_stopped("n1")
    try:
        says("ProxySilent")
        assert cluster.condition("speaker", "n1", "HandOffReady")["status"] == "False"
        speakers["n1"].kill("speaker.agent")
        speakers["n1"].wait_ready()
        says("ProxySilent")
        assert cluster.answering(address) == cluster.lab.mac("n1"), "its rules stay in the kernel"
    finally:
        cluster.lab.faults.proxy_started("n1")
    says("ProxyHealthy")


def test_an_address_of_a_local_service_follows_the_endpoint_without_an_operator(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    """A real kube-proxy serves the port, here on the node's own address and not on 127.0.0.1."""
    lab, address = cluster.lab, "172.16.110.108"
    service = {
        "metadata": {"name": "local"},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "lbctl.io/lbctl",
            "externalTrafficPolicy": "Local",
            "ports": [{"port": 80}],
        },
    }
    lab.kubectl("create", "-f", "-", input=json.dumps(V1 | {"kind": "Service"} | service))
    made = json.loads(lab.kubectl("get", "service", "local", "-ojson"))
    hand_off = {"healthCheckNodePort": made["spec"]["healthCheckNodePort"]}

    def endpoint_on(node: str) -> None:
        lab.kubectl("apply", "-f", "-", input=json.dumps(endpoint_slice("local", node)))

    def serves(node: str, *, truth: bool) -> None:
        wanted = f"lbctl_speaker_addresses_not_serving {float(not truth)}"
        wait_until(lambda: wanted in speakers[node].http("/metrics"), f"{node}: {wanted}")

    try:
        watch_each_other(cluster, "n1", "n2")
        endpoint_on("n1")
        cluster.apply(address, "n1", "n2", handOff=hand_off)
        cluster.wait_holder(address, "n1")
        serves("n2", truth=False)

        endpoint_on("n2")
        serves("n1", truth=False)
        serves("n2", truth=True)
        cluster.wait_holder(address, "n2")
        # Make before break: for a moment n1 answers too.
        wait_until(lambda: cluster.answering(address) == lab.mac("n2"), "n2 answers")

        endpoint_on("nowhere")
        serves("n2", truth=False)
        assert cluster.answering(address) == lab.mac("n2"), "nobody else takes it, so it goes on"
    finally:
        lab.kubectl("delete", "service", "local")
        watch_each_other(cluster)


def watch_each_other(cluster: Cluster, *nodes: str) -> None:
    """What the operator would name as partners of n1 and n2: these, each other."""
    for node in ("n1", "n2"):
        rows = [
            {
                "node": other,
                "address": cluster.lab.node_address(other),
                "mac": cluster.lab.mac(other),
                "interface": "eth0",
            }
            for other in nodes
            if other != node
        ]
        patch = json.dumps({"spec": {"partners": rows}})
        cluster.lab.kubectl("patch", "speaker", node, "--type=merge", "-p", patch)


V1 = {"apiVersion": "v1"}


def endpoint_slice(service: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 80}],
        "endpoints": [{"addresses": ["10.244.1.9"], "nodeName": node}],
    }


def test_a_deleted_speaker_object_comes_back(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    uid = cluster.get("speaker", "n1")["metadata"]["uid"]

    cluster.lab.kubectl("delete", "speaker", "n1")

    wait_until(
        lambda: (
            cluster.get("speaker", "n1").get("metadata", {"uid": uid})["uid"] != uid
            and cluster.condition("speaker", "n1", "Ready").get("status") == "True"
        ),
        "n1 registers again",
    )
    assert speakers["n1"].http("/readyz") == "ok\n"


def test_the_first_of_the_succession_answers_and_says_so(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    address = "172.16.110.101"
    cluster.apply(address, "n2", "n1")
    cluster.wait_holder(address, "n2")

    assert cluster.answering(address) == cluster.lab.mac("n2")
    status = cluster.status(address)
    assert (status["interface"], status["mac"]) == ("eth0", cluster.lab.mac("n2"))
    assert cluster.condition("virtualip", address, "Announced")["reason"] == "Holding"
    # What the test before has left behind may be held for a moment more.
    wait_until(
        lambda: 'lbctl_speaker_addresses{state="holding"} 1.0' in speakers["n2"].http("/metrics"),
        "the metrics count it alone",
    )


def test_the_wire_answers_while_its_agent_is_killed(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    address = "172.16.110.102"
    cluster.apply(address, "n1")
    cluster.wait_holder(address, "n1")
    since = cluster.status(address)["since"]

    before = speakers["n1"].restarts("agent") or 0
    speakers["n1"].kill("speaker.agent")
    assert cluster.answering(address) == cluster.lab.mac("n1")
    wait_until(lambda: speakers["n1"].restarts("agent") == before + 1, "a new agent")
    speakers["n1"].wait_ready()

    assert cluster.answering(address) == cluster.lab.mac("n1")
    assert cluster.status(address)["since"] == since, "it never stopped holding"


def test_a_killed_wire_comes_back_with_the_plan(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    address = "172.16.110.103"
    cluster.apply(address, "n1")
    cluster.wait_holder(address, "n1")

    before = speakers["n1"].restarts("wire") or 0
    speakers["n1"].kill("speaker.wire")

    wait_until(lambda: speakers["n1"].restarts("wire") == before + 1, "a new wire")
    wait_until(lambda: cluster.answering(address), "it answers again")


def test_the_plan_survives_an_api_server_that_is_away(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    address = "172.16.110.104"
    cluster.apply(address, "n1")
    cluster.wait_holder(address, "n1")

    cluster.lab.faults.api_server_stopped()
    try:
        speakers["n1"].kill("speaker.agent")
        assert cluster.answering(address) == cluster.lab.mac("n1")
    finally:
        cluster.lab.faults.api_server_started()
    speakers["n1"].wait_ready()

    assert cluster.answering(address) == cluster.lab.mac("n1")


def test_a_stop_gives_the_lease_back_and_the_next_takes_over(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    address = "172.16.110.105"
    cluster.apply(address, "n1", "n2")
    cluster.wait_holder(address, "n1")

    speakers["n1"].process.terminate()
    wait_until(lambda: cluster.lease_holder("n1") == "", "the Lease is given back")
    cluster.apply(address, "n2")

    cluster.wait_holder(address, "n2")
    assert speakers["n1"].process.wait(PATIENCE) == 0
    assert cluster.answering(address) == cluster.lab.mac("n2")


def test_a_release_waits_for_silence(cluster: Cluster, speakers: dict[str, Speaker]) -> None:
    del speakers
    address = "172.16.110.106"
    cluster.apply(address, "n1", "n2")
    cluster.wait_holder(address, "n1")

    cluster.apply(address, "n1", "n2", services=[], release={"verifier": "n2"})

    wait_until(
        lambda: cluster.condition("virtualip", address, "Released").get("status") == "True",
        "the release is confirmed",
    )
    released = cluster.condition("virtualip", address, "Released")
    generation = cluster.get("virtualip", address)["metadata"]["generation"]
    assert (released["reason"], released["observedGeneration"]) == ("Silent", generation)
    assert cluster.answering(address) is None


def test_an_address_that_a_stranger_answers_is_not_taken(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    del speakers
    address, lab = "172.16.110.107", cluster.lab
    lab.exec("client", "ip", "address", "add", f"{address}/32", "dev", "eth0")
    try:
        cluster.apply(address, "n1")
        wait_until(
            lambda: (
                cluster.condition("virtualip", address, "Announced").get("reason")
                == "AnsweredByAnother"
            ),
            "the stranger is named",
        )
        said = cluster.condition("virtualip", address, "Announced")["message"]
        assert lab.mac("client") in said
        conflict = wait_until(lambda: cluster.status(address).get("conflict"), "it is a conflict")
        assert (conflict["mac"], conflict["node"]) == (lab.mac("client"), "n1")
        found = cluster.condition("virtualip", address, "Conflict")
        assert (found["status"], found["reason"]) == ("True", "AnsweredByForeignHost")
    finally:
        lab.exec("client", "ip", "address", "delete", f"{address}/32", "dev", "eth0")

    cluster.wait_holder(address, "n1")
    wait_until(
        lambda: cluster.condition("virtualip", address, "Conflict")["reason"] == "NoConflict",
        "the conflict is over",
    )
    assert "conflict" not in cluster.status(address)


def test_a_pulled_cable_is_reported_and_the_address_not_claimed(
    cluster: Cluster, speakers: dict[str, Speaker]
) -> None:
    del speakers
    cluster.lab.faults.cable_pulled("n1")
    try:
        # The node is cut off from the API server as well, so it can report only afterwards.
        address = "172.16.110.108"
        cluster.apply(address, "n2", "n1")
        cluster.wait_holder(address, "n2")
    finally:
        cluster.lab.faults.cable_plugged("n1")
    cluster.apply(address, "n1", "n2")

    wait_until(
        lambda: cluster.condition("speaker", "n1", "Ready").get("status") == "True", "n1 is back"
    )
    assert cluster.holder(address) == "n2", "whoever holds, keeps"


@pytest.fixture
def partners(cluster: Cluster, speakers: dict[str, Speaker]) -> Iterator[dict[str, Speaker]]:
    """Two nodes that watch each other."""
    cluster.partners("n1", "n2")
    cluster.partners("n2", "n1")
    wait_until(
        lambda: cluster.sessions("n1") == cluster.sessions("n2") == ["Up"], "the session is up"
    )
    yield speakers
    for node in ("n1", "n2"):
        cluster.partners(node)


def test_failover_needs_neither_agents_nor_an_api_server_and_is_not_undone(
    cluster: Cluster, partners: dict[str, Speaker]
) -> None:
    address, lab = "172.16.110.120", cluster.lab
    cluster.apply(address, "n1", "n2")
    cluster.wait_holder(address, "n1")

    lab.faults.api_server_stopped()
    try:
        partners["n2"].kill("speaker.agent")
        partners["n1"].process.kill()
        wait_until(lambda: cluster.answering(address) == lab.mac("n2"), "n2 takes over")
    finally:
        lab.faults.api_server_started()
    cluster.wait_holder(address, "n2")
    partners["n1"].process.wait(PATIENCE)
    partners["n1"].start()
    for speaker in partners.values():
        speaker.wait_ready()

    assert cluster.answering(address) == lab.mac("n2"), "whoever holds, keeps"
    assert cluster.holder(address) == "n2"


def test_a_stop_is_relieved_before_the_lease_is_given_back(
    cluster: Cluster, partners: dict[str, Speaker]
) -> None:
    address, lab = "172.16.110.121", cluster.lab
    cluster.apply(address, "n1", "n2")
    cluster.wait_holder(address, "n1")

    lab.faults.api_server_stopped()
    try:
        # Nobody can give a Lease back now, and the agent waits for it in vain.
        partners["n1"].process.terminate()
        wait_until(lambda: cluster.answering(address) == lab.mac("n2"), "n2 takes over")
        assert partners["n1"].process.wait(PATIENCE) == 0
    finally:
        lab.faults.api_server_started()

    cluster.wait_holder(address, "n2")


def test_a_planned_move_ends_at_the_new_node(
    cluster: Cluster, partners: dict[str, Speaker]
) -> None:
    del partners
    address = "172.16.110.122"
    cluster.apply(address, "n1", "n2")
    cluster.wait_holder(address, "n1")

    cluster.apply(address, "n2", "n1", outgoing="n1")

    cluster.wait_holder(address, "n2")
    # Make before break: for a moment n1 answers too.
    wait_until(lambda: cluster.answering(address) == cluster.lab.mac("n2"), "n2 answers")
