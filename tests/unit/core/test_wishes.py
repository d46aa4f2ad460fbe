"""What a Service asks for, and what it gets: addresses, pools, sharing, both families."""

from dataclasses import replace
from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import How, Take
from lbctl.core.allocation.waiting import (
    FreeAddress,
    LessUsed,
    NamespaceLabels,
    NewPool,
    PoolChange,
    Sharers,
    ThisAddress,
    Want,
)
from lbctl.core.objects.pools import Allocation, OnRemoval, SharingScope
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import FamilyPolicy, Port, ServiceView, TrafficPolicy
from lbctl.core.objects.virtualips import Conflict, Release, Retention, VirtualIPView
from lbctl.core.outcomes import ConflictReason, Notice, Outcome
from tests.unit.core.builders import (
    NEW,
    OURS,
    allocated,
    ip,
    key,
    ledger,
    pool,
    ref,
    releasing,
    reserved,
    service,
    shared,
)
from tests.unit.core.stories import (
    Becomes,
    Story,
    check,
    gets,
    given,
    keeps,
    refusal,
    stories,
    what,
    withdrawn,
)

LAB = pool("lab", "10.0.0.10-10.0.0.12")
GOLD = pool("gold", "10.0.0.20-10.0.0.21")
BOTH = pool("both", "10.0.1.0/28", "fd00:110::1-fd00:110::f")
DUAL = (Family.IPV4, Family.IPV6)
HTTP, HTTPS = Port("TCP", 80), Port("TCP", 443)
UNAVAILABLE = Outcome.REQUESTED_ADDRESS_UNAVAILABLE
NO_POOL_OF_THEM = Outcome.REQUESTED_POOL_UNAVAILABLE


def asking(*addresses: str, shown: str = "", **fields: Any) -> ServiceView:
    wish = Request(tuple(map(ip, addresses)))
    return service("web", *([shown] if shown else []), **{"request": wish, **fields})


def from_pools(*names: str, shown: str = "") -> ServiceView:
    return service("web", *([shown] if shown else []), request=Request(pools=names))


def moves(address: str, pool_name: str, says: Outcome = Outcome.ADDRESS_ALLOCATED) -> Becomes:
    return gets(address, pool_name, says)


def took(address: str, how: How, existing: VirtualIPView, pool_name: str | None) -> Becomes:
    return Becomes([address], [Take(ip(address), pool_name, how, existing)])


@stories(
    Story("the address that it asks for", [LAB, asking(".12")], gets(".12", "lab")),
    Story(
        "of a pool that gives to nobody who does not ask",
        [replace(LAB, auto_assign=False), asking(".12")],
        gets(".12", "lab"),
    ),
    Story(
        "one address asked for, and the other family's lowest",
        [LAB, BOTH, asking(".12", families=DUAL, family_policy=FamilyPolicy.PREFER_DUAL_STACK)],
        Becomes([".12", "fd00:110::1"], [given(".12", "lab"), given("fd00:110::1", "both")]),
    ),
    Story("its first pool", [LAB, GOLD, from_pools("gold", "lab")], gets(".20", "gold")),
    Story(
        "its next pool when the first has nothing",
        [LAB, replace(GOLD, disabled=True), from_pools("gold", "lab")],
        gets(".10", "lab"),
    ),
    Story(
        "an address that its dead namesake had, at once",
        [LAB, allocated(".12", uid="before"), asking(".12")],
        took(".12", How.KEPT_FOR_IT, allocated(".12", uid="before"), "lab"),
    ),
)
def test_a_new_service_gets(story: Story) -> None:
    check(story)


