"""Which routers a node sends to by default, by the kernel's own tables."""

import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from speaker.agent.gateways import gateways, read_gateways

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"


def route(name: str, gateway: str, *, to: str = "0.0.0.0", mask: str = "0.0.0.0") -> str:
    """A line of /proc/net/route: addresses are numbers as they lie in this machine's memory."""
    lie = [
        f"{int.from_bytes(IPv4Address(text).packed, sys.byteorder):08X}"
        for text in (to, gateway, mask)
    ]
    flags = "0003" if int(IPv4Address(gateway)) else "0001"
    return f"{name}\t{lie[0]}\t{lie[1]}\t{flags}\t0\t0\t100\t{lie[2]}\t0\t0\t0"


def route6(name: str, gateway: str, *, to: str = "::", length: int = 0) -> str:
    """A line of /proc/net/ipv6_route."""
    hop = IPv6Address(gateway).packed.hex()
    flags = "00000003" if int(IPv6Address(gateway)) else "00200200"
    return (
        f"{IPv6Address(to).packed.hex()} {length:02x} {'0' * 32} 00 {hop} "
        f"00000400 00000003 00000000 {flags}     {name}"
    )


@pytest.mark.parametrize(
    ("rule", "routes", "routes6", "found"),
    [
        ("a node without any", [], [], {}),
        (
            "the default route's router",
            [route("eth0", "172.16.110.1"), route("eth0", "0.0.0.0", to="172.16.110.0")],
            [],
            {"eth0": ["172.16.110.1"]},
        ),
        (
            "a default route into a link has no router",
            [route("wg0", "0.0.0.0")],
            [route6("lo", "::")],
            {},
        ),
        (
            "a router to somewhere else is a host like any other",
            [route("eth0", "172.16.110.2", to="10.0.0.0", mask="255.0.0.0")],
            [route6("eth0", "fd00::2", to="fd01::", length=64)],
            {},
        ),
        (
            "two default routes, on two interfaces and on one",
            [
                route("eth0", "172.16.110.2"),
                route("eth1", "10.0.0.1"),
                route("eth0", "172.16.110.1"),
            ],
            [route6("eth0", "fd00::1")],
            {"eth0": ["172.16.110.1", "172.16.110.2", "fd00::1"], "eth1": ["10.0.0.1"]},
        ),
        ("a link-local router is in no pool", [], [route6("eth0", "fe80::1")], {}),
    ],
)
def test_gateways(
    rule: str, routes: list[str], routes6: list[str], found: dict[str, list[str]]
) -> None:
    seen = gateways("\n".join([HEAD, *routes]), "\n".join(routes6))
    assert seen == {
        name: tuple(ip_address(each) for each in addresses) for name, addresses in found.items()
    }, rule


@pytest.mark.parametrize("text", ["", "eth0", HEAD, "eth0 00000000 zz 0003 0 0 0 00000000", "\0"])
def test_what_cannot_be_read_is_no_gateway(text: str) -> None:
    assert gateways(text, text) == {}


def test_a_kernel_without_ipv6_has_no_such_table(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(f"{HEAD}\n{route('eth0', '172.16.110.1')}\n")
    assert read_gateways(tmp_path) == {"eth0": (ip_address("172.16.110.1"),)}


def test_no_more_than_a_status_holds() -> None:
    many = [route("eth0", f"172.16.110.{number}") for number in range(1, 40)]
    assert len(gateways("\n".join(many), "")["eth0"]) == 16
