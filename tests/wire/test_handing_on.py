"""What comes for an address goes to the node's NodePort, and the answer comes from the address."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from speaker.netfilter.rewrites import Protocol, ServicePort, UnknownPorts
from tests.wire.handing_on import (
    AT_THE_ADDRESS,
    CLUSTER,
    EMPTY,
    LOCAL,
    PORTS,
    PROXIES,
    SO_NO_CHECK,
    VIPS,
    Stage,
    ask,
    asked,
    eventually,
    never_fragment,
    path_mtu,
    staged,
    talk,
)
from tests.wire.ip_packets import (
    answer,
    destination_of,
    heard,
    icmp_errors,
    init_chunk,
    is_sound,
    next_in_turn,
    nonsense,
    sctp_port_and_soundness,
    source_of,
    too_big,
)
from tests.wire.network import INTERFACE, Host, Network, enter, inside, run

pytestmark = pytest.mark.root

BOTH = (Protocol.TCP, Protocol.UDP)
FAMILIES = (4, 6)


@pytest.fixture(params=[*PROXIES])
def either_proxy(network: Network, client: Host, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(network, client, request.param) as made:
        yield made


@pytest.fixture
def stage(network: Network, client: Host) -> Iterator[Stage]:
    with staged(network, client, "nftables") as made:
        yield made


@pytest.mark.parametrize("whole", [False, True], ids=["checksums-later", "checksums-in-packets"])
def test_a_client_reaches_the_pod(either_proxy: Stage, *, whole: bool) -> None:
    """And a Service with the policy Local sees who it is."""
    stage = either_proxy
    if whole:
        stage.send_whole_packets()
    stage.guard()
    for family in FAMILIES:
        for protocol in BOTH:
            told = asked(stage.client.namespace, protocol, VIPS[family][0], 80)
            assert told == stage.gateway(family), protocol
            told = asked(stage.client.namespace, protocol, VIPS[family][0], 443)
            assert told == stage.own(stage.client, family), protocol


@pytest.mark.skipif(
    not Path("/proc/sys/net/bridge").exists(), reason="this kernel has no br_netfilter loaded"
)
def test_a_client_beyond_a_bridge_of_the_nodes_own_reaches_the_pod(either_proxy: Stage) -> None:
    """Netfilter sees its packets on the bridge, and not once more behind it."""
    stage = either_proxy
    stage.put_the_lan_on_a_bridge()
    stage.guard()
    for family in FAMILIES:
        vip, client = VIPS[family][0], stage.own(stage.client, family)
        for protocol in BOTH:
            assert asked(stage.client.namespace, protocol, vip, 80) == stage.gateway(family)
            assert asked(stage.client.namespace, protocol, vip, 443) == client
        with talk(stage.client.namespace, Protocol.UDP, vip, 443) as made:
            assert ask(made, size=4_000) == client
        with pytest.raises(ConnectionRefusedError):
            asked(stage.client.namespace, Protocol.TCP, vip, 81)
        told = run(*enter(stage.client.namespace, "ping", "-n", "-c", "1", "-W", "2", vip))
        assert f"64 bytes from {vip}" in told


def test_one_port_of_a_client_to_two_addresses_and_the_node_port(either_proxy: Stage) -> None:
    """All three become the same addresses and ports; they are three connections none the less."""
    stage = either_proxy
    stage.guard()
    for family in FAMILIES:
        node = stage.own(stage.node, family)
        for protocol in BOTH:
            ways = [(VIPS[family][0], 80), (VIPS[family][1], 80), (node, CLUSTER)]
            talks = [talk(stage.client.namespace, protocol, *way, own_port=40_000) for way in ways]
            for made in (*talks, *talks):
                assert ask(made) == stage.gateway(family), (protocol, made)
            for made in talks:
                made.close()


def test_udp_without_a_checksum_stays_without(stage: Stage) -> None:
    stage.send_whole_packets()
    stage.guard()
    with talk(stage.client.namespace, Protocol.UDP, VIPS[4][0], 443) as made:
        made.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        assert ask(made) == stage.client.address


@pytest.mark.parametrize("whole", [False, True], ids=["checksums-later", "checksums-in-packets"])
def test_datagrams_that_come_and_go_in_fragments(stage: Stage, *, whole: bool) -> None:
    """Only the first fragment has ports in it: all are written, or none arrives."""
    if whole:
        stage.send_whole_packets()
    stage.guard()
    for family in FAMILIES:
        for port, seen in ((80, stage.gateway(family)), (443, stage.own(stage.client, family))):
            with talk(stage.client.namespace, Protocol.UDP, VIPS[family][0], port) as made:
                assert ask(made, size=4_000) == seen


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [80, 443])
def test_the_path_to_the_pod_is_narrow(stage: Stage, family: int, port: int) -> None:
    """The node says how narrow, and the client's kernel knows which connection is meant."""
    stage.guard()
    stage.send_whole_packets()
    run("ip", "-n", stage.node.namespace, "link", "set", "pod0", "mtu", "1300")
    with (
        heard(stage.client.namespace, INTERFACE) as packets,
        talk(stage.client.namespace, Protocol.UDP, VIPS[family][0], port) as made,
    ):
        never_fragment(made)
        ask(made)
        made.send(b"?" * 1400)
        with pytest.raises(OSError, match="Message too long"):
            made.recv(4096)
        assert path_mtu(made) == 1300
        (error,) = icmp_errors(packets())
    assert source_of(error) == VIPS[family][0]
    assert is_sound(error)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [80, 443])