@stories(
    Story(
        "who asks for another address gets it, and then gives the old one back",
        [LAB, allocated(".10"), asking(".12", shown=".10")],
        moves(".12", "lab"),
        release=[".10"],
    ),
    Story(
        "a crash in between is mended: the one that it asks for stays",
        [LAB, allocated(".10"), allocated(".12"), asking(".12", shown=".10")],
        keeps(".12"),
        release=[".10"],
    ),
    Story(
        "an address that another one has is not given, and nothing is taken away",
        [LAB, allocated(".10"), allocated(".12", "other"), asking(".12", shown=".10")],
        keeps(".10", says=UNAVAILABLE),
        notices=[UNAVAILABLE],
    ),
    Story(
        "nor one of no pool",
        [LAB, allocated(".10"), asking("10.9.9.9", shown=".10")],
        keeps(".10", says=UNAVAILABLE),
        notices=[UNAVAILABLE],
    ),
    Story(
        "who asks for another pool moves there",
        [LAB, GOLD, allocated(".10"), from_pools("gold", shown=".10")],
        moves(".20", "gold"),
        release=[".10"],
    ),
    Story(
        "who is in one of its pools stays, though another one is named first",
        [LAB, GOLD, allocated(".10"), from_pools("gold", "lab", shown=".10")],
        keeps(".10"),
    ),
    Story(
        "a pool that gives nothing takes nothing away",
        [LAB, replace(GOLD, disabled=True), allocated(".10"), from_pools("gold", shown=".10")],
        keeps(".10", says=NO_POOL_OF_THEM),
        notices=[NO_POOL_OF_THEM],
    ),
    Story(
        "what cannot be read takes nothing away",
        [
            LAB,
            allocated(".10"),
            service(
                "web",
                ".10",
                request=Request(problems=(Notice(Outcome.INVALID_REQUEST, "It is no address."),)),
            ),
        ],
        keeps(".10", says=Outcome.INVALID_REQUEST),
        notices=[Outcome.INVALID_REQUEST],
    ),
    Story(
        "who is on its way out does not move any more",
        [LAB, allocated(".10"), asking(".12", shown=".10", deleting=True)],
        keeps(".10", says=UNAVAILABLE),
        notices=[UNAVAILABLE],
    ),
    Story(
        "its ports change",
        [LAB, allocated(".10", ports=(HTTP,)), service("web", ".10", ports=(HTTPS,))],
        took(".10", How.RENEWED, allocated(".10", ports=(HTTP,)), "lab"),
    ),
    Story(
        "it lets others share its address from now on",
        [LAB, allocated(".10"), service("web", ".10", request=Request(sharing_key="edge"))],
        took(".10", How.RENEWED, allocated(".10"), "lab"),
    ),
)
def test_a_service_that_has_an_address(story: Story) -> None:
    check(story)


HELD = allocated(".10", holder="n1")


@stories(
    Story(
        "who moves has both, and shows the old one while no node announces the new one",
        [LAB, HELD, asking(".12", shown=".10")],
        Becomes([".10"], [given(".12", "lab")], Outcome.ADDRESS_MOVING),
        notices=[Outcome.ADDRESS_MOVING],
    ),
    Story(
        "so it stays",
        [LAB, HELD, allocated(".12"), asking(".12", shown=".10")],
        keeps(".10", says=Outcome.ADDRESS_MOVING),
        notices=[Outcome.ADDRESS_MOVING],
    ),
    Story(
        "until a node does",
        [LAB, HELD, allocated(".12", holder="n2"), asking(".12", shown=".10")],
        keeps(".12"),
        release=[".10"],
    ),
    Story(
        "who changes its mind meanwhile stays",
        [LAB, HELD, allocated(".12"), service("web", ".10")],
        keeps(".10"),
        release=[".12"],
    ),
    Story(
        "an old one that nobody announces is no loss",
        [LAB, allocated(".10"), allocated(".12"), asking(".12", shown=".10")],
        keeps(".12"),
        release=[".10"],
    ),
    Story(
        "a foreign host has the new one: another one is taken, and the old one goes on working",
        [
            LAB, pool("rare", "10.0.0.30-10.0.0.31"), HELD,
            allocated(".30", pool="rare", conflict=Conflict(
                "02:00:00:00:00:77", ConflictReason.ANSWERED_BY_FOREIGN_HOST)),
            from_pools("rare", shown=".10"),
        ],
        Becomes([".10"], [given(".31", "rare")], Outcome.ADDRESS_MOVING),
        notices=[Outcome.ADDRESS_IN_CONFLICT, Outcome.ADDRESS_MOVING],
        release=[".30"],
    ),
)  # fmt: skip
def test_a_move_makes_before_it_breaks(story: Story) -> None:
    check(story)


