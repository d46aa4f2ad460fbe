"""Who takes an address, when, and who gives it up."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from speaker.messages import PlanBegin, PlanEnd, PlanPart, Role, State
from speaker.wire.loop import STALL_SECONDS, TICK_SECONDS
from speaker.wire.watch import Timings
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network
from tests.wire.tap import PATIENCE, Tap
from tests.wire.wires import OTHER_VIP, VIP, Wire, entry, ranked

pytestmark = pytest.mark.root

CLIENT = bytes([2, 0, 0, 0, 0, 1])
NODE = bytes([2, 0, 0, 0, 0, 11])
ADDRESS = "172.31.9.1"
WireStarter = Callable[[Host], Wire]


def holders(*wires: Wire) -> list[Wire]:
    for wire in wires:
        wire.ask()
    return [wire for wire in wires if wire.reports[VIP].state is State.HOLDING]


def wait_for_one_holder(*wires: Wire) -> Wire:
    """Until all have made up their minds, and one of them holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = holders(*wires)
        asking = [wire for wire in wires if wire.reports[VIP].state is State.ASKING]
        if len(found) == 1 and not asking:
            return found[0]
        wires[0].wait_for(lambda _: True)  # its counters come regularly
    raise AssertionError([wire.states for wire in wires])


def test_taking_an_address_byte_for_byte(wire: Wire, tap: Tap) -> None:
    wire.plan(entry(wire.host))

    tap.wait_for(lambda frame: frame == frames.gratuitous_reply(NODE, VIP))

    assert tap.frames == [
        *[frames.probe(NODE, VIP)] * Timings().probes,
        frames.announcement(NODE, VIP),
        frames.gratuitous_reply(NODE, VIP),
    ]


def test_a_standby_that_looks_for_a_holder_does_not_stop_the_first(
    wire: Wire, network: Network, tap: Tap
) -> None:
    standby = network.host("standby", 5)
    assert standby.mac < wire.host.mac
    wire.plan(ranked(wire.host, [wire.host, standby]), peers=[standby])

    tap.wait_for(lambda frame: frame == frames.probe(NODE, VIP))
    tap.send(frames.probe(standby.mac, VIP))

    tap.wait_for(lambda frame: frame == frames.gratuitous_reply(NODE, VIP))
    assert tap.frames.count(frames.probe(NODE, VIP)) == Timings().probes, "it did not wait"


def test_nothing_is_answered_while_asking(wire: Wire, tap: Tap) -> None:
    wire.plan(entry(wire.host))
    tap.wait_for(lambda frame: frame == frames.probe(NODE, VIP))

    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.gratuitous_reply(NODE, VIP))

    assert frames.reply(NODE, VIP, CLIENT, ADDRESS) not in tap.frames
    assert wire.ask().frames[INTERFACE]["not-held"] == 1


def test_what_another_answers_is_not_taken_until_it_stops(wire: Wire, client: Host) -> None:
    client.ip("address", "add", f"{VIP}/32", "dev", INTERFACE)
    wire.plan(entry(wire.host))

    assert wire.wait_state(State.BLOCKED).by_mac == CLIENT.hex(":")
    assert State.HOLDING not in dict(wire.states).values()

    client.ip("address", "delete", f"{VIP}/32", "dev", INTERFACE)
    assert wire.wait_state(State.HOLDING).mac == NODE.hex(":")


def test_keep_never_takes_what_is_not_held(wire: Wire) -> None:
    wire.plan(entry(wire.host, role=Role.KEEP), entry(wire.host, OTHER_VIP))
    wire.wait_state(State.HOLDING, OTHER_VIP)

    assert wire.reports[VIP].state is State.IDLE


def test_whoever_holds_keeps_when_the_plan_puts_another_first(
    network: Network, start_wire: WireStarter
) -> None:
    first, second = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    first.hold(VIP)

    first.plan(entry(first.host, role=Role.KEEP))
    second.plan(entry(second.host, role=Role.CLAIM))

    assert second.wait_state(State.BLOCKED).by_mac == first.host.mac.hex(":")
    assert holders(first, second) == [first]


def test_the_next_takes_over_from_one_that_was_terminated(
    network: Network, start_wire: WireStarter, tap: Tap
) -> None:
    first, second = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    first.hold(VIP)
    second.plan(entry(second.host))
    second.wait_state(State.BLOCKED)

    first.signal(signal.SIGTERM)

    assert first.process.wait(PATIENCE) == 0
    second.wait_state(State.HOLDING)
    tap.frames.clear()
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.reply(second.host.mac, VIP, CLIENT, ADDRESS))
    assert frames.reply(first.host.mac, VIP, CLIENT, ADDRESS) not in tap.frames


