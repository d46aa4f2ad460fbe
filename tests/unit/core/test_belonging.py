"""Whether an address that was given is still its pool's to give, after somebody edited the pool."""

import pytest

from lbctl.core.allocation.belonging import home, out_of_pool
from lbctl.core.objects.pools import Allocation, OnRemoval, PoolView
from lbctl.core.objects.services import ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import PoolRefusal
from tests.unit.core.builders import allocated, ledger, pool, service

GIVEN = allocated(".10", pool="lab")
LABELS = {"team": "gold"}


@pytest.mark.parametrize(
    ("rule", "view", "pools", "reason"),
    [
        ("an address of its pool is in it", GIVEN, [pool("lab", "10.0.0.0/24")], None),
        (
            "one that the pool has no more is not",
            GIVEN,
            [pool("lab", "10.0.0.11")],
            PoolRefusal.NOT_IN_POOL,
        ),
        (
            "nor is one that it excludes",
            GIVEN,
            [pool("lab", "10.0.0.0/24", exclude=("10.0.0.10",))],
            PoolRefusal.EXCLUDED,
        ),
        (
            "nor is any of a pool that is turned off",
            GIVEN,
            [pool("lab", "10.0.0.0/24", disabled=True)],
            PoolRefusal.DISABLED,
        ),
        (
            "nor one of a pool for other namespaces",
            GIVEN,
            [pool("lab", "10.0.0.0/24", allocation=Allocation(namespaces=("other",)))],
            PoolRefusal.NAMESPACE_NOT_ALLOWED,
        ),
        ("nor one whose pool is gone", GIVEN, [], PoolRefusal.NO_SUCH_POOL),
        (
            "nor one that was adopted from none",
            allocated(".10", pool=None),
            [],
            PoolRefusal.NOT_IN_POOL,
        ),
        (
            "another pool that has it now is its pool",
            GIVEN,
            [pool("lab", "10.0.0.11"), pool("new", "10.0.0.10")],
            None,
        ),
        (
            "a pool that overlaps an older one has what it gave",
            GIVEN,
            [pool("a-old", "10.0.0.0/24"), pool("lab", "10.0.0.0/24", created="2026-02-01")],
            None,
        ),
        (
            "one that gives by name alone has what it gave",
            GIVEN,
            [pool("lab", "10.0.0.0/24", auto_assign=False)],
            None,
        ),
        (
            "a lowered quota takes nothing away",
            GIVEN,
            [pool("lab", "10.0.0.0/24", allocation=Allocation(quota_per_namespace=1))],
            None,
        ),
    ],
)
def test_an_address_is_in_its_pool(
    rule: str, view: VirtualIPView, pools: list[PoolView], reason: PoolRefusal | None
) -> None:
    known = ledger(view, service(), *pools)
    known.put_namespace("default", LABELS)
    found = out_of_pool(view, service(), known)
    assert (None if found is None else found.reason) == reason, rule


def test_while_the_namespace_is_not_known_nothing_is_held_against_it() -> None:
    narrow = pool("lab", "10.0.0.0/24", allocation=Allocation(namespaces=("other",)))
    assert out_of_pool(GIVEN, service(), ledger(GIVEN, narrow)) is None


@pytest.mark.parametrize("policy", OnRemoval)
def test_the_pool_says_what_follows(policy: OnRemoval) -> None:
    shrunk = pool("lab", "10.0.0.11", on_removal=policy)
    found = out_of_pool(GIVEN, service(), ledger(GIVEN, shrunk))
    assert found is not None
    assert found.reassign is (policy is OnRemoval.REASSIGN)
    assert ("gets another one" if found.reassign else "keeps it") in found.message


def test_what_speakers_report_takes_no_address_away() -> None:
    known = ledger(GIVEN, pool("lab", "10.0.0.0/24", on_removal=OnRemoval.REASSIGN))
    known.put_lan("n1", frozenset(), frozenset({GIVEN.address}))
    found = out_of_pool(GIVEN, service(), known)
    assert found is not None
    assert found.reason is PoolRefusal.GATEWAY
    assert not found.reassign
    assert "exclude it" in found.message


def test_what_somebody_wrote_counts_before_what_speakers_report() -> None:
    """Or a pool that is being emptied would keep what happens to be reported."""
    off = pool("lab", "10.0.0.0/24", disabled=True, on_removal=OnRemoval.REASSIGN)
    known = ledger(GIVEN, off)
    known.put_lan("n1", frozenset(), frozenset({GIVEN.address}))
    found = out_of_pool(GIVEN, service(), known)
    assert found is not None
    assert found.reason is PoolRefusal.DISABLED
    assert found.reassign


def test_the_pool_of_an_address_is_the_one_that_gave_it_while_that_has_it() -> None:
    both = [pool("a-other", "10.0.0.0/24"), pool("lab", "10.0.0.10")]
    found = home(GIVEN, ledger(GIVEN, *both))
    assert found is not None
    assert found.pool.name == "lab"


def test_what_is_said_names_pool_address_and_service() -> None:
    web: ServiceView = service()
    found = out_of_pool(GIVEN, web, ledger(GIVEN, pool("lab", "10.0.0.11")))
    assert found is not None
    for name in ('"lab"', "10.0.0.10", "default/web"):
        assert name in found.message
