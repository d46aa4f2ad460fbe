"""BFD on real packets: with FRR, with a stranger's packets, and what is refused."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from speaker.messages import Bfd, Peer, PeerState, State
from speaker.wire.bfd import Packet, Phase, read, write
from tests.wire.frr import BFDD, INSTALLED, Frr
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.tap import PATIENCE
from tests.wire.wires import VIP, Wire, peer, peer6, ranked

pytestmark = pytest.mark.root

WireStarter = Callable[[Host], Wire]
IP_RECVTTL = 12  # <linux/in.h>


FAMILIES = pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])


def address(host: Host, *, ipv6: bool) -> str:
    return host.address6 if ipv6 else host.address


def peers(*hosts: Host, ipv6: bool) -> list[Peer]:
    return [peer6(host) if ipv6 else peer(host) for host in hosts]


class Stranger:
    """A UDP socket on a host that speaks BFD by hand."""

    def __init__(self, host: Host, port: int = 3784, ttl: int = 255, *, ipv6: bool = False) -> None:
        self._ipv6, self._port = ipv6, port
        self._socket = inside(host.namespace, lambda: self._open(host, port))
        if ipv6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            self._socket.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        self.source = ""
        self.hops = 0

    def close(self) -> None:
        self._socket.close()

    def send(self, to: Host, data: bytes) -> None:
        self._socket.sendto(data, (address(to, ipv6=self._ipv6), self._port))

    def receive(self) -> tuple[Packet, int]:
        """The next packet of the wire, and its source port."""
        data, ancillary, _, source = self._socket.recvmsg(256, 64)
        self.source = source[0]
        self.hops = int.from_bytes(ancillary[0][2], sys.byteorder)
        packet = read(data)
        assert isinstance(packet, Packet)
        return packet, source[1]

    def receive_after(self, phase: Phase) -> tuple[Packet, int]:
        """The first that is of another phase: they are repeated until there is news."""
        while (received := self.receive())[0].phase is phase:
            pass
        return received

    def _open(self, host: Host, port: int) -> socket.socket:
        udp = socket.socket(socket.AF_INET6 if self._ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        udp.settimeout(PATIENCE)
        udp.bind((address(host, ipv6=self._ipv6), port))
        return udp


def wait_counter(wire: Wire, verdict: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wire.ask().bfd.get(verdict):
        assert time.monotonic() < deadline, f"no {verdict} in {wire.counters.bfd}"
        time.sleep(0.05)


@FAMILIES
@pytest.mark.parametrize(
    ("ttl", "data", "verdict"),
    [
        pytest.param(254, write(Packet(Phase.DOWN, 5)), "bad-ttl", id="may have crossed a router"),
        pytest.param(255, write(Packet(Phase.UP, 5, 99)), "wrong-discriminator", id="not ours"),
        pytest.param(255, b"garbage", "too-short", id="garbage"),
        pytest.param(
            255, b"\x20\x42" + write(Packet(Phase.DOWN, 5))[2:], "demand-mode", id="demand"
        ),
    ],
)
def test_what_is_refused_is_counted_and_brings_no_session(
    network: Network, wire: Wire, *, ttl: int, data: bytes, verdict: str, ipv6: bool
) -> None:
    client = network.host("client", 1)
    network.speak_ipv6(client, wire.host)
    wire.plan(peers=peers(client, ipv6=ipv6))
    with closing(Stranger(client, ttl=ttl, ipv6=ipv6)) as stranger:
        stranger.receive()
        stranger.send(wire.host, data)

        wait_counter(wire, verdict)

    assert wire.peers["client"].state is PeerState.NEVER_UP
    assert not wire.peers["client"].heard


def test_a_host_that_the_plan_does_not_name_is_no_peer(
    network: Network, wire: Wire, client: Host
) -> None:
    other = network.host("other", 2)
    wire.plan(peers=[client])
    with closing(Stranger(client)) as named, closing(Stranger(other)) as stranger:
        named.receive()
        stranger.send(wire.host, write(Packet(Phase.DOWN, 5)))

        wait_counter(wire, "unknown-peer")


@FAMILIES
def test_a_session_by_hand_from_a_port_of_the_rfc(
    network: Network, wire: Wire, client: Host, *, ipv6: bool
) -> None:
    network.speak_ipv6(client, wire.host)
    wire.plan(peers=peers(client, ipv6=ipv6))
    with closing(Stranger(client, ipv6=ipv6)) as stranger:
        first, port = stranger.receive()
        assert stranger.hops == 255
        assert (first.phase, first.desired_min_tx) == (Phase.DOWN, 1_000_000)
        assert 49152 <= port <= 65535

        stranger.send(wire.host, write(Packet(Phase.DOWN, 5)))
        second, same_port = stranger.receive_after(Phase.DOWN)
        assert (second.phase, second.your_discriminator, same_port) == (Phase.INIT, 5, port)

        stranger.send(wire.host, write(Packet(Phase.UP, 5, second.my_discriminator)))
        third, _ = stranger.receive_after(Phase.INIT)
        assert (third.phase, third.desired_min_tx, third.poll) == (Phase.UP, 100_000, True)
        wire.wait_peer(client)

        wire.signal(signal.SIGTERM)
        last, _ = stranger.receive_after(Phase.UP)
        assert last.phase is Phase.ADMIN_DOWN


@FAMILIES
def test_packets_leave_from_the_address_that_the_peer_knows(
    network: Network, wire: Wire, client: Host, *, ipv6: bool
) -> None:
    network.speak_ipv6(client, wire.host)
    second = "fd00:9::5:b" if ipv6 else "172.31.9.211"
    wire.host.ip(
        "address", "add", f"{second}/{64 if ipv6 else 24}", "dev", INTERFACE, *["nodad"] * ipv6
    )
    for source in (address(wire.host, ipv6=ipv6), second):
        wire.plan()
        wire.plan(peers=[replace(*peers(client, ipv6=ipv6), source=source)])
        with closing(Stranger(client, ipv6=ipv6)) as stranger:
            stranger.receive()
            while stranger.source != source:  # the last of the session before
                stranger.receive()


def test_net_raw_is_the_only_capability_that_sessions_need(network: Network, forged: str) -> None:
    only = ("setpriv", "--no-new-privs", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw")
    hosts = [network.host(f"n{at}", 10 + at) for at in (1, 2)]
    with closing(Wire(hosts[0], forged, *only)) as first, closing(Wire(hosts[1], forged)) as second:
        for wire in (first, second):
            wire.plan(peers=hosts)

        first.wait_peer(hosts[1])
        second.wait_peer(hosts[0])
        status = Path(f"/proc/{first.process.pid}/status").read_text()
        assert "CapEff:\t0000000000002000" in status, "CAP_NET_RAW is bit 13"


def test_the_port_can_be_moved_while_sessions_are_up(
    network: Network, start_wire: WireStarter
) -> None:
    wires = [start_wire(network.host(f"n{at}", 10 + at)) for at in (1, 2)]
    hosts = [wire.host for wire in wires]
    for port in (3784, 3790):
        for wire in wires:
            wire.plan(ranked(wire.host, hosts), peers=hosts, bfd=Bfd(port=port))
        for wire, other in zip(wires, reversed(hosts), strict=True):
            wire.ask()
            wire.wait_peer(other)
    wires[0].wait_state(State.HOLDING)
    assert wires[1].ask().bfd["accepted"]
    assert wires[1].reports[VIP].state is State.IDLE


def test_a_port_that_another_program_has_leaves_the_rest_at_work(
    network: Network, wire: Wire
) -> None:
    peer = network.host("peer", 12)
    with closing(Stranger(wire.host)):
        wire.plan(ranked(wire.host, [wire.host, peer]), peers=[peer])

        wire.wait_state(State.HOLDING)

    wire.wait_peer(peer, PeerState.NEVER_UP)
    # It is tried again, and the port is free now.
    with closing(Stranger(peer)) as other:
        assert other.receive()


@pytest.fixture
def frr(network: Network, tmp_path: Path) -> Iterator[Frr]:
    if not INSTALLED:
        pytest.skip(f"{BFDD} is missing: apt-get install frr")
    with closing(Frr(network.host("router", 20), tmp_path)) as running:
        yield running


def wait_session(frr: Frr, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (session := frr.session())["status"] != status:
        assert time.monotonic() < deadline, session
        time.sleep(0.1)
    return session


@FAMILIES
def test_frr_and_the_wire_agree(network: Network, wire: Wire, frr: Frr, *, ipv6: bool) -> None:
    router = frr.host
    network.speak_ipv6(router, wire.host)
    ends = address(wire.host, ipv6=ipv6), address(router, ipv6=ipv6)
    frr.peer(*ends, "receive-interval 150", "transmit-interval 150")
    wire.plan(peers=peers(router, ipv6=ipv6))

    wire.wait_peer(router)
    session = wait_session(frr, "up")
    assert (session["remote-receive-interval"], session["remote-detect-multiplier"]) == (100, 3)

    frr.say("configure", "bfd", frr.name(*ends), "shutdown")
    assert wire.wait_peer(router, PeerState.ADMIN_DOWN).remote_state == "admin-down"
    frr.peer(*ends)
    wire.wait_peer(router)
    wait_session(frr, "up")

    network.part(router)
    timed_out = wire.wait_peer(router, PeerState.DOWN)
    assert timed_out.diagnostic == "control-detection-time-expired"
    wait_session(frr, "down")
    network.heal(router)
    wire.wait_peer(router)
    wait_session(frr, "up")

    wire.signal(signal.SIGTERM)
    session = wait_session(frr, "down")
    assert session["diagnostic"] == "neighbor signaled session down"
