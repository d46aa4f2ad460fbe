"""The table in a real kernel: what is wanted is there, whoever else has a hand in it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address

import pytest

from speaker.netfilter.keeper import Outcome, TableKeeper
from speaker.netfilter.rewrites import Protocol, ServicePort
from tests.wire.handing_on import (
    AT_THE_ADDRESS,
    CLUSTER,
    LOCAL,
    PORTS,
    VIPS,
    Stage,
    ask,
    asked,
    staged,
    talk,
)
from tests.wire.network import Host, Network, enter, run

pytestmark = pytest.mark.root


@pytest.fixture
def stage(network: Network, client: Host) -> Iterator[Stage]:
    with staged(network, client, "nftables") as made:
        yield made


@pytest.fixture
def keeper(stage: Stage) -> Iterator[TableKeeper]:
    with closing(stage.nftables()) as kernel:
        yield TableKeeper(kernel)


def nft(stage: Stage, *words: str) -> str:
    return run(*enter(stage.node.namespace, "nft", *words))


def test_what_is_there_is_not_written_again(stage: Stage, keeper: TableKeeper) -> None:
    assert keeper.enforce(stage.wanted()) is Outcome.CHANGED
    assert keeper.enforce(stage.wanted()) is Outcome.UNCHANGED
    nft(stage, "add table ip somebody")
    assert keeper.enforce(stage.wanted()) is Outcome.UNCHANGED


@pytest.mark.parametrize(
    "meddling",
    [
        "delete table inet lbctl",
        "add table inet lbctl { flags dormant ; }",
        "flush table inet lbctl",
        "flush ruleset",
        "flush chain inet lbctl open4",
        "add rule inet lbctl prerouting counter",
        "insert rule inet lbctl answer6 drop",
        "add chain inet lbctl mine",
        "flush map inet lbctl services6",
        "delete element inet lbctl held4 { 172.31.9.100 }",
        "add element inet lbctl interfaces { eth7 }",
        "delete element inet lbctl returns4 { 172.31.9.100 . udp . 30080 : 80 }",
    ],
)
def test_what_somebody_else_did_is_put_right(
    stage: Stage, keeper: TableKeeper, meddling: str
) -> None:
    keeper.enforce(stage.wanted())
    nft(stage, *meddling.split())
    assert keeper.enforce(stage.wanted()) is Outcome.REPAIRED
    assert keeper.enforce(stage.wanted()) is Outcome.UNCHANGED


def test_a_change_upon_somebody_elses_change(stage: Stage, keeper: TableKeeper) -> None:
    keeper.enforce(stage.wanted())
    nft(stage, "delete table inet lbctl")
    assert keeper.enforce(stage.wanted(held=False)) is Outcome.REPAIRED
    assert keeper.enforce(stage.wanted(held=False)) is Outcome.UNCHANGED


def test_connections_outlive_every_change_that_is_not_about_them(
    stage: Stage, keeper: TableKeeper
) -> None:
    """Other addresses come and go, the process starts again, the table is made anew."""
    only = stage.wanted(vips=VIPS[4][1:])
    keeper.enforce(only)
    for protocol in (Protocol.TCP, Protocol.UDP):
        with talk(stage.client.namespace, protocol, VIPS[4][1], 80) as made:
            seen_as = ask(made)
            keeper.enforce(stage.wanted())
            assert ask(made) == seen_as
            with closing(stage.nftables()) as kernel:
                again = TableKeeper(kernel)
                assert again.enforce(stage.wanted()) is Outcome.CHANGED
                assert ask(made) == seen_as
                nft(stage, "delete table inet lbctl")
                assert again.enforce(only) is Outcome.REPAIRED
                assert ask(made) == seen_as


@pytest.mark.parametrize("family", [4, 6])
def test_a_tcp_connection_needs_the_table_for_its_first_packet_alone(
    stage: Stage, keeper: TableKeeper, family: int
) -> None:
    """It outlives a stop of the speaker, a firewall's restart, and a change of the hand-off."""
    itself = stage.wanted(ports=[ServicePort(Protocol.TCP, AT_THE_ADDRESS)])
    by_node_port = stage.wanted(ports=[ServicePort(Protocol.TCP, AT_THE_ADDRESS, CLUSTER)])
    keeper.enforce(itself)
    with talk(stage.client.namespace, Protocol.TCP, VIPS[family][0], AT_THE_ADDRESS) as old:
        seen_as = ask(old)
        keeper.enforce(by_node_port)
        with talk(stage.client.namespace, Protocol.TCP, VIPS[family][0], AT_THE_ADDRESS) as new:
            for _ in range(2):
                assert ask(new) == stage.gateway(family)
                assert ask(old) == seen_as
                keeper.remove()
            keeper.enforce(itself)
            assert ask(new) == stage.gateway(family)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_another_node_port_counts_at_once(
    stage: Stage, keeper: TableKeeper, family: int, protocol: Protocol
) -> None:
    """What was opened by the old one goes on, or goes over, for UDP knows no opening."""
    keeper.enforce(stage.wanted(ports=[ServicePort(protocol, 80, CLUSTER)]))
    client, vip = stage.client.namespace, VIPS[family][0]
    with talk(client, protocol, vip, 80) as made:
        assert ask(made) == stage.gateway(family)
        wanted = stage.wanted(ports=[ServicePort(protocol, 80, LOCAL)])
        assert keeper.enforce(wanted) is Outcome.CHANGED
        own = stage.own(stage.client, family)
        assert asked(client, protocol, vip, 80) == own
        assert ask(made) == (stage.gateway(family) if protocol is Protocol.TCP else own)