def test_two_that_start_at_once_end_with_one(network: Network, start_wire: WireStarter) -> None:
    wires = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2)]

    for wire in wires:
        wire.plan(entry(wire.host))

    wait_for_one_holder(*wires)


def test_after_a_partition_the_lower_mac_answers_alone(
    network: Network, start_wire: WireStarter, tap: Tap
) -> None:
    low, high = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    network.part(low.host)
    low.hold(VIP)
    high.hold(VIP)

    network.heal(low.host)
    high.wait_state(State.BLOCKED)

    assert wait_for_one_holder(low, high) is low
    tap.frames.clear()
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.reply(low.host.mac, VIP, CLIENT, ADDRESS))
    assert frames.reply(high.host.mac, VIP, CLIENT, ADDRESS) not in tap.frames


def test_a_release_is_confirmed_by_silence(wire: Wire) -> None:
    wire.hold(VIP)

    wire.plan(entry(wire.host, role=Role.VERIFY, generation=2))

    assert wire.wait_state(State.SILENT).generation == 2


def test_a_release_is_not_confirmed_while_our_own_cluster_answers(
    network: Network, start_wire: WireStarter
) -> None:
    holder, verifier = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    holder.hold(VIP)

    verifier.plan(entry(verifier.host, role=Role.VERIFY))

    assert verifier.wait_state(State.ANSWERED).by_mac == holder.host.mac.hex(":")
    holder.plan()
    verifier.wait_state(State.SILENT)


def test_half_a_plan_changes_nothing(wire: Wire) -> None:
    wire.hold(VIP)

    wire.send(PlanBegin(id=9, count=1))
    wire.send(PlanPart(id=9, entries=()))
    wire.send(PlanEnd(id=9))
    wire.send(PlanPart(id=10, entries=(entry(wire.host, OTHER_VIP),)))
    wire.send(PlanEnd(id=10))
    wire.ask()

    assert {address: report.state for address, report in wire.reports.items()} == {
        VIP: State.HOLDING
    }


def test_a_wire_whose_log_nobody_reads_goes_on_answering(
    network: Network, forged: str, tap: Tap
) -> None:
    """Its log is a pipe; two thousand addresses fill it."""
    reading, writing = os.pipe()
    host = network.host("node", 11)
    with closing(Wire(host, forged, stderr=writing)) as wire:
        many = [f"172.31.{10 + number // 250}.{number % 250 + 1}" for number in range(2_000)]
        wire.hold(VIP, *many)
        tap.drain()  # or the answer finds no room behind the announcements
        tap.send(frames.request(CLIENT, ADDRESS, VIP))
        tap.wait_for(lambda frame: frame == frames.reply(NODE, VIP, CLIENT, ADDRESS))
    os.close(reading)
    os.close(writing)


def test_an_interface_that_was_made_anew_is_used_after_asking(
    network: Network, wire: Wire, tap: Tap
) -> None:
    wire.hold(VIP)

    network.unplug(wire.host)
    wire.wait_state(State.IDLE)
    tap.frames.clear()
    network.plug(wire.host)
    wire.wait_state(State.HOLDING)

    tap.wait_for(lambda frame: frame == frames.announcement(NODE, VIP))
    seen = [frame for frame in tap.frames if frame[38:42] == bytes([172, 31, 9, 100])]
    assert seen[:3] == [frames.probe(NODE, VIP)] * 3


def test_an_interface_that_was_down_for_a_moment_is_used_after_asking(wire: Wire) -> None:
    wire.hold(VIP)

    wire.host.ip("link", "set", INTERFACE, "down")
    wire.wait_state(State.IDLE)
    wire.host.ip("link", "set", INTERFACE, "up")

    wire.wait_state(State.HOLDING)


def test_a_wire_that_stood_still_asks_before_it_answers(wire: Wire, tap: Tap) -> None:
    wire.hold(VIP)
    tap.frames.clear()

    wire.signal(signal.SIGSTOP)
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    time.sleep(STALL_SECONDS + 2 * TICK_SECONDS)  # the stall itself is what happens here
    wire.signal(signal.SIGCONT)
    tap.wait_for(lambda frame: frame == frames.probe(NODE, VIP))
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.announcement(NODE, VIP))

    assert frames.reply(NODE, VIP, CLIENT, ADDRESS) not in tap.frames
    assert wire.ask().frames[INTERFACE]["stale"] >= 1


def test_a_wire_whose_agent_and_supervisor_are_gone_is_silent(wire: Wire) -> None:
    wire.hold(VIP)

    wire.leave_alone()

    assert wire.process.wait(PATIENCE) == 0
