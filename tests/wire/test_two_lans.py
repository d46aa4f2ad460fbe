"""Nodes that share two LANs: each has its own sessions, and is judged by them alone."""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from speaker.messages import Entry, Peer, PeerState, State
from tests.wire.network import INTERFACE, SECOND_INTERFACE, Host, Network, inside
from tests.wire.tap import PATIENCE
from tests.wire.wires import VIP, Wire, peer, peer6, ranked

pytestmark = pytest.mark.root

SECOND_VIP = "172.31.10.100"


def second_peer(host: Host) -> Peer:
    return Peer(host.name, host.second_address, host.second_mac.hex(":"), SECOND_INTERFACE)


def second_entry(host: Host, succession: Sequence[Host]) -> Entry:
    entry = ranked(host, succession, SECOND_VIP)
    return replace(entry, interface=SECOND_INTERFACE, mac=host.second_mac.hex(":"))


def wait_for(wire: Wire, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, (wire.peer_reports, wire.reports)
        wire.ask()
        time.sleep(0.05)


def states(wire: Wire) -> dict[str, PeerState]:
    return {report.interface: report.state for report in wire.peer_reports}


def ask_once(host: Host, address: str) -> None:
    """Let the host's kernel ask for an address: so the nodes know of the host."""
    udp = inside(host.namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with closing(udp):
        udp.sendto(b"?", (address, 9))


@pytest.mark.parametrize("first_lan", [peer, peer6], ids=["IPv4", "IPv6"])
def test_a_dead_second_lan_moves_the_addresses_on_it_and_no_others(
    network: Network,
    start_wire: Callable[[Host], Wire],
    client: Host,
    first_lan: Callable[[Host], Peer],
) -> None:
    hosts = [network.host(f"n{at}", 10 + at) for at in (1, 2)]
    network.speak_ipv6(*hosts)
    # A third host on the second LAN tells a dead partner from the own dead port: it answers.
    network.join_second_lan(*hosts, client)
    first, second = wires = [start_wire(host) for host in hosts]
    peers = [each for host in hosts for each in (first_lan(host), second_peer(host))]
    for wire in wires:
        wire.plan(ranked(wire.host, hosts), second_entry(wire.host, hosts), peers=peers)
    both_up = {INTERFACE: PeerState.UP, SECOND_INTERFACE: PeerState.UP}
    for wire in wires:
        wait_for(wire, lambda wire=wire: states(wire) == both_up)  # type: ignore[misc]  # bound now
    for address in (VIP, SECOND_VIP):
        first.wait_state(State.HOLDING, address)
    known = {VIP: hosts[0].mac.hex(":"), SECOND_VIP: hosts[0].second_mac.hex(":")}
    wait_for(
        second, lambda: known == {each: second.reports[each].by_mac for each in (VIP, SECOND_VIP)}
    )
    ask_once(client, SECOND_VIP)

    network.part_second(hosts[0])

    second.wait_state(State.HOLDING, SECOND_VIP)
    wait_for(second, lambda: states(second)[SECOND_INTERFACE] is PeerState.DOWN)
    assert states(second)[INTERFACE] is PeerState.UP
    first.wait_state(State.IDLE, SECOND_VIP)  # who is cut off there is silent there
    first.ask()
    assert first.reports[VIP].state is State.HOLDING
    assert second.reports[VIP].state is not State.HOLDING
