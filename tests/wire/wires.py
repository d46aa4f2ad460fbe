"""A real wire process on a host of the test network; the test plays its agent."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from speaker.messages import (
    DATAGRAM_BYTES,
    AddressReport,
    Bfd,
    Counters,
    Entry,
    FromAgent,
    Hello,
    Peer,
    PeerReport,
    PeersReport,
    PeerState,
    Plan,
    Report,
    ReportRequest,
    Role,
    State,
    decode,
    encode,
    snapshot,
)
from speaker.supervisor import CHANNEL_VARIABLE
from speaker.wire import templates
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, enter
from tests.wire.tap import PATIENCE, Tap

VIP = "172.31.9.100"
CLIENT = bytes([2, 0, 0, 0, 0, 1])
ADDRESS = "172.31.9.1"
"""The outside host that asks."""
OTHER_VIP = "172.31.9.101"
BFD = Bfd()


def entry(host: Host, address: str = VIP, role: Role = Role.CLAIM, generation: int = 1) -> Entry:
    mac = host.mac.hex(":")
    return Entry(address, INTERFACE, ifindex=0, mac=mac, role=role, generation=generation)


def peer(host: Host) -> Peer:
    return Peer(host.name, host.address, host.mac.hex(":"), INTERFACE)


def peer6(host: Host) -> Peer:
    return Peer(host.name, host.address6, host.mac.hex(":"), INTERFACE)


def ranked(host: Host, succession: Sequence[Host], address: str = VIP) -> Entry:
    """What the plan says to one node of a succession."""
    role = Role.CLAIM if succession[0] == host else Role.KEEP
    names = tuple(each.name for each in succession)
    return replace(entry(host, address, role), succession=names)


class Wire:
    """The process, and what it says."""

    def __init__(self, host: Host, forged: str, *prefix: str, stderr: int | None = None) -> None:
        self.host = host
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {
            **os.environ,
            CHANNEL_VARIABLE: str(theirs.fileno()),
            templates.VARIABLE: forged,
            "LBCTL_LOG_LEVEL": os.environ.get("LBCTL_LOG_LEVEL", "debug"),
        }
        command = enter(host.namespace, *prefix, sys.executable, "-m", "speaker.wire")
        self.process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            stderr=stderr,
        )
        theirs.close()
        self.reports: dict[str, AddressReport] = {}
        self.states: list[tuple[str, State]] = []
        self.counters = Counters()
        self.peers: dict[str, PeerReport] = {}
        self.peer_reports: tuple[PeerReport, ...] = ()
        """One for each session; `peers` has the last of each node."""
        self._plan_id = 0
        self._requests = 0
        self.wait_for(lambda message: isinstance(message, Hello))

    def send(self, message: FromAgent) -> None:
        self._ours.send(encode(message))

    def plan(
        self,
        *entries: Entry,
        peers: Sequence[Host | Peer] = (),
        bfd: Bfd = BFD,
        ping: bool = False,
    ) -> None:
        self._plan_id += 1
        named = (peer(each) if isinstance(each, Host) else each for each in peers)
        others = tuple(each for each in named if each.node != self.host.name)
        entries = tuple(replace(each, ping=ping or each.ping) for each in entries)
        plan = Plan(entries, node=self.host.name, bfd=bfd, peers=others)
        for message in snapshot(self._plan_id, plan):
            self.send(message)

    def wait_for(self, wanted: Callable[[object], bool], *, patience: float = PATIENCE) -> object:
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._ours], [], [], left)[0]:
                break
            message = decode(self._ours.recv(DATAGRAM_BYTES))
            self._note(message)
            if wanted(message):
                return message
        raise AssertionError(f"the wire did not say it; it said {self.states}")

    def wait_state(self, state: State, address: str = VIP) -> AddressReport:
        """Until the wire reports this state, unless it has already."""

        def reached() -> bool:
            return address in self.reports and self.reports[address].state is state

        if not reached():
            self.wait_for(lambda _: reached())
        return self.reports[address]

    def wait_peer(self, host: Host, state: PeerState = PeerState.UP) -> PeerReport:
        """Until the session with a host is in this state, unless it is already."""

        def reached() -> bool:
            return host.name in self.peers and self.peers[host.name].state is state

        if not reached():
            self.wait_for(lambda _: reached())
        return self.peers[host.name]

    def hold(self, *addresses: str) -> None:
        """Plan claims for these and wait until all are held."""
        self.plan(*(entry(self.host, address) for address in addresses))
        for address in addresses:
            self.wait_state(State.HOLDING, address)

    def ask(self) -> Counters:
        """Everything anew. What the wire received before this, it has dealt with after it."""
        self._requests += 1
        self.send(ReportRequest(id=self._requests))
        self.wait_for(lambda _: self.counters.request == self._requests)
        return self.counters

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def leave_alone(self) -> None:
        """Close the agent's end, as the death of agent and supervisor does."""
        self._ours.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._ours.close()

    def _note(self, message: object) -> None:
        match message:
            case Report(addresses=reports):
                for report in reports:
                    self.reports[report.address] = report
                    self.states.append((report.address, report.state))
            case PeersReport(peers=reports):
                self.peers = {report.node: report for report in reports}
                self.peer_reports = reports
            case Counters():
                self.counters = message
            case _:
                pass


def stand_by(wires: Sequence[Wire]) -> None:
    """Plan one succession for them, until the first holds and the others know it."""
    hosts = [wire.host for wire in wires]
    for wire in wires:
        wire.plan(ranked(wire.host, hosts), peers=hosts)
    for wire in wires:
        for host in hosts:
            if host != wire.host:
                wire.wait_peer(host)
    wires[0].wait_state(State.HOLDING)
    for wire in wires[1:]:
        wait_until_known(wire, hosts[0])


def wait_until_known(wire: Wire, holder: Host, addresses: Sequence[str] = (VIP,)) -> None:
    """Until a standby has heard who holds: it takes over at once only from one it knows."""
    mac = holder.mac.hex(":")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        wire.ask()
        if all(wire.reports[address].by_mac == mac for address in addresses):
            return
        time.sleep(0.1)
    raise AssertionError(f"{wire.host.name} does not know who holds: {wire.reports}")


def answering(tap: Tap) -> bytes:
    """The MAC that answers one question. It is asked once, so whoever is silent is found out."""
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    found = tap.wait_for(lambda frame: frame[:6] == CLIENT and frame[20:22] == b"\0\2")
    return found[6:12]
