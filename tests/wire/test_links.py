"""Interfaces that lose their carrier, change their MAC or their name: the wire follows at once."""

import errno
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from speaker.messages import PeerState, Role, State
from speaker.wire.links import Links
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.tap import PATIENCE, Tap
from tests.wire.test_failover import Succession
from tests.wire.wires import VIP, Wire, entry, stand_by

pytestmark = pytest.mark.root

NEW_MAC = bytes([2, 0, 0, 0, 0, 0x77])
WireStarter = Callable[[Host], Wire]


def set_mac(_: Network, host: Host) -> None:
    host.ip("link", "set", INTERFACE, "address", NEW_MAC.hex(":"))


def set_down(_: Network, host: Host) -> None:
    host.ip("link", "set", INTERFACE, "down")


def rename(_: Network, host: Host) -> None:
    for words in (("down",), ("name", "lan1")):
        host.ip("link", "set", INTERFACE, *words)
    host.ip("link", "set", "lan1", "up")


@pytest.fixture
def kernel(network: Network) -> Iterator[tuple[Links, Host]]:
    """What the kernel tells on a host of its own; the start's own news is over."""
    host = network.host("node", 11)
    opened = inside(host.namespace, Links.open)
    assert opened is not None
    with closing(opened):
        while select.select([opened], [], [], 1.2)[0]:
            opened.drain()
        yield opened, host


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(Network.pull, id="the carrier is lost"),
        pytest.param(Network.unplug, id="the interface vanishes"),
        pytest.param(set_down, id="it is put down"),
        pytest.param(set_mac, id="it has another MAC"),
        pytest.param(rename, id="it has another name"),
    ],
)
def test_the_kernel_tells_of_a_change(
    kernel: tuple[Links, Host], network: Network, change: Callable[[Network, Host], None]
) -> None:
    told, host = kernel

    change(network, host)

    assert select.select([told], [], [], PATIENCE)[0]
    assert told.drain()


def test_the_kernel_is_asked_for_the_carrier(kernel: tuple[Links, Host], network: Network) -> None:
    told, host = kernel
    index = inside(host.namespace, lambda: socket.if_nametoindex(INTERFACE))

    assert told.has_carrier(index)
    network.pull(host)
    assert not told.has_carrier(index)
    network.push(host)
    assert told.has_carrier(index)
    assert told.has_carrier(index + 1000), "who cannot tell believes so"


class Ear:
    """A socket that counts what did not fit into its queue."""

    def __init__(self, events: socket.socket) -> None:
        self._events = events
        self.overflows = 0

    def recv(self, size: int) -> bytes:
        try:
            return self._events.recv(size)
        except OSError as error:
            self.overflows += error.errno == errno.ENOBUFS
            raise


def test_more_news_than_fit_are_one_change(
    kernel: tuple[Links, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, host = kernel
    told._events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    ear = Ear(told._events)
    with monkeypatch.context() as patch:
        patch.setattr(told, "_events", ear)
        for at in range(20):
            host.ip("link", "set", INTERFACE, "address", bytes([2, 0, 0, 0, 1, at]).hex(":"))

        assert told.drain()
        assert ear.overflows
        assert not told.drain()
        host.ip("link", "set", INTERFACE, "address", NEW_MAC.hex(":"))
        assert told.drain(), "it goes on hearing"


@pytest.fixture
def succession(network: Network, start_wire: WireStarter, tap: Tap) -> Succession:
    """Three; the first holds, the others stand by and know it."""
    wires = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2, 3)]
    stand_by(wires)
    return Succession(wires, tap)


def test_who_loses_its_carrier_is_silent_and_the_next_takes_over(
    succession: Succession, network: Network
) -> None:
    first, second, third = succession.wires

    heir = succession.next_after(lambda: network.pull(first.host), other_than=first.host)

    assert heir is second.host
    first.wait_state(State.IDLE)
    assert succession.answering() == [second.host]

    network.push(first.host)
    first.wait_peer(second.host)
    first.wait_state(State.BLOCKED)
    assert succession.answering() == [second.host], "who comes back asks, and does not take"
    assert third.reports[VIP].state is State.IDLE


def test_a_switch_that_restarts_moves_nothing(succession: Succession, network: Network) -> None:
    first, second, third = succession.wires
    heir = succession.next_after(lambda: network.pull(first.host), other_than=first.host)
    assert heir is second.host, "now the second in the list holds"
    second.wait_state(State.HOLDING)
    network.push(first.host)
    first.wait_peer(second.host)
    first.wait_state(State.BLOCKED)

    for host in succession.hosts:
        network.pull(host)
    second.wait_state(State.IDLE)
    for host in succession.hosts:
        network.push(host)
    for wire in succession.wires:
        for host in succession.hosts:
            if host != wire.host:
                wire.wait_peer(host, PeerState.UP)

    second.wait_state(State.HOLDING)
    assert succession.answering() == [second.host]
    assert third.reports[VIP].state is State.IDLE


def test_who_comes_later_in_the_list_takes_back_what_it_held_when_nobody_else_has(
    wire: Wire, network: Network, tap: Tap
) -> None:
    wire.hold(VIP)
    wire.plan(replace(entry(wire.host, role=Role.KEEP)))
    wire.ask()
    network.pull(wire.host)
    wire.wait_state(State.IDLE)
    tap.frames.clear()

    network.push(wire.host)

    tap.wait_for(lambda frame: frame == frames.announcement(wire.host.mac, VIP))
    asked = [frame for frame in tap.frames if frame == frames.probe(wire.host.mac, VIP)]
    assert len(asked) == 3, "it asked first"


def test_a_new_mac_is_announced_after_asking(wire: Wire, network: Network, tap: Tap) -> None:
    wire.hold(VIP)
    wire.plan(replace(entry(wire.host, role=Role.KEEP)))
    wire.ask()

    set_mac(network, wire.host)

    tap.wait_for(lambda frame: frame == frames.announcement(NEW_MAC, VIP))
    wire.wait_for(
        lambda _: (
            (wire.reports[VIP].state, wire.reports[VIP].mac) == (State.HOLDING, NEW_MAC.hex(":"))
        )
    )


def test_an_interface_with_another_name_is_another_one(
    wire: Wire, network: Network, tap: Tap
) -> None:
    wire.hold(VIP)

    rename(network, wire.host)
    wire.wait_state(State.IDLE)
    wire.plan(replace(entry(wire.host), interface="lan1"))

    wire.wait_state(State.HOLDING)
    tap.wait_for(lambda frame: frame == frames.announcement(wire.host.mac, VIP))