FOREIGN_HOST = Conflict("02:00:00:00:00:77", ConflictReason.ANSWERED_BY_FOREIGN_HOST)


def test_an_address_that_was_asked_for_is_kept_though_a_foreign_host_has_it() -> None:
    """The person who asked for it must mend the LAN."""
    state = ledger(LAB, allocated(".12", conflict=FOREIGN_HOST), asking(".12", shown=".12"))
    assert what(decide(key(), state, OURS)) == keeps(".12")


KEPT = VirtualIPView(
    ip(".11"), release=Release(retained_for=Retention("default", "web", "2026-02-01"))
)


@stories(
    Story(
        "the address that a person keeps for it, whatever pools say",
        [LAB, reserved("10.9.9.9", "web"), service()],
        took("10.9.9.9", How.KEPT_FOR_IT, reserved("10.9.9.9", "web"), None),
    ),
    Story(
        "the lowest of two",
        [LAB, reserved(".12", "web"), reserved(".11", "web"), service()],
        took(".11", How.KEPT_FOR_IT, reserved(".11", "web"), "lab"),
    ),
    Story(
        "not one of another family",
        [LAB, reserved("fd00::9", "web"), service()],
        gets(".10", "lab"),
    ),
    Story(
        "not one of another Service",
        [pool("one", "10.0.0.10-10.0.0.11"), reserved(".10", "other"), service()],
        gets(".11", "one"),
    ),
    Story(
        "the one that it asks for before the one that is kept for it",
        [LAB, reserved(".11", "web"), asking(".12")],
        gets(".12", "lab"),
    ),
    Story(
        "the one that it asks for and that is kept for it",
        [LAB, reserved(".11", "web"), reserved(".12", "web"), asking(".12")],
        took(".12", How.KEPT_FOR_IT, reserved(".12", "web"), "lab"),
    ),
    Story("what its pool kept for when it comes back", [LAB, KEPT, service()],
          took(".11", How.KEPT_FOR_IT, KEPT, "lab")),
    Story("and is kept by who has an address already", [LAB, KEPT, allocated(".10"),
          service("web", ".10")], keeps(".10")),
    Story(
        "a reservation that its dead namesake had",
        [LAB, allocated(".11", uid="before", reserved_for=key()), service()],
        took(".11", How.KEPT_FOR_IT, allocated(".11", uid="before", reserved_for=key()), "lab"),
    ),
)  # fmt: skip
def test_what_is_kept_for_a_service(story: Story) -> None:
    check(story)


def sharer(name: str = "web", *shown: str, port: Port = HTTPS, **fields: Any) -> ServiceView:
    edge = Request(sharing_key="edge")
    return service(name, *shown, ports=(port,), **{"request": edge, **fields})


OTHER = sharer("other", port=HTTP)
TAKEN = shared(".11", OTHER)


