"""What a whole speaker needs for 1,000 addresses: `python -m tests.bench.speaker` (root, 2 min).

Supervisor, agent and wire on two nodes of a lab with a real API server; the bench is the operator.
Each node holds half of the addresses and stands by for the others. Memory is PSS: what processes
share counts by its share. Exit code 1 when agent and wire together are above what is promised.
"""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lbctl.core.labels import candidate_labels
from tests.bench.conditions import machine, revision
from tests.bench.wire import cpu_seconds, pss_megabytes, say
from tests.lab import Lab, LabSpec, own_name
from tests.lab.api import Api
from tests.lab.waiting import require
from tests.wire.whole import Cluster, Speaker

COUNT = 1_000
PROMISED_MEGABYTES = 75.0
SUBNET = "10.77"
GROUP = "/apis/lbctl.io/v1beta1"
SETTLED_SECONDS = 30.0
"""After the last status: what was only needed for the rush is given back by then, or never."""
PARTS = ("speaker.wire", "speaker.agent")


def addresses() -> list[str]:
    """In a subnet of their own, beside those of the nodes."""

    def each() -> Iterator[str]:
        yield from (f"{SUBNET}.{third}.{last}" for third in range(1, 250) for last in range(1, 251))

    return list(islice(each(), COUNT))


def plan(api: Api, address: str, nodes: list[str]) -> None:
    """Write a VirtualIP as the operator would."""
    body = {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "VirtualIP",
        "metadata": {"name": address, "labels": candidate_labels(nodes)},
        "spec": {
            "address": address,
            "services": [{"namespace": "default", "name": f"web-{address}", "uid": address}],
            "succession": nodes,
        },
    }
    api.post(f"{GROUP}/virtualips", body)


def introduce(lab: Lab, nodes: list[str]) -> None:
    """Make the nodes partners, so that they keep a session."""
    api = Api(lab.kubeconfig)
    for node in nodes:
        partners = [
            {
                "node": other,
                "address": lab.node_address(other),
                "mac": lab.mac(other),
                "interface": "eth0",
            }
            for other in nodes
            if other != node
        ]
        api.merge(f"{GROUP}/speakers/{node}", {"spec": {"partners": partners}})


def holders(api: Api) -> dict[str, str]:
    """Who holds each address that is held."""
    items: list[dict[str, Any]] = api.get(f"{GROUP}/virtualips")["items"]
    held = {vip["metadata"]["name"]: vip.get("status", {}).get("holder", "") for vip in items}
    return {address: node for address, node in held.items() if node}


def memory(speaker: Speaker) -> dict[str, float]:
    """PSS of each process, in megabytes."""
    parts = {name: pss_megabytes(speaker.pid_of(name)) for name in PARTS}
    [first] = _first_processes(speaker)
    return {**parts, "supervisor": pss_megabytes(first)}


def _first_processes(speaker: Speaker) -> set[int]:
    # nsenter ends up as the supervisor itself, whose children the others are.
    pid = speaker.pid_of(PARTS[0])
    return {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])}


def measure(lab: Lab, speakers: dict[str, Speaker]) -> float:
    """Print the figures; the largest sum of agent and wire, in megabytes."""
    api, nodes = Api(lab.kubeconfig), list(speakers)
    for node, speaker in speakers.items():
        speaker.wait_ready()
        say(f"{node}, nothing planned", _megabytes(memory(speaker)))
    introduce(lab, nodes)
    used = {part: cpu_seconds(speakers["n1"].pid_of(part)) for part in PARTS}
    began = time.monotonic()
    with ThreadPoolExecutor(4) as side_by_side:
        orders = [nodes, nodes[::-1]]
        jobs = [
            side_by_side.submit(plan, api, address, orders[at % 2])
            for at, address in enumerate(addresses())
        ]
        for job in jobs:
            job.result()
    made = time.monotonic() - began
    # Seldom: each look reads every object.
    require(lambda: len(holders(api)) == COUNT, "all are held", timeout=300, interval=1)
    say(f"{COUNT:,} VirtualIPs written", f"{made:.1f} s")
    say("the last status after that", f"{time.monotonic() - began - made:.1f} s")
    for part, before in used.items():
        spent = cpu_seconds(speakers["n1"].pid_of(part)) - before
        say(f"CPU of n1's {part} for all that", f"{spent:.1f} s")
    time.sleep(SETTLED_SECONDS)
    most = 0.0
    for node, speaker in speakers.items():
        found = memory(speaker)
        say(f"{node}, {COUNT:,} planned, half of them held", _megabytes(found))
        most = max(most, sum(found[part] for part in PARTS))
    return most


def _megabytes(parts: dict[str, float]) -> str:
    return ", ".join(f"{name.removeprefix('speaker.')} {mb:.0f} MB" for name, mb in parts.items())


def main() -> int:
    """Measure and print; the exit code."""
    os.environ.setdefault("LBCTL_LOG_LEVEL", "warning")
    print(f"{machine()}; commit {revision()}; load {os.getloadavg()[0]:.1f}")
    spec = LabSpec(name=own_name("bench"), nodes=2, kubelets=False)
    with Lab(spec) as lab, TemporaryDirectory() as folder, ExitStack() as stack:
        Cluster(lab).install()
        speakers = {}
        for number, host in enumerate(spec.node_hosts, start=11):
            lab.exec(host.name, "ip", "addr", "add", f"{SUBNET}.0.{number}/16", "dev", "eth0")
            speaker = Speaker(lab, host.name, Path(folder) / f"{host.name}.log")
            speakers[host.name] = stack.enter_context(closing(speaker))
        most = measure(lab, speakers)
    say(f"agent and wire, at most (promised: {PROMISED_MEGABYTES:.0f} MB)", f"{most:.1f} MB")
    return 0 if most <= PROMISED_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
