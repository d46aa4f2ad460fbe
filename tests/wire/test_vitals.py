"""A silent speaker is not a dead machine: its kernel is asked, with real packets."""

import signal
from collections.abc import Callable

import pytest

from speaker.messages import PeerState
from tests.wire.network import Host, Network
from tests.wire.wires import Wire, peer, peer6, ranked

pytestmark = pytest.mark.root

WireStarter = Callable[[Host], Wire]


@pytest.fixture(params=[peer, peer6], ids=["IPv4", "IPv6"])
def wires(network: Network, start_wire: WireStarter, request: pytest.FixtureRequest) -> list[Wire]:
    """Three that see each other."""
    made = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2, 3)]
    hosts = [wire.host for wire in made]
    network.speak_ipv6(*hosts)
    for wire in made:
        wire.plan(ranked(wire.host, hosts), peers=[request.param(host) for host in hosts])
    for wire in made:
        for host in hosts:
            if host != wire.host:
                wire.wait_peer(host)
    return made


def wait_found(witness: Wire, about: Host, *, answers: bool) -> None:
    witness.wait_for(lambda _: witness.peers[about.name].answers is answers)
    assert witness.peers[about.name].state is PeerState.DOWN


def test_the_machine_of_a_killed_speaker_answers(wires: list[Wire]) -> None:
    wires[0].signal(signal.SIGKILL)
    for witness in wires[1:]:
        wait_found(witness, wires[0].host, answers=True)


def test_a_machine_that_lost_the_lan_does_not(wires: list[Wire], network: Network) -> None:
    network.part(wires[0].host)
    for witness in wires[1:]:
        wait_found(witness, wires[0].host, answers=False)
    wires[0].ask()
    assert all(each.answers is None for each in wires[0].peers.values()), "it is the deaf one"

    network.heal(wires[0].host)
    for witness in wires[1:]:
        assert witness.wait_peer(wires[0].host).answers is None
