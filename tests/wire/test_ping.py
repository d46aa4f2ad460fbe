"""Pings to an address, as people's `ping` sends them, where no table answers them."""

import subprocess
from dataclasses import replace

import pytest

from speaker.messages import State
from tests.wire.network import Host, Network, enter
from tests.wire.wires import OTHER_VIP, VIP, Wire, entry

pytestmark = pytest.mark.root

VIP6 = "fd00:9::100"
FORWARDING_6 = "ipv6/conf/all/forwarding"


def ping(host: Host, address: str, *options: str) -> str:
    """What it says."""
    command = enter(host.namespace, "ping", "-n", "-W", "3", *(options or ("-c", "1")), address)
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.parametrize("address", [VIP, VIP6])
@pytest.mark.parametrize("size", ["0", "56", "1400"])
def test_the_holder_answers(
    network: Network, client: Host, wire: Wire, address: str, size: str
) -> None:
    network.speak_ipv6(client, wire.host)
    wire.plan(entry(wire.host, address), ping=True)
    wire.wait_state(State.HOLDING, address)
    said = ping(client, address, "-c", "3", "-i", "0.01", "-s", size)
    assert " 0% packet loss" in said
    assert "DUP!" not in said


def test_it_is_a_value(client: Host, wire: Wire) -> None:
    """And what is not held is answered by nobody, whatever its own kernel answers for."""
    wire.plan(entry(wire.host), ping=True)
    wire.wait_state(State.HOLDING)
    assert " 0% packet loss" in ping(client, VIP)
    wire.plan(entry(wire.host))
    wire.ask()
    assert " 100% packet loss" in ping(client, VIP, "-c", "1", "-W", "1")
    assert " 0% packet loss" in ping(client, wire.host.address)


def test_what_the_nodes_table_answers_is_left_to_it(client: Host, wire: Wire) -> None:
    """It need not know every address; nobody hears two answers."""
    wire.plan(entry(wire.host), replace(entry(wire.host, OTHER_VIP), ping=True))
    wire.wait_state(State.HOLDING)
    wire.wait_state(State.HOLDING, OTHER_VIP)
    assert " 0% packet loss" in ping(client, OTHER_VIP)
    assert " 100% packet loss" in ping(client, VIP, "-c", "1", "-W", "1")


@pytest.mark.parametrize(("address", "setting"), [(VIP, "ipv4/ip_forward"), (VIP6, FORWARDING_6)])
def test_a_node_that_forwards_answers_too(
    network: Network, client: Host, wire: Wire, address: str, setting: str
) -> None:
    """As all nodes of a cluster do. Its kernel goes on saying that it knows no such host."""
    network.speak_ipv6(client, wire.host)
    wire.host.set(setting, "1")
    wire.plan(entry(wire.host, address), ping=True)
    wire.wait_state(State.HOLDING, address)
    said = ping(client, address, "-c", "2", "-i", "0.2")
    assert said.count(f"bytes from {address}") == 2
