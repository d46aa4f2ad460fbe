"""The lab itself, for real: two nodes, a web server, each fault and its undoing, no trace after.

The faults are looked at from outside, as a person would: ping, the neighbour table, the carrier
that the node sees, the API server's own word.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.lab import Lab, LabSpec, own_name
from tests.lab.errors import LabError
from tests.lab.network import NETNS, enter
from tests.lab.processes import marked
from tests.lab.spec import SWITCH
from tests.lab.waiting import require, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

NAME = own_name("labtest")
KILLED = own_name("labkill")

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      # Two pods on each side of every question: one node, the other, and the way between.
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: web}}
      containers:
        - name: web
          image: nginx:1.29
          readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 8080, targetPort: 80, nodePort: 30642}]
"""


def traces(name: str) -> list[str]:
    """What a lab could leave on the machine."""
    lab = Lab(LabSpec(name=name))
    mounts = Path("/proc/mounts").read_text().splitlines()
    return [
        *(str(path) for path in NETNS.glob(f"{name}-*")),
        *(line for line in mounts if f"/{name}-" in line or str(lab.state.root) in line),
        *(f"process {pid}" for pid in marked(lab.state.root)),
        *([str(lab.state.root)] if lab.state.root.exists() else []),
    ]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(LabSpec(name=NAME, nodes=2, second_lan=True)) as lab:
        lab.kubectl("apply", "-f", "-", input=WEB)
        lab.kubectl("rollout", "status", "deployment/web", "--timeout=180s")
        yield lab
    assert traces(NAME) == []


def pings(lab: Lab, host: str, *, source: str = "client", family: int = 4) -> bool:
    address = lab.node_address(host, 6 if family == 6 else 4)
    return lab.exec(source, "ping", "-c1", "-W1", address, check=False).returncode == 0


def carrier(lab: Lab, host: str) -> str:
    return lab.exec(host, "cat", "/sys/class/net/eth0/carrier").stdout.strip()


def curl(lab: Lab, source: str, url: str) -> str:
    shown = ["--output", "/dev/null", "--write-out", "%{http_code}"]
    return lab.exec(source, "curl", "--silent", "--max-time", "5", *shown, url, check=False).stdout


def reaches(lab: Lab, source: str, url: str) -> bool:
    return curl(lab, source, url) == "200"


@pytest.mark.parametrize("node", ["n1", "n2"])
@pytest.mark.parametrize("family", [4, 6])
def test_the_client_reaches_pods_through_every_nodes_port(lab: Lab, node: str, family: int) -> None:
    address = lab.node_address(node, 6 if family == 6 else 4)
    host = f"[{address}]" if family == 6 else address

    require(lambda: curl(lab, "client", f"http://{host}:30642/") == "200", "the NodePort answers")


def test_a_cluster_ip_answers_inside_and_not_outside(lab: Lab) -> None:
    url = f"http://{lab.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')}:8080/"

    for host in ("cp", "n1", "n2"):
        require(partial(reaches, lab, host, url), f"the ClusterIP answers {host}")
    assert curl(lab, "client", url) == "000"


def test_pods_have_logs_and_can_be_entered(lab: Lab) -> None:
    assert "web-" in lab.kubectl("exec", "deployment/web", "--", "hostname")
    assert lab.kubectl("logs", "deployment/web")


def test_the_switch_has_no_netfilter_and_no_addresses(lab: Lab) -> None:
    switch = enter(lab.spec.namespace(SWITCH))

    for command in (
        ["nft", "list", "ruleset"],
        ["ip", "-oneline", "address", "show", "scope", "global"],
    ):
        done = subprocess.run([*switch, *command], check=True, capture_output=True, text=True)
        assert done.stdout == ""


def test_the_neighbour_table_shows_the_mac_that_the_spec_says(lab: Lab) -> None:
    require(lambda: pings(lab, "n1"), "n1 answers")
    seen = lab.exec("client", "ip", "neighbour", "show", lab.node_address("n1")).stdout

    assert lab.mac("n1") in seen


def test_a_second_lan_is_apart_from_the_first(lab: Lab) -> None:
    address = lab.node_address("n2", 4, 1)

    ping = ("ping", "-c1", "-W1", address)
    require(lambda: lab.exec("client", *ping, check=False).returncode == 0, "n2 answers on it")
    neighbour = lab.exec("client", "ip", "neighbour", "show", address).stdout
    assert f"dev eth1 lladdr {lab.mac('n2', 1)}" in neighbour


def test_a_dead_port_keeps_its_carrier(lab: Lab) -> None:
    lab.faults.switch_port_dead("n1")
    assert not pings(lab, "n1")
    assert carrier(lab, "n1") == "1"

    lab.faults.switch_port_alive("n1")
    assert wait_until(lambda: pings(lab, "n1"))