@pytest.mark.parametrize("family", [4, 6])
def test_datagrams_go_on_from_the_proxy_to_the_node_port_and_back(
    stage: Stage, keeper: TableKeeper, family: int
) -> None:
    """By a client that keeps its port. The proxy serves both ways while that changes."""
    itself = stage.wanted(ports=[ServicePort(Protocol.UDP, AT_THE_ADDRESS)])
    by_node_port = stage.wanted(ports=[ServicePort(Protocol.UDP, AT_THE_ADDRESS, LOCAL)])
    with talk(stage.client.namespace, Protocol.UDP, VIPS[family][0], AT_THE_ADDRESS) as made:
        for wanted in (itself, by_node_port, itself, by_node_port):
            keeper.enforce(wanted)
            assert ask(made) == stage.own(stage.client, family)
        keeper.remove()
        assert ask(made) == stage.own(stage.client, family)


def test_a_port_that_goes_is_refused_from_then_on(stage: Stage, keeper: TableKeeper) -> None:
    keeper.enforce(stage.wanted())
    asked(stage.client.namespace, Protocol.TCP, VIPS[6][0], 80)
    keeper.enforce(stage.wanted(ports=[each for each in PORTS if each.port != 80]))
    with pytest.raises(ConnectionRefusedError):
        asked(stage.client.namespace, Protocol.TCP, VIPS[6][0], 80)


def test_traffic_is_counted_for_each_address(stage: Stage, keeper: TableKeeper) -> None:
    keeper.enforce(stage.wanted())
    for family in VIPS:
        with talk(stage.client.namespace, Protocol.UDP, VIPS[family][1], 80) as made:
            ask(made, size=100)
            ask(made, size=100)
    counted = keeper.traffic()
    header = {4: 20 + 8, 6: 40 + 8}
    for family in VIPS:
        idle, used = (counted[ip_address(each)] for each in VIPS[family])
        assert (idle.received_packets, idle.sent_packets) == (0, 0)
        assert (used.received_packets, used.sent_packets) == (2, 2)
        assert used.received_bytes == 2 * (header[family] + 100)
        assert used.sent_bytes > 2 * header[family]


def test_nothing_is_left_behind(stage: Stage, keeper: TableKeeper) -> None:
    keeper.enforce(stage.wanted())
    keeper.remove()
    assert "lbctl" not in nft(stage, "list", "tables")
    keeper.remove()


def test_nft_shows_what_is_there(stage: Stage, keeper: TableKeeper) -> None:
    keeper.enforce(stage.wanted())
    shown = nft(stage, "list", "ruleset")
    for line in (
        "172.31.9.100 . tcp . 80 : 30080",
        'elements = { "lan0" }',
        "iifname @interfaces ip daddr @guarded4 goto open4",
        "ct state established,related accept",
        "ct state established,related,untracked accept",
        "icmpv6 type echo-request dnat ip6 to fd00:9::b",
        "ip daddr set 172.31.9.11 accept",
    ):
        assert line in shown


def test_rules_are_as_many_for_thousands_of_addresses(stage: Stage, keeper: TableKeeper) -> None:
    keeper.enforce(stage.wanted())
    few = nft(stage, "list", "ruleset").count(" comment ")
    many = [f"172.31.{at // 256}.{at % 256}" for at in range(5_000)]
    wanted = stage.wanted(vips=many)
    assert keeper.enforce(wanted) is Outcome.CHANGED
    assert keeper.enforce(wanted) is Outcome.UNCHANGED
    assert nft(stage, "list", "ruleset").count(" comment ") == few
    assert len(keeper.traffic()) == len(many)


def test_without_the_capability_it_says_so(stage: Stage) -> None:
    script = (
        "from speaker.netfilter.kernel import Nftables\n"
        "with Nftables() as kernel:\n"
        "    kernel.remove('lbctl')\n"
    )
    poor = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")
    done = subprocess.run(
        enter(stage.node.namespace, *poor, sys.executable, "-c", script),
        check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert "NftablesError: [Errno 1]" in done.stderr