def test_a_stream_gets_through_the_narrow_path(stage: Stage, family: int, port: int) -> None:
    """Its first long segment is too big: the client must hear so, or it says it for ever."""
    stage.guard()
    stage.send_whole_packets()
    run("ip", "-n", stage.node.namespace, "link", "set", "pod0", "mtu", "1300")
    with talk(stage.client.namespace, Protocol.TCP, VIPS[family][0], port) as made:
        assert ask(made, size=1400)
        assert path_mtu(made) == 1300


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_that_does_not_listen_says_so(stage: Stage, family: int) -> None:
    stage.guard()
    stage.stop_listening()
    with (
        heard(stage.client.namespace, INTERFACE) as packets,
        talk(stage.client.namespace, Protocol.UDP, VIPS[family][0], 80) as made,
    ):
        made.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            made.recv(4096)
        (error,) = icmp_errors(packets())
    assert source_of(error) == VIPS[family][0]
    assert is_sound(error)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_nodes_own_process_hears_it_too(stage: Stage, family: int) -> None:
    stage.guard()
    stage.stop_listening()
    with talk(stage.node.namespace, Protocol.UDP, VIPS[family][0], 80) as made:
        made.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            made.recv(4096)


@pytest.mark.parametrize("family", FAMILIES)
def test_ping_is_answered(stage: Stage, family: int) -> None:
    stage.guard()
    vip = VIPS[family][0]
    for namespace in (stage.client.namespace, stage.node.namespace, stage.pod):
        told = run(*enter(namespace, "ping", "-n", "-c", "1", "-W", "2", vip))
        assert f"64 bytes from {vip}: icmp_seq=1" in told


@pytest.mark.parametrize("family", FAMILIES)
def test_ping_is_not_answered_where_that_is_not_wanted(stage: Stage, family: int) -> None:
    stage.guard(stage.wanted(ping=False))
    with pytest.raises(RuntimeError):
        run(*enter(stage.client.namespace, "ping", "-c", "1", "-W", "1", VIPS[family][0]))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_port_that_no_service_has_is_refused(stage: Stage, family: int) -> None:
    stage.guard()
    for namespace in (stage.client.namespace, stage.node.namespace, stage.pod):
        for protocol in BOTH:
            # A process on the node itself may hear of it before its datagram leaves.
            with pytest.raises((ConnectionRefusedError, PermissionError)):
                asked(namespace, protocol, VIPS[family][0], 81)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_nodes_own_processes_and_pods_reach_an_address_that_is_held(
    stage: Stage, family: int
) -> None:
    stage.guard()
    for namespace in (stage.node.namespace, stage.pod):
        for protocol in BOTH:
            assert asked(namespace, protocol, VIPS[family][0], 80) == stage.gateway(family)


