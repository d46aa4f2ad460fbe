"""What the ledger says of addresses: how many there are, who has them, why one is not free."""

from ipaddress import ip_network

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.pool_findings import RangeKind
from lbctl.core.objects.virtualips import Quarantine
from lbctl.core.outcomes import PoolReason, PoolRefusal
from tests.unit.core.builders import (
    NEW,
    allocated,
    ip,
    ledger,
    pool,
    releasing,
    reserved,
    service,
)


def test_each_address_is_used_free_or_excluded() -> None:
    known = ledger(
        pool("lab", "10.0.0.0-10.0.0.9"),
        allocated(".0"),
        service("web", ".0"),
        service("restored", ".1"),
        service("elsewhere", ".100"),
        n1=".5",
    )
    assert known.counts("lab", Family.IPV4) == (10, 2, 7, 1)
    known.put_virtual_ip(allocated(".5", "gateway"))
    assert known.counts("lab", Family.IPV4) == (10, 3, 7, 0), (
        "an address that was given is used, whoever's it is"
    )
    known.drop_virtual_ip(ip(".5"))
    known.drop_node("n1")
    assert known.counts("lab", Family.IPV4) == (10, 2, 8, 0)


def test_what_is_excluded_counts_once_however_many_reasons_there_are() -> None:
    known = ledger(
        pool(
            "lab",
            "10.0.0.0/24",
            "10.0.1.0/30",
            exclude=("10.0.0.0-10.0.0.9", "10.0.9.0/24"),
            avoid_buggy_ips=True,
        ),
        allocated(".4", "excluded-later"),
        allocated(".255", "avoided-later"),
        allocated(".20"),
        n1=".5",
        n2=".20",
        n3=".30",
    )
    known.put_lan("n1", frozenset({ip_network("10.0.0.0/24")}), frozenset({ip(".254")}))
    total, used, free, excluded = known.counts("lab", Family.IPV4)
    assert (total, used) == (260, 3)
    assert excluded == 9 + 1 + 1 + 1, "9 of 10 excluded ones, .30, .254, and 10.0.1.0"
    assert free == 260 - 3 - 12


def test_a_pool_of_both_families_is_counted_by_family() -> None:
    known = ledger(
        pool("lab", "10.0.0.0/30", "fd00::/64", "fd00:1::8-fd00:1::9"),
        allocated("fd00::1", "six"),
        allocated(".1", "four"),
        n1="fd00::2",
    )
    assert known.counts("lab", Family.IPV4) == (4, 1, 3, 0)
    assert known.counts("lab", Family.IPV6) == (2**64 + 1, 1, 2**64 - 1, 1)


def test_a_huge_pool_costs_what_is_used_of_it() -> None:
    known = ledger(
        pool("lab", "2000::/3", avoid_buggy_ips=True),
        *(allocated(f"2000::{n}", f"s{n}") for n in range(1, 9)),
    )
    assert known.lowest_free("lab", Family.IPV6) == ip("2000::9")
    assert known.lowest_free("lab", Family.IPV4) is None


def test_a_pool_of_half_of_ipv4_avoids_millions_of_addresses_without_listing_them() -> None:
    known = ledger(pool("lab", "128.0.0.0/2", avoid_buggy_ips=True))
    assert known.lowest_free("lab", Family.IPV4) == ip("128.0.0.1")
    assert known.counts("lab", Family.IPV4) == (2**30, 0, 2**30 - 2**23, 2**23)


def test_buggy_addresses_are_passed_over() -> None:
    known = ledger(pool("lab", "10.0.0.253-10.0.1.2", avoid_buggy_ips=True))
    given = []
    while (lowest := known.lowest_free("lab", Family.IPV4)) is not None:
        given.append(str(lowest))
        known.put_virtual_ip(allocated(str(lowest), f"s{lowest}"))
    assert given == ["10.0.0.253", "10.0.0.254", "10.0.1.1", "10.0.1.2"]


