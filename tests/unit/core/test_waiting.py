"""Who is tried again when something changes: those whom it may help, and one for one address."""

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.grants import Refusal
from lbctl.core.allocation.waiting import (
    FreeAddress,
    LessUsed,
    NamespaceLabels,
    NewPool,
    PoolChange,
    Sharers,
    ThisAddress,
    Waiting,
    Want,
    wants,
)
from lbctl.core.objects.requests import NOTHING, Request
from lbctl.core.objects.services import ServiceKey
from lbctl.core.outcomes import PoolRefusal
from tests.unit.core.builders import ip, key, service

FREE, FREE6 = FreeAddress("lab", Family.IPV4), FreeAddress("lab", Family.IPV6)
A, B, C = key("a"), key("b"), key("c")


class Site:
    """Those who wait, and whom they were woken by."""

    def __init__(self, **wants: tuple[Want, ...]) -> None:
        self.woken: list[str] = []
        self.waiting = Waiting(lambda one: self.woken.append(one.name))
        for name, wanted in wants.items():
            self.waiting.put(key(name), wanted)

    def heard(self) -> list[str]:
        """Whom was woken since the last time."""
        heard, self.woken[:] = [*self.woken], []
        return heard

    def given(self, one: ServiceKey, *, left: bool) -> None:
        """The Service got an address; whether another one is free."""
        self.waiting.put(one, ())
        self.waiting.tried(one, lambda _: left)

    def refused(self, one: ServiceKey, *, left: bool) -> None:
        """The Service was tried and waits for the same."""
        self.waiting.tried(one, lambda _: left)


@pytest.mark.parametrize(
    "want",
    [
        PoolChange("lab"),
        NewPool(),
        NamespaceLabels("shop"),
        LessUsed("lab", "shop"),
        ThisAddress(ip(".7")),
        FREE,
    ],
)
def test_a_change_wakes_all_who_wait_for_it_and_nobody_else(want: Want) -> None:
    site = Site(a=(want,), b=(FREE6,), c=(want, FREE6))
    site.waiting.changed(want)
    assert site.heard() == ["a", "c"]


def test_a_freed_address_wakes_the_one_that_waited_longest() -> None:
    site = Site(a=(FREE6,), b=(FREE,), c=(FREE,))
    site.waiting.freed(FREE)
    assert site.heard() == ["b"]
    site.given(B, left=False)
    assert site.heard() == [], "it took the one that was free"
    site.waiting.freed(FREE)
    assert site.heard() == ["c"]


def test_who_is_refused_again_keeps_its_place() -> None:
    site = Site(a=(FREE,), b=(FREE,))
    site.waiting.put(A, (FREE, PoolChange("lab")))
    site.waiting.freed(FREE)
    assert site.heard() == ["a"]


def test_when_the_first_cannot_take_it_the_next_is_tried_and_each_once() -> None:
    site = Site(a=(FREE,), b=(FREE,), c=(FREE,))
    site.waiting.freed(FREE)
    for one, following in ((A, ["b"]), (B, ["c"]), (C, [])):
        site.heard()
        site.refused(one, left=True)
        assert site.heard() == following
    site.waiting.freed(FREE)
    assert site.heard() == ["a"], "the next address: it may be another one"


def test_two_addresses_wake_two_at_once() -> None:
    site = Site(a=(FREE,), b=(FREE,), c=(FREE,))
    site.waiting.freed(FREE)
    site.waiting.freed(FREE)
    assert site.heard() == ["a", "b"]
    site.given(A, left=True)
    assert site.heard() == ["c"], "it may say yes too often: the other address is not taken yet"
    site.given(B, left=False)
    site.refused(C, left=False)
    assert site.heard() == []


def test_who_is_given_one_elsewhere_leaves_this_one_to_the_next() -> None:
    site = Site(a=(FREE, FREE6), b=(FREE,))
    site.waiting.freed(FREE6)
    site.waiting.freed(FREE)
    assert site.heard() == ["a", "a"]
    site.given(A, left=True)
    assert site.heard() == ["b"]


def test_who_was_not_woken_for_an_address_wakes_nobody_when_tried() -> None:
    site = Site(a=(FREE,), b=(FREE,))
    site.refused(A, left=True)
    assert site.heard() == []


def test_who_waits_no_more_is_forgotten() -> None:
    site = Site(a=(FREE,), b=(FREE, NewPool()))
    assert [*site.waiting] == [A, B]
    site.waiting.put(A, ())
    assert len(site.waiting) == 1
    assert A not in site.waiting
    assert site.waiting.wants(B) == {FREE, NewPool()}
    site.waiting.put(B, ())
    site.waiting.freed(FREE)
    site.waiting.changed(NewPool())
    assert site.heard() == []


def test_a_thousand_that_wait_cost_one_decision_for_one_address() -> None:
    site = Site(**{f"s{n:04}": (FREE,) for n in range(1000)})
    for n in range(100):
        site.waiting.freed(FREE)
        assert site.heard() == [f"s{n:04}"]
        site.given(key(f"s{n:04}"), left=False)


@pytest.mark.parametrize(
    ("rule", "wish", "reason", "besides"),
    [
        ("a full pool", NOTHING, PoolRefusal.FULL, {FREE, FREE6}),
        ("a quota", NOTHING, PoolRefusal.QUOTA_REACHED, {LessUsed("lab", "default")}),
        (
            "labels of the namespace",
            NOTHING,
            PoolRefusal.NAMESPACE_NOT_ALLOWED,
            {NamespaceLabels("default")},
        ),
        ("what a person wrote into the pool", NOTHING, PoolRefusal.DISABLED, set()),
        (
            "an address that somebody has",
            Request(addresses=(ip(".7"),)),
            PoolRefusal.IN_USE,
            {ThisAddress(ip(".7"))},
        ),
        ("a shared address", Request(sharing_key="k"), PoolRefusal.DISABLED, {Sharers("k")}),
    ],
)
def test_what_a_refusal_makes_a_service_wait_for(
    rule: str, wish: Request, reason: PoolRefusal, besides: set[Want]
) -> None:
    web = service(request=wish, families=(Family.IPV4, Family.IPV6))
    expected = {PoolChange("lab"), NewPool(), *besides}
    assert wants(web, [Refusal("lab", reason, "")]) == expected, rule


def test_who_names_its_pools_does_not_wait_for_others() -> None:
    web = service(request=Request(pools=("gold",)))
    refusal = Refusal("gold", PoolRefusal.NO_SUCH_POOL, "")
    assert wants(web, [refusal]) == {PoolChange("gold")}


@pytest.mark.parametrize("reason", PoolRefusal)
def test_every_refusal_can_come_to_an_end(reason: PoolRefusal) -> None:
    assert PoolChange("lab") in wants(service(), [Refusal("lab", reason, "")])