@pytest.mark.parametrize("family", FAMILIES)
def test_where_it_is_not_held_they_go_to_the_holder(stage: Stage, family: int) -> None:
    stage.guard(stage.wanted(held=False))
    vip = VIPS[family][0]
    stage.let_it_go_back(family)
    for namespace in (stage.node.namespace, stage.pod):
        with (
            heard(stage.client.namespace, INTERFACE) as packets,
            talk(namespace, Protocol.UDP, vip, 80) as made,
        ):
            made.send(b"?")
            eventually(lambda: any(destination_of(each) == vip for each in packets()))
    # What comes over the LAN was sent by one who takes this node for the holder, as after a move.
    assert asked(stage.client.namespace, Protocol.TCP, vip, 80) == stage.gateway(family)


@pytest.mark.parametrize("family", FAMILIES)
def test_silence_instead_of_a_refusal(stage: Stage, family: int) -> None:
    """And nothing goes back to the LAN: a node that forwards would send it out again."""
    stage.guard(stage.wanted(unknown_ports=UnknownPorts.DROP))
    stage.let_it_go_back(family)
    vip = VIPS[family][0]
    with (
        heard(stage.client.namespace, INTERFACE) as packets,
        talk(stage.client.namespace, Protocol.UDP, vip, 81) as made,
    ):
        made.send(b"?")
        assert asked(stage.client.namespace, Protocol.TCP, vip, 80) == stage.gateway(family)
        own = made.getsockname()[1].to_bytes(2, "big") + (81).to_bytes(2, "big")
        assert len([each for each in packets() if own in each]) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_clusters_proxy_serves_at_the_address_is_left_alone(
    stage: Stage, family: int
) -> None:
    """Its connections, and the ICMP errors about them. Other ports are guarded all the same."""
    stage.guard(stage.wanted(ports=[ServicePort(each, AT_THE_ADDRESS) for each in BOTH]))
    stage.send_whole_packets()
    vip, client = VIPS[family][0], stage.own(stage.client, family)
    for protocol in BOTH:
        assert asked(stage.client.namespace, protocol, vip, AT_THE_ADDRESS) == client
        with pytest.raises(ConnectionRefusedError):
            asked(stage.client.namespace, protocol, vip, 80)
    with (
        heard(stage.client.namespace, INTERFACE) as packets,
        talk(stage.client.namespace, Protocol.UDP, vip, AT_THE_ADDRESS) as made,
    ):
        ask(made)
        quoted = [each for each in packets() if source_of(each) == vip][-1]
        stage.from_client(too_big(client, quoted, 1300))
        eventually(lambda: "mtu 1300" in stage.pod_route(client))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("whole", [False, True], ids=["checksums-later", "checksums-in-packets"])
def test_a_service_without_pods_is_refused(
    stage: Stage, family: int, protocol: Protocol, *, whole: bool
) -> None:
    """What the proxy says of it is about the NodePort: the client would not know what is meant."""
    if whole:
        stage.send_whole_packets()
    stage.guard(stage.wanted(ports=[ServicePort(protocol, 80, EMPTY)]))
    for namespace in (stage.client.namespace, stage.node.namespace, stage.pod):
        with pytest.raises((ConnectionRefusedError, PermissionError)):
            asked(namespace, protocol, VIPS[family][0], 80)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_node_without_local_pods_leaves_the_answer_to_the_proxy(
    stage: Stage, family: int
) -> None:
    """kube-proxy is silent then: the client asks again, and another node is holder."""
    local = ServicePort(Protocol.UDP, 80, EMPTY, local=True)
    others = (each for each in PORTS if (each.protocol, each.port) != (Protocol.UDP, 80))
    stage.guard(stage.wanted(ports=[local, *others]))
    vip = VIPS[family][0]
    with talk(stage.client.namespace, Protocol.UDP, vip, 80) as made:
        made.send(b"?")
        assert asked(stage.client.namespace, Protocol.TCP, vip, 443)
        made.setblocking(False)
        with pytest.raises(BlockingIOError):
            made.recv(1)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_node_port_is_no_port_of_the_address(stage: Stage, family: int) -> None:
    stage.guard()
    for protocol in BOTH:
        with pytest.raises(ConnectionRefusedError):
            asked(stage.client.namespace, protocol, VIPS[family][0], CLUSTER)


