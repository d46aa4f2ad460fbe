"""What a node's kernel says, recorded, and what each check makes of it."""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from pathlib import Path
from typing import Any

import pytest

from lbctl.core.outcomes import ConditionType, NodeCheckReason
from speaker.agent.checks import IPVS, Facts, judge
from speaker.agent.facts import read_facts
from speaker.agent.interfaces import Link

UP = 0x11043  # up, broadcast, running, multicast, lower up
VIP = ip_address("172.16.110.100")
VIP6 = ip_address("fd00:110::100")

# /proc/net/route of a node with two LANs; the default route leads by eth0.
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	FE6E10AC	0003	0	0	0	00000000	0	0	0
eth0	006E10AC	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	007810AC	00000000	0001	0	0	0	00FFFFFF	0	0	0
"""
# /proc/net/if_inet6: loopback, a fixed address, one from router advertisements, link-local.
FIXED = """\
00000000000000000000000000000001 01 80 10 80       lo
fd000110000000000000000000000011 02 40 00 80     eth0
fe800000000000000000acfffe106e0b 02 40 20 80     eth0
"""
PASSING = FIXED + "fd000110000000000000acfffe106e0b 02 40 00 00     eth0\n"


def link(name: str = "eth0", index: int = 2, *own: str, **fields: Any) -> Link:
    addresses = tuple(IPv6Interface(text) if ":" in text else IPv4Interface(text) for text in own)
    made = Link(index=index, name=name, type=1, flags=UP, mac="02:00:00:00:00:01")
    return replace(made, addresses=addresses, **fields)


ETH0 = link("eth0", 2, "172.16.110.11/24")
ETH1 = link("eth1", 3, "172.16.120.11/24")
LO = replace(link("lo", 1, "127.0.0.1/8"), type=772, flags=0x10049)
SYSCTLS = {
    **{f"ipv4/conf/{name}/arp_ignore": "0" for name in ("all", "eth0", "eth1", "br0", "bond0")},
    **{f"ipv4/conf/{name}/arp_announce": "0" for name in ("all", "eth0", "eth1", "br0", "bond0")},
    **{f"ipv4/conf/{name}/rp_filter": "0" for name in ("all", "eth0", "eth1", "eth1.7", "bond0")},
    **{f"ipv4/conf/{name}/forwarding": "1" for name in ("all", "eth0", "eth1", "br0", "bond0")},
    **{f"ipv6/conf/{name}/forwarding": "1" for name in ("all", "eth0", "eth1", "br0", "bond0")},
    **{f"ipv6/conf/{name}/accept_ra": "1" for name in ("all", "eth0", "eth1", "br0", "bond0")},
}
NODE = Facts(
    links=(LO, ETH0, ETH1),
    sysctls=SYSCTLS,
    routes=ROUTES,
    ipv6_addresses=FIXED,
    announcing=frozenset({"eth0"}),
    addresses=frozenset({VIP}),
)
IPVS_NODE = replace(NODE, links=(*NODE.links, link(IPVS, 9, f"{VIP}/32", flags=0x82)))


def sysctls(**said: str) -> dict[str, str]:
    """`all_arp_ignore="1"` for ipv4/conf/all/arp_ignore; `six_...` for ipv6."""
    return SYSCTLS | {
        f"ipv{6 if interface == 'six' else 4}/conf/{rest}": value
        for name, value in said.items()
        for interface, rest in [_path(name)]
    }


def _path(name: str) -> tuple[str, str]:
    interface, _, rest = name.partition("_")
    if interface != "six":
        return interface, f"{interface}/{rest}"
    of, _, rest = rest.partition("_")
    return "six", f"{of}/{rest}"


K, R, F = ConditionType.KERNEL_SILENT, ConditionType.REVERSE_PATH_OPEN, ConditionType.FORWARDING
A, I = ConditionType.ROUTER_ADVERTISEMENTS_HEARD, ConditionType.INTERFACES_SOUND  # noqa: E741  # one letter for each check
GOOD = NodeCheckReason.GOOD


@dataclass(frozen=True)
class Row:
    sentence: str
    facts: Facts
    check: ConditionType
    reason: NodeCheckReason
    command: str = field(default="")


def on(name: str, text: str, node: Facts = NODE) -> Facts:
    """The node with one more address."""
    links = [
        replace(each, addresses=(*each.addresses, *link("", 0, text).addresses))
        if each.name == name
        else each
        for each in node.links
    ]
    return replace(node, links=tuple(links))


ROWS = [
    Row("a node as it should be", NODE, K, GOOD),
    Row(
        "IPVS without strictARP",
        IPVS_NODE,
        K,
        NodeCheckReason.IPVS_WITHOUT_STRICT_ARP,
        "sed 's/strictARP: false/strictARP: true/'",
    ),
    Row(
        "IPVS with strictARP",
        replace(IPVS_NODE, sysctls=sysctls(all_arp_ignore="1", all_arp_announce="2")),
        K,
        GOOD,
    ),
    Row(
        "of the two settings the greater counts",
        replace(IPVS_NODE, sysctls=sysctls(eth0_arp_ignore="1", all_arp_announce="2")),
        K,
        GOOD,
    ),
    Row(
        "half of strictARP: the kernel would ask with a Service's address as its own",
        replace(IPVS_NODE, sysctls=sysctls(all_arp_ignore="1", all_arp_announce="1")),
        K,
        NodeCheckReason.IPVS_WITHOUT_STRICT_ARP,
    ),
    Row(
        "somebody put the address on the card",
        on("eth0", f"{VIP}/32"),
        K,
        NodeCheckReason.ADDRESS_ON_NODE,
        f"ip address delete {VIP}/32 dev eth0",
    ),
    Row(
        "or on the loopback, which Linux answers for as well",
        on("lo", f"{VIP}/32"),
        K,
        NodeCheckReason.ADDRESS_ON_NODE,
        f"ip address delete {VIP}/32 dev lo",
    ),
    Row(
        "unless told not to",
        replace(on("lo", f"{VIP}/32"), sysctls=sysctls(all_arp_ignore="1")),
        K,
        GOOD,
    ),
    Row(
        "on the card it answers all the same",
        replace(on("eth0", f"{VIP}/32"), sysctls=sysctls(all_arp_ignore="1")),
        K,
        NodeCheckReason.ADDRESS_ON_NODE,
    ),
    Row(
        "neighbour discovery does not answer for the loopback",
        replace(on("lo", f"{VIP6}/128"), addresses=frozenset({VIP6})),
        K,
        GOOD,
    ),
    Row(
        "but for the card",
        replace(on("eth0", f"{VIP6}/128"), addresses=frozenset({VIP6})),
        K,
        NodeCheckReason.ADDRESS_ON_NODE,
    ),
    Row(
        "a sysctl that cannot be read",
        replace(IPVS_NODE, sysctls={}),
        K,
        NodeCheckReason.UNREADABLE,
        "/proc/sys/net/ipv4/conf/all/arp_ignore",
    ),
    Row(
        "a strict filter on the default route's interface harms nobody",
        replace(NODE, sysctls=sysctls(all_rp_filter="1")),
        R,
        GOOD,
    ),
    Row(
        "on another one that announces it drops who comes by a router",
        replace(NODE, sysctls=sysctls(all_rp_filter="1"), announcing=frozenset({"eth0", "eth1"})),
        R,
        NodeCheckReason.STRICT_REVERSE_PATH,
        "sysctl -w net.ipv4.conf.eth1.rp_filter=2",
    ),
    Row(
        "loose is greater than strict",
        replace(
            NODE,
            sysctls=sysctls(all_rp_filter="1", eth1_rp_filter="2"),
            announcing=frozenset({"eth1"}),
        ),
        R,
        GOOD,
    ),
    Row(
        "a dot in a name is a slash for sysctl",
        replace(
            NODE,
            sysctls=SYSCTLS | {"ipv4/conf/eth1.7/rp_filter": "1"},
            announcing=frozenset({"eth1.7"}),
        ),
        R,
        NodeCheckReason.STRICT_REVERSE_PATH,
        "net.ipv4.conf.eth1/7.rp_filter=2",
    ),
    Row(
        "without a default route nobody comes by a router",
        replace(
            NODE,
            sysctls=sysctls(all_rp_filter="1"),
            announcing=frozenset({"eth1"}),
            routes="\n".join(ROUTES.splitlines()[:1] + ROUTES.splitlines()[2:]),
        ),
        R,
        GOOD,
    ),
    Row("it forwards", NODE, F, GOOD),
    Row(
        "it does not",
        replace(NODE, sysctls=sysctls(eth0_forwarding="0")),
        F,
        NodeCheckReason.FORWARDING_OFF,
        "sysctl -w net.ipv4.ip_forward=1",
    ),
    Row(
        "not on an interface that announces nothing",
        replace(NODE, sysctls=sysctls(eth1_forwarding="0")),
        F,
        GOOD,
    ),
    Row(
        "before there is a plan, every interface matters",
        replace(
            NODE,
            sysctls=sysctls(eth1_forwarding="0"),
            announcing=frozenset(),
            addresses=frozenset(),
        ),
        F,
        NodeCheckReason.FORWARDING_OFF,
    ),
    Row(
        "IPv6 alone does not need IPv4's forwarding",
        replace(NODE, sysctls=sysctls(eth0_forwarding="0"), addresses=frozenset({VIP6})),
        F,
        GOOD,
    ),
    Row(
        "but its own",
        replace(NODE, sysctls=sysctls(six_all_forwarding="0"), addresses=frozenset({VIP6})),
        F,
        NodeCheckReason.FORWARDING_OFF,
        "sysctl -w net.ipv6.conf.all.forwarding=1",
    ),
    Row("fixed IPv6 addresses need no router", NODE, A, GOOD),
    Row(
        "an address from a router that is not heard any more",
        replace(NODE, ipv6_addresses=PASSING),
        A,
        NodeCheckReason.ROUTER_ADVERTISEMENTS_IGNORED,
        "sysctl -w net.ipv6.conf.eth0.accept_ra=2",
    ),
    Row(
        "the kernel hears it although it forwards",
        replace(NODE, ipv6_addresses=PASSING, sysctls=sysctls(six_eth0_accept_ra="2")),
        A,
        GOOD,
    ),
    Row(
        "a program of the node hears it",
        replace(NODE, ipv6_addresses=PASSING, sysctls=sysctls(six_eth0_accept_ra="0")),
        A,
        GOOD,
    ),
    Row(
        "a kernel without IPv6 has no such address",
        replace(NODE, ipv6_addresses="", sysctls={}),
        A,
        GOOD,
    ),
    Row("no bridges, no bonds", NODE, I, GOOD),
    Row(
        "the address stayed on the card when it was put into a bridge",
        replace(
            NODE,
            links=(LO, replace(ETH0, master=7), link("br0", 7)),
            kinds={"br0": "bridge"},
        ),
        I,
        NodeCheckReason.ADDRESS_ON_MEMBER,
        "ip address delete 172.16.110.11/24 dev eth0; ip address add 172.16.110.11/24 dev br0",
    ),
    Row(
        "a member without an address is as it should be",
        replace(
            NODE,
            links=(LO, link("eth0", 2, master=7), link("br0", 7, "172.16.110.11/24")),
            kinds={"br0": "bridge"},
            announcing=frozenset({"br0"}),
        ),
        I,
        GOOD,
    ),
    Row(
        "a member of something else, such as a VRF, may have an address",
        replace(NODE, links=(LO, replace(ETH0, master=7), link("red", 7))),
        I,
        GOOD,
    ),
    Row(
        "a bond that writes other MACs into our answers",
        replace(
            NODE,
            links=(LO, link("bond0", 7, "172.16.110.11/24")),
            kinds={"bond0": "balance-alb"},
            announcing=frozenset({"bond0"}),
        ),
        I,
        NodeCheckReason.BOND_REWRITES_ARP,
        "ip link set bond0 type bond mode active-backup",
    ),
    Row(
        "one that does not",
        replace(
            NODE,
            links=(LO, link("bond0", 7, "172.16.110.11/24")),
            kinds={"bond0": "802.3ad"},
            announcing=frozenset({"bond0"}),
        ),
        I,
        GOOD,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_what_a_check_finds(row: Row) -> None:
    (found,) = (each for each in judge(row.facts) if each.type == row.check)

    assert found.reason == row.reason, found.message
    assert row.command in found.message
    assert found.status is {GOOD: True, NodeCheckReason.UNREADABLE: None}.get(row.reason, False)


def test_every_reason_is_found_by_a_row() -> None:
    assert {row.reason for row in ROWS} == {*NodeCheckReason}


def test_whatever_is_wrong_names_a_command() -> None:
    commands = ("kubectl ", "ip address ", "ip link ", "sysctl -w ")
    for row in ROWS:
        for found in judge(row.facts):
            assert found.status is not False or any(word in found.message for word in commands)


def test_the_kernel_is_read_where_it_says_so(tmp_path: Path) -> None:
    """A bond as /sys shows it: this machine's kernel has none."""
    files = {
        "proc/sys/net/ipv4/conf/all/rp_filter": "1\n",
        "proc/sys/net/ipv4/conf/bond0/rp_filter": "0\n",
        "proc/net/route": ROUTES,
        "proc/net/if_inet6": FIXED,
        "sys/class/net/bond0/bonding/mode": "balance-alb 6\n",
        "sys/class/net/br0/bridge/bridge_id": "8000.020000000001\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    links = [
        link("bond0", 4, "10.0.0.1/24"),
        link("br0", 5),
        link("eth2", 6, "10.1.0.1/24", master=5),
        link("veth0", 7),
    ]

    facts = read_facts(
        links,
        announcing=frozenset({"bond0"}),
        addresses=frozenset({VIP}),
        proc=tmp_path / "proc",
        sys=tmp_path / "sys",
    )

    assert facts.sysctls == {
        "ipv4/conf/all/rp_filter": "1",
        "ipv4/conf/bond0/rp_filter": "0",
    }
    assert facts.kinds == {"bond0": "balance-alb", "br0": "bridge"}
    assert (facts.routes, facts.ipv6_addresses) == (ROUTES.strip(), FIXED.strip())
    reasons = {found.type: found.reason for found in judge(facts)}
    assert reasons[I] == NodeCheckReason.ADDRESS_ON_MEMBER
    assert reasons[R] == NodeCheckReason.STRICT_REVERSE_PATH
    assert reasons[F] == NodeCheckReason.UNREADABLE
