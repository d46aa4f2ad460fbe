"""Who may have an address of a pool, and which pool is asked first."""

from collections.abc import Mapping
from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.grants import Refusal, Stock, in_order, refusal, shortage
from lbctl.core.allocation.pool_findings import assess
from lbctl.core.objects.pools import Allocation, PoolView
from lbctl.core.outcomes import PoolRefusal
from lbctl.core.selectors import Operator, Requirement, Selector
from tests.unit.core.builders import NEW, pool, service

GOLD = Selector((Requirement("tier", Operator.IN, ("gold",)),))
EVERYTHING = Selector()
GOLDEN = {"tier": "gold"}


def lab(name: str = "lab", **allocation: Any) -> PoolView:
    return pool(name, "10.0.0.1-10.0.0.9", allocation=Allocation(**allocation))


def asked(
    one: PoolView,
    *,
    labels: Mapping[str, str] | None = None,
    service_labels: Mapping[str, str] | None = None,
    used: int = 0,
    by_name: bool = False,
    more: int = 1,
) -> Refusal | None:
    web = service(labels=service_labels or {})
    found = assess([one])[one.name]
    return refusal(found, web, labels, before=used, after=used + more, by_name=by_name)


@pytest.mark.parametrize(
    ("rule", "one", "state", "reason"),
    [
        ("a pool gives to everybody", lab(), {}, None),
        ("without spec.allocation too", pool("lab", "10.0.0.1"), {}, None),
        (
            "autoAssign: false gives nothing to whoever does not ask for it",
            pool("lab", "10.0.0.1", auto_assign=False),
            {},
            PoolRefusal.NOT_AUTO_ASSIGNED,
        ),
        (
            "and gives to whoever does",
            pool("lab", "10.0.0.1", auto_assign=False),
            {"by_name": True},
            None,
        ),
        (
            "a disabled pool gives nothing, however it is asked",
            pool("lab", "10.0.0.1", disabled=True),
            {"by_name": True},
            PoolRefusal.DISABLED,
        ),
        (
            "nor does one that cannot be read",
            pool("lab", "nonsense"),
            {"by_name": True},
            PoolRefusal.INVALID_ADDRESSES,
        ),
        ("a namespace that is named", lab(namespaces=("default",)), {}, None),
        (
            "one that is not",
            lab(namespaces=("other",)),
            {"labels": GOLDEN},
            PoolRefusal.NAMESPACE_NOT_ALLOWED,
        ),
        ("one that is selected", lab(namespace_selectors=(GOLD,)), {"labels": GOLDEN}, None),
        (
            "one that is not selected is refused, whoever asks by name too",
            lab(namespace_selectors=(GOLD,)),
            {"labels": {}, "by_name": True},
            PoolRefusal.NAMESPACE_NOT_ALLOWED,
        ),
        (
            "a namespace whose labels are not known yet is not selected",
            lab(namespace_selectors=(EVERYTHING,)),
            {},
            PoolRefusal.NAMESPACE_NOT_ALLOWED,
        ),
        (
            "a name or a selector is enough",
            lab(namespaces=("default",), namespace_selectors=(GOLD,)),
            {"labels": {}},
            None,
        ),
        (
            "a Service that is selected",
            lab(service_selectors=(Selector((Requirement("a", Operator.EXISTS),)), GOLD)),
            {"service_labels": GOLDEN},
            None,
        ),
        (
            "one that is not",
            lab(service_selectors=(GOLD,)),
            {},
            PoolRefusal.SERVICE_NOT_SELECTED,
        ),
        (
            "namespace and Service must both be right",
            lab(namespaces=("default",), service_selectors=(GOLD,)),
            {},
            PoolRefusal.SERVICE_NOT_SELECTED,
        ),
        ("the last address of the quota", lab(quota_per_namespace=3), {"used": 2}, None),
        (
            "one more than the quota",
            lab(quota_per_namespace=3),
            {"used": 3, "by_name": True},
            PoolRefusal.QUOTA_REACHED,
        ),
        (
            "whoever shares an address of its own namespace needs no other one",
            lab(quota_per_namespace=3),
            {"used": 3, "more": 0},
            None,
        ),
    ],
)
def test_refusals(
    rule: str, one: PoolView, state: dict[str, Any], reason: PoolRefusal | None
) -> None:
    found = asked(one, **state)
    assert (None if found is None else found.reason) is reason, rule


def test_a_newer_pool_that_overlaps_refuses() -> None:
    found = assess([lab(), pool("twin", "10.0.0.1", created=NEW)])["twin"]
    refused = refusal(found, service(), {}, before=0, after=1, by_name=True)
    assert refused is not None
    assert refused.reason is PoolRefusal.OVERLAP


def test_a_refusal_names_the_pool_and_what_to_look_at() -> None:
    quota = asked(lab(quota_per_namespace=3), used=3)
    said = '"lab": namespace default may have 3 of its addresses, and has them [QuotaReached]'
    assert str(quota) == said
    unknown = asked(lab(namespace_selectors=(GOLD,)))
    assert str(unknown) == (
        '"lab": is for other namespaces than default, whose labels are not known yet '
        "[NamespaceNotAllowed]"
    )


@pytest.mark.parametrize(
    ("rule", "stock", "message"),
    [
        ("an address is free", Stock(3, 2, 1), None),
        ("none of this family", Stock(0, 0, 0), "has no IPv4 addresses"),
        ("all are used", Stock(3, 3, 0), "full (3 of 3 used)"),
        (
            "and what became of the others",
            Stock(9, 6, 0, 3, ("2 of them in quarantine", "1 resting")),
            "full (6 of 9 used, 2 of them in quarantine, 1 resting, 3 never given)",
        ),
    ],
)
def test_shortages(rule: str, stock: Stock, message: str | None) -> None:
    found = shortage("lab", Family.IPV4, stock)
    assert (None if found is None else found.message) == message, rule


def test_pools_are_asked_in_one_order() -> None:
    """First those that mean the Service, then by priority, then by name."""
    findings = assess(
        [
            pool("zebra", "10.0.0.1"),
            pool("alpha", "10.0.0.2"),
            lab("late", priority=200),
            lab("early", priority=2),
            lab("early-too", priority=2),
            lab("meant", namespaces=("default",)),
            lab("meant-most", service_selectors=(GOLD,), priority=9),
            lab("not-meant", namespaces=("other",), priority=1),
        ],
    )
    ordered = in_order(findings.values(), service(labels=GOLDEN), {})
    assert [finding.pool.name for finding in ordered] == [
        "meant-most",
        "meant",
        "not-meant",
        "early",
        "early-too",
        "late",
        "alpha",
        "zebra",
    ]
    assert in_order(reversed(ordered), service(labels=GOLDEN), {}) == ordered
