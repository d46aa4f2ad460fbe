"""MetalLB's objects: what they mean here, and what is said of what cannot be read."""

from ipaddress import ip_address
from typing import Any

import pytest

from lbctl.core.allocation.grants import narrowed
from lbctl.core.allocation.pool_findings import assess
from lbctl.core.metallb.advertisements import metallb_advertisement_view
from lbctl.core.metallb.pools import metallb_pool_view
from lbctl.core.metallb.reading import Problem
from lbctl.core.metallb.requests import METALLB
from lbctl.core.objects.advertisements import EVERYWHERE, announcing
from lbctl.core.objects.pools import Allocation, PoolView, SharingScope
from lbctl.core.objects.requests import Request, read
from lbctl.core.outcomes import CompatReason, PoolReason
from lbctl.core.reading.pools import pool_view
from lbctl.core.succession.advertisement_findings import unadvertised
from tests.unit.core.builders import OLD, service

GOLD: dict[str, Any] = {"matchLabels": {"tier": "gold"}}


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "metallb-system", "creationTimestamp": OLD, **more}


def read_pool(**spec: Any) -> tuple[PoolView, tuple[Problem, ...]]:
    return metallb_pool_view({"metadata": meta("lan"), "spec": spec})


def read_advertisement(**spec: Any) -> Any:
    return metallb_advertisement_view({"metadata": meta("lan"), "spec": spec})


def said(problems: tuple[Problem, ...]) -> list[str]:
    return [str(problem) for problem in problems]


# ---------------------------------------------------------------- pools

ADDRESSES = [
    ("a CIDR", "172.16.110.96/28", 16),
    ("a CIDR with host bits, which MetalLB takes for its network", "172.16.110.101/28", 16),
    ("a range", "172.16.110.100-172.16.110.119", 20),
    ("a range with spaces", "172.16.110.100 - 172.16.110.119", 20),
    ("one address as a CIDR", "172.16.110.100/32", 1),
    ("a range of IPv6", "fd00:110::100-fd00:110::1ff", 256),
    ("an IPv6 CIDR has its first address too", "fd00:110::17/120", 256),
]


@pytest.mark.parametrize(
    ("entry", "size"), [row[1:] for row in ADDRESSES], ids=[row[0] for row in ADDRESSES]
)
def test_addresses(entry: str, size: int) -> None:
    view, problems = read_pool(addresses=[entry])
    found = assess([view])["lan"]
    assert (found.reason, found.addresses.size, problems) == (PoolReason.READY, size, ())


def test_an_address_that_cannot_be_read_is_named_and_the_pool_gives_nothing() -> None:
    view, _ = read_pool(addresses=["172.16.110.0/28", "172.16.110.x", 17])
    found = assess([view])["lan"]
    assert found.reason is PoolReason.INVALID_ADDRESSES
    assert 'spec.addresses[1]: "172.16.110.x"' in found.message
    assert "spec.addresses[2]" in found.message


def test_of_two_pools_that_overlap_the_older_gives_whichever_api_they_are_of() -> None:
    ours = pool_view(
        {
            "metadata": {"name": "ours", "creationTimestamp": "2026-06-01T00:00:00Z"},
            "spec": {"addresses": ["172.16.110.100-172.16.110.110"]},
        }
    )
    theirs, _ = read_pool(addresses=["172.16.110.96/28"])
    found = assess([ours, theirs])
    assert found["lan"].gives
    assert not found["ours"].gives
    assert 'of the older pool "lan"' in found["ours"].message


def test_everything_of_a_pool_is_read() -> None:
    view, problems = read_pool(
        addresses=["172.16.110.96/28"],
        autoAssign=False,
        avoidBuggyIPs=True,
        serviceAllocation={
            "priority": 50,
            "namespaces": ["shop"],
            "namespaceSelectors": [GOLD],
            "serviceSelectors": [GOLD],
        },
    )
    allocation = view.allocation
    assert problems == ()
    assert (view.auto_assign, view.avoid_buggy_ips, view.announced_unasked) == (False, True, False)
    assert allocation is not None
    assert (allocation.priority, allocation.namespaces) == (50, ("shop",))
    assert allocation.namespace_selectors[0].matches({"tier": "gold"})
    assert allocation.service_selectors[0].matches({"tier": "gold"})
    assert allocation.sharing is SharingScope.ACROSS_NAMESPACES, "as MetalLB lets them share"


@pytest.mark.parametrize("allocation", [None, {}, {"priority": 0}])
def test_without_selectors_a_pool_is_for_everybody_and_comes_last(allocation: Any) -> None:
    view, problems = read_pool(addresses=["172.16.110.96/28"], serviceAllocation=allocation)
    everybody = Allocation(sharing=SharingScope.ACROSS_NAMESPACES)
    assert (view.allocation, view.auto_assign, problems) == (everybody, True, ())


