"""Taking over from another controller's speakers, which answer with the nodes' own MACs."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from speaker.messages import State
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, enter
from tests.wire.tap import Tap
from tests.wire.wires import VIP, Wire, answering, entry, ranked

pytestmark = pytest.mark.root

VIP6 = "fd00:9::100"
PROGRAM = Path(__file__).with_name("other_speaker.py")
WireStarter = Callable[[Host], Wire]


class OtherSpeaker:
    """The program on a host, once it answers."""

    def __init__(self, host: Host, address: str) -> None:
        command = enter(host.namespace, sys.executable, str(PROGRAM), INTERFACE, address)
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"answering\n"

    def close(self) -> None:
        """End it, unless the test has done so already."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()


OtherStarter = Callable[..., OtherSpeaker]


@pytest.fixture
def other(network: Network) -> Iterator[OtherStarter]:
    """Starts other controllers' speakers on hosts; ends them."""
    del network  # it must outlive them
    with ExitStack() as stack:

        def start(host: Host, address: str = VIP) -> OtherSpeaker:
            return stack.enter_context(closing(OtherSpeaker(host, address)))

        yield start


def test_where_the_other_speaker_is_the_address_is_taken_beside_it_and_no_request_is_lost(
    wire: Wire, tap: Tap, other: OtherStarter
) -> None:
    """It does not hear what the node itself sends; and to clients the two are one."""
    before = other(wire.host)
    assert answering(tap) == wire.host.mac
    wire.plan(entry(wire.host))
    wire.wait_state(State.HOLDING)
    assert answering(tap) == wire.host.mac
    before.close()
    assert {answering(tap) for _ in range(100)} == {wire.host.mac}


def test_on_another_node_it_is_waited_for_and_the_plan_that_moves_there_loses_nothing(
    network: Network,
    start_wire: WireStarter,
    tap: Tap,
    other: OtherStarter,
) -> None:
    first, second = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    hosts = [first.host, second.host]
    before = other(second.host)
    for wire in (first, second):
        wire.plan(ranked(wire.host, hosts), peers=hosts)
    assert first.wait_state(State.BLOCKED).by_mac == second.host.mac.hex(":")
    assert answering(tap) == second.host.mac

    for wire in (first, second):
        wire.plan(ranked(wire.host, [*reversed(hosts)]), peers=hosts)
    second.wait_state(State.HOLDING)
    before.close()
    assert {answering(tap) for _ in range(100)} == {second.host.mac}
    assert (VIP, State.HOLDING) not in first.states


def test_when_it_stops_before_the_plan_knew_of_it_the_first_takes_over(
    network: Network,
    start_wire: WireStarter,
    tap: Tap,
    other: OtherStarter,
) -> None:
    first, second = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    hosts = [first.host, second.host]
    before = other(second.host)
    for wire in (first, second):
        wire.plan(ranked(wire.host, hosts), peers=hosts)
    first.wait_state(State.BLOCKED)

    began = time.monotonic()
    before.close()
    tap.wait_for(lambda frame: frame == frames.gratuitous_reply(first.host.mac, VIP))
    print(f"taken over after {time.monotonic() - began:.2f} s")
    assert answering(tap) == first.host.mac


def test_of_either_family_it_is_found_on_another_node_and_its_end_is_noticed(
    network: Network, start_wire: WireStarter, other: OtherStarter
) -> None:
    """It answers nobody who does not tell a MAC, as the probe of IPv6 does not."""
    first, second = (start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2))
    network.speak_ipv6(first.host, second.host)
    for address in (VIP, VIP6):
        before = other(second.host, address)
        first.plan(entry(first.host, address))
        assert first.wait_state(State.BLOCKED, address).by_mac == second.host.mac.hex(":")
        before.close()
        first.wait_state(State.HOLDING, address)
