"""Where rules of giving meet: quotas and sharing, reservations and requests, edits and returns."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from lbctl.core.addresses import Address, Family
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import Decision
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.objects.pools import Allocation, OnRemoval, PoolView, SharingScope
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import FamilyPolicy, Port, ServiceView
from lbctl.core.objects.virtualips import Release, Retention, VirtualIPView
from tests.unit.core.builders import (
    NEW,
    OURS,
    allocated,
    ip,
    key,
    ledger,
    pool,
    reserved,
    service,
    shared,
)

HTTP, HTTPS = Port("TCP", 80), Port("TCP", 443)
EDGE = Request(sharing_key="edge")
DUAL = {
    "families": (Family.IPV4, Family.IPV6),
    "family_policy": FamilyPolicy.REQUIRE_DUAL_STACK,
}
LAB = pool("lab", "10.0.0.10-10.0.0.12")
REASSIGNS = replace(LAB, exclude=("10.0.0.10",), on_removal=OnRemoval.REASSIGN)


def limited(quota: int, one: PoolView = LAB) -> PoolView:
    return replace(one, allocation=Allocation(quota_per_namespace=quota))


def web(*shown: str, **fields: Any) -> ServiceView:
    return service("web", *shown, **{"ports": (HTTPS,), "request": EDGE, **fields})


def other(*shown: str, **fields: Any) -> ServiceView:
    return service("other", *shown, **{"ports": (HTTP,), "request": EDGE, **fields})


def retained(address: str) -> VirtualIPView:
    release = Release("n1", retained_for=Retention("default", "web", NEW))
    return VirtualIPView(ip(address), pool="lab", release=release, succession=("n1",))


def addresses(*texts: str) -> list[Address]:
    return [ip(text) for text in texts]


def taken(decision: Decision) -> list[Address]:
    return [take.address for take in decision.takes]


Things = Iterable[PoolView | ServiceView | VirtualIPView]


def decided(things: Things) -> Decision:
    known: Ledger = ledger(*things)
    known.put_namespace("default", {})
    return decide(key(), known, OURS)


@pytest.mark.parametrize(
    ("rule", "things", "takes"),
    [
        (
            "who leaves an address that its namespace keeps has one more of the pool",
            [
                limited(1),
                replace(web(".10"), request=Request()),
                other(".10"),
                shared(".10", other(), web()),
            ],
            (),
        ),
        (
            "an address that the pool does not have any more is none of the quota's",
            [limited(1, REASSIGNS), web(".10"), allocated(".10", ports=(HTTPS,)),
             allocated(".11", "other"), other(".11")],
            (),
        ),
        (
            "a lowered quota does not keep a Service at an address that it is to leave",
            [limited(1), web(".10", request=Request((ip(".12"),))), allocated(".10"),
             allocated(".11", "other"), other(".11")],
            (".12",),
        ),
        (
            "who joins an address of its namespace and takes a new one needs one more, not two",
            [limited(2, pool("lab", "10.0.0.10", "fd00::10")), web(**DUAL), other(".10"),
             shared(".10", other())],
            (".10", "fd00::10"),
        ),
        (
            "two that come back count both",
            [limited(2, pool("lab", "10.0.0.10-10.0.0.11", "fd00::10")),
             web(**{**DUAL, "family_policy": FamilyPolicy.PREFER_DUAL_STACK}),
             retained(".10"), retained("fd00::10"), allocated(".11", "other"), other(".11")],
            (".10",),
        ),
    ],
)  # fmt: skip
def test_a_quota_counts_what_the_namespace_has_in_the_end(
    rule: str, things: Things, takes: tuple[str, ...]
) -> None:
    assert taken(decided(things)) == addresses(*takes), rule


@pytest.mark.parametrize(
    ("rule", "things", "takes"),
    [
        (
            "an address that its pool avoids now is not shared out further",
            [
                replace(LAB, avoid_buggy_ips=True, entries=("10.0.0.0-10.0.0.12",)),
                web(),
                other(".0"),
                shared(".0", other()),
            ],
            (".1",),
        ),
        (
            "nor when it is asked for",
            [
                replace(LAB, avoid_buggy_ips=True, entries=("10.0.0.0-10.0.0.12",)),
                web(request=Request((ip(".0"),), (), "edge")),
                other(".0"),
                shared(".0", other()),
            ],
            (),
        ),
        (
            "the pool that gave an address says who may join",
            [
                pool("older", "10.0.0.10", allocation=Allocation(
                    sharing=SharingScope.ACROSS_NAMESPACES)),
                replace(LAB, created=NEW),
                web(),
                replace(other(".10"), namespace="shop"),
                shared(".10", replace(other(), namespace="shop")),
            ],
            (),
        ),
        (
            "a Service that was created anew joins whom it shared with, on its own ports",
            [LAB, web(uid="new"), other(".10"), shared(".10", other(), web())],
            (".10",),
        ),
        (
            "where nobody but its namesake was it gets a new one",
            [LAB, web(uid="new", ports=(HTTP,)), shared(".10", web())],
            (".11",),
        ),
    ],
)  # fmt: skip
def test_who_may_join(rule: str, things: Things, takes: tuple[str, ...]) -> None:
    assert taken(decided(things)) == addresses(*takes), rule


@pytest.mark.parametrize(
    ("rule", "things", "takes"),
    [
        (
            "who has its reserved address does not ask pools for another",
            [LAB, web(".50", request=Request(pools=("lab",))),
             replace(allocated(".50", pool=None, ports=(HTTPS,)), reserved_for=key("web"))],
            (),
        ),
        (
            "who comes back to its reserved address joins those who share it",
            [LAB, web(), other(".50"),
             shared(".50", other(), reserved_for=key("web"), pool=None)],
            (".50",),
        ),
        (
            "and has another one while they have its ports",
            [LAB, web(ports=(HTTP,)), other(".50"),
             shared(".50", other(), reserved_for=key("web"), pool=None)],
            (".10",),
        ),
        (
            "a reservation for another is no free address",
            [pool("lab", "10.0.0.10"), web(), reserved(".10", "other")],
            (),
        ),
    ],
)  # fmt: skip
def test_a_reservation(rule: str, things: Things, takes: tuple[str, ...]) -> None:
    assert taken(decided(things)) == addresses(*takes), rule


@pytest.mark.parametrize(
    ("rule", "one"),
    [
        ("is for others now", replace(LAB, allocation=Allocation(namespaces=("shop",)))),
        ("is turned off", replace(LAB, disabled=True)),
        ("has it no more", replace(LAB, entries=("10.0.0.11",))),
    ],
)
def test_what_its_namesake_had_is_given_by_the_pool_of_today(rule: str, one: PoolView) -> None:
    """However fast a Service is created anew: it must not matter whether the end was seen."""
    asks = web(uid="new", request=Request((ip(".10"),)))
    assert taken(decided([one, asks, allocated(".10", uid="old")])) == [], rule


def test_nothing_comes_back_to_a_namespace_that_is_not_known_yet() -> None:
    """Its labels may be for another pool."""
    narrow = replace(LAB, retain_for=60, allocation=Allocation(namespaces=("shop",)))
    known = ledger(narrow, web(), retained(".10"))
    assert taken(decide(key(), known, OURS)) == []


def test_who_is_refused_is_told_of_those_in_the_pools_that_it_asks_for() -> None:
    full = pool("full", "10.0.0.20")
    there = [shared(".20", other(), pool="full"), shared(".10", replace(other(), name="third"))]
    asks = web(ports=(HTTP,), request=Request((), ("full",), "edge"))
    verdict = decided([LAB, full, asks, *there]).verdict
    assert verdict is not None
    assert "10.0.0.20" in verdict.message
    assert "10.0.0.10" not in verdict.message
