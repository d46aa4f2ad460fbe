"""Whatever the API server lets in: correct work or a clear refusal, in bounded memory and time."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.operators import Operator, Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

POOL = "172.16.110.100-172.16.110.250"
LONGEST = 253
"""Characters of the longest name."""
ALONE = ("--no-leader-election",)
"""No election, which a machine could lose that is busy with all this."""
MEGABYTES = 175
"""Resident memory of an operator that also loaded the official client, as it is for our tests.

With ten thousand annotations each it is 115 to 154, by what is on its way at the moment; were all
of them kept, it would be 198."""


def megabytes(one: Operator) -> float:
    status = Path(f"/proc/{one.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def long_name(mark: str) -> str:
    """Of 253 characters, in labels of at most 63."""
    return ".".join([mark.ljust(63, "x"), "y" * 63, "z" * 63, "w" * 61])


def assert_well(one: Operator) -> None:
    assert one.get("/healthz")[0] == 200
    assert "Traceback" not in one.text()
    assert megabytes(one) < MEGABYTES


def test_the_longest_names_and_ten_thousand_annotations(
    cluster: Oracle, operators: Operators
) -> None:
    assert len(long_name("aa")) == LONGEST
    cluster.pool(long_name("aa"), POOL)
    one = operators.start(*ALONE)
    name = "s" * 63
    notes = {f"example.com/{number:05}": "größer" for number in range(10_000)}
    uid = cluster.service(name)
    cluster.annotate(name, notes)
    cluster.wait_shown(name, "172.16.110.100")
    assert cluster.owners() == {"172.16.110.100": uid}
    assert long_name("aa") in cluster.wait_note(name, "AddressAllocated")
    for number in range(40):
        cluster.service(f"web-{number}")
        cluster.annotate(f"web-{number}", notes)
    cluster.wait_settled(41)
    assert_well(one)


def test_hundred_thousand_addresses_of_both_families_are_counted_and_given(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("large", "10.0.0.0-10.1.134.159", "fd00::/64", "fd00:1::/32")
    one = operators.start(*ALONE)
    cluster.service("web")
    cluster.wait_shown("web", "10.0.0.0")
    eventually(lambda: _status(cluster, "large").get("ipv4", {}).get("used") == 1, what="counts")
    counts = _status(cluster, "large")
    assert counts["ipv4"]["total"] == 100_000
    assert counts["ipv6"]["free"] == 2**53 - 1
    assert_well(one)


def test_pools_that_all_overlap_each_other(cluster: Oracle, operators: Operators) -> None:
    """The eldest gives; each of the others names one that it overlaps."""
    entries = [f"172.16.{third}.0-172.16.{255 - third}.255" for third in range(64)]
    cluster.pool("eldest", *entries)
    for number in range(60):
        cluster.pool(f"other-{number:02}", *entries)
    one = operators.start(*ALONE)
    cluster.service("web")
    cluster.wait_settled(1)

    def judged() -> list[str]:
        found = [_status(cluster, f"other-{number:02}") for number in range(60)]
        return [c["reason"] for status in found for c in status.get("conditions", [])]

    eventually(lambda: len(judged()) == 60, what="each pool has a verdict")
    assert judged().count("Overlap") >= 59, "two may be made in one second: then the name decides"
    assert_well(one)


def test_a_hundred_pools_that_give_nothing_are_told_of_within_the_limits(
    cluster: Oracle, operators: Operators
) -> None:
    for number in range(100):
        cluster.pool(long_name(f"p{number}"), f"172.16.{number}.0/24", disabled=True)
    one = operators.start(*ALONE)
    cluster.service("web")
    assert "disabled" in cluster.wait_note("web", "NoFreeAddress")
    cluster.pool("zz", POOL)
    cluster.wait_shown("web", "172.16.110.100")
    assert_well(one)


def test_a_node_with_the_longest_name(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    cluster.pool("lab", POOL)
    speakers(long_name("nn"), "n2")
    operators.start(*ALONE)
    cluster.service("web")
    cluster.wait_settled(1)
    eventually(
        lambda: [len(v["spec"]["succession"]) for v in cluster.vips().values()] == [2],
        what="both nodes are planned",
    )


def _status(cluster: Oracle, pool: str) -> dict[str, Any]:
    return cluster.objects("ipaddresspools")[pool].get("status") or {}
