"""What the operator costs with thousands of Services: `python -m tests.bench.operator`.

Needs root; takes six minutes. One operator process on a real API server, which counts the requests
itself. Three speakers are there as objects only: plans are made, nobody announces. Exit code 1 when
a promise is broken.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError

from tests.bench.conditions import machine, revision
from tests.bench.wire import cpu_seconds, say
from tests.lab import Lab, LabSpec, own_name
from tests.lab.api import Api
from tests.lab.waiting import require

FEW, ALONE, MANY, AT_ONCE = 1_000, 30, 5_000, 1_000
PROMISED_MEGABYTES = 100.0
PROMISED_WRITES = 3.0
PROMISED_IDLE = 0.01
"""Of one core, while nothing changes."""
RESYNC_SECONDS = 300
"""The default of --resync-seconds."""
GROUP = "/apis/lbctl.io/v1beta1"
CRDS = Path(__file__).parents[2] / "charts" / "lbctl" / "files" / "crds"
LBCTL = "import sys; sys.modules['kubernetes'] = None; from lbctl.cli.main import cli; cli()"
"""kopf imports the official client where it is installed, as for tests; the image has none."""
SYSTEM, TEAM = "lbctl-system", "team"
WRITES = {"POST", "PUT", "PATCH", "DELETE", "APPLY"}
_COUNTED = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Operator:
    """The process that is measured."""

    process: subprocess.Popen[bytes]
    port: int
    born: float = field(default_factory=time.monotonic)

    @property
    def cpu(self) -> float:
        return cpu_seconds(self.process.pid)

    @property
    def megabytes(self) -> float:
        """Resident memory, as kubelet and `kubectl top` count it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024

    def ask(self, path: str) -> tuple[int, str]:
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except URLError as error:
            return getattr(error, "code", 0), ""

    def busy(self) -> float:
        """How many items wait in its queue."""
        found = re.findall(
            r"^lbctl_queue_depth\{.*\} (\S+)$", self.ask("/metrics")[1], re.MULTILINE
        )
        return sum(map(float, found))

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(30)


def start(kubeconfig: Path, log: Path, *arguments: str) -> Operator:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        *(sys.executable, "-c", LBCTL, "run", "--kubeconfig", str(kubeconfig)),
        *("--namespace", SYSTEM, "--listen", f"127.0.0.1:{port}"),
        # The speakers' Leases are written once: they must stay fresh.
        *("--lease-duration-seconds", "3600", *arguments),
    ]
    with log.open("ab") as output:
        return Operator(subprocess.Popen(command, stdout=output, stderr=output), port)


