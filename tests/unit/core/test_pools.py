"""What is found of pools among their peers, and among what else has addresses."""

from ipaddress import ip_network

import pytest

from lbctl.core.addresses import address_at
from lbctl.core.allocation.pool_findings import ClusterRange, RangeKind, Surroundings, assess
from lbctl.core.objects.pools import PoolFinding, PoolView
from lbctl.core.outcomes import PoolReason
from tests.unit.core.builders import MIDDLE, NEW, OLD, ip, pool


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
        (
            "what a pool excludes another may have",
            [pool("a", "10.0.0.0/24", exclude=("10.0.0.64/26",)), pool("b", "10.0.0.64/26")],
            {"a": PoolReason.READY, "b": PoolReason.READY},
        ),
        (
            "but no more than that",
            [pool("a", "10.0.0.0/24", exclude=("10.0.0.64/26",)), pool("b", "10.0.0.60/30")],
            {"a": PoolReason.READY, "b": PoolReason.OVERLAP},
        ),
        (
            "the youngest of three gives nothing, whichever of the two older ones it overlaps",
            [
                pool("a", "10.0.0.0-10.0.0.9", created=OLD),
                pool("b", "10.0.0.20-10.0.0.29", created=MIDDLE),
                pool("c", "10.0.0.25-10.0.0.30", created=NEW),
            ],
            {"a": PoolReason.READY, "b": PoolReason.READY, "c": PoolReason.OVERLAP},
        ),
        (
            "a pool that overlaps an older one still has its addresses: a third cannot give them",
            [
                pool("a", "10.0.0.0-10.0.0.9", created=OLD),
                pool("b", "10.0.0.9-10.0.0.20", created=MIDDLE),
                pool("c", "10.0.0.20", created=NEW),
            ],
            {"a": PoolReason.READY, "b": PoolReason.OVERLAP, "c": PoolReason.OVERLAP},
        ),
    ],
)
def test_verdicts(rule: str, pools: list[PoolView], reasons: dict[str, PoolReason]) -> None:
    found = assess(pools)
    assert {name: finding.reason for name, finding in found.items()} == reasons, rule
    assert assess(reversed(pools)) == found, "the order in which pools are listed says nothing"


def test_an_overlap_names_both_ranges_and_the_other_pool() -> None:
    older = pool("lab", "10.0.1.0/24", "10.0.0.0/28")
    newer = pool("new", "10.9.0.1", "10.0.0.10-10.0.0.20", created=NEW)
    assert assess([older, newer])["new"].message == (
        'spec.addresses[1] "10.0.0.10-10.0.0.20" overlaps spec.addresses[1] "10.0.0.0/28" of the '
        'older pool "lab", so this pool gives nothing; what it gave keeps working. '
        "Take the shared addresses out of one of the two."
    )


LAN = Surroundings(
    node_addresses={ip(".3"): "n1", ip(".200"): "n2"},
    gateways={ip(".1"): "n1"},
    subnets=[ip_network("10.0.0.0/24"), ip_network("10.9.0.0/31"), ip_network("fd00::/64")],
)


def left_out(found: PoolFinding) -> list[str]:
    """The addresses that are never given, though the pool has them."""
    return [
        str(address_at(at))
        for interval in found.addresses.minus(found.giveable)
        for at in range(interval.first, interval.last + 1)
    ]


@pytest.mark.parametrize(
    ("rule", "asked", "skipped"),
    [
        ("nothing is in the way", pool("lab", "10.0.0.100-10.0.0.110"), []),
        ("a node's own address", pool("lab", "10.0.0.2-10.0.0.4"), [".3"]),
        ("a default gateway, and the subnet's network", pool("lab", "10.0.0.0/31"), [".0", ".1"]),
        ("its broadcast address", pool("lab", "10.0.0.248/29"), [".255"]),
        (
            "the edges of a smaller CIDR in the pool are addresses like any other",
            pool("lab", "10.0.0.64/29"),
            [],
        ),
        (
            "whoever says so gets the edges, but never a gateway's or a node's address",
            pool("lab", "10.0.0.0/24", allow_subnet_edges=True),
            [".1", ".3", ".200"],
        ),
        ("a subnet of two addresses has no edges (RFC 3021)", pool("lab", "10.9.0.0/31"), []),
        (
            "the routers' address of an IPv6 subnet (RFC 4291), which has no broadcast",
            pool("lab", "fd00::-fd00::ffff:ffff:ffff:ffff"),
            ["fd00::"],
        ),
        (
            "what is excluded is not in the way",
            pool("lab", "10.0.0.0-10.0.0.9", exclude=("10.0.0.0-10.0.0.3",)),
            [],
        ),
    ],
)
def test_what_is_never_given(rule: str, asked: PoolView, skipped: list[str]) -> None:
    found = assess([asked], LAN)["lab"]
    assert left_out(found) == [str(ip(text)) for text in skipped], rule
    assert found.reason is (PoolReason.ADDRESSES_SKIPPED if skipped else PoolReason.READY)
    assert found.gives


