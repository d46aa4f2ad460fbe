"""What the wire costs: `python -m tests.bench.wire` (needs root; takes about two minutes).

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
from dataclasses import dataclass
from pathlib import Path

from speaker.wire import templates
from tests.wire import frames, ndp_frames
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.noise import FRAMES_PER_SECOND, flooded
from tests.wire.tap import ETH_P_ARP, ETH_P_IPV6
from tests.wire.wires import VIP, Wire

_SO_RCVBUFFORCE = 33
SINGLE = 2_000
"""Requests one after the other."""
FLOOD_SECONDS = 5.0
WINDOW = 32
"""Requests in flight during the flood."""
NOISY = 10_000
"""Requests while the LAN is full of other frames."""
PASSING = 100_000
"""Datagrams that are none of the wire's business."""


@dataclass(frozen=True)
class Manner:
    """How one family asks."""

    name: str
    protocol: int
    ask: Callable[[Host, str], bytes]
    is_answer: Callable[[bytes], bool]
    """Of a frame to the asker alone."""
    own: Callable[[Host], str]
    addresses: list[str]
    many: list[str]


ARP = Manner(
    name="ARP",
    protocol=ETH_P_ARP,
    ask=lambda host, address: frames.request(host.mac, host.address, address),
    is_answer=lambda frame: frame[20:22] == b"\0\2",
    own=lambda host: host.address,
    addresses=[f"172.31.9.{last}" for last in range(100, 200)],
    many=[f"172.31.9.{last}" for last in range(30, 250)],
)
NDP = Manner(
    name="NDP",
    protocol=ETH_P_IPV6,
    ask=lambda host, address: ndp_frames.request(host.mac, host.address6, address),
    is_answer=lambda frame: frame[20:21] == b"\x3a" and frame[54:55] == b"\x88",
    own=lambda host: host.address6,
    addresses=[f"fd00:9::1:{last:x}" for last in range(100, 200)],
    many=[f"fd00:9::1:{last:x}" for last in range(30, 250)],
)


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

    def __init__(self, host: Host, manner: Manner) -> None:
        self._host, self._manner = host, manner
        self._socket = inside(host.namespace, self._open)
        self._socket.settimeout(2)

    def _open(self) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.bind((INTERFACE, self._manner.protocol))
        # Room for the announcements of hundreds of addresses, which nobody reads.
        raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        return raw

    def close(self) -> None:
        self._socket.close()

    def receive(self, patience: float) -> bytes:
        """The next frame, whatever it is; empty when none comes."""
        ready, _, _ = select.select([self._socket], [], [], patience)
        return self._socket.recv(128) if ready else b""

    def drain(self) -> None:
        """Forget what has come."""
        while self.receive(0):
            pass

    def latency(self, address: str, count: int) -> list[float]:
        """Microseconds from each question to its answer."""
        question = self._manner.ask(self._host, address)
        took = []
        for _ in range(count):
            began = time.perf_counter()
            self._socket.send(question)
            self._await_reply()
            took.append((time.perf_counter() - began) * 1e6)
        return took

    def flood(self, addresses: list[str], seconds: float) -> tuple[int, float]:
        """Answers received and the time that took, with a window of open questions."""
        questions = [self._manner.ask(self._host, address) for address in addresses]
        for question in questions[:WINDOW]:
            self._socket.send(question)
        answers, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._await_reply()
            answers += 1
            self._socket.send(questions[answers % len(questions)])
        return answers, time.perf_counter() - began

    def patient(self, address: str, count: int) -> tuple[list[float], int]:
        """Microseconds to each answer, one question a millisecond; and how many got none."""
        question = self._manner.ask(self._host, address)
        took, lost = [], 0
        for _ in range(count):
            began = time.perf_counter()
            self._socket.send(question)
            try:
                self._await_reply()
            except TimeoutError:
                lost += 1
            else:
                took.append((time.perf_counter() - began) * 1e6)
            time.sleep(0.001)
        return took, lost

    def _await_reply(self) -> None:
        # Announcements have the reply form too, but go to everybody.
        mac, is_answer = self._host.mac, self._manner.is_answer
        while (frame := self._socket.recv(128))[:6] != mac or not is_answer(frame):
            pass


def say(what: str, value: str) -> None:
    print(f"{what:52} {value:>16}", flush=True)


