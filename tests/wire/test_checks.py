"""The checks of a node against a real kernel: what they say is what the LAN sees."""

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from lbctl.core.outcomes import ConditionType, NodeCheckReason
from speaker.agent.checks import IPVS, judge
from speaker.agent.facts import read_facts
from speaker.agent.netlink import read_links
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.tap import Tap
from tests.wire.wires import VIP

pytestmark = pytest.mark.root

CLIENT = bytes([2, 0, 0, 0, 0, 1])
ADDRESS = "172.31.9.1"
STRICT = {"arp_ignore": 1, "arp_announce": 2}


@pytest.fixture
def node(network: Network) -> Host:
    return network.host("node", 11)


def said(node: Host, kind: ConditionType) -> str:
    """The reason of one condition."""

    def look() -> str:
        facts = read_facts(
            asyncio.run(read_links()),
            announcing=frozenset({INTERFACE}),
            addresses=frozenset({ip_address(VIP)}),
        )
        return next(found.reason for found in judge(facts) if found.type == kind)

    return inside(node.namespace, look)


def write(node: Host, name: str, value: int) -> None:
    inside(node.namespace, lambda: Path("/proc/sys/net", name).write_text(str(value)))


def kernel_answers(node: Host, tap: Tap) -> bool:
    """Whether the node answers for the address; it always does for its own, which comes after."""
    tap.drain()
    tap.frames.clear()
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.send(frames.request(CLIENT, ADDRESS, node.address))
    own = frames.reply(node.mac, node.address, CLIENT, ADDRESS)
    tap.wait_for(lambda frame: frame == own)
    return frames.reply(node.mac, VIP, CLIENT, ADDRESS) in tap.frames


def test_ipvs_without_strict_arp_is_what_the_lan_hears(node: Host, tap: Tap) -> None:
    """This kernel has no IPVS: a bridge of that name stands in for kube-proxy's interface."""
    assert said(node, ConditionType.KERNEL_SILENT) == NodeCheckReason.GOOD
    assert not kernel_answers(node, tap)

    node.ip("link", "add", IPVS, "type", "bridge")
    node.ip("address", "add", f"{VIP}/32", "dev", IPVS)
    assert said(node, ConditionType.KERNEL_SILENT) == NodeCheckReason.IPVS_WITHOUT_STRICT_ARP
    assert kernel_answers(node, tap)

    for name, value in STRICT.items():
        write(node, f"ipv4/conf/all/{name}", value)
    assert said(node, ConditionType.KERNEL_SILENT) == NodeCheckReason.GOOD
    assert not kernel_answers(node, tap)


@pytest.mark.parametrize("where", ["lo", INTERFACE])
def test_an_address_on_the_node_is_what_the_lan_hears(node: Host, tap: Tap, where: str) -> None:
    node.ip("address", "add", f"{VIP}/32", "dev", where)
    assert said(node, ConditionType.KERNEL_SILENT) == NodeCheckReason.ADDRESS_ON_NODE
    assert kernel_answers(node, tap)

    node.ip("address", "delete", f"{VIP}/32", "dev", where)
    assert said(node, ConditionType.KERNEL_SILENT) == NodeCheckReason.GOOD
    assert not kernel_answers(node, tap)


def test_settings_of_the_kernel_are_read_as_they_are(node: Host) -> None:
    node.ip("link", "add", "other0", "type", "bridge")
    node.ip("address", "add", "10.1.0.1/24", "dev", "other0")
    node.ip("link", "set", "other0", "up")
    node.ip("route", "add", "default", "via", "10.1.0.254")
    for value, expected in ((0, GOOD), (1, NodeCheckReason.STRICT_REVERSE_PATH), (2, GOOD)):
        write(node, f"ipv4/conf/{INTERFACE}/rp_filter", value)
        assert said(node, ConditionType.REVERSE_PATH_OPEN) == expected
    for value, expected in ((0, NodeCheckReason.FORWARDING_OFF), (1, GOOD)):
        write(node, "ipv4/ip_forward", value)
        assert said(node, ConditionType.FORWARDING) == expected


GOOD = NodeCheckReason.GOOD