def test_what_is_never_given_is_named_with_the_reason() -> None:
    found = assess([pool("lab", "10.0.0.0-10.0.0.3", "10.0.0.255", "fd00::")], LAN)["lab"]
    assert found.message == (
        "Never given: 10.0.0.0 (the network address of 10.0.0.0/24), "
        "10.0.0.1 (the default gateway of node n1), 10.0.0.3 (node n1's own), "
        "10.0.0.255 (the broadcast address of 10.0.0.0/24), "
        "fd00:: (the routers' anycast address of fd00::/64). Write them into spec.exclude."
    )


def test_a_message_names_a_few_and_counts_the_rest() -> None:
    own = Surroundings(node_addresses={ip(f".{n}"): f"n{n}" for n in range(20)})
    message = assess([pool("lab", "10.0.0.0/24")], own)["lab"].message
    assert "10.0.0.7 (node n7's own), 12 more." in message


PODS = ClusterRange(RangeKind.PODS, "n1", ip_network("10.0.0.128/25"), created=MIDDLE)
SERVICES = ClusterRange(RangeKind.SERVICES, "kubernetes", ip_network("fd00::/112"))


def test_a_pool_younger_than_the_clusters_range_gives_nothing() -> None:
    found = assess(
        [pool("a", "10.0.0.120-10.0.0.130", created=NEW), pool("b", "fd00::/64", created=OLD)],
        Surroundings(ranges=[PODS, SERVICES]),
    )
    assert {name: finding.reason for name, finding in found.items()} == {
        "a": PoolReason.OVERLAP,
        "b": PoolReason.OVERLAP,
    }
    assert found["a"].message == (
        'spec.addresses[0] "10.0.0.120-10.0.0.130" overlaps the pod range 10.0.0.128/25 of Node '
        '"n1", so this pool gives nothing; what it gave keeps working. '
        "Take these addresses out of the pool: the nodes keep them for themselves."
    )
    assert 'overlaps the Service range fd00::/112 of ServiceCIDR "kubernetes"' in found["b"].message


def test_an_older_pool_goes_on_working_beside_the_clusters_range() -> None:
    found = assess([pool("a", "10.0.0.127-10.0.0.129", created=OLD)], Surroundings(ranges=[PODS]))
    assert found["a"].reason is PoolReason.ADDRESSES_SKIPPED
    assert left_out(found["a"]) == ["10.0.0.128", "10.0.0.129"]
    assert 'in the pod range 10.0.0.128/25 of Node "n1"' in found["a"].message


def test_ranges_of_the_cluster_that_overlap_each_other_concern_no_pool() -> None:
    twin = PODS._replace(name="n2")
    found = assess([pool("a", "10.0.0.1")], Surroundings(ranges=[PODS, twin]))
    assert found["a"].reason is PoolReason.READY


def test_an_exclude_that_cannot_be_read_is_reported() -> None:
    found = assess([pool("a", "10.0.0.1", exclude=("10.0.0.9", "nonsense"))])["a"]
    assert found.reason is PoolReason.INVALID_ADDRESSES
    assert found.message.startswith('spec.exclude[1]: "nonsense" is no CIDR, range or address')


def test_thousands_of_pools_that_all_overlap_are_judged_soon() -> None:
    """Comparing each with each would take 250 million comparisons."""
    many = [
        pool(f"p{n:04}", *(f"10.{n % 7}.{m}.0/24" for m in range(n % 5, 64)), created=OLD)
        for n in range(1_000)
    ]
    found = assess(many)
    assert [name for name, finding in found.items() if finding.gives] == [
        "p0000", "p0001", "p0002", "p0003", "p0004", "p0005", "p0006",
    ]  # fmt: skip
