"""Each of the speaker's metrics moves with what it is about: real speakers on two nodes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from lbctl.telemetry import Metric
from lbctl.telemetry.shared import API_REQUESTS, API_SECONDS, BUILD_INFO
from speaker.agent import metric_table as table
from tests.exposition import Exposition
from tests.lab import Lab, LabSpec, own_name
from tests.wire.whole import Cluster, Speaker, wait_until

pytestmark = [pytest.mark.root, pytest.mark.lab]

ADDRESS = "172.16.110.130"

ELSEWHERE: Final = {
    table.NOT_SERVING: "test_whole_speaker",
    table.RESTARTS: "test_whole_speaker",
    table.TABLE_LOOKS: "test_whole_table",
    table.ADDRESS_PACKETS: "tests/unit/telemetry",
    table.ADDRESS_BYTES: "tests/unit/telemetry",
    table.FRAMES_UNSENT: "tests/unit/speaker/test_measuring.py",
}
"""What other tests move."""


class Shown(Exposition):
    """A speaker's metrics."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__(lambda: speaker.http("/metrics"))

    def reaches(self, metric: Metric, value: float, **labels: str) -> None:
        """Wait until it says that or more."""
        what = f"{metric.name}{labels} reaches {value}"
        wait_until(lambda: (self.sum(metric, **labels) or 0.0) >= value, what)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Lab(LabSpec(name=own_name("metrics"), nodes=2, kubelets=False)) as lab:
        made = Cluster(lab)
        made.install()
        yield made


@pytest.fixture
def speakers(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Speaker]]:
    logs = tmp_path_factory.mktemp("speakers")
    started = [Speaker(cluster.lab, node, logs / f"{node}.log") for node in ("n1", "n2")]
    for one in started:
        one.wait_ready()
    yield started
    for one in started:
        one.close()


@contextmanager
def without_cpu(speaker: Speaker) -> Iterator[None]:
    """Its packet process gets no CPU meanwhile."""
    wire = speaker.pid_of("speaker.wire")
    os.kill(wire, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(wire, signal.SIGCONT)


def test_each_metric_moves_with_what_it_is_about(cluster: Cluster, speakers: list[Speaker]) -> None:
    lab = cluster.lab
    first, second = map(Shown, speakers)
    first.reaches(BUILD_INFO, 1, component="speaker")
    first.reaches(table.CHECK, 1, check="KernelSilent", reason="Good")
    first.reaches(API_REQUESTS, 1, method="POST", code="201")
    first.reaches(API_SECONDS, 1, method="POST")

    # Partners that hear each other.
    cluster.partners("n1", "n2")
    cluster.partners("n2", "n1")
    first.reaches(table.BFD_UP, 1, peer="n2", interface="eth0")
    first.reaches(table.BFD_SESSIONS, 1, state="up")
    first.reaches(table.BFD_ROUND_TRIP, 1)
    first.reaches(table.BFD_PACKETS, 1, verdict="accepted")
    first.reaches(table.BFD_PACKETS, 1, verdict="sent")

    # An address that is taken after a question, announced, asked for and answered.
    cluster.apply(ADDRESS, "n1", "n2")
    cluster.wait_holder(ADDRESS, "n1")
    first.reaches(table.ADDRESSES, 1, state="holding")
    first.reaches(table.TAKEN, 1, cause="silence")
    first.reaches(table.FRAMES_SENT, 1, kind="question")
    first.reaches(table.FRAMES_SENT, 1, kind="announcement")
    assert cluster.answering(ADDRESS) == lab.mac("n1")
    first.reaches(table.FRAMES_RECEIVED, 1, interface="eth0", verdict="answered")
    first.reaches(table.FRAMES_SENT, 1, kind="reply")

    # Another host that says it is its own: whoever asks with an address as its own claims it.
    lab.exec("client", "ip", "address", "add", f"{ADDRESS}/32", "dev", "eth0")
    try:
        lab.exec("client", "ip", "neigh", "flush", "dev", "eth0")
        node = lab.node_address("n1")
        lab.exec("client", "ping", "-c1", "-W1", "-I", ADDRESS, node, check=False)
        first.reaches(table.CONFLICTS, 1)
    finally:
        lab.exec("client", "ip", "address", "delete", f"{ADDRESS}/32", "dev", "eth0")

    # A holder that stands still: it is taken for dead, and knows it when it wakes.
    with without_cpu(speakers[0]):
        second.reaches(table.BFD_LOST, 1, peer="n1")
        second.reaches(table.TAKEN, 1, cause="death")
        second.reaches(table.FAILOVER_SECONDS, 1)
        wait_until(lambda: second.sum(table.BFD_UP, peer="n1") == 0, "the session is down")
    first.reaches(table.STALLS, 1)

    assert first.undeclared(table.TABLE) == second.undeclared(table.TABLE) == []
    assert first.moved | second.moved == {*table.TABLE} - ELSEWHERE.keys()