class Cluster:
    """The API server, and what the bench makes in it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.api = Api(lab.kubeconfig)
        self.services = 0

    def install(self) -> None:
        self.lab.kubectl("apply", "--server-side", "-f", CRDS)
        self.lab.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        for namespace in (SYSTEM, TEAM):
            self.api.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        pool = {"addresses": ["10.128.0.0/16"]}
        self._make("IPAddressPool", "ipaddresspools", "lab", {"spec": pool})
        for number in (11, 12, 13):
            self._speaker(f"n{number}", f"10.128.255.{number}")

    def _speaker(self, node: str, address: str) -> None:
        self.api.post("/api/v1/nodes", {"metadata": {"name": node}})
        known = {"addresses": [{"type": "InternalIP", "address": address}]}
        self.api.merge(f"/api/v1/nodes/{node}/status", {"status": known})
        self._make("Speaker", "speakers", node, {})
        interface = {
            "name": "eth0",
            "mac": f"02:00:00:00:00:{node[1:]}",
            "addresses": [f"{address}/16"],
            "carrier": True,
        }
        ready = {"type": "Ready", "status": "True", "reason": "WireRunning", "message": ""}
        since = {"lastTransitionTime": "2026-01-01T12:00:00Z"}
        status = {"version": "0", "interfaces": [interface], "conditions": [{**ready, **since}]}
        self.api.merge(f"{GROUP}/speakers/{node}/status", {"status": status})
        labels = {
            "app.kubernetes.io/name": "lbctl",
            "app.kubernetes.io/component": "speaker",
        }
        self.api.post(
            f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases",
            {
                "metadata": {"name": f"lbctl-speaker-{node}", "labels": labels},
                "spec": {
                    "holderIdentity": node,
                    "leaseDurationSeconds": 3600,
                    "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                },
            },
        )

    def _make(self, kind: str, plural: str, name: str, body: dict[str, Any]) -> None:
        head = {"apiVersion": "lbctl.io/v1beta1", "kind": kind, "metadata": {"name": name}}
        self.api.post(f"{GROUP}/{plural}", {**head, **body})

    def add_services(self, count: int) -> float:
        """Create so many, eight at a time. Returns the seconds that it took."""
        numbers = range(self.services, self.services + count)
        self.services += count
        began = time.monotonic()
        with ThreadPoolExecutor(8) as side_by_side:
            list(side_by_side.map(self._service, numbers))
        return time.monotonic() - began

    def _service(self, number: int) -> None:
        body = {
            "metadata": {"name": f"web-{number}", "labels": {"app": f"web-{number}"}},
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": False,
                "selector": {"app": f"web-{number}"},
                "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443}],
            },
        }
        self.api.post(f"/api/v1/namespaces/{TEAM}/services", body)

    def wait_for_one(self) -> float:
        """Create one; the seconds until its status shows an address."""
        began = time.monotonic()
        name = f"web-{self.services}"
        self.add_services(1)

        def shows() -> bool:
            found = self.api.get(f"/api/v1/namespaces/{TEAM}/services/{name}")
            return "ingress" in found["status"]["loadBalancer"]

        require(shows, f"{name} shows an address", timeout=60, interval=0.005)
        return time.monotonic() - began

    def shown(self) -> int:
        """How many addresses the operator has taken and written into a status."""
        made = self.writes()
        return min(made["virtualips"], made["services/status"])

    def writes(self) -> Counter[str]:
        """The writes that succeeded so far, by kind and subresource, as the API server counts."""
        found: Counter[str] = Counter()
        for labels, count in _COUNTED.findall(self.lab.kubectl("get", "--raw", "/metrics")):
            said = dict(_LABEL.findall(labels))
            if said["verb"] in WRITES and said["code"].startswith("2"):
                kind = "/".join(filter(None, (said["resource"], said["subresource"])))
                found[kind] += int(float(count))
        return found


def settled(cluster: Cluster) -> float:
    """Wait until all Services show an address; returns when that was so, by the monotonic clock."""
    wanted = cluster.services
    require(lambda: cluster.shown() >= wanted, "all have an address", timeout=600, interval=0.2)
    return time.monotonic()


def quiet(operator: Operator) -> None:
    """Wait until nothing is left to be done and the CPU rests."""

    def rests() -> bool:
        before = operator.cpu
        time.sleep(1)
        return operator.busy() == 0 and operator.cpu - before < 0.1

    require(rests, "the operator rests", timeout=300, interval=0.2)


def idle_share(operator: Operator) -> tuple[float, float]:
    """The share of a core while nothing changes: between two sweeps, and with the default's sweeps.

    Sampled by the second. With --resync-seconds 20, a minute has three sweeps or so.
    """
    quiet(operator)
    samples, before = [], operator.cpu
    for _ in range(60):
        time.sleep(1)
        now = operator.cpu
        samples.append(now - before)
        before = now
    calm = sorted(samples)[: len(samples) // 2]
    between = sum(calm) / len(calm)
    sweeps = sum(samples) - between * len(samples)
    return between, between + sweeps / 3 / RESYNC_SECONDS


def measure(cluster: Cluster, kubeconfig: Path, log: Path) -> bool:
    """Print the figures. Whether all promises are kept."""
    kept = True
    cluster.add_services(FEW)
    before = cluster.writes()
    with closing(start(kubeconfig, log)) as one:
        shown = settled(cluster)
        say(f"{FEW:,} Services, start until all show an address", f"{shown - one.born:.1f} s")
        quiet(one)
        say("CPU for that, conditions and Events included", f"{one.cpu:.1f} s")
        say(f"memory (RSS; promised: {PROMISED_MEGABYTES:.0f} MB)", f"{one.megabytes:.0f} MB")
        kept &= one.megabytes <= PROMISED_MEGABYTES
        kept &= _say_writes(cluster.writes() - before, FEW)
        waits = sorted(cluster.wait_for_one() for _ in range(ALONE))
        text = f"{median(waits):.3f} s, {waits[-1]:.3f} s"
        say("one Service more, until it shows an address: median, longest", text)
        cluster.add_services(MANY - FEW - ALONE)
        settled(cluster)
        quiet(one)
        say(f"memory with {MANY:,}", f"{one.megabytes:.0f} MB")
    with closing(start(kubeconfig, log, "--resync-seconds", "20")) as one:
        require(lambda: one.ask("/readyz")[0] == 200, "ready", timeout=120)
        say(f"{MANY:,} Services, start to ready", f"{time.monotonic() - one.born:.1f} s")
        quiet(one)
        say("and until each was looked at", f"{time.monotonic() - one.born:.1f} s")
        say("CPU for that", f"{one.cpu:.1f} s")
        one.process.send_signal(signal.SIGSTOP)
        cluster.add_services(AT_ONCE)
        cpu, before = one.cpu, cluster.writes()
        one.process.send_signal(signal.SIGCONT)
        begun = time.monotonic()
        took = settled(cluster) - begun
        quiet(one)
        say(f"{AT_ONCE:,} more at once, until all show an address", f"{took:.1f} s")
        say("CPU for that, conditions and Events included", f"{one.cpu - cpu:.1f} s")
        kept &= _say_writes(cluster.writes() - before, AT_ONCE)
        require(lambda: time.monotonic() - one.born > 40, "its first sweeps are over", timeout=60)
        between, with_sweeps = idle_share(one)
        say(f"CPU at rest, {MANY + AT_ONCE:,} Services, between sweeps", f"{between:.2%}")
        say(
            f"with a sweep each {RESYNC_SECONDS} s (promised: {PROMISED_IDLE:.0%})",
            f"{with_sweeps:.2%}",
        )
        say("memory", f"{one.megabytes:.0f} MB")
        kept &= with_sweeps < PROMISED_IDLE
    return kept


def _say_writes(made: Counter[str], services: int) -> bool:
    """Whether each Service cost no more writes than promised; Events are not counted."""
    of_kind = {
        k: n
        for k, n in made.items()
        if k.split("/")[0] in {"services", "virtualips", "events", "ipaddresspools"}
    }
    each = sum(of_kind.get(kind, 0) for kind in of_kind if kind != "events") / services
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(of_kind.items()))
    say(f"writes for each Service (promised: {PROMISED_WRITES:.0f})", f"{each:.2f} ({told})")
    return each <= PROMISED_WRITES + 0.05


def main() -> int:
    """Measure and print; the exit code."""
    os.environ.setdefault("LBCTL_LOG_LEVEL", "warning")
    print(f"{machine()}; commit {revision()}; load {os.getloadavg()[0]:.1f}")
    with Lab(LabSpec(name=own_name("bench"), nodes=0)) as lab, TemporaryDirectory() as folder:
        cluster = Cluster(lab)
        cluster.install()
        kept = measure(cluster, lab.kubeconfig, Path(folder) / "operator.log")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