def test_a_pulled_cable_takes_the_carrier(lab: Lab) -> None:
    lab.faults.cable_pulled("n1")
    assert not pings(lab, "n1")
    assert carrier(lab, "n1") == "0"

    lab.faults.cable_plugged("n1")
    assert wait_until(lambda: pings(lab, "n1"))
    assert wait_until(lambda: pings(lab, "n1", family=6))


def test_a_loss_loses_some_and_goes_away(lab: Lab) -> None:
    def received(count: int) -> int:
        address = lab.node_address("n1")
        argv = ["ping", "-q", f"-c{count}", "-i0.01", "-W1", address]
        words = lab.exec("client", *argv, check=False).stdout.split()
        return int(words[words.index("received,") - 1])

    lab.faults.packet_loss("n1", 50)
    # A quarter passes both ways; all or none of 100 means that nothing is random here.
    assert 0 < received(100) < 100
    lab.faults.packet_loss("n1", 100)
    assert received(5) == 0
    lab.faults.no_loss("n1")
    lab.faults.no_loss("n1")
    assert received(20) == 20


def test_one_client_can_lose_the_api_server_alone(lab: Lab) -> None:
    with lab.forwarder() as door:

        def answered() -> bool:
            kubectl = str(lab.site.binaries["kubectl"])
            argv = [kubectl, f"--kubeconfig={door.kubeconfig}", "get", "nodes"]
            return subprocess.run(argv, check=False, capture_output=True).returncode == 0

        require(answered, "the door is open")
        door.cut()
        assert not answered()
        assert "n1" in lab.kubectl("get", "nodes")
        door.mended()
        require(answered, "the door is open again")


def test_the_api_server_stops_and_starts_and_pods_do_not_care(lab: Lab) -> None:
    url = f"http://{lab.node_address('n1')}:30642/"

    lab.faults.api_server_stopped()
    with pytest.raises(LabError, match="kubectl"):
        lab.kubectl("get", "nodes")
    assert curl(lab, "client", url) == "200"

    lab.faults.api_server_started()
    assert "n2" in lab.kubectl("get", "nodes")


@contextmanager
def speaker_like(lab: Lab, directory: Path) -> Iterator[None]:
    """A process with the speaker's command line, on n1: nothing of the speaker itself is needed."""
    package = directory / "speaker"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import time\ntime.sleep(1000)\n")
    argv = ["env", f"PYTHONPATH={directory}", sys.executable, "-m", "speaker"]
    with lab.popen("n1", *argv) as process:
        try:
            yield
        finally:
            for pid in [*lab.faults.speaker_processes("n1"), process.pid]:
                os.kill(pid, signal.SIGKILL)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_speaker_is_stopped_continued_and_killed(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no speaker runs on n1"):
        lab.faults.speaker_killed("n1")
    with speaker_like(lab, tmp_path):
        require(lambda: lab.faults.speaker_processes("n1"), "the process runs")
        [pid] = lab.faults.speaker_processes("n1")
        assert lab.faults.speaker_processes("n2") == []

        lab.faults.speaker_stopped("n1")
        assert wait_until(lambda: state_of(pid) == "T")
        lab.faults.speaker_continued("n1")
        assert wait_until(lambda: state_of(pid) == "S")
        lab.faults.speaker_killed("n1")
        assert wait_until(lambda: lab.faults.speaker_processes("n1") == [])


def test_a_power_cut_silences_a_node_and_power_on_brings_it_back(lab: Lab) -> None:
    lab.faults.power_cut("n1")
    assert not pings(lab, "n1")
    assert not (NETNS / lab.spec.namespace("n1")).exists()
    with pytest.raises(LabError, match="n1 is powered off"):
        lab.exec("n1", "true")
    # The other node's pod goes on answering on the other node's port.
    other = f"http://{lab.node_address('n2')}:30642/"
    require(lambda: curl(lab, "client", other) == "200", "n2 answers without n1")

    lab.faults.power_on("n1")
    require(lambda: pings(lab, "n1"), "n1 answers again")
    require(
        lambda: curl(lab, "client", f"http://{lab.node_address('n1')}:30642/") == "200",
        "the NodePort of n1 answers again",
    )
    lab.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=180s")


def killed_during_up(name: str, reached: Callable[[], bool]) -> None:
    """Boot in a process of its own and kill it, as hard as can be, once it has come that far."""
    argv = [sys.executable, "-m", "tests.lab", "up", "--name", name, "--nodes", "1"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as booting:
        require(reached, "the lab has begun to boot")
        booting.kill()


@pytest.mark.parametrize("stage", ["etcd", "init-n1", "containerd-n1"])
def test_a_killed_start_leaves_nothing_that_down_cannot_clear(stage: str) -> None:
    half = Lab(LabSpec(name=KILLED, nodes=1))
    killed_during_up(KILLED, (half.state.logs / f"{stage}.log").exists)

    half.down()
    assert traces(KILLED) == []
    half.down()
