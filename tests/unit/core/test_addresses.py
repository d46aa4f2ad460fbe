"""Addresses of both families: the names of their objects, and their order."""

from ipaddress import ip_address

import pytest

from lbctl.core import addresses
from lbctl.core.addresses import IPV6_BEGIN, address_at, address_of, object_name, parse, place


@pytest.mark.parametrize(
    ("rule", "address", "name"),
    [
        ("IPv4 is dotted", "172.16.110.100", "172.16.110.100"),
        ("IPv6 is written out", "fd00:244::a", "fd00-0244-0000-0000-0000-0000-0000-000a"),
        ("a name is in lower case", "FD00:ABCD::", "fd00-abcd-0000-0000-0000-0000-0000-0000"),
        ("a name ends like no other", "2001:db8::", "2001-0db8-0000-0000-0000-0000-0000-0000"),
    ],
)
def test_an_object_is_named_after_its_address(rule: str, address: str, name: str) -> None:
    assert object_name(ip_address(address)) == name, rule
    assert address_of(name) == ip_address(address), rule


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("a word is no address", "web"),
        ("an address has one name", "fd00-0-0-0-0-0-0-a"),
        ("short forms are no names", "fd00--a"),
        ("names are in lower case", "FD00-0244-0000-0000-0000-0000-0000-000A"),
        ("a colon is in no name", "fd00:0244:0000:0000:0000:0000:0000:000a"),
        ("IPv4 has no leading zeros", "10.0.0.010"),
        ("a zone is no part of an address", "fe80-0000-0000-0000-0000-0000-0000-0001%eth0"),
        ("nothing is no address", ""),
    ],
)
def test_other_names_belong_to_nobody(rule: str, name: str) -> None:
    assert address_of(name) is None, rule


def test_what_is_two_addresses_or_none_is_refused() -> None:
    assert parse("fe80::1%eth0") is None, "an address with a zone"
    assert parse("::ffff:10.0.0.1") is None, "IPv4 as IPv6"
    assert parse("10.0.0.010") is None, "octal, perhaps"


def test_the_longest_form_is_read_and_nothing_longer_is_remembered() -> None:
    assert parse("0000:0000:0000:0000:0000:fffe:255.255.255.255") == ip_address("::fffe:ffff:ffff")
    before = addresses._parse.cache_info().currsize
    assert parse("1" * 250_000) is None, "an annotation can be that long, and change for ever"
    assert addresses._parse.cache_info().currsize == before


def test_ipv4_stands_before_ipv6() -> None:
    mixed = ["::", "fd00::1", "0.0.0.0", "255.255.255.255", "::ffff:ffff", "10.0.0.1"]
    ordered = sorted(map(ip_address, mixed), key=place)
    assert [str(one) for one in ordered] == [
        "0.0.0.0",
        "10.0.0.1",
        "255.255.255.255",
        "::",
        "::ffff:ffff",
        "fd00::1",
    ]


@pytest.mark.parametrize("where", [0, IPV6_BEGIN - 1, IPV6_BEGIN, IPV6_BEGIN + 2**128 - 1])
def test_every_place_has_one_address(where: int) -> None:
    assert place(address_at(where)) == where