@stories(
    Story("it joins", [LAB, TAKEN, sharer()], took(".11", How.JOINED, TAKEN, "lab")),
    Story("the first one gets a new address", [LAB, sharer()], gets(".10", "lab")),
    Story(
        "where its port is taken it gets a new one",
        [LAB, TAKEN, sharer(port=HTTP)],
        gets(".10", "lab"),
    ),
    Story(
        "it joins in a full pool",
        [pool("one", "10.0.0.11"), TAKEN, sharer()],
        took(".11", How.JOINED, TAKEN, "one"),
    ),
    Story(
        "the address that it asks for, which others share",
        [LAB, TAKEN, sharer(request=Request((ip(".11"),), sharing_key="edge"))],
        took(".11", How.JOINED, TAKEN, "lab"),
    ),
    Story(
        "in the first of its pools where it can",
        [LAB, GOLD, TAKEN, shared(".21", OTHER, pool="gold"),
         sharer(request=Request(pools=("gold", "lab"), sharing_key="edge"))],
        took(".21", How.JOINED, shared(".21", OTHER, pool="gold"), "gold"),
    ),
    Story(
        "not where a foreign host answers",
        [LAB, replace(TAKEN, conflict=FOREIGN_HOST), sharer()],
        gets(".10", "lab"),
    ),
    Story(
        "not an address that is being released",
        [LAB, releasing(".11"), sharer()],
        gets(".10", "lab"),
    ),
    Story("who shares stays", [LAB, shared(".11", OTHER, sharer()), sharer("web", ".11")],
          keeps(".11")),
    Story(
        "who shares and takes another's port gets another address",
        [LAB, shared(".11", OTHER, sharer()), sharer("web", ".11", port=HTTP)],
        moves(".10", "lab"),
        release=[".11"],
    ),
    Story(
        "or none: the one who was there first keeps its port",
        [pool("one", "10.0.0.11"), shared(".11", OTHER, sharer(), pool="one"),
         sharer("web", ".11", port=HTTP)],
        Becomes([], says=Outcome.SHARING_NOT_POSSIBLE),
        notices=[Outcome.SHARING_NOT_POSSIBLE],
        release=[".11"],
    ),
    Story(
        "who does not want to share any more gets another address",
        [LAB, shared(".11", OTHER, sharer()), sharer("web", ".11", request=Request())],
        moves(".10", "lab"),
        release=[".11"],
    ),
    Story(
        "or stays where it is while there is none",
        [pool("one", "10.0.0.11"), shared(".11", OTHER, sharer(), pool="one"),
         sharer("web", ".11", request=Request())],
        keeps(".11", says=Outcome.SHARING_NOT_POSSIBLE),
        notices=[Outcome.SHARING_NOT_POSSIBLE],
    ),
    Story(
        "who becomes Local beside others gets another address",
        [LAB, shared(".11", OTHER, sharer()),
         sharer("web", ".11", external_traffic_policy=TrafficPolicy.LOCAL, selector={"a": "b"})],
        moves(".10", "lab"),
        release=[".11"],
    ),
    Story(
        "who has it alone may do what it likes",
        [LAB, shared(".11", sharer()), sharer("web", ".11", port=HTTP)],
        took(".11", How.RENEWED, shared(".11", sharer()), "lab"),
    ),
    Story(
        "who goes leaves the others alone",
        [LAB, shared(".11", OTHER, sharer()), sharer("web", ".11", is_load_balancer=False)],
        withdrawn(),
        release=[".11"],
    ),
    Story(
        "after a restore the younger may come first: both show it, and share it",
        [LAB, sharer("other", ".11", port=HTTP), sharer("web", ".11", created=NEW)],
        Becomes([".11"], [Take(ip(".11"), "lab", How.ADOPTED)]),
    ),
    Story(
        "and the next one joins",
        [LAB, TAKEN, sharer("other", ".11", port=HTTP), sharer("web", ".11", created=NEW)],
        took(".11", How.ADOPTED, TAKEN, "lab"),
    ),
)  # fmt: skip
def test_a_service_that_shares(story: Story) -> None:
    check(story)


def test_sharing_across_namespaces_is_for_the_pool_to_allow() -> None:
    theirs = replace(OTHER, namespace="shop")
    there = shared(".11", theirs)
    assert what(decide(key(), ledger(LAB, there, sharer()), OURS)) == gets(".10", "lab")
    wide = replace(LAB, allocation=Allocation(sharing=SharingScope.ACROSS_NAMESPACES))
    joined = what(decide(key(), ledger(wide, there, sharer()), OURS))
    assert joined == took(".11", How.JOINED, there, "lab")


