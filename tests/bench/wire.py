"""What the wire costs: `python -m tests.bench.wire` (needs root; takes about a minute).

A client in a network namespace asks a real wire in another one for its addresses, over a veth pair
and a bridge. The added latency is the time to the wire's answer less that to a kernel's answer for
an address of its own, on the same path.
"""

import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from speaker.wire import templates
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.tap import ETH_P_ARP
from tests.wire.wires import Wire

_SO_RCVBUFFORCE = 33
SINGLE = 2_000
"""Requests one after the other."""
FLOOD_SECONDS = 5.0
WINDOW = 32
"""Requests in flight during the flood."""
ADDRESSES = [f"172.31.9.{last}" for last in range(100, 200)]
MANY = [f"172.31.9.{last}" for last in range(30, 250)]


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_megabytes(pid: int) -> float:
    """Proportional set size: shared pages count by their share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


class Asker:
    """A raw socket that asks and waits for answers only."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._socket = inside(host.namespace, self._open)
        self._socket.settimeout(2)

    def _open(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        raw.bind((INTERFACE, ETH_P_ARP))
        # Room for the announcements of hundreds of addresses, which nobody reads.
        raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        return raw

    def close(self) -> None:
        self._socket.close()

    def receive(self, patience: float) -> bytes:
        """The next frame, whatever it is; empty when none comes."""
        ready, _, _ = select.select([self._socket], [], [], patience)
        return self._socket.recv(64) if ready else b""

    def drain(self) -> None:
        """Forget what has come."""
        while self.receive(0):
            pass

    def latency(self, address: str, count: int) -> list[float]:
        """Microseconds from each question to its answer."""
        question = frames.request(self._host.mac, self._host.address, address)
        took = []
        for _ in range(count):
            began = time.perf_counter()
            self._socket.send(question)
            self._await_reply()
            took.append((time.perf_counter() - began) * 1e6)
        return took

    def flood(self, addresses: list[str], seconds: float) -> tuple[int, float]:
        """Answers received and the time that took, with a window of open questions."""
        host = self._host
        questions = [frames.request(host.mac, host.address, address) for address in addresses]
        for question in questions[:WINDOW]:
            self._socket.send(question)
        answers, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._await_reply()
            answers += 1
            self._socket.send(questions[answers % len(questions)])
        return answers, time.perf_counter() - began

    def _await_reply(self) -> None:
        # Announcements have the reply form too, but go to everybody.
        mac = self._host.mac
        while (frame := self._socket.recv(64))[20:22] != b"\x00\x02" or frame[:6] != mac:
            pass


def say(what: str, value: str) -> None:
    print(f"{what:52} {value:>16}", flush=True)


def measure_answers(wire: Wire, asker: Asker) -> None:
    kernel = asker.latency(wire.host.address, SINGLE)
    ours = asker.latency(ADDRESSES[0], SINGLE)
    added = statistics.median(ours) - statistics.median(kernel)
    say("answer, median (the kernel's own)", f"{statistics.median(kernel):.0f} us")
    say("answer, median (the wire's)", f"{statistics.median(ours):.0f} us")
    say("added latency, median", f"{added:.0f} us")
    say("answer, 99th percentile (the wire's)", f"{statistics.quantiles(ours, n=100)[98]:.0f} us")
    before = cpu_seconds(wire.process.pid)
    answers, seconds = asker.flood(ADDRESSES, FLOOD_SECONDS)
    spent = cpu_seconds(wire.process.pid) - before
    say("replies a second, client on the same machine", f"{answers / seconds:,.0f}")
    say("CPU per 1,000 requests", f"{spent / answers * 1e6:.1f} ms")


def measure_taking(wire: Wire) -> None:
    began = time.perf_counter()
    wire.hold(*MANY)
    say(
        f"asking for {len(MANY)} addresses and holding them all",
        f"{time.perf_counter() - began:.2f} s",
    )
    before, began = cpu_seconds(wire.process.pid), time.perf_counter()
    # The cost of time itself, which has to pass: refreshes and ticks.
    time.sleep(20)
    spent = cpu_seconds(wire.process.pid) - before
    share = spent / (time.perf_counter() - began)
    say(f"CPU while holding {len(MANY)}, nobody asks", f"{share:.2%}")


def measure_start(forged: str) -> None:
    def timed(make: Callable[[], object]) -> float:
        began = time.perf_counter()
        make()
        return time.perf_counter() - began

    say("forging the templates, once per pod", f"{timed(templates.forge):.2f} s")
    script = "import speaker.wire.__main__"
    command = [sys.executable, "-c", script]
    environment = {**os.environ, templates.VARIABLE: forged}
    say(
        "starting a wire",
        f"{timed(lambda: subprocess.run(command, check=True, env=environment)):.2f} s",
    )


def main() -> int:
    """Measure and print; the exit code."""
    forged = templates.forge()
    with Network() as network:
        client, node = network.host("client", 1), network.host("node", 11)
        with closing(Wire(node, forged)) as wire, closing(Asker(client)) as asker:
            say(
                "memory of a wire that holds nothing, PSS",
                f"{pss_megabytes(wire.process.pid):.1f} MB",
            )
            wire.hold(*ADDRESSES)
            measure_answers(wire, asker)
            measure_taking(wire)
            say("memory of a wire that holds 220, PSS", f"{pss_megabytes(wire.process.pid):.1f} MB")
    measure_start(forged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
