"""The next of the succession takes over when its holder dies, and only then."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from speaker.messages import PeerState, State
from tests.wire import frames
from tests.wire.network import Host, Network, enter, run
from tests.wire.tap import PATIENCE, Tap
from tests.wire.test_taking import wait_for_one_holder
from tests.wire.wires import ADDRESS, CLIENT, VIP, Wire, ranked, stand_by, wait_until_known

pytestmark = pytest.mark.root

WireStarter = Callable[[Host], Wire]


@dataclass
class Succession:
    """Wires of one address, in order; the first holds, the others stand by and know it."""

    wires: list[Wire]
    tap: Tap

    @property
    def hosts(self) -> list[Host]:
        return [wire.host for wire in self.wires]

    def next_after(self, fault: Callable[[], object], *, other_than: Host) -> Host:
        """Who announces the address after a fault, and a word about how long that took."""
        self.tap.drain()
        began = time.monotonic()
        fault()
        frame = self.tap.wait_for(lambda frame: is_announcement(frame, other_than))
        print(f"announced by the next after {time.monotonic() - began:.3f} s")
        return next(host for host in self.hosts if host.mac == frame[6:12])

    def answering(self) -> list[Host]:
        """Every node that answers one question of the outside host."""
        self.tap.drain()
        self.tap.frames.clear()
        self.tap.send(frames.request(CLIENT, ADDRESS, VIP))
        self.tap.wait_for(lambda frame: frame[20:22] == b"\0\2" and frame[:6] == CLIENT)
        time.sleep(0.2)  # for a second answer, which must not come
        self.tap.drain()
        macs = [frame[6:12] for frame in self.tap.frames if frame[:6] == CLIENT]
        return [host for host in self.hosts if host.mac in macs]


def is_announcement(frame: bytes, other_than: Host) -> bool:
    mac = frame[6:12]
    return mac != other_than.mac and frame == frames.announcement(mac, VIP)


@pytest.fixture
def make(network: Network, start_wire: WireStarter, tap: Tap) -> Callable[[int], Succession]:
    def made(count: int) -> Succession:
        wires = [start_wire(network.host(f"n{at}", 10 + at)) for at in range(1, count + 1)]
        stand_by(wires)
        return Succession(wires, tap)

    return made


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_the_next_takes_over_from_a_holder_that_is_gone(
    make: Callable[[int], Succession], number: signal.Signals
) -> None:
    succession = make(3)
    first, second, third = succession.wires

    heir = succession.next_after(lambda: first.signal(number), other_than=first.host)

    assert heir is second.host, "the next in the list, not just anyone"
    told = PeerState.ADMIN_DOWN if number is signal.SIGTERM else PeerState.DOWN
    second.wait_peer(first.host, told)
    assert succession.answering() == [second.host]
    assert third.reports[VIP].state is State.IDLE
    if number is signal.SIGSTOP:
        first.signal(signal.SIGCONT)
        first.wait_state(State.BLOCKED)
        assert succession.answering() == [second.host], "who was away asks before it answers"


def test_the_next_takes_over_from_a_holder_behind_a_dead_port(
    make: Callable[[int], Succession], network: Network
) -> None:
    succession = make(3)
    first, second, third = succession.wires

    heir = succession.next_after(lambda: network.part(first.host), other_than=first.host)

    assert heir is second.host
    assert succession.answering() == [second.host]
    first.wait_state(State.IDLE)
    network.heal(first.host)
    first.wait_peer(second.host)
    first.wait_state(State.BLOCKED)
    assert succession.answering() == [second.host], "who comes back does not take"
    assert third.reports[VIP].state is State.IDLE


def test_the_second_next_takes_over_when_the_next_died_with_the_holder(
    make: Callable[[int], Succession],
) -> None:
    succession = make(4)
    first, second, third, _ = succession.wires

    def fault() -> None:
        first.signal(signal.SIGKILL)
        second.signal(signal.SIGKILL)

    assert succession.next_after(fault, other_than=first.host) is third.host
    assert succession.answering() == [third.host]


def test_an_interface_that_is_cut_off_takes_nothing(
    make: Callable[[int], Succession], network: Network
) -> None:
    succession = make(3)
    first, second, third = succession.wires

    network.part(second.host)
    third.wait_peer(second.host, PeerState.DOWN)
    second.wait_for(lambda _: True)
    time.sleep(1)  # for what must not come
    second.ask()
    assert second.reports[VIP].state is not State.HOLDING

    network.heal(second.host)
    second.wait_peer(first.host)
    assert succession.answering() == [first.host]


def test_a_stall_of_everybody_is_nobodys_death(make: Callable[[int], Succession]) -> None:
    succession = make(3)

    for number in (signal.SIGSTOP, signal.SIGCONT):
        for wire in succession.wires:
            wire.signal(number)
        time.sleep(1)  # the stall itself is what happens here

    holding = wait_for_one_holder(*succession.wires)
    assert succession.answering() == [holding.host]


def test_where_a_firewall_blocks_bfd_nobody_takes_what_another_holds(
    network: Network, start_wire: WireStarter, tap: Tap
) -> None:
    wires = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2, 3)]
    hosts = [wire.host for wire in wires]
    for host in hosts:
        block_bfd(host)
    for wire in wires:
        wire.plan(ranked(wire.host, hosts), peers=hosts)
    first, second, third = wires
    first.wait_state(State.HOLDING)
    succession = Succession(wires, tap)
    for wire in (second, third):
        wait_until_known(wire, first.host)
    time.sleep(1)  # longer than any detection time
    assert succession.answering() == [first.host]
    assert {report.state for report in second.peers.values()} == {PeerState.NEVER_UP}

    heir = succession.next_after(lambda: first.signal(signal.SIGKILL), other_than=first.host)

    # Whose three questions end first is not the plan's to say: BFD is how the order is kept.
    assert succession.answering() == [heir]


def test_a_firewall_that_comes_later_ends_with_one_that_answers(
    make: Callable[[int], Succession],
) -> None:
    succession = make(3)
    first, second, _ = succession.wires

    block_bfd(first.host)
    second.wait_peer(first.host, PeerState.DOWN)
    deadline = time.monotonic() + PATIENCE
    while len(answering := succession.answering()) != 1:
        assert time.monotonic() < deadline, answering


def block_bfd(host: Host) -> None:
    """What a host firewall does that lets in only what it knows."""
    rules = "table inet f { chain in { type filter hook input priority 0; udp dport 3784 drop; }; }"
    run(*enter(host.namespace, "nft", rules))