BOTH_WANTED: dict[str, Any] = {"families": DUAL, "family_policy": FamilyPolicy.PREFER_DUAL_STACK}
BOTH_NEEDED: dict[str, Any] = {"families": DUAL, "family_policy": FamilyPolicy.REQUIRE_DUAL_STACK}
V6 = allocated("fd00:110::1", pool="both")
V4 = allocated("10.0.1.0", pool="both")


@stories(
    Story(
        "both, from the first pool that has each",
        [LAB, BOTH, service(**BOTH_NEEDED)],
        Becomes(["10.0.1.0", "fd00:110::1"], [given("10.0.1.0", "both"),
                given("fd00:110::1", "both")]),
    ),
    Story(
        "the order is that of its families",
        [BOTH, service("web", **{**BOTH_WANTED, "families": DUAL[::-1]}), V4, V6],
        keeps("fd00:110::1", "10.0.1.0"),
    ),
    Story(
        "a second family that was added is given, and the first stays",
        [BOTH, V4, service("web", "10.0.1.0", **BOTH_WANTED)],
        Becomes(["10.0.1.0", "fd00:110::1"], [given("fd00:110::1", "both")]),
    ),
    Story(
        "who prefers both has one while there is no other",
        [LAB, allocated(".10"), service("web", ".10", **BOTH_WANTED)],
        keeps(".10", says=Outcome.DUAL_STACK_INCOMPLETE),
        notices=[Outcome.DUAL_STACK_INCOMPLETE],
    ),
    Story(
        "who prefers both gets the second family alone, if that is all there is",
        [pool("six", "fd00:110::1"), service(**BOTH_WANTED)],
        gets("fd00:110::1", "six", Outcome.DUAL_STACK_INCOMPLETE),
        notices=[Outcome.DUAL_STACK_INCOMPLETE],
    ),
    Story(
        "who requires both gets none while one cannot be had",
        [LAB, service(**BOTH_NEEDED)],
        Becomes([], says=Outcome.NO_FREE_ADDRESS),
        notices=[Outcome.NO_FREE_ADDRESS],
    ),
    Story(
        "nor what was taken for it before a crash, and was never shown",
        [LAB, allocated(".10"), service(**BOTH_NEEDED)],
        Becomes([], says=Outcome.NO_FREE_ADDRESS),
        notices=[Outcome.NO_FREE_ADDRESS],
        release=[".10"],
    ),
    Story(
        "who comes to require both keeps the one that it has",
        [LAB, allocated(".10"), service("web", ".10", **BOTH_NEEDED)],
        keeps(".10", says=Outcome.NO_FREE_ADDRESS),
        notices=[Outcome.NO_FREE_ADDRESS],
    ),
    Story(
        "what it does not ask for any more is given back, after it is out of the status",
        [BOTH, V4, V6, service("web", "10.0.1.0", "fd00:110::1")],
        keeps("10.0.1.0"),
        release=["fd00:110::1"],
    ),
    Story(
        "a restore: each family is adopted",
        [BOTH, service("web", "10.0.1.0", "fd00:110::1", **BOTH_NEEDED)],
        Becomes(
            ["10.0.1.0", "fd00:110::1"],
            [Take(ip("10.0.1.0"), "both", How.ADOPTED),
             Take(ip("fd00:110::1"), "both", How.ADOPTED)],
        ),
    ),
)  # fmt: skip
def test_families(story: Story) -> None:
    check(story)


NARROW = Allocation(namespaces=("shop",))