UNREADABLE_POOLS: list[tuple[str, dict[str, Any], str]] = [
    (
        "an allocation that is none",
        {"serviceAllocation": "shop"},
        "spec.serviceAllocation is no object.",
    ),
    (
        "namespaces that are no list",
        {"serviceAllocation": {"namespaces": "shop"}},
        "spec.serviceAllocation.namespaces is no list.",
    ),
    (
        "a namespace selector that cannot be read",
        {"serviceAllocation": {"namespaceSelectors": [{"matchLabels": {"a": None}}]}},
        "spec.serviceAllocation.namespaceSelectors[0].matchLabels.a is None: write a string.",
    ),
    (
        "a service selector that cannot be read",
        {"serviceAllocation": {"serviceSelectors": [{"matchLabel": {"a": "b"}}]}},
        (
            "spec.serviceAllocation.serviceSelectors[0].matchLabel is a field that lbctl does not "
            "know: it has no effect."
        ),
    ),
]


@pytest.mark.parametrize(
    ("spec", "message"),
    [row[1:] for row in UNREADABLE_POOLS],
    ids=[row[0] for row in UNREADABLE_POOLS],
)
def test_a_limit_that_cannot_be_read_lets_nobody_in(spec: dict[str, Any], message: str) -> None:
    view, problems = read_pool(addresses=["172.16.110.96/28"], **spec)
    assert message in said(problems)
    refused = narrowed(view, service("web"), {"tier": "gold"})
    assert refused is not None


def test_a_flag_that_cannot_be_read_is_the_stricter_and_a_priority_is_last() -> None:
    view, problems = read_pool(
        addresses=["172.16.110.96/28"],
        autoAssign="no",
        serviceAllocation={"priority": "high"},
    )
    assert said(problems) == [
        "spec.autoAssign is 'no': write true or false.",
        "spec.serviceAllocation.priority is 'high': write a whole number.",
    ]
    assert not view.auto_assign
    assert view.allocation is not None
    assert view.allocation.priority is None


# ---------------------------------------------------------------- L2Advertisements


def test_everything_of_an_advertisement_is_read() -> None:
    view, problems = read_advertisement(
        ipAddressPools=["lan"],
        ipAddressPoolSelectors=[GOLD],
        nodeSelectors=[{"matchExpressions": [{"key": "edge", "operator": "Exists"}]}],
        interfaces=["eth1"],
        serviceSelectors=[GOLD],
        preferredNodeSelectors=[{"weight": 10, "preference": GOLD}],
    )
    assert problems == ()
    assert (view.name, view.pools, view.interfaces) == (
        "metallb-system/lan",
        ("lan",),
        ("eth1",),
    )
    assert view.pool_selectors[0].matches({"tier": "gold"})
    assert view.service_selectors[0].matches({"tier": "gold"})
    assert view.admission.selects({"edge": ""})
    assert not view.admission.selects({})
    assert [(one.weight, one.selector.matches({"tier": "gold"})) for one in view.preferences] == [
        (10, True)
    ]
    assert view.fail_back_after is None, "who holds keeps, preferred or not"


def test_an_empty_one_is_about_every_pool_and_every_node() -> None:
    view, problems = metallb_advertisement_view({"metadata": meta("lan")})
    pool, _ = read_pool(addresses=["172.16.110.96/28"])
    assert problems == ()
    assert view.matches(pool, {})
    assert view.admission.selects({})


def test_metallb_s_pools_are_announced_only_where_an_advertisement_says_so() -> None:
    theirs, _ = read_pool(addresses=["172.16.110.96/28"])
    everything, _ = read_advertisement()
    assert announcing([], theirs, {}) is None
    assert announcing([], None, {}) is EVERYWHERE
    assert announcing([everything], theirs, {}) is not None
    finding = unadvertised(assess([theirs])["lan"], [])
    assert finding.reason is PoolReason.NOT_ADVERTISED
    assert "delete them all" not in finding.message, "that would not help"


