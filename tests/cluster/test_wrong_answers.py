"""The API server refuses, is overloaded, says nothing or too late: each call of each story, once.

Every Service is a case of its own: its name says what happens to which call about it. All of them
live side by side, with one operator, so that the cases disturb each other as they would in life.
"""

import json
import re
from collections.abc import Callable, Mapping

import pytest

from tests.cluster.operators import Operator, Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.proxy import Call, Cut, Expire, Fault, Proxy, Refuse
from tests.cluster.resting import at_rest
from tests.cluster.speakers import Speakers
from tests.cluster.witness import Witness

pytestmark = pytest.mark.lab

ALWAYS_ME = ("--identity", "always-me", "--lease-duration-seconds", "60")
"""The Lease of a dead one is the next one's at once, and a busy machine renews it in time."""
POOL = "172.16.110.100-172.16.110.250"
ALLOCATION = ("POST virtualips", "PATCH services/status", "PATCH virtualips/status", "POST events")
RELEASE = ("GET services", "PUT virtualips", "POST events", "DELETE virtualips")
"""What an operator does about one Service; that this is all, the tests of kills would tell."""

FAULTS: Mapping[str, Callable[[Call], Fault]] = {
    "conflict": lambda call: Refuse(409, "AlreadyExists" if call.method == "POST" else "Conflict"),
    "overload": lambda _: Refuse(429, "TooManyRequests", retry_after=1),
    "error": lambda _: Refuse(500, "InternalError"),
    "cut-before": lambda _: Cut(done=False),
    "cut-after": lambda _: Cut(done=True),
}
GONE: Mapping[str, Callable[[Call], Fault]] = {
    "410": lambda _: Refuse(410, "Expired"),
    "410-in-the-stream": lambda _: Expire(),
}
CASES = {
    f"{fault}-{number}": (fault, {ALLOCATION[number], RELEASE[number]})
    for fault in FAULTS
    for number in range(len(ALLOCATION))
}
"""By the name of its Service: a fault, and the one call of each story that it strikes."""


EXPECTED = (
    ("WATCH services", "WATCH virtualips", "WATCH leases"),
    ("PUT leases", "POST virtualips", "DELETE virtualips", "PATCH services/status"),
)
"""Reads that anything may spoil, and writes that may conflict."""


def possible(fault: str, call: Call) -> bool:
    """Whether an API server would say that: only writes conflict, only history expires."""
    if fault in GONE:
        listing = call.is_list and "discovery" not in call.deed
        return call.is_watch or (listing and fault == "410")
    return fault != "conflict" or call.is_write


class Spoiled:
    """Spoils the first call of a Service's kind that is made about it."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        """Service and deed of each call that was spoiled."""
        self._of_address: dict[str, str] = {}

    def struck(self, deeds: tuple[str, ...]) -> set[str]:
        """The cases of which one of these calls was spoiled."""
        return {name for name, deed in {*self.seen} if deed in deeds}

    def __call__(self, call: Call) -> Fault | None:
        name = self._about(call)
        fault, deeds = CASES.get(name, ("", set()))
        if call.deed not in deeds or (name, call.deed) in self.seen:
            return None
        self.seen.add((name, call.deed))
        return FAULTS[fault](call)

    def _about(self, call: Call) -> str:
        """The Service that a call is about, by its path or by what it carries."""
        if found := re.search(r"/services/([^/]+)", call.path):
            return found[1]
        if "/events" in call.path and call.method == "POST":
            return str(json.loads(call.body)["regarding"]["name"])
        if found := re.search(r"/virtualips/([^/]+)", call.path):
            return self._of_address.get(found[1], "")
        if call.deed == "POST virtualips":
            made = json.loads(call.body)
            name = str(made["spec"]["services"][0]["name"])
            self._of_address[made["metadata"]["name"]] = name
            return name
        return ""


def test_each_call_of_allocations_and_releases_is_spoiled_once(
    cluster: Oracle,
    proxy: Proxy,
    many_operators: Operators,
    speakers: Callable[..., Speakers],
    witness: Witness,
) -> None:
    speakers("n1", "n2", "n3")
    cluster.pool("lab", POOL)
    spoiled = Spoiled()
    proxy.play(spoiled)
    one = many_operators.start(*ALWAYS_ME)
    for name in CASES:
        cluster.service(name)
    eventually(lambda: at_rest(cluster, len(CASES)), what="all have an address")
    # Events are written after all else.
    eventually(lambda: spoiled.struck(ALLOCATION) == CASES.keys(), what="each case was told")
    cluster.assert_one_owner_for_an_address()

    spoiled.seen.clear()
    for name in CASES:
        cluster.delete_service(name)
    cluster.service("last")
    eventually(lambda: at_rest(cluster, 1), what="all addresses are free")
    eventually(lambda: spoiled.struck(RELEASE) == CASES.keys(), what="each case was told")
    cluster.assert_one_owner_for_an_address()
    assert one.process.poll() is None, "nothing of that ends the operator"
    many_operators.assert_no_faults()
    witness.judge()


@pytest.mark.parametrize("fault", [*FAULTS, *GONE])
def test_each_call_of_a_takeover_is_spoiled_once(
    cluster: Oracle,
    proxy: Proxy,
    many_operators: Operators,
    witness: Witness,
    fault: str,
) -> None:
    """The first of each kind: lists, watches, discovery, election, and what a dead one left."""
    cluster.pool("lab", POOL)
    proxy.play(lambda _: None)
    first = many_operators.start(*ALWAYS_ME)
    for name in ("stays", "goes"):
        cluster.service(name)
    eventually(lambda: at_rest(cluster, 2), what="both have an address")
    first.kill()
    cluster.delete_service("goes")
    cluster.service("comes")
    spoiled: set[str] = set()

    def once(call: Call) -> Fault | None:
        if call.deed in spoiled or not possible(fault, call):
            return None
        spoiled.add(call.deed)
        return {**FAULTS, **GONE}[fault](call)

    proxy.play(once)
    one = many_operators.start(*ALWAYS_ME)
    running = [one]
    eventually(
        lambda: at_rest(_kept_alive(many_operators, running, cluster), 2), what="all are settled"
    )
    assert {"comes", "stays"} == cluster.services().keys()
    cluster.delete_service("comes")
    cluster.service("later")
    eventually(lambda: at_rest(_kept_alive(many_operators, running, cluster), 2), what="it goes on")
    assert {*EXPECTED[fault == "conflict"]} <= spoiled
    cluster.assert_one_owner_for_an_address()
    if fault != "410":  # No API server answers a watch so; it ends kopf's streams, and the process.
        many_operators.assert_no_faults()
    witness.judge()


def _kept_alive(operators: Operators, running: list[Operator], cluster: Oracle) -> Oracle:
    """As kubelet would: an operator that ended is started again."""
    if running[-1].process.poll() is not None:
        assert len(running) < 3, "it ends again and again"
        running.append(operators.start(*ALWAYS_ME))
    return cluster