@stories(
    Story(
        "a pool that is not for it any more takes nothing back",
        [replace(LAB, allocation=NARROW), allocated(".10"), service("web", ".10")],
        keeps(".10", says=Outcome.OUT_OF_POOL),
    ),
    Story(
        "unless it says Reassign, and another one is to be had",
        [replace(LAB, allocation=NARROW, on_removal=OnRemoval.REASSIGN), GOLD,
         allocated(".10"), service("web", ".10")],
        moves(".20", "gold"),
        release=[".10"],
    ),
    Story(
        "if none is to be had it keeps it all the same",
        [replace(LAB, allocation=NARROW, on_removal=OnRemoval.REASSIGN), allocated(".10"),
         service("web", ".10")],
        keeps(".10", says=Outcome.OUT_OF_POOL),
    ),
    Story(
        "an address that was excluded stays",
        [replace(LAB, exclude=("10.0.0.10",)), allocated(".10"), service("web", ".10")],
        keeps(".10", says=Outcome.OUT_OF_POOL),
    ),
    Story(
        "a reservation is no pool's business",
        [replace(LAB, allocation=NARROW), allocated(".10", reserved_for=key()),
         service("web", ".10")],
        keeps(".10"),
    ),
)  # fmt: skip
def test_pools_that_are_edited(story: Story) -> None:
    state = [*story.state]
    known = ledger(*state)
    known.put_namespace("default", {})
    decision = decide(key(), known, OURS)
    assert what(decision) == story.then
    assert [notice.outcome for notice in decision.notices] == story.notices
    assert [view.address for view in decision.release] == [ip(text) for text in story.release]


def test_a_namespace_whose_labels_are_not_known_yet_moves_nobody() -> None:
    state = ledger(
        replace(LAB, allocation=NARROW, on_removal=OnRemoval.REASSIGN),
        GOLD,
        allocated(".10"),
        service("web", ".10"),
    )
    assert what(decide(key(), state, OURS)) == keeps(".10")


