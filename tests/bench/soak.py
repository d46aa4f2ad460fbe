"""Is a busy node taken for a dead one? `python -m tests.bench.soak --minutes 60` (needs root).

Three real wires in network namespaces share a machine with a busy loop for each of its cores. Their
CPU weights are those of pods: a wire has what the chart requests for a speaker, and each loop what
is left of a core, as if a scheduler had filled the node. Nobody dies, so every takeover and every
session that goes down is a false one. The exit code is 1 when there was any; a JSON line with the
counts is appended to build/bench-soak.jsonl.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from speaker.messages import AddressReport, PeersReport, PeerState, Report, State
from speaker.wire import templates
from tests.bench.conditions import revision
from tests.bench.weights import pods
from tests.tour.site import CHART
from tests.wire.network import Host, Network
from tests.wire.wires import Wire, ranked

NODES = 3
ADDRESSES = [f"172.31.9.{last}" for last in range(100, 160)]
TURN_SECONDS = 0.01
TOLD = 50
"""Where many addresses move at once, the first of them tell the story."""
RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench-soak.jsonl"
BUSY = "while True: pass"


@dataclass
class Tally:
    """What went wrong while nothing was wrong.

    Attributes:
        takeovers: times that a node began to hold an address that another had.
        let_go: times that a holder stopped holding.
        sessions_lost: BFD sessions that were up and went down.
        latest_ms: the longest that this process, which sleeps as a wire does, overslept.
        told: the first of the above, with the second that each came in.
    """

    takeovers: int = 0
    let_go: int = 0
    sessions_lost: int = 0
    latest_ms: float = 0.0
    late_turns: int = 0
    turns: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.takeovers or self.let_go or self.sessions_lost)


class Watched(Wire):
    """A wire whose every change counts, once the tally is there."""

    tally: Tally | None = None
    began = 0.0

    def listen(self) -> None:
        """Read what it has said by now."""
        while select.select([self._ours], [], [], 0)[0]:
            self.wait_for(lambda _: True)

    def _note(self, message: object) -> None:
        before, sessions = dict(self.reports), dict(self.peers)
        super()._note(message)
        if self.tally is None:
            return
        match message:
            case Report(addresses=reports):
                for report in reports:
                    self._count(self.tally, before.get(report.address), report)
            case PeersReport(peers=peers):
                for peer in peers:
                    was_up = peer.node in sessions and sessions[peer.node].state is PeerState.UP
                    if was_up and peer.state is not PeerState.UP:
                        self.tally.sessions_lost += 1
                        self._tell(self.tally, f"lost {peer.node}: {peer.diagnostic}")
            case _:
                pass

    def _count(self, tally: Tally, before: AddressReport | None, now: AddressReport) -> None:
        held = before is not None and before.state is State.HOLDING
        holds = now.state is State.HOLDING
        if holds and not held:
            tally.takeovers += 1
            self._tell(tally, f"takes {now.address}")
        elif held and not holds:
            tally.let_go += 1
            self._tell(tally, f"lets {now.address} go: {now.state}")

    def _tell(self, tally: Tally, what: str) -> None:
        if len(tally.told) < TOLD:
            tally.told.append(f"{time.monotonic() - self.began:.1f} s: {self.host.name} {what}")
            print(f"  {tally.told[-1]}", flush=True)


def line_up(wires: Sequence[Watched], hosts: Sequence[Host]) -> None:
    """Every node holds its share of the addresses, and all sessions are up."""
    turned = [[*hosts[at:], *hosts[:at]] for at in range(len(hosts))]
    orders = {address: turned[at % len(hosts)] for at, address in enumerate(ADDRESSES)}
    for wire in wires:
        entries = (ranked(wire.host, order, address) for address, order in orders.items())
        wire.plan(*entries, peers=hosts)
    for wire in wires:
        for address, order in orders.items():
            if order[0] == wire.host:
                wire.wait_state(State.HOLDING, address)
        for host in hosts:
            if host != wire.host:
                wire.wait_peer(host)


def watch(wires: Sequence[Watched], minutes: float) -> Tally:
    """Listen for so long, and tell each minute how it goes."""
    tally = Tally()
    began = time.monotonic()
    for wire in wires:
        wire.listen()
        wire.began, wire.tally = began, tally
    ends, told = began + 60 * minutes, began
    while (now := time.monotonic()) < ends:
        time.sleep(TURN_SECONDS)
        late = (time.monotonic() - now - TURN_SECONDS) * 1e3
        tally.turns += 1
        tally.late_turns += late > TURN_SECONDS * 1e3
        tally.latest_ms = max(tally.latest_ms, late)
        for wire in wires:
            wire.listen()
            if wire.process.poll() is not None:
                raise AssertionError(f"the wire of {wire.host.name} ended")
        if now - told >= 60:
            told = now
            print(line(tally, (now - began) / 60, minutes), flush=True)
    return tally


def line(tally: Tally, passed: float, minutes: float) -> str:
    return (
        f"{passed:4.0f} of {minutes:.0f} min: {tally.takeovers} takeovers, {tally.let_go} let go, "
        f"{tally.sessions_lost} sessions lost, overslept at most {tally.latest_ms:.0f} ms, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def requested() -> int:
    """What the chart asks for a speaker, in thousandths of a core."""
    chart = yaml.safe_load((CHART / "values.yaml").read_text())
    return int(str(chart["speaker"]["resources"]["requests"]["cpu"]).removesuffix("m"))


def soak(minutes: float, loops: int, millicores: int) -> Tally:
    forged = templates.forge()
    with pods() as node, Network() as network, ExitStack() as stack:
        hosts = [network.host(f"n{at}", 10 + at) for at in range(1, NODES + 1)]
        wires = [stack.enter_context(closing(Watched(host, forged))) for host in hosts]
        line_up(wires, hosts)
        for wire in wires:
            node.add(wire.host.name, wire.process.pid, millicores=millicores)
        rest = max(1, (os.cpu_count() or 1) * 1000 - NODES * millicores)
        for number in range(loops):
            burner = subprocess.Popen([sys.executable, "-c", BUSY])
            stack.callback(burner.wait)
            stack.callback(burner.kill)
            node.add(f"busy{number}", burner.pid, millicores=rest // loops)
        return watch(wires, minutes)


def main() -> int:
    """Soak and print; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--loops", type=int, default=os.cpu_count(), help="busy loops beside")
    add = parser.add_argument
    add("--millicores", type=int, default=requested(), help="CPU request of a wire's pod")
    options = parser.parse_args()
    os.environ.setdefault("LBCTL_LOG_LEVEL", "warning")
    print(
        f"{NODES} wires, {len(ADDRESSES)} addresses, {options.loops} busy loops, "
        f"{options.millicores}m for a wire, {options.minutes:.0f} minutes",
        flush=True,
    )
    tally = soak(options.minutes, options.loops, options.millicores)
    row = asdict(tally) | {
        "minutes": options.minutes,
        "loops": options.loops,
        "millicores": options.millicores,
        "revision": revision(),
        "load": os.getloadavg(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as results:
        results.write(json.dumps(row) + "\n")
    print(line(tally, options.minutes, options.minutes))
    return 0 if tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