def test_a_freed_address_is_the_lowest_again() -> None:
    known = ledger(pool("lab", "10.0.0.1-10.0.0.3"))
    for number in (1, 2, 3):
        assert known.lowest_free("lab", Family.IPV4) == ip(f".{number}")
        known.put_virtual_ip(allocated(f".{number}", f"s{number}"))
    assert known.lowest_free("lab", Family.IPV4) is None
    known.put_service(service("stray", ".2"))
    known.drop_virtual_ip(ip(".2"))
    assert known.lowest_free("lab", Family.IPV4) is None, "a Service shows it"
    known.put_service(service("stray"))
    assert known.lowest_free("lab", Family.IPV4) == ip(".2")


def test_freed_addresses_are_given_again_lowest_first_however_many_they_are() -> None:
    known = ledger(pool("lab", "10.0.0.0/19"))
    given = [ip("10.0.0.0") + number for number in range(6_000)]
    for address in given:
        known.put_virtual_ip(allocated(str(address), "s"))
    assert known.lowest_free("lab", Family.IPV4) == given[-1] + 1
    for address in reversed(given[100:5_000]):
        known.drop_virtual_ip(address)
    for address in given[100:110]:
        assert known.lowest_free("lab", Family.IPV4) == address
        known.put_virtual_ip(allocated(str(address), "s"))
    assert known.counts("lab", Family.IPV4).used == 6_000 - 4_890


def test_a_pool_that_grew_or_shrank_is_looked_at_anew() -> None:
    known = ledger(pool("lab", "10.0.0.5"), allocated(".5", "a"))
    assert known.lowest_free("lab", Family.IPV4) is None
    known.put_pool(pool("lab", "10.0.0.3-10.0.0.5"))
    assert known.lowest_free("lab", Family.IPV4) == ip(".3")
    known.put_pool(pool("lab", "10.0.0.3-10.0.0.5", exclude=("10.0.0.3",)))
    assert known.lowest_free("lab", Family.IPV4) == ip(".4")


def test_a_pool_whose_status_was_written_is_as_it_was_and_knows_its_version() -> None:
    known = ledger(pool("lab", "10.0.0.5", resource_version="1"))
    before = known.findings()
    known.put_pool(pool("lab", "10.0.0.5", resource_version="2"))
    (after,) = known.findings()
    assert after.pool.resource_version == "2"
    assert after.addresses is before[0].addresses


def test_a_range_of_the_cluster_comes_and_goes() -> None:
    known = ledger(pool("lab", "10.0.0.1-10.0.0.3", created=NEW))
    for _ in range(2):
        known.put_cluster_range(RangeKind.PODS, "n1", ip_network("10.0.0.2/31"))
    assert known.findings()[0].reason is PoolReason.OVERLAP
    known.drop_cluster_range(RangeKind.PODS, "n1")
    known.drop_cluster_range(RangeKind.PODS, "n1")
    assert known.findings()[0].reason is PoolReason.READY


def test_a_node_that_goes_takes_its_lan_with_it() -> None:
    known = ledger(pool("lab", "10.0.0.0-10.0.0.1"))
    known.put_node("n1", frozenset({ip(".77")}))
    known.put_lan("n1", frozenset({ip_network("10.0.0.0/24")}), frozenset({ip(".1")}))
    assert known.lowest_free("lab", Family.IPV4) is None
    known.drop_node("n1")
    assert known.lowest_free("lab", Family.IPV4) == ip(".0")


def test_a_node_that_gets_another_address_is_on_the_same_lan() -> None:
    known = ledger(pool("lab", "10.0.0.0-10.0.0.2"), n1=".2")
    known.put_lan("n1", frozenset({ip_network("10.0.0.0/24")}), frozenset({ip(".1")}))
    known.put_node("n1", frozenset({ip(".77")}))
    assert known.lowest_free("lab", Family.IPV4) == ip(".2")