@pytest.mark.parametrize(
    ("rule", "state", "outcome", "says"),
    [
        (
            "another one's address",
            [LAB, allocated(".12", "other"), asking(".12")],
            UNAVAILABLE,
            "The Service asks for 10.0.0.12 and cannot have it. 10.0.0.12 belongs to default/other",
        ),
        ("of no pool", [LAB, asking("10.9.9.9")], UNAVAILABLE, "10.9.9.9 is in no pool"),
        (
            "of a pool that it does not ask for",
            [LAB, GOLD, service(request=Request((ip(".12"),), ("gold",)))],
            UNAVAILABLE,
            'Of pool "lab": the Service asks for addresses of gold only',
        ),
        (
            "reserved for another one",
            [LAB, reserved(".12", "other"), asking(".12")],
            UNAVAILABLE,
            "10.0.0.12 is reserved",
        ),
        (
            "being released",
            [LAB, releasing(".12"), asking(".12")],
            UNAVAILABLE,
            "10.0.0.12 is being released",
        ),
        (
            "of a pool that is off",
            [replace(LAB, disabled=True), asking(".12")],
            UNAVAILABLE,
            '"lab": disabled',
        ),
        (
            "a pool that is not there",
            [LAB, from_pools("silver")],
            NO_POOL_OF_THEM,
            '"silver": there is no such pool',
        ),
        (
            "pools that have nothing, in their order",
            [LAB, pool("full", "10.0.0.50"), allocated(".50", "other", pool="full"),
             replace(GOLD, disabled=True), from_pools("full", "gold")],
            NO_POOL_OF_THEM,
            '"full": full (1 of 1 used) [Full]; "gold": disabled [Disabled].',
        ),
        (
            "what cannot be read",
            [LAB, service(request=Request(
                problems=(Notice(Outcome.INVALID_REQUEST, "It is no address."),)))],
            Outcome.INVALID_REQUEST,
            "It is no address.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wish_that_cannot_be_met_is_told(
    rule: str, state: list[ServiceView], outcome: Outcome, says: str
) -> None:
    assert says in refusal(ledger(*state), outcome), rule


QUOTA = replace(LAB, allocation=Allocation(quota_per_namespace=1))
FOR_OTHERS = replace(LAB, allocation=Allocation(namespaces=("shop",)))


@pytest.mark.parametrize(
    ("rule", "state", "wants"),
    [
        (
            "an address of a full pool",
            [pool("full", "10.0.0.50"), allocated(".50", "other"), service()],
            {FreeAddress("full", Family.IPV4), PoolChange("full"), NewPool()},
        ),
        ("a pool", [service()], {NewPool()}),
        (
            "this address, or that its pool changes its mind",
            [LAB, allocated(".12", "other"), asking(".12")],
            {ThisAddress(ip(".12")), NewPool(), PoolChange("lab")},
        ),
        (
            "a pool that has it",
            [LAB, asking("10.9.9.9")],
            {NewPool(), ThisAddress(ip("10.9.9.9"))},
        ),
        (
            "that its namespace uses less",
            [QUOTA, allocated(".12", "other"), service()],
            {LessUsed("lab", "default"), PoolChange("lab"), NewPool()},
        ),
        (
            "that its namespace gets other labels",
            [FOR_OTHERS, service()],
            {NamespaceLabels("default"), PoolChange("lab"), NewPool()},
        ),
        (
            "that somebody lets it join",
            [pool("one", "10.0.0.11"), TAKEN, sharer(port=HTTP)],
            {FreeAddress("one", Family.IPV4), PoolChange("one"), NewPool(), Sharers("edge")},
        ),
        (
            "a pool with what it shows, which may be lbctl's of before a restore",
            [LAB, service("web", "10.9.9.9")],
            {NewPool()},
        ),
        ("nothing: it has all", [LAB, allocated(".10"), service("web", ".10")], set()),
        (
            "the other family, though it has an address",
            [LAB, allocated(".10"), service("web", ".10", **BOTH_WANTED)],
            {PoolChange("lab"), NewPool()},
        ),
    ],
)
def test_a_service_waits_for(rule: str, state: list[ServiceView], wants: set[Want]) -> None:
    assert decide(key(), ledger(*state), OURS).wants == wants, rule


def test_both_families_of_one_pool_count_against_its_quota() -> None:
    """They are decided at once, before either is written."""
    one = replace(BOTH, allocation=Allocation(quota_per_namespace=1))
    decision = decide(key(), ledger(one, service(**BOTH_WANTED)), OURS)
    assert [take.address for take in decision.takes] == [ip("10.0.1.0")]
    assert decision.notices[0].outcome is Outcome.DUAL_STACK_INCOMPLETE


def test_a_service_at_its_quota_may_still_move_within_the_pool() -> None:
    state = ledger(QUOTA, allocated(".10"), asking(".12", shown=".10"))
    assert what(decide(key(), state, OURS)) == moves(".12", "lab")


def test_who_joins_its_own_namespaces_address_uses_none_of_the_quota() -> None:
    state = ledger(QUOTA, TAKEN, sharer())
    assert what(decide(key(), state, OURS)) == took(".11", How.JOINED, TAKEN, "lab")


def test_the_condition_says_the_same_before_and_after_the_writes() -> None:
    """Or every new Service would cost one write more."""
    state = ledger(LAB, service())
    first = decide(key(), state, OURS)
    state.put_virtual_ip(allocated(".10"))
    state.put_service(service("web", ".10"))
    assert decide(key(), state, OURS).status == first.status
    assert first.verdict is not None
    assert first.verdict.message == '10.0.0.10 from pool "lab".'


def test_a_conflict_is_told_to_each_of_those_who_share() -> None:
    there = replace(shared(".11", OTHER, sharer()), conflict=FOREIGN_HOST)
    decision = decide(key(), ledger(LAB, there, OTHER, sharer("web", ".11")), OURS)
    assert what(decision) == gets(".10", "lab")
    assert [view.address for view in decision.release] == [ip(".11")]
    assert ref() in there.services