UNREADABLE: list[tuple[str, dict[str, Any], str]] = [
    (
        "an operator that there is not",
        {"nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "Inn"}]}]},
        (
            "spec.nodeSelectors[0].matchExpressions[0].operator is 'Inn': write one of In, NotIn, "
            "Exists, DoesNotExist."
        ),
    ),
    (
        "values where none belong",
        {
            "nodeSelectors": [
                {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}
            ]
        },
        "spec.nodeSelectors[0].matchExpressions[0].values do not fit: Exists takes no values.",
    ),
    (
        "no values where some belong",
        {"nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]},
        "spec.nodeSelectors[0].matchExpressions[0].values do not fit: In takes at least one value.",
    ),
    (
        "a label without a key",
        {"nodeSelectors": [{"matchExpressions": [{"operator": "Exists"}]}]},
        "spec.nodeSelectors[0].matchExpressions[0].key is missing: write the key of a label.",
    ),
    (
        "a value that is no text",
        {"nodeSelectors": [{"matchLabels": {"a": 1}}]},
        "spec.nodeSelectors[0].matchLabels.a is 1: write a string.",
    ),
    ("a list that is none", {"nodeSelectors": "edge"}, "spec.nodeSelectors is no list."),
    (
        "labels that are a list",
        {"nodeSelectors": [{"matchLabels": ["a"]}]},
        "spec.nodeSelectors[0].matchLabels is no object: write labels and their values.",
    ),
    (
        "a word of a newer version",
        {"nodeSelectors": [{"matchFields": []}]},
        "spec.nodeSelectors[0].matchFields is a field that lbctl does not know: it has no effect.",
    ),
]


@pytest.mark.parametrize(
    ("spec", "message"), [row[1:] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE]
)
def test_a_selector_that_cannot_be_read_is_named_and_selects_nothing(
    spec: dict[str, Any], message: str
) -> None:
    view, problems = read_advertisement(**spec)
    assert message in said(problems)
    assert not view.admission.selects({"a": "b", "edge": ""})


def test_a_name_that_cannot_be_read_is_no_name_and_not_none_at_all() -> None:
    view, problems = read_advertisement(ipAddressPools=[7], interfaces="eth0")
    pool, _ = read_pool(addresses=["172.16.110.96/28"])
    assert said(problems)[0] == "spec.ipAddressPools[0] is 7: write a string."
    assert not view.takes(pool), "it is not about all of them"
    assert view.interfaces == ("",)


def test_a_weight_that_cannot_be_read_prefers_nobody() -> None:
    view, problems = read_advertisement(preferredNodeSelectors=[{"weight": "much"}])
    assert [one.weight for one in view.preferences] == [0]
    assert said(problems) == [
        "spec.preferredNodeSelectors[0].weight is 'much': write a whole number.",
        "spec.preferredNodeSelectors[0].preference is missing: write a label selector.",
    ]


def test_a_field_of_a_newer_metallb_is_told_and_the_rest_is_obeyed() -> None:
    view, problems = read_advertisement(ipAddressPools=["lan"], vlan=7)
    assert view.pools == ("lan",)
    assert [problem.reason for problem in problems] == [CompatReason.FIELD_NOT_SUPPORTED]
    assert said(problems) == ["spec.vlan is a field that lbctl does not know: it has no effect."]


def test_an_object_without_a_readable_spec_breaks_nothing() -> None:
    _, problems = metallb_pool_view({"metadata": meta("lan"), "spec": "nonsense"})
    assert said(problems) == ["spec is no object."]


# ---------------------------------------------------------------- annotations

ANNOTATIONS: list[tuple[str, dict[str, str], Request]] = [
    (
        "an address, and one of each family",
        {"metallb.io/loadBalancerIPs": "172.16.110.100, fd00:110::100"},
        Request(addresses=(ip_address("172.16.110.100"), ip_address("fd00:110::100"))),
    ),
    ("a pool", {"metallb.io/address-pool": "lan"}, Request(pools=("lan",))),
    ("a key to share by", {"metallb.io/allow-shared-ip": "web"}, Request(sharing_key="web")),
    (
        "the names of old",
        {
            "metallb.universe.tf/loadBalancerIPs": "172.16.110.100",
            "metallb.universe.tf/address-pool": "lan",
            "metallb.universe.tf/allow-shared-ip": "web",
        },
        Request((ip_address("172.16.110.100"),), ("lan",), "web"),
    ),
    (
        "ours go first, then the newer name",
        {
            "lbctl.io/pools": "ours",
            "metallb.io/address-pool": "lan",
            "metallb.io/allow-shared-ip": "new",
            "metallb.universe.tf/allow-shared-ip": "old",
        },
        Request(pools=("ours",), sharing_key="new"),
    ),
]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [row[1:] for row in ANNOTATIONS],
    ids=[row[0] for row in ANNOTATIONS],
)
def test_a_request_in_metallb_s_words(annotations: dict[str, str], expected: Request) -> None:
    assert read(annotations, dialect=METALLB) == expected


def test_without_the_mode_metallb_s_words_mean_nothing() -> None:
    assert read({"metallb.io/address-pool": "lan"}) == Request()
