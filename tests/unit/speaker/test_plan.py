"""What the wire is told: interfaces and plan."""

from ipaddress import IPv4Interface, ip_address, ip_interface

import pytest

from lbctl.core.objects.services import ServiceKey, ServiceRef
from lbctl.core.objects.virtualips import Release, Timings, VirtualIPView
from speaker.agent.interfaces import (
    Interface,
    Link,
    Skipped,
    in_use,
    interface_for,
    skipped,
    usable,
)
from speaker.agent.plan import plan
from speaker.messages import Role

ETHERNET, LOOPBACK_TYPE, TUNNEL = 1, 772, 65534
UP, BROADCAST, LOOPBACK, NOARP, CARRIER = 0x1, 0x2, 0x8, 0x80, 0x10000
GOOD = UP | BROADCAST | CARRIER
MAC = "02:00:00:00:00:01"


def link(name: str = "eth0", **fields: object) -> Link:
    given: dict[str, object] = {
        "index": 2, "name": name, "type": ETHERNET, "flags": GOOD, "mac": MAC,
        "addresses": (IPv4Interface("172.16.110.11/24"), ip_interface("fd00:110::11/64")),
    }  # fmt: skip
    return Link(**{**given, **fields})  # type: ignore[arg-type]  # rows vary any field


@pytest.mark.parametrize(
    ("sentence", "made", "reason"),
    [
        ("a card will do", link(), None),
        ("a bond will do", link("bond0"), None),
        ("a bridge of the node's own will do", link("br0"), None),
        ("a VLAN will do", link("eth0.10"), None),
        ("a card without carrier is listed", link(flags=UP | BROADCAST), None),
        ("the loopback", link("lo", type=LOOPBACK_TYPE, flags=UP | LOOPBACK), Skipped.LOOPBACK),
        ("a tunnel", link("tun0", type=TUNNEL), Skipped.NOT_ETHERNET),
        ("a point-to-point link", link(flags=UP | CARRIER), Skipped.NO_ARP),
        ("a card told to do no ARP", link(flags=GOOD | NOARP), Skipped.NO_ARP),
        ("a bond's member", link("eth1", master=7), Skipped.ENSLAVED),
        ("a pod's cable", link("veth1a2b3c4d"), Skipped.CONTAINERS),
        ("Calico's", link("cali0123456789a"), Skipped.CONTAINERS),
        ("Docker's network", link("br-0123456789ab"), Skipped.CONTAINERS),
        ("IPVS's dummy", link("kube-ipvs0"), Skipped.CONTAINERS),
        ("a card that was put down", link(flags=BROADCAST), Skipped.DOWN),
    ],
)
def test_which_interfaces_can_carry_addresses(
    sentence: str, made: Link, reason: Skipped | None
) -> None:
    assert skipped(made) is reason, sentence


def test_an_interface_without_an_address_is_in_no_subnet() -> None:
    assert usable([link(addresses=())]) == ()


@pytest.mark.parametrize(
    ("sentence", "found", "kept"),
    [
        ("an address", [("10.0.0.1/24", 0x80)], ["10.0.0.1/24"]),
        ("a second one of a subnet", [("10.0.0.1/24", 0), ("10.0.0.2/24", 0x1)],
         ["10.0.0.1/24", "10.0.0.2/24"]),
        ("IPv4 comes first", [("fd00::1/64", 0), ("10.0.0.1/24", 0)],
         ["10.0.0.1/24", "fd00::1/64"]),
        ("a link-local address is on every link", [("fe80::1/64", 0x80)], []),
        ("one whose owner is not sure yet", [("fd00::1/64", 0x40)], []),
        ("one that another host has", [("fd00::1/64", 0x8 | 0x80)], []),
        ("one that changes tomorrow", [("fd00::1/64", 0x1)], []),
        ("a deprecated one still tells the subnet", [("fd00::1/64", 0x20)], ["fd00::1/64"]),
        ("but comes last", [("fd00::1/64", 0x20), ("fd00::2/64", 0)],
         ["fd00::2/64", "fd00::1/64"]),
        ("DHCPv6 gives an address alone", [("fd00::1/128", 0)], ["fd00::1/128"]),
    ],
)  # fmt: skip
def test_which_addresses_tell_the_subnets_of_an_interface(
    sentence: str, found: list[tuple[str, int]], kept: list[str]
) -> None:
    own = in_use((ip_interface(text), flags) for text, flags in found)

    assert [str(one) for one in own] == kept, sentence


def interfaces(*links: Link) -> tuple[Interface, ...]:
    return usable(links)


@pytest.mark.parametrize(
    ("sentence", "links", "chosen"),
    [
        ("the interface in the subnet", [link(), link("eth1", addresses=())], "eth0"),
        ("no interface in the subnet", [link(addresses=(IPv4Interface("10.0.0.1/8"),))], None),
        (
            "an interface without carrier, while no other will do",
            [link(flags=UP | BROADCAST)],
            "eth0",
        ),
        (
            "one with a carrier before one without, however narrow",
            [
                link(flags=UP | BROADCAST),
                link("eth1", index=3, addresses=(IPv4Interface("172.16.0.9/12"),)),
            ],
            "eth1",
        ),
        (
            "the narrowest subnet",
            [link("eth1", index=1, addresses=(IPv4Interface("172.16.0.9/12"),)), link()],
            "eth0",
        ),
        ("the first card of two in one subnet", [link("eth1", index=3), link()], "eth0"),
        (
            "a second address of an interface counts",
            [link(addresses=(IPv4Interface("10.0.0.1/8"), IPv4Interface("172.16.110.2/24")))],
            "eth0",
        ),
    ],
)
def test_where_an_address_is_announced(
    sentence: str, links: list[Link], chosen: str | None
) -> None:
    found = interface_for(interfaces(*links), ip_address("172.16.110.100"))

    assert (found.view.name if found else None) == chosen, sentence


