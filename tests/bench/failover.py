"""How fast the next node announces: `python -m tests.bench.failover` (root; about two minutes).

Real wires in network namespaces on one switch; an outside host hears what they announce. The holder
is killed without a word, so the time is BFD's detection (100 ms x 3) and the taking over.
"""

import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from speaker.messages import State
from speaker.wire import templates
from tests.bench.wire import ARP, Asker, cpu_seconds, pss_megabytes, say
from tests.wire.network import Host, Network
from tests.wire.wires import VIP, Wire, ranked, wait_until_known

TRIALS = 20
MANY = [f"10.77.{number // 250}.{number % 250 + 1}" for number in range(2_000)]
_PATIENCE = 60.0


@dataclass
class Race:
    """Three nodes; the first holds everything, the others share its succession."""

    network: Network
    forged: str
    stack: ExitStack
    hosts: list[Host]
    wires: list[Wire] = field(default_factory=list)

    def line_up(self, addresses: list[str]) -> None:
        """Start what does not run, and wait until all is held and known."""
        for wire in self.wires:
            wire.close()
        self.wires = [self.stack.enter_context(closing(Wire(h, self.forged))) for h in self.hosts]
        first, second, third = self.hosts
        orders = ([first, second, third], [first, third, second])
        for wire in self.wires:
            entries = (
                ranked(wire.host, orders[at % 2], address) for at, address in enumerate(addresses)
            )
            wire.plan(*entries, peers=self.hosts)
        for address in addresses:
            self.wires[0].wait_state(State.HOLDING, address)
        for wire in self.wires:
            for host in self.hosts:
                if host != wire.host:
                    wire.wait_peer(host)
        for wire in self.wires[1:]:
            wait_until_known(wire, first, addresses)

    def takeover(self, asker: Asker, fault: Callable[[Wire], None], count: int) -> list[float]:
        """Seconds from a fault of the holder to each address's first announcement by another."""
        others = {host.mac for host in self.hosts[1:]}
        asker.drain()
        began = time.perf_counter()
        fault(self.wires[0])
        seen: dict[bytes, float] = {}
        while len(seen) < count:
            if time.perf_counter() - began > _PATIENCE:
                raise AssertionError(f"{len(seen)} of {count} were announced")
            frame = asker.receive(0.5)
            if frame[6:12] in others and frame[28:32] == frame[38:42] != bytes(4):
                seen.setdefault(frame[28:32], time.perf_counter() - began)
        return list(seen.values())


def kill(wire: Wire) -> None:
    wire.signal(signal.SIGKILL)


def terminate(wire: Wire) -> None:
    wire.signal(signal.SIGTERM)


def measure_one(race: Race, asker: Asker) -> None:
    for name, fault in (("killed", kill), ("terminated", terminate)):
        times = []
        for _ in range(TRIALS):
            race.line_up([VIP])
            times += race.takeover(asker, fault, 1)
        said = f"{min(times):.3f} / {statistics.median(times):.3f} / {max(times):.3f} s"
        say(f"{name}, one address, {TRIALS} trials: min / median / max", said)


def measure_many(race: Race, asker: Asker) -> None:
    race.line_up(MANY)
    before = [cpu_seconds(wire.process.pid) for wire in race.wires]
    time.sleep(20)  # the cost of standing by, which has to pass
    for wire, then in zip(race.wires, before, strict=True):
        role = "the holder" if wire is race.wires[0] else "a standby"
        say(f"CPU of {role} of {len(MANY):,}", f"{(cpu_seconds(wire.process.pid) - then) / 20:.1%}")
        say(f"memory of {role}, PSS", f"{pss_megabytes(wire.process.pid):.1f} MB")
    times = race.takeover(asker, kill, len(MANY))
    said = f"{min(times):.3f} / {statistics.median(times):.3f} / {max(times):.3f} s"
    say(f"killed, {len(MANY):,} addresses: first / median / last announced", said)
    for wire in race.wires[1:]:
        other = race.hosts[1 if wire is race.wires[2] else 2]
        wire.ask()
        say(f"session of {wire.host.name} with the other survivor", wire.peers[other.name].state)


def main() -> int:
    """Measure and print; the exit code."""
    os.environ.setdefault("LBCTL_LOG_LEVEL", "warning")
    forged = templates.forge()
    with Network() as network, ExitStack() as stack:
        client = network.host("client", 1)
        hosts = [network.host(f"n{at}", 10 + at) for at in (1, 2, 3)]
        asker = stack.enter_context(closing(Asker(client, ARP)))
        race = Race(network, forged, stack, hosts)
        measure_one(race, asker)
        measure_many(race, asker)
    return 0


if __name__ == "__main__":
    sys.exit(main())