def test_what_a_namespace_uses_follows_every_change() -> None:
    known = ledger(pool("lab", "10.0.0.1-10.0.0.9", "fd00::/64"))

    def used() -> tuple[int, int]:
        return tuple(known.used_by_namespace("lab", name) for name in ("default", "other"))  # type: ignore[return-value]  # two names make a pair

    assert used() == (0, 0)
    known.put_virtual_ip(allocated(".1", "web"))
    known.put_virtual_ip(allocated("fd00::1", "web"))
    assert used() == (2, 0), "both families count"
    known.put_service(service("web", ".1"))
    assert used() == (2, 0), "what a VirtualIP says is not counted again"
    known.put_service(service("restored", ".2"))
    assert used() == (3, 0), "an address without a VirtualIP is its Service's"
    known.put_virtual_ip(allocated(".99", "far"))
    assert used() == (3, 0), "it is not in the pool"
    known.put_virtual_ip(releasing(".1"))
    assert used() == (2, 0), "whoever is losing an address does not have it"
    known.drop_virtual_ip(ip(".1"))
    assert used() == (3, 0), "it is shown, and nothing says any more that it is being lost"
    known.drop_service(service("web").key)
    known.drop_service(service("restored").key)
    known.drop_virtual_ip(ip("fd00::1"))
    known.drop_virtual_ip(ip("fd00::1"))
    assert used() == (0, 0)


def test_the_labels_of_a_namespace_are_known_or_not() -> None:
    known = ledger()
    assert known.namespace_labels("default") is None
    known.put_namespace("default", {})
    assert known.namespace_labels("default") == {}
    known.drop_namespace("default")
    assert known.namespace_labels("default") is None


@pytest.mark.parametrize(
    ("address", "reason", "message"),
    [
        (".20", None, ""),
        (".1", PoolRefusal.IN_USE, "10.0.0.1 belongs to default/web"),
        (".2", PoolRefusal.IN_USE, "10.0.0.2 is shown by default/restored"),
        (".3", PoolRefusal.RESERVED, "10.0.0.3 is reserved by a VirtualIP without a Service"),
        (".4", PoolRefusal.RELEASING, "10.0.0.4 is being released"),
        (".5", PoolRefusal.QUARANTINED, "10.0.0.5 is in quarantine: a foreign host answered"),
        (".6", PoolRefusal.NODE_ADDRESS, "10.0.0.6 is node n1's own"),
        (".7", PoolRefusal.GATEWAY, "10.0.0.7 is the default gateway of node n1"),
        (".40", PoolRefusal.SUBNET_EDGE, "10.0.0.40 is the network address of 10.0.0.40/29"),
        (".9", PoolRefusal.EXCLUDED, "10.0.0.9 is in its exclude"),
        (".255", PoolRefusal.EXCLUDED, "10.0.0.255 ends in .0 or .255, which it avoids"),
        (".30", PoolRefusal.CLUSTER_RANGE, "10.0.0.30 is in the Service range 10.0.0.30/31"),
        ("10.7.7.7", PoolRefusal.NOT_IN_POOL, "10.7.7.7 is in no pool"),
    ],
)
def test_why_an_address_is_not_free(address: str, reason: PoolRefusal | None, message: str) -> None:
    known = ledger(
        pool("lab", "10.0.0.0/24", exclude=("10.0.0.9",), avoid_buggy_ips=True),
        allocated(".1"),
        service("restored", ".2"),
        reserved(".3"),
        releasing(".4"),
        releasing(".5", quarantine=Quarantine("02:00:00:00:00:99", NEW)),
        n1=".6",
    )
    known.put_lan("n1", frozenset({ip_network("10.0.0.40/29")}), frozenset({ip(".7")}))
    known.put_cluster_range(RangeKind.SERVICES, "more", ip_network("10.0.0.30/31"), created=NEW)
    found = known.why_not_free(ip(address))
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert (found.reason, found.pool) == (reason, "" if address == "10.7.7.7" else "lab")
        assert message in found.message