@pytest.mark.parametrize(
    ("sentence", "named", "chosen"),
    [
        ("the named one, though another is in the subnet", ("eth1",), "eth1"),
        ("of several, the first whose subnet holds the address", ("eth1", "eth0"), "eth0"),
        ("of several in no subnet, the first with a carrier", ("eth2", "eth1"), "eth1"),
        ("one without a carrier, while no other is named", ("eth2",), "eth2"),
        ("none, where the node has no such interface", ("eth9",), None),
    ],
)
def test_where_an_address_is_announced_that_names_its_interfaces(
    sentence: str, named: tuple[str, ...], chosen: str | None
) -> None:
    far = (IPv4Interface("10.0.0.1/24"),)
    dark = link("eth2", index=4, addresses=far, flags=UP | BROADCAST)
    found = interfaces(link(), link("eth1", index=3, addresses=far), dark)

    made = plan([virtual_ip(interfaces=named)], found, "n1")

    assert [each.interface for each in made] == ([chosen] if chosen else []), sentence


WEB = ServiceRef(ServiceKey("default", "web"), "uid-1")


def virtual_ip(address: str = "172.16.110.100", **fields: object) -> VirtualIPView:
    given: dict[str, object] = {"services": (WEB,), "succession": ("n1", "n2"), "generation": 5}
    return VirtualIPView(address=ip_address(address), **{**given, **fields})  # type: ignore[arg-type]  # rows vary any field


@pytest.mark.parametrize(
    ("sentence", "named", "role", "generation"),
    [
        ("the first claims", virtual_ip(), Role.CLAIM, 0),
        ("a later one keeps", virtual_ip(succession=("n2", "n1")), Role.KEEP, 0),
        ("the sole survivor claims", virtual_ip(succession=("n1",)), Role.CLAIM, 0),
        ("who is not named is silent", virtual_ip(succession=("n2",)), None, 0),
        (
            "who hands over goes on until then, named or not",
            virtual_ip(succession=("n2",), outgoing="n1"),
            Role.KEEP,
            0,
        ),
        ("the verifier verifies", virtual_ip(services=(), release=Release("n1")), Role.VERIFY, 5),
        ("a released address is silent", virtual_ip(services=(), release=Release("n2")), None, 0),
        ("a release without verifier too", virtual_ip(services=(), release=Release()), None, 0),
        ("a reservation is silent", virtual_ip(services=()), None, 0),
        ("an address on no interface is silent", virtual_ip("10.9.9.9"), None, 0),
        ("IPv6 in the interface's subnet", virtual_ip("fd00:110::100"), Role.CLAIM, 0),
        ("IPv6 in no subnet is silent", virtual_ip("fd00:111::100"), None, 0),
    ],
)
def test_what_is_wanted_of_this_node(
    sentence: str, named: VirtualIPView, role: Role | None, generation: int
) -> None:
    entries = plan([named], interfaces(link()), "n1")

    assert [(e.role, e.generation) for e in entries] == ([(role, generation)] if role else [])
    assert all((e.interface, e.ifindex, e.mac) == ("eth0", 2, MAC) for e in entries), sentence


@pytest.mark.parametrize(
    ("sentence", "named", "asked", "pinged"),
    [
        ("what the table does not answer", virtual_ip(), True, True),
        ("what it does", virtual_ip(), False, False),
        ("who asks the LAN for an address does not hold it",
         virtual_ip(services=(), release=Release("n1")), True, False),
    ],
)  # fmt: skip
def test_whose_pings_the_wire_answers(
    sentence: str, named: VirtualIPView, *, asked: bool, pinged: bool
) -> None:
    (found,) = plan([named], interfaces(link()), "n1", ping=lambda _: asked)
    assert found.ping is pinged, sentence


def test_the_wire_hears_who_is_next_and_who_holds() -> None:
    (made,) = plan([virtual_ip(holder="n2")], interfaces(link()), "n1")

    assert (made.succession, made.holder) == (("n1", "n2"), "n2")


def test_the_wire_hears_who_hands_over_and_when_to_announce() -> None:
    timings = Timings(burst_milliseconds=(50, 1500), refresh_seconds=30)
    seen = virtual_ip(outgoing="n2", timings=timings)

    (made,) = plan([seen], interfaces(link()), "n1")

    assert (made.outgoing, made.burst, made.refresh) == ("n2", (0.05, 1.5), 30)


def test_a_plan_is_in_the_order_of_the_addresses_whatever_came_first() -> None:
    seen = [virtual_ip(f"172.16.110.{last}") for last in (120, 99, 101)]

    entries = plan(seen, interfaces(link()), "n1")

    assert [e.address[-3:] for e in entries] == [".99", "101", "120"]
    assert entries == plan(reversed(seen), interfaces(link()), "n1")
