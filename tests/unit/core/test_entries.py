"""Reading the entries of a pool."""

from ipaddress import ip_address

import pytest

from lbctl.core.addresses import address_at
from lbctl.core.objects.entries import AddressError, parse_entry
from tests.unit.core.entries import ACCEPTED, REFUSED, Accepted, Refused


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.rule)
def test_an_entry_names_addresses(row: Accepted) -> None:
    first, last = parse_entry(row.entry)
    assert (address_at(first), address_at(last)) == (ip_address(row.first), ip_address(row.last))


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.rule)
def test_a_bad_entry_is_told_what_to_write(row: Refused) -> None:
    with pytest.raises(AddressError) as refusal:
        parse_entry(row.entry)
    assert f'"{row.entry}"' in str(refusal.value)
    assert row.says in str(refusal.value)


def test_host_bits_are_told_with_both_ways_out() -> None:
    with pytest.raises(AddressError, match=r"10\.0\.0\.0/24, or for the one address 10\.0\.0\.7$"):
        parse_entry("10.0.0.7/24")


def test_who_excludes_an_ipv6_cidr_excludes_its_first_address_too() -> None:
    assert parse_entry("fd00::/120").first - parse_entry("fd00::/120", whole=True).first == 1
    assert parse_entry("10.0.0.0/28") == parse_entry("10.0.0.0/28", whole=True)
