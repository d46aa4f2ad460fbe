"""`retainFor`: a Service that is here again gets the address that it had, if it may have it."""

from dataclasses import replace
from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import How
from lbctl.core.objects.pools import Allocation
from lbctl.core.objects.requests import Request
from lbctl.core.objects.virtualips import Release, Retention, VirtualIPView
from tests.unit.core.builders import NEW, OURS, allocated, ip, key, ledger, pool, service

LAB = pool("lab", "10.0.0.1-10.0.0.254", retain_for=600)
TEAMS = {"team": "gold"}


def kept(address: str, name: str = "web") -> VirtualIPView:
    """An address that is kept for a Service."""
    release = Release("n1", retained_for=Retention("default", name, NEW))
    return VirtualIPView(ip(address), pool="lab", release=release, succession=("n1",))


@pytest.mark.parametrize(
    ("rule", "things", "address", "how"),
    [
        ("it gets its address back", [LAB, service(), kept(".10")], ".10", How.KEPT_FOR_IT),
        ("nobody else gets it", [LAB, service(), kept(".1", "other")], ".2", How.GIVEN),
        (
            "one that went and came back unseen gets it too",
            [LAB, service(uid="new"), allocated(".10", pool="lab")],
            ".10",
            How.KEPT_FOR_IT,
        ),
        (
            "unless its pool keeps nothing",
            [replace(LAB, retain_for=0), service(uid="new"), allocated(".10", pool="lab")],
            ".1",
            How.GIVEN,
        ),
        (
            "or another Service shares it",
            [
                LAB,
                service(uid="new"),
                replace(
                    allocated(".10", pool="lab"),
                    services=(allocated(".10").services + allocated(".10", "other").services),
                ),
                service("other", ".10"),
            ],
            ".1",
            How.GIVEN,
        ),
        (
            "one that its pool would not give today is not given back",
            [replace(LAB, exclude=("10.0.0.10",)), service(), kept(".10")],
            ".1",
            How.GIVEN,
        ),
        (
            "nor one of a pool that is turned off",
            [replace(LAB, disabled=True), pool("on", "10.0.1.1"), service(), kept(".10")],
            "10.0.1.1",
            How.GIVEN,
        ),
        (
            "nor one of another pool than it asks for",
            [LAB, pool("on", "10.0.1.1"), service(request=Request(pools=("on",))), kept(".10")],
            "10.0.1.1",
            How.GIVEN,
        ),
        (
            "nor another one than it asks for",
            [LAB, service(request=Request(addresses=(ip(".20"),))), kept(".10")],
            ".20",
            How.GIVEN,
        ),
        (
            "nor one beyond the quota of its namespace",
            [
                replace(LAB, allocation=Allocation(quota_per_namespace=1)),
                pool("on", "10.0.1.1"),
                service(),
                allocated(".11", "other", pool="lab"),
                kept(".10"),
            ],
            "10.0.1.1",
            How.GIVEN,
        ),
        (
            "nor one of the other family",
            [LAB, pool("six", "fd00::1"), service(families=(Family.IPV6,)), kept(".10")],
            "fd00::1",
            How.GIVEN,
        ),
    ],
)
def test_a_service_that_is_here_again(rule: str, things: list[Any], address: str, how: How) -> None:
    state = ledger(*things)
    state.put_namespace("default", TEAMS)
    (take,) = decide(key(), state, OURS).takes
    assert (take.address, take.how) == (ip(address), how), rule
