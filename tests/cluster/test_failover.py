"""Everything of ours for real: an operator and three speakers, on one LAN with one API server."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.lab import Lab, LabSpec, own_name
from tests.wire.whole import Cluster, Speaker

pytestmark = [pytest.mark.root, pytest.mark.lab]

NODES = ("n1", "n2", "n3")
VIP = "172.16.110.100"
ALL_UP = {node: {"Up"} for node in NODES}
PATIENT_LEASE = "600"
"""The operator waits so long for a Lease: nothing here moves because one is stale."""


@pytest.fixture(scope="module")
def site() -> Iterator[Cluster]:
    with Lab(LabSpec(name=own_name("failover"), nodes=3, kubelets=False)) as lab:
        made = Cluster(lab)
        made.install()
        Oracle(lab.kubeconfig).create_namespace(NAMESPACE)
        yield made


@pytest.fixture(scope="module")
def oracle(site: Cluster) -> Oracle:
    return Oracle(site.lab.kubeconfig)


@pytest.fixture(scope="module")
def _operator(site: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    running = Operators(site.lab.kubeconfig, tmp_path_factory.mktemp("operator"))
    running.start("--lease-duration-seconds", PATIENT_LEASE).wait_ready()
    yield
    running.kill_all()


@pytest.fixture
def speakers(site: Cluster, _operator: None, tmp_path: Path) -> Iterator[dict[str, Speaker]]:
    """One on each node, all of them partners that see each other."""
    started = {node: Speaker(site.lab, node, tmp_path / f"{node}.log") for node in NODES}
    try:
        for speaker in started.values():
            speaker.wait_ready()
        wait_states(site, ALL_UP)
        yield started
    finally:
        for speaker in started.values():
            speaker.close()


def states(site: Cluster) -> dict[str, set[str]]:
    """What each Speaker says of its partners."""
    found = {node: site.get("speaker", node).get("status", {}) for node in NODES}
    return {
        node: {partner["state"] for partner in status.get("partners", ())}
        for node, status in found.items()
    }


def wait_states(site: Cluster, expected: dict[str, set[str]]) -> None:
    seen: list[dict[str, set[str]]] = []

    def look() -> bool:
        seen.append(states(site))
        return expected.items() <= seen[-1].items()

    try:
        eventually(look, what=f"speakers see {expected}")
    except AssertionError as error:
        error.add_note(f"they see {seen[-1]}")
        raise


def test_partners_see_each_other_and_one_that_dies_is_replaced(
    site: Cluster, oracle: Oracle, speakers: dict[str, Speaker]
) -> None:
    for node in NODES:
        reachable = site.condition("speaker", node, "PartnersReachable")
        assert (reachable["status"], reachable["reason"]) == ("True", "Reachable")
    eventually(
        lambda: 'lbctl_speaker_bfd_sessions{state="up"} 2.0' in speakers["n1"].http("/metrics"),
        what="the metrics say so too",
    )

    oracle.pool("lab", "172.16.110.100-172.16.110.109")
    oracle.service("web")
    holder = str(eventually(lambda: site.holder(VIP), what="somebody holds it"))
    eventually(
        lambda: {*oracle.vips()[VIP]["spec"]["succession"]} == {*NODES}, what="all are planned"
    )
    eventually(lambda: site.answering(VIP) == site.lab.mac(holder), what="and answers")

    others = [node for node in oracle.vips()[VIP]["spec"]["succession"] if node != holder]
    begun = time.monotonic()
    kill_all_of(speakers[holder])
    eventually(lambda: site.answering(VIP) == site.lab.mac(others[0]), what=f"{others[0]} answers")
    print(f"another answered, as arping sees it, within {time.monotonic() - begun:.1f} s")
    wait_states(site, {node: {"Up", "Down"} for node in others})
    eventually(
        lambda: holder not in oracle.vips()[VIP]["spec"]["succession"],
        what="the operator believes the two that saw it die; its Lease is fresh",
    )
    eventually(lambda: site.holder(VIP) == others[0], what=f"{others[0]} says so")
    eventually(
        lambda: (
            f"{holder}: its partners report it down"
            in site.condition("virtualip", VIP, "Planned")["message"]
        ),
        what="and it is said why",
    )

    speakers[holder].start()
    wait_states(site, ALL_UP)
    eventually(
        lambda: oracle.vips()[VIP]["spec"]["succession"] == [*others, holder],
        what="it comes back, last",
    )
    assert site.holder(VIP) == others[0], "and takes nothing"


def test_a_firewall_on_a_node_is_named(site: Cluster, speakers: dict[str, Speaker]) -> None:
    speakers["n3"].close()
    for command in (
        "add table inet guard",
        "add chain inet guard input { type filter hook input priority 0; }",
        "add rule inet guard input udp dport 3784 drop",
    ):
        site.lab.exec("n3", "nft", command)
    try:
        for node in ("n1", "n2"):
            kill_all_of(speakers[node])
            speakers[node].start()
        speakers["n3"].start()
        eventually(lambda: blocked(site), what="n3 says that both others live and it is cut off")
        eventually(
            lambda: "n3" in site.condition("speaker", "n1", "PartnersReachable")["message"],
            what="and n1 that it does not reach n3",
        )
    finally:
        site.lab.exec("n3", "nft", "delete", "table", "inet", "guard")
    eventually(
        lambda: all(
            site.condition("speaker", node, "PartnersReachable")["status"] == "True"
            for node in NODES
        ),
        what="with the port open all is well",
    )


def blocked(site: Cluster) -> bool:
    """Whether n3 names the port. One partner is lost before the other, and a Lease seen later."""
    said = site.condition("speaker", "n3", "PartnersReachable")
    both = re.match(r"n1 on eth0, n2 on eth0: alive.* UDP port 3784 ", said["message"])
    return (said["status"], said["reason"]) == ("False", "BFDBlocked") and both is not None


def kill_all_of(speaker: Speaker) -> None:
    """Supervisor, agent and wire at once, as when their node dies."""
    pids = [speaker.pid_of("speaker.agent"), speaker.pid_of("speaker.wire"), speaker.process.pid]
    for pid in reversed(pids):
        os.kill(pid, signal.SIGKILL)
    speaker.process.wait()
