"""Make before break: a planned move, a stop, a node that cannot serve; and no gift to strangers."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from speaker.messages import Entry, State
from tests.wire import frames
from tests.wire.network import Host, Network
from tests.wire.tap import PATIENCE, Tap
from tests.wire.wires import CLIENT, VIP, Wire, answering, ranked, stand_by

pytestmark = pytest.mark.root

WireStarter = Callable[[Host], Wire]


@pytest.fixture
def wires(network: Network, start_wire: WireStarter) -> list[Wire]:
    """Three of one succession; the first holds, and the others know it."""
    made = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2, 3)]
    stand_by(made)
    return made


def entry(wire: Wire, *succession: Wire, outgoing: Wire | None = None) -> Entry:
    hosts = [each.host for each in succession]
    planned = ranked(wire.host, hosts)
    return replace(planned, outgoing=outgoing.host.name if outgoing else None)


def plan(wires: list[Wire], wire: Wire, planned: Entry) -> None:
    wire.plan(planned, peers=[each.host for each in wires])


def asked_until(tap: Tap, mac: bytes) -> None:
    """Ask without a pause until this one answers, and for a while after."""
    deadline = time.monotonic() + PATIENCE
    while answering(tap) != mac:
        assert time.monotonic() < deadline, "it never took over"
    for _ in range(500):
        answering(tap)


def alone(tap: Tap, host: Host) -> None:
    """Nobody but this one answers."""
    tap.drain()
    tap.frames.clear()
    assert answering(tap) == host.mac
    time.sleep(0.2)  # for a second answer, which must not come
    tap.drain()
    replies = [f[6:12] for f in tap.frames if f[:6] == CLIENT and f[20:22] == b"\0\2"]
    assert {*replies} == {host.mac}


def test_a_planned_move_loses_no_request(wires: list[Wire], tap: Tap) -> None:
    first, second, third = wires

    for wire in wires:
        plan(wires, wire, entry(wire, third, first, second, outgoing=first))
    asked_until(tap, third.host.mac)

    alone(tap, third.host)
    first.wait_state(State.IDLE)


def test_a_move_that_the_holder_has_not_heard_of_waits(wires: list[Wire], tap: Tap) -> None:
    first, second, third = wires

    for wire in (second, third):
        plan(wires, wire, entry(wire, third, first, second, outgoing=first))
    third.wait_state(State.BLOCKED)
    alone(tap, first.host)

    plan(wires, first, entry(first, third, first, second, outgoing=first))
    asked_until(tap, third.host.mac)
    alone(tap, third.host)


def test_a_move_to_a_node_that_is_dead_is_none(wires: list[Wire], tap: Tap) -> None:
    first, second, third = wires
    third.signal(signal.SIGKILL)

    for wire in (first, second):
        plan(wires, wire, entry(wire, third, first, second, outgoing=first))
    time.sleep(2)  # for what must not come

    alone(tap, first.host)


def test_who_leaves_the_succession_hands_over_too(wires: list[Wire], tap: Tap) -> None:
    first, second, third = wires

    for wire in wires:
        plan(wires, wire, entry(wire, second, third, outgoing=first))
    asked_until(tap, second.host.mac)

    alone(tap, second.host)


def test_a_stop_loses_no_request(wires: list[Wire], tap: Tap) -> None:
    first, second, _ = wires
    began = time.monotonic()

    first.signal(signal.SIGTERM)
    asked_until(tap, second.host.mac)

    print(f"asked 500 times more after {time.monotonic() - began:.3f} s")
    assert first.process.wait(PATIENCE) == 0
    alone(tap, second.host)


def test_who_cannot_hand_on_traffic_gives_the_address_away(wires: list[Wire], tap: Tap) -> None:
    first, second, third = wires

    for wire in (second, first):
        plan(wires, wire, replace(entry(wire, first, second, third), serving=False))
        wire.ask()
    asked_until(tap, third.host.mac)

    alone(tap, third.host)


def test_where_nobody_can_the_holder_goes_on(wires: list[Wire], tap: Tap) -> None:
    for wire in reversed(wires):
        plan(wires, wire, replace(entry(wire, *wires), serving=False))
        wire.ask()
    time.sleep(1)  # for what must not come

    alone(tap, wires[0].host)


def test_a_stranger_that_claims_a_held_address_is_named_and_defended_against(
    wires: list[Wire], tap: Tap
) -> None:
    first = wires[0]
    stranger = bytes([2, 0, 0, 0, 0, 1])
    assert stranger < first.host.mac, "among speakers the lower MAC would keep it"
    tap.wait_for(lambda frame: frame == frames.announcement(first.host.mac, VIP))
    before = first.ask().conflicts

    for _ in range(5):
        tap.send(frames.announcement(stranger, VIP))
    tap.wait_for(lambda frame: frame == frames.announcement(first.host.mac, VIP))
    while (counters := first.ask()).conflicts < before + 5:
        time.sleep(0.05)
    report = first.reports[VIP]

    assert (report.state, report.claimed_by) == (State.HOLDING, stranger.hex(":"))
    assert (report.claims, counters.conflicts) == (5, before + 5)
    alone(tap, first.host)


def test_a_stranger_that_had_the_address_before_is_named(
    network: Network, start_wire: WireStarter, client: Host
) -> None:
    client.ip("address", "add", f"{VIP}/32", "dev", "lan0")
    wires = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2)]
    hosts = [wire.host for wire in wires]
    for wire in wires:
        wire.plan(ranked(wire.host, hosts), peers=hosts)

    report = wires[0].wait_state(State.BLOCKED)

    assert report.by_mac == CLIENT.hex(":")
    wires[1].ask()
    assert wires[1].reports[VIP].state is State.IDLE