def test_stale_udp_is_found_by_its_node_port(stage: Stage) -> None:
    """kube-proxy removes entries that were opened to a NodePort and lead to no endpoint."""
    stage.guard()
    with talk(stage.client.namespace, Protocol.UDP, VIPS[4][0], 80) as made:
        ask(made)
        opened = stage.conntrack("-L", "-p", "udp", "--dport", str(CLUSTER))
        assert f"dst={VIPS[4][0]}" in opened
        stage.conntrack("-D", "-p", "udp", "--dport", str(CLUSTER))
        assert ask(made) == stage.gateway(4)


def test_clients_of_the_node_port_are_left_alone(either_proxy: Stage) -> None:
    stage = either_proxy
    stage.guard()
    for family in FAMILIES:
        node = stage.own(stage.node, family)
        for protocol in BOTH:
            client = stage.own(stage.client, family)
            assert asked(stage.client.namespace, protocol, node, LOCAL) == client


# ---------------------------------------------------------------------- crafted packets


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize("protocol", BOTH)
def test_the_path_to_the_client_is_narrow(
    stage: Stage, family: int, port: int, protocol: Protocol
) -> None:
    """A router on the way says so to the address; the pod's kernel learns it."""
    stage.guard()
    stage.send_whole_packets()
    vip = VIPS[family][0]
    with heard(stage.client.namespace, INTERFACE) as packets:
        made = talk(stage.client.namespace, protocol, vip, port)
        seen_as = ask(made)
        quoted = next_in_turn([each for each in packets() if source_of(each) == vip][-1])
    with made:
        assert "mtu" not in stage.pod_route(seen_as)
        stage.from_client(too_big(stage.own(stage.client, family), quoted, 1300))
        eventually(lambda: "mtu 1300" in stage.pod_route(seen_as))
        assert ask(made) == seen_as


@pytest.mark.parametrize("family", FAMILIES)
def test_an_icmp_error_about_nothing_that_is_known_goes_nowhere(stage: Stage, family: int) -> None:
    stage.guard()
    stage.let_it_go_back(family)
    vip, client = VIPS[family][0], stage.own(stage.client, family)
    with heard(stage.client.namespace, INTERFACE) as packets:
        unknown = answer(vip, 99, client, 40_000, Protocol.TCP)
        stage.from_client(too_big(client, unknown, 1300))
        asked(stage.client.namespace, Protocol.TCP, vip, 80)
        # Once out of here and never back.
        assert len([each for each in packets() if unknown[:28] in each]) == 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [80, 81])
def test_what_belongs_to_no_connection_is_not_answered(
    stage: Stage, family: int, port: int
) -> None:
    """A reset would end a connection that is alive, if it were of one."""
    stage.guard()
    stage.let_it_go_back(family)
    vip, client = VIPS[family][0], stage.own(stage.client, family)
    with heard(stage.client.namespace, INTERFACE) as packets:
        stage.from_client(nonsense(client, vip, port))
        with pytest.raises(ConnectionRefusedError):
            asked(stage.client.namespace, Protocol.TCP, vip, 81)
        ours = (40_000).to_bytes(2, "big")
        assert len([each for each in packets() if ours in each[20:44]]) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_sctp(stage: Stage, family: int) -> None:
    """Port and checksum, as a socket on the node sees them: this kernel may have no SCTP."""
    stage.guard()
    stage.forget_the_proxy()
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    ear = inside(stage.node.namespace, lambda: socket.socket(kind, socket.SOCK_RAW, Protocol.SCTP))
    with ear:
        ear.settimeout(5)
        stage.from_client(init_chunk(stage.own(stage.client, family), VIPS[family][0], 80))
        packet = ear.recv(4096)
    assert sctp_port_and_soundness(packet[20:] if family == 4 else packet) == (CLUSTER, True)
