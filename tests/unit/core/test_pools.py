"""What is found of pools among their peers, and how they are counted."""

import pytest

from lbctl.core.addresses import Family
from lbctl.core.outcomes import PoolReason
from lbctl.core.pools import PoolView, assess
from tests.unit.core.builders import MIDDLE, NEW, OLD, allocated, ip, ledger, pool, service


@pytest.mark.parametrize(
    ("rule", "pools", "reasons"),
    [
        ("a pool alone is ready", [pool("a", "10.0.0.0/28")], {"a": PoolReason.READY}),
        (
            "the newer of two that overlap gives nothing",
            [pool("a", "10.0.0.0/28", created=NEW), pool("b", "10.0.0.15/32", created=OLD)],
            {"a": PoolReason.OVERLAP, "b": PoolReason.READY},
        ),
        (
            "of the same age, the name decides",
            [pool("b", "10.0.0.1"), pool("a", "10.0.0.1")],
            {"a": PoolReason.READY, "b": PoolReason.OVERLAP},
        ),
        (
            "pools of two families do not overlap",
            [pool("a", "1.0.0.0/8"), pool("b", "fd00::/8"), pool("c", "fd00::-fd00::1")],
            {"a": PoolReason.READY, "b": PoolReason.READY, "c": PoolReason.OVERLAP},
        ),
        (
            "neighbours do not overlap",
            [pool("a", "10.0.0.1-10.0.0.5"), pool("b", "10.0.0.6-10.0.0.9")],
            {"a": PoolReason.READY, "b": PoolReason.READY},
        ),
        (
            "entries of one pool may overlap each other",
            [pool("a", "10.0.0.0/28", "10.0.0.5-10.0.0.20")],
            {"a": PoolReason.READY},
        ),
        (
            "a pool inside another's range is found however many lie between",
            [
                pool("wide", "10.0.0.0/16", created=MIDDLE),
                pool("low", "10.0.0.1", created=NEW),
                pool("high", "10.0.255.1", created=OLD),
            ],
            {
                "wide": PoolReason.OVERLAP,
                "low": PoolReason.OVERLAP,
                "high": PoolReason.READY,
            },
        ),
        (
            "a disabled pool still has its addresses: a newer one cannot give them",
            [pool("a", "10.0.0.1", disabled=True), pool("b", "10.0.0.1", created=NEW)],
            {"a": PoolReason.DISABLED, "b": PoolReason.OVERLAP},
        ),
        (
            "an entry that came past the API server is reported, and the rest is not used either",
            [pool("a", "10.0.0.1", "nonsense")],
            {"a": PoolReason.INVALID_ADDRESSES},
        ),
    ],
)
def test_verdicts(rule: str, pools: list[PoolView], reasons: dict[str, PoolReason]) -> None:
    found = assess(pools, {})
    assert {name: finding.reason for name, finding in found.items()} == reasons, rule
    assert assess(reversed(pools), {}) == found, "the order in which pools are listed says nothing"


def test_an_overlap_names_both_ranges_and_the_other_pool() -> None:
    older = pool("lab", "10.0.1.0/24", "10.0.0.0/28")
    newer = pool("new", "10.9.0.1", "10.0.0.10-10.0.0.20", created=NEW)
    assert assess([older, newer], {})["new"].message == (
        'spec.addresses[1] "10.0.0.10-10.0.0.20" overlaps spec.addresses[1] "10.0.0.0/28" of the '
        'older pool "lab", so this pool gives nothing; what it gave keeps working. '
        "Take the shared addresses out of one of the two."
    )


def test_node_addresses_are_skipped_and_named() -> None:
    found = assess([pool("lab", "10.0.0.0/28")], {ip(".3"): "n1", ip(".200"): "n2"})["lab"]
    assert found.reason is PoolReason.NODE_ADDRESSES_SKIPPED
    assert found.gives
    assert "10.0.0.3 (node n1). Take them out" in found.message


def test_a_message_names_a_few_and_counts_the_rest() -> None:
    own = {ip(f".{n}"): f"n{n}" for n in range(20)}
    message = assess([pool("lab", "10.0.0.0/24")], own)["lab"].message
    assert "10.0.0.7 (node n7), 12 more." in message


def test_counts_tell_used_from_a_nodes_own() -> None:
    known = ledger(
        pool("lab", "10.0.0.0-10.0.0.9"),
        allocated(".0"),
        service("web", ".0"),
        service("restored", ".1"),
        service("elsewhere", ".100"),
        n1=".5",
    )
    assert known.counts("lab", Family.IPV4) == (10, 2, 7)
    known.put_virtual_ip(allocated(".5", "gateway"))
    assert known.counts("lab", Family.IPV4) == (10, 3, 7), (
        "an address that was given is used, whoever's it is"
    )


def test_a_pool_of_both_families_is_counted_by_family() -> None:
    known = ledger(
        pool("lab", "10.0.0.0/30", "fd00::/64", "fd00:1::8-fd00:1::9"),
        allocated("fd00::1", "six"),
        allocated(".1", "four"),
        n1="fd00::2",
    )
    assert known.counts("lab", Family.IPV4) == (4, 1, 3)
    assert known.counts("lab", Family.IPV6) == (2**64 + 1, 1, 2**64 - 1)


def test_a_huge_pool_costs_what_is_used_of_it() -> None:
    known = ledger(
        pool("lab", "2000::/3"), *(allocated(f"2000::{n}", f"s{n}") for n in range(1, 9))
    )
    assert known.lowest_free("lab", Family.IPV6) == ip("2000::9")
    assert known.lowest_free("lab", Family.IPV4) is None