def measure_answers(wire: Wire, asker: Asker, manner: Manner) -> None:
    kernel = asker.latency(manner.own(wire.host), SINGLE)
    ours = asker.latency(manner.addresses[0], SINGLE)
    added = statistics.median(ours) - statistics.median(kernel)
    say("answer, median (the kernel's own)", f"{statistics.median(kernel):.0f} us")
    say("answer, median (the wire's)", f"{statistics.median(ours):.0f} us")
    say("added latency, median", f"{added:.0f} us")
    say("answer, 99th percentile (the wire's)", f"{statistics.quantiles(ours, n=100)[98]:.0f} us")
    before = cpu_seconds(wire.process.pid)
    answers, seconds = asker.flood(manner.addresses, FLOOD_SECONDS)
    spent = cpu_seconds(wire.process.pid) - before
    say("replies a second, client on the same machine", f"{answers / seconds:,.0f}")
    say("CPU per 1,000 requests", f"{spent / answers * 1e6:.1f} ms")


def measure_taking(wire: Wire, many: list[str]) -> None:
    began = time.perf_counter()
    wire.hold(*many)
    say(
        f"asking for {len(many)} addresses and holding them all",
        f"{time.perf_counter() - began:.2f} s",
    )
    before, began = cpu_seconds(wire.process.pid), time.perf_counter()
    # The cost of time itself, which has to pass: refreshes and ticks.
    time.sleep(20)
    spent = cpu_seconds(wire.process.pid) - before
    share = spent / (time.perf_counter() - began)
    say(f"CPU while holding {len(many)}, nobody asks", f"{share:.2%}")


def measure_noise(wire: Wire, asker: Asker, stranger: Host) -> None:
    """Garbage and questions for other addresses, to the node alone, while the client asks.

    What the kernel answers meanwhile tells what the machine itself delays.
    """
    before, began = wire.ask().frames[INTERFACE], time.perf_counter()
    with flooded(stranger, wire.host):
        took, lost = asker.patient(VIP, NOISY)
        heard, seconds = wire.ask().frames[INTERFACE], time.perf_counter() - began
        kernel, _ = asker.patient(wire.host.address, NOISY)
    rate = (sum(heard.values()) - sum(before.values())) / seconds
    say("other frames a second: sent, let in by the filter", f"{FRAMES_PER_SECOND:,}; {rate:,.0f}")
    say("answer, median, the same", f"{statistics.median(took):.0f} us")
    say(
        "answer, 99th percentile, the same", f"{statistics.quantiles(took, n=100)[98] / 1e3:.2f} ms"
    )
    say(f"slowest of {len(took):,} answers, the same", f"{max(took) / 1e3:.2f} ms")
    say(f"slowest of {len(kernel):,} by the kernel, the same", f"{max(kernel) / 1e3:.2f} ms")
    dropped = heard["dropped-by-kernel"] - before["dropped-by-kernel"]
    say("questions without an answer; frames dropped", f"{lost}; {dropped}")


def measure_passing(wire: Wire, client: Host) -> None:
    """IPv6 that the node receives and that is no concern of the wire."""
    udp = inside(client.namespace, lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    with closing(udp):
        before, began = cpu_seconds(wire.process.pid), time.perf_counter()
        for _ in range(PASSING):
            udp.sendto(b"x" * 512, (wire.host.address6, 9))
        rate = PASSING / (time.perf_counter() - began)
        spent = cpu_seconds(wire.process.pid) - before
    say(f"CPU while {PASSING:,} datagrams pass, {rate:,.0f} a second", f"{spent:.2f} s")


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


def measure(wire: Wire, asker: Asker, manner: Manner) -> None:
    pid = wire.process.pid
    say("memory of a wire that holds nothing, PSS", f"{pss_megabytes(pid):.1f} MB")
    wire.hold(*manner.addresses)
    measure_answers(wire, asker, manner)
    measure_taking(wire, manner.many)
    say(f"memory of a wire that holds {len(manner.many)}, PSS", f"{pss_megabytes(pid):.1f} MB")


def main() -> int:
    """Measure and print; the exit code."""
    os.environ.setdefault("LBCTL_LOG_LEVEL", "warning")
    forged = templates.forge()
    with Network() as network:
        client, node = network.host("client", 1), network.host("node", 11)
        stranger = network.host("stranger", 20)
        network.speak_ipv6(client, node)
        for manner in (ARP, NDP):
            print(f"{manner.name}:")
            with closing(Wire(node, forged)) as wire, closing(Asker(client, manner)) as asker:
                measure(wire, asker, manner)
                if manner is ARP:
                    wire.hold(VIP)
                    measure_noise(wire, asker, stranger)
                if manner is NDP:
                    measure_passing(wire, client)
    measure_start(forged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
