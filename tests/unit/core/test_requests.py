"""What a Service asks for by its annotations, and what of it cannot be read."""

from dataclasses import dataclass, field

import pytest

from lbctl.core.objects.requests import NOTHING, Dialect, Request, read
from lbctl.core.outcomes import Outcome
from tests.unit.core.builders import ip

ADDRESSES, POOLS, KEY = "lbctl.io/addresses", "lbctl.io/pools", "lbctl.io/allow-shared-ip"


@dataclass(frozen=True)
class Row:
    rule: str
    annotations: dict[str, str]
    asked: Request
    load_balancer_ip: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Row("nothing is asked", {}, NOTHING),
        Row("other annotations ask for nothing", {"example.com/a": "b"}, NOTHING),
        Row("an address", {ADDRESSES: "10.0.0.9"}, Request((ip(".9"),))),
        Row(
            "one of each family, with spaces",
            {ADDRESSES: " fd00::9 , 10.0.0.9 "},
            Request((ip("fd00::9"), ip(".9"))),
        ),
        Row(
            "an address in another form is that address",
            {ADDRESSES: "FD00:0::9"},
            Request((ip("fd00::9"),)),
        ),
        Row("spec.loadBalancerIP", {}, Request((ip(".9"),)), "10.0.0.9"),
        Row("both say the same", {ADDRESSES: "10.0.0.9"}, Request((ip(".9"),)), "10.0.0.9"),
        Row(
            "each says one family",
            {ADDRESSES: "fd00::9"},
            Request((ip("fd00::9"), ip(".9"))),
            "10.0.0.9",
        ),
        Row(
            "pools in their order, each once",
            {POOLS: "gold,,lab, gold"},
            Request(pools=("gold", "lab")),
        ),
        Row("a key", {KEY: " edge "}, Request(sharing_key="edge")),
        Row("an empty key is none", {KEY: ""}, NOTHING),
    ],
    ids=lambda row: row.rule,
)
def test_a_request(row: Row) -> None:
    assert read(row.annotations, row.load_balancer_ip) == row.asked


@dataclass(frozen=True)
class Wrong:
    rule: str
    says: str
    annotations: dict[str, str] = field(default_factory=dict)
    load_balancer_ip: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Wrong(
            "no address", 'lbctl.io/addresses has "web", which is no address', {ADDRESSES: "web"}
        ),
        Wrong("a CIDR is no address", '"10.0.0.0/24", which is no', {ADDRESSES: "10.0.0.0/24"}),
        Wrong("a range is no address", "which is no", {ADDRESSES: "10.0.0.1-10.0.0.2"}),
        Wrong("no zone", '"fe80::1%eth0", which is no', {ADDRESSES: "fe80::1%eth0"}),
        Wrong("what is long is cut", f'"{"x" * 64}"...', {ADDRESSES: "x" * 10_000}),
        Wrong("spec.loadBalancerIP too", 'spec.loadBalancerIP has "web"', {}, "web"),
        Wrong(
            "two of one family",
            "lbctl.io/addresses asks for 10.0.0.1 and 10.0.0.2: write one address for each family",
            {ADDRESSES: "10.0.0.1,10.0.0.2"},
        ),
        Wrong(
            "a contradiction",
            "lbctl.io/addresses and spec.loadBalancerIP ask for 10.0.0.1 and 10.0.0.2",
            {ADDRESSES: "10.0.0.1"},
            "10.0.0.2",
        ),
        Wrong("a key that nobody could store", "at most 253 characters", {KEY: "k" * 254}),
        Wrong("very many pools", "At most 64 pools", {POOLS: ",".join(f"p{n}" for n in range(65))}),
    ],
    ids=lambda row: row.rule,
)
def test_what_cannot_be_read_is_said_and_counts_for_nothing(row: Wrong) -> None:
    asked = read({POOLS: "lab", **row.annotations}, row.load_balancer_ip)
    assert asked == Request(problems=asked.problems)
    assert asked.problems[0].outcome is Outcome.INVALID_REQUEST
    assert row.says in asked.problems[0].message


def test_of_several_names_the_first_that_is_there_counts() -> None:
    theirs = Dialect(addresses=("a.io/ips", "b.io/ips"), pools=("a.io/pool",), sharing_key=())
    assert read({"b.io/ips": "10.0.0.2"}, dialect=theirs) == Request((ip(".2"),))
    both = {"b.io/ips": "10.0.0.2", "a.io/ips": "10.0.0.1"}
    assert read(both, dialect=theirs) == Request((ip(".1"),))
