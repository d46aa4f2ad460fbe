"""What sending to NodePorts costs: `python -m tests.bench.handoff` (needs root; about a minute).

A client, a node and a pod in network namespaces, and a stand-in for kube-proxy on the node. The
same rules of that proxy are reached in two ways, turn by turn: at the address itself
(`ClusterProxy`), and through the speaker's table (`NodePort`). Without a table is a third way.
"""

import argparse
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from speaker.netfilter.rewrites import Protocol, ServicePort
from tests.wire.handing_on import AT_THE_ADDRESS, LOCAL, POD_PORT, VIPS, Stage, built, talk
from tests.wire.network import Network, enter, inside

WAYS = {"ClusterProxy": AT_THE_ADDRESS, "NodePort": 443}
PORTS = [
    ServicePort(Protocol.TCP, AT_THE_ADDRESS),
    ServicePort(Protocol.TCP, 443, LOCAL),
]
_AT_ONCE = struct.pack("=ii", 1, 0)
ENOUGH = 0.9
"""Of `ClusterProxy`'s figures, `NodePort` is to reach so much."""
_SINK = f"""
import socket, threading
def drain(talk):
    try:
        with talk:
            talk.send(b"!")
            while talk.recv(1 << 20):
                pass
    except ConnectionResetError:
        pass
for family in (socket.AF_INET, socket.AF_INET6):
    ear = socket.create_server(("", {POD_PORT}), family=family, backlog=1024)
    def serve(ear=ear):
        while True:
            threading.Thread(target=drain, args=(ear.accept()[0],), daemon=True).start()
    threading.Thread(target=serve).start()
print("ready", flush=True)
"""


@contextmanager
def sink(stage: Stage) -> Iterator[None]:
    """The pod takes all that comes, in a process of its own."""
    with subprocess.Popen(
        enter(stage.pod, sys.executable, "-c", _SINK), stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()


def connections(stage: Stage, address: str, port: int, seconds: float) -> float:
    """Connections opened and closed in a second, one after the other."""

    def run() -> float:
        made, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            with socket.create_connection((address, port), timeout=5) as opened:
                # It ends with a reset, or its port would not be free for a minute.
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                opened.recv(1)
            made += 1
        return made / (time.perf_counter() - began)

    return inside(stage.client.namespace, run)


def throughput(stage: Stage, address: str, port: int, seconds: float) -> float:
    """Gigabits a second that one connection carries to the pod."""
    block = bytes(1 << 18)
    with talk(stage.client.namespace, Protocol.TCP, address, port) as made:
        sent, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            made.sendall(block)
            sent += len(block)
        made.shutdown(socket.SHUT_WR)
        while made.recv(1):
            pass
        return sent * 8 / 1e9 / (time.perf_counter() - began)


MEASURES = {"connections a second": connections, "Gbit/s": throughput}


def rounds(
    stage: Stage,
    family: int,
    measure: Callable[[Stage, str, int, float], float],
    *,
    number: int,
    seconds: float,
) -> dict[str, float]:
    """The middle figure of each way."""
    figures: dict[str, list[float]] = {"no table": [], **{way: [] for way in WAYS}}
    for _ in range(number):
        stage.forget_the_table()
        for way, port in {"no table": AT_THE_ADDRESS, **WAYS}.items():
            if way != "no table":
                stage.guard(stage.wanted(ports=PORTS))
            # What another way left would be in this one's way.
            stage.conntrack("-F")
            figures[way].append(measure(stage, VIPS[family][0], port, seconds))
    return {way: statistics.median(each) for way, each in figures.items()}


def main() -> int:
    """Print a row for each measure and family; 1 where NodePort is too far behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.5)
    given = parser.parse_args()
    worst = 1.0
    with Network() as network:
        stage = built(network, network.host("client", 1), "nftables")
        with sink(stage):
            for family in (4, 6):
                for name, measure in MEASURES.items():
                    middle = rounds(
                        stage, family, measure, number=given.rounds, seconds=given.seconds
                    )
                    ratio = middle["NodePort"] / middle["ClusterProxy"]
                    worst = min(worst, ratio)
                    row = ", ".join(f"{way} {value:,.2f}" for way, value in middle.items())
                    print(f"IPv{family}, {name}: {row}: {ratio:.2f}", flush=True)
    return 0 if worst >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
