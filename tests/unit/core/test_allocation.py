"""What is decided for a Service, as stories: the state in, the decision out."""

from dataclasses import replace

import pytest

from lbctl.core.addresses import Family
from lbctl.core.allocation.deciding import decide
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import FamilyPolicy, Ingress, Ownership, ServiceView
from lbctl.core.objects.virtualips import Conflict, Quarantine
from lbctl.core.outcomes import ConflictReason, Outcome
from tests.unit.core.builders import (
    CLASS,
    NEW,
    OLD,
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
)
from tests.unit.core.stories import (
    UNTOUCHED,
    Becomes,
    Story,
    adopts,
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
BOTH = pool("both", "10.0.1.0/28", "fd00:110::1-fd00:110::f")
IPV6 = (Family.IPV6,)
DUAL = (Family.IPV4, Family.IPV6)
WISH = Request((ip(".12"),))
ONLY_EXPLICIT = Ownership(default_class=False)


@stories(
    Story("the lowest address of the pool", [LAB, service()], gets(".10", "lab")),
    Story(
        "the first pool by name that has one",
        [pool("b", "10.0.0.1"), pool("a", "10.0.0.2"), service()],
        gets(".2", "a"),
    ),
    Story(
        "the next pool when the first is full",
        [pool("a", "10.0.0.2"), pool("b", "10.0.0.1"), allocated(".2", "other"), service()],
        gets(".1", "b"),
    ),
    Story(
        "a disabled pool is passed over",
        [pool("a", "10.0.0.2", disabled=True), pool("b", "10.0.0.1"), service()],
        gets(".1", "b"),
    ),
    Story(
        "a pool that overlaps an older one is passed over",
        [pool("a", "10.0.0.1-10.0.0.9", created=NEW), pool("b", "10.0.0.1"), service()],
        gets(".1", "b"),
    ),
    Story(
        "another Service's address is not free",
        [LAB, service(), allocated(".10", "other")],
        gets(".11", "lab"),
    ),
    Story(
        "an address that is being released is not free",
        [LAB, service(), releasing(".10")],
        gets(".11", "lab"),
    ),
    Story(
        "a reservation is not free",
        [LAB, service(), reserved(".10")],
        gets(".11", "lab"),
    ),
    Story(
        "an address that a Service shows is not free while its VirtualIP is missing",
        [LAB, service(), service("other", ".10")],
        gets(".11", "lab"),
    ),
    Story(
        "an address that another controller's Service shows is not free either",
        [LAB, service(), service("other", ".10", load_balancer_class="other/class")],
        gets(".11", "lab"),
    ),
    Story(
        "a node's own address is never given",
        [LAB, service()],
        gets(".11", "lab"),
        nodes={"n1": ".10"},
    ),
    Story(
        "no class is ours when we are the default",
        [LAB, service(load_balancer_class=None)],
        gets(".10", "lab"),
    ),
    Story(
        "our class is ours when we are not",
        [LAB, service(load_balancer_class=CLASS)],
        gets(".10", "lab"),
        ownership=ONLY_EXPLICIT,
    ),
    Story(
        "PreferDualStack gets IPv4, and hears that there is no IPv6",
        [LAB, service(families=DUAL, family_policy=FamilyPolicy.PREFER_DUAL_STACK)],
        gets(".10", "lab", Outcome.DUAL_STACK_INCOMPLETE),
        notices=[Outcome.DUAL_STACK_INCOMPLETE],
    ),
    Story(
        "PreferDualStack with IPv6 first gets IPv6, then IPv4",
        [BOTH, service(families=DUAL[::-1], family_policy=FamilyPolicy.PREFER_DUAL_STACK)],
        Becomes(
            ["fd00:110::1", "10.0.1.0"], [given("fd00:110::1", "both"), given("10.0.1.0", "both")]
        ),
    ),
    Story(
        "PreferDualStack in a cluster of one family has all that it can have",
        [LAB, service(family_policy=FamilyPolicy.PREFER_DUAL_STACK)],
        gets(".10", "lab"),
    ),
    Story(
        "an IPv6 Service gets the lowest free IPv6 address",
        [LAB, BOTH, service(families=IPV6), allocated("fd00:110::1", "other")],
        gets("fd00:110::2", "both"),
    ),
    Story(
        "the first address of an IPv6 subnet is its routers'",
        [pool("six", "fd00:110::/64"), service(families=IPV6)],
        gets("fd00:110::1", "six"),
    ),
    Story(
        "an IPv4 Service passes by a pool of IPv6",
        [pool("a-six", "fd00:110::/64"), LAB, service()],
        gets(".10", "lab"),
    ),
    Story(
        "a node's IPv6 address is never given",
        [pool("six", "fd00:110::/64"), service(families=IPV6)],
        gets("fd00:110::2", "six"),
        nodes={"n1": "fd00:110::1"},
    ),
)
def test_a_service_gets(story: Story) -> None:
    check(story)


@stories(
    Story("a Service that is gone", [LAB], UNTOUCHED),
    Story("another type", [LAB, service(is_load_balancer=False)], UNTOUCHED),
    Story("another class", [LAB, service(load_balancer_class="other/class")], UNTOUCHED),
    Story(
        "no class, and we are not the default", [LAB, service()], UNTOUCHED, ownership=ONLY_EXPLICIT
    ),
    Story("a Service on its way out gets nothing new", [LAB, service(deleting=True)], UNTOUCHED),
)
def test_left_alone(story: Story) -> None:
    check(story)


@stories(
    Story(
        "who has an address keeps it",
        [LAB, allocated(".11"), service("web", ".11")],
        keeps(".11"),
    ),
    Story(
        "a crash after the creation is mended: the status is written",
        [LAB, allocated(".11"), service()],
        keeps(".11"),
    ),
    Story(
        "a status without ipMode is completed",
        [LAB, allocated(".11"), service(ingress=(Ingress(ip="10.0.0.11"),))],
        keeps(".11"),
    ),
    Story(
        "the status is brought back to what the VirtualIP says",
        [LAB, allocated(".11"), service("web", ".12")],
        keeps(".11"),
    ),
    Story(
        "a pool that is gone takes nothing back, and the owner hears of it",
        [allocated(".11"), service("web", ".11")],
        keeps(".11", says=Outcome.OUT_OF_POOL),
    ),
    Story(
        "a disabled pool takes nothing back",
        [pool("lab", "10.0.0.0/28", disabled=True), allocated(".11"), service("web", ".11")],
        keeps(".11", says=Outcome.OUT_OF_POOL),
    ),
    Story(
        "a Service on its way out keeps its address until it is gone",
        [LAB, allocated(".11"), service("web", ".11", deleting=True)],
        keeps(".11"),
    ),
    Story(
        "a later wish is met when it can be",
        [
            LAB,
            allocated(".11"),
            service("web", ".11", request=WISH),
        ],
        gets(".12", "lab"),
        release=[".11"],
    ),
    Story(
        "another controller's address beside ours is reported and not erased",
        [LAB, allocated(".11"), service("web", ".11", "192.0.2.1")],
        Becomes(None),
        notices=[Outcome.FOREIGN_ADDRESS],
    ),
    Story(
        "under our own class the status is ours to write",
        [LAB, allocated(".11"), service("web", "192.0.2.1", load_balancer_class=CLASS)],
        keeps(".11"),
    ),
    Story(
        "of two addresses after a race the one in the status stays",
        [LAB, allocated(".10"), allocated(".11"), service("web", ".11")],
        keeps(".11"),
        release=[".10"],
    ),
    Story(
        "of two addresses of which none is shown the lower one stays",
        [LAB, allocated(".11"), allocated(".10"), service()],
        keeps(".10"),
        release=[".11"],
    ),
)
def test_a_service_keeps(story: Story) -> None:
    check(story)


CONFLICT = Conflict("02:00:00:00:00:77", ConflictReason.ANSWERED_BY_FOREIGN_HOST)


@stories(
    Story(
        "a new address that a foreign host has is changed for another",
        [LAB, allocated(".10", conflict=CONFLICT), service("web", ".10")],
        gets(".11", "lab"),
        release=[".10"],
        notices=[Outcome.ADDRESS_IN_CONFLICT],
    ),
    Story(
        "also before the Service shows it",
        [LAB, allocated(".10", conflict=CONFLICT), service()],
        gets(".11", "lab"),
        release=[".10"],
        notices=[Outcome.ADDRESS_IN_CONFLICT],
    ),
    Story(
        "where another was given before a crash, that one stays",
        [LAB, allocated(".10", conflict=CONFLICT), allocated(".11"), service("web", ".10")],
        keeps(".11"),
        release=[".10"],
        notices=[Outcome.ADDRESS_IN_CONFLICT],
    ),
    Story(
        "one that a node ever held is kept: its users know it",
        [LAB, allocated(".10", conflict=CONFLICT, ever_held=True), service("web", ".10")],
        keeps(".10"),
    ),
    Story(
        "one that was adopted is kept too: another controller gave it, and its users know it",
        [LAB, allocated(".10", conflict=CONFLICT, adopted=True), service("web", ".10")],
        keeps(".10"),
    ),
    Story(
        "one that is held and claimed is kept and defended",
        [
            LAB,
            allocated(
                ".10",
                holder="n1",
                conflict=replace(CONFLICT, reason=ConflictReason.CLAIMED_BY_FOREIGN_HOST),
            ),
            service("web", ".10"),
        ],
        keeps(".10"),
    ),
)
def test_a_conflict(story: Story) -> None:
    check(story)


def test_an_address_on_one_of_our_own_nodes_is_no_conflict() -> None:
    """A restore finds it there: an old holder has not heard of it yet."""
    known = ledger(LAB, allocated(".10", conflict=CONFLICT), service("web", ".10"))
    known.put_macs("n1", frozenset({CONFLICT.mac}))
    assert what(decide(key(), known, OURS)) == keeps(".10")


def test_a_pool_whose_addresses_are_in_quarantine_says_so() -> None:
    ill = releasing(".10", quarantine=Quarantine(CONFLICT.mac, "2026-01-01T00:10:00Z"))
    known = ledger(pool("lab", "10.0.0.10"), ill, service())
    assert "full (1 of 1 used, 1 of them in quarantine)" in refusal(known, Outcome.NO_FREE_ADDRESS)


@stories(
    Story(
        "a VirtualIP that somebody deleted is made again",
        [LAB, service("web", ".11")],
        adopts(".11", "lab"),
    ),
    Story(
        "adoption comes before refusal: what works goes on working",
        [LAB, service("web", ".11", request=WISH)],
        adopts(".11", "lab"),
    ),
    Story(
        "an address found on a node's interface is adopted all the same",
        [LAB, service("web", ".11")],
        adopts(".11", "lab"),
        nodes={"n1": ".11"},
    ),
    Story(
        "under our own class, what a node itself is known by is replaced",
        [LAB, service("web", ".11", load_balancer_class=CLASS)],
        gets(".10", "lab"),
        notices=[Outcome.ADDRESS_TAKEN],
        identities={"n1": ".11"},
    ),
    Story(
        "under our own class an address outside of every pool is ours",
        [LAB, service("web", "10.9.9.9", load_balancer_class=CLASS)],
        adopts("10.9.9.9", None),
    ),
    Story(
        "after a restore the VirtualIP knows an older uid of this Service: it is told the new one",
        [LAB, allocated(".11", uid="before"), service("web", ".11")],
        adopts(".11", "lab", allocated(".11", uid="before")),
    ),
    Story(
        "of two Services that show one address the older adopts it",
        [LAB, service("web", ".11", created=OLD), service("other", ".11")],
        adopts(".11", "lab"),
    ),
    Story(
        "the younger gets a new one and hears why",
        [LAB, service("web", ".11", created=NEW), service("other", ".11")],
        gets(".10", "lab"),
        notices=[Outcome.ADDRESS_TAKEN],
    ),
    Story(
        "an older one that has another address already does not stand in the way",
        [
            LAB,
            service("web", ".11"),
            service("other", ".11", created=OLD),
            allocated(".12", "other"),
        ],
        adopts(".11", "lab"),
    ),
    Story(
        "nor does an older one that is not ours",
        [LAB, service("web", ".11"), service("other", ".11", created=OLD, is_load_balancer=False)],
        adopts(".11", "lab"),
    ),
    Story(
        "what a VirtualIP says is stronger than age",
        [LAB, service("web", ".11", created=OLD), allocated(".11", "other")],
        gets(".10", "lab"),
        notices=[Outcome.ADDRESS_TAKEN],
    ),
    Story(
        "an address that is being released is not adopted",
        [LAB, service("web", ".11"), releasing(".11")],
        gets(".10", "lab"),
        notices=[Outcome.ADDRESS_TAKEN],
    ),
    Story(
        "a reservation is not adopted",
        [LAB, service("web", ".11"), reserved(".11")],
        gets(".10", "lab"),
        notices=[Outcome.ADDRESS_TAKEN],
    ),
    Story(
        "nonsense under our own class is replaced",
        [LAB, service("web", "127.0.0.1", load_balancer_class=CLASS)],
        gets(".10", "lab"),
        notices=[Outcome.ADDRESS_TAKEN],
    ),
)
def test_a_service_that_shows_an_address_without_its_virtual_ip(story: Story) -> None:
    check(story)


@stories(
    Story(
        "a Service that is gone",
        [LAB, allocated(".11")],
        UNTOUCHED,
        release=[".11"],
    ),
    Story(
        "a Service that came back under its name is another one",
        [LAB, allocated(".10", uid="before"), service()],
        gets(".11", "lab"),
        release=[".10"],
    ),
    Story(
        "a changed type: first out of the status, then released",
        [LAB, allocated(".11"), service("web", ".11", is_load_balancer=False)],
        withdrawn(),
        release=[".11"],
    ),
    Story(
        "a changed type whose status is clean already",
        [LAB, allocated(".11"), service(is_load_balancer=False)],
        UNTOUCHED,
        release=[".11"],
    ),
    Story(
        "another class: only our address goes out of the status",
        [LAB, allocated(".11"), service("web", ".11", "192.0.2.1", load_balancer_class="other/c")],
        withdrawn("192.0.2.1"),
        release=[".11"],
    ),
)
def test_released(story: Story) -> None:
    check(story)


def test_a_node_s_address_in_our_pool_was_written_by_a_controller_that_uses_nodes() -> None:
    known = ledger(LAB, service("web", ".11"), identities={"n1": ".11"})
    assert refusal(known, Outcome.FOREIGN_ADDRESS, untouched=True)


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("an address in none of our pools", service("web", "192.0.2.1")),
        ("a host name", service(ingress=(Ingress(hostname="lb.example.org"),))),
        ("an IPv6 address", service(ingress=(Ingress(ip="fd00::1"),))),
        ("even beside one of our pools' addresses", service("web", ".11", "192.0.2.1")),
    ],
)
def test_what_another_controller_wrote_is_left_alone(rule: str, seen: ServiceView) -> None:
    message = refusal(ledger(LAB, seen), Outcome.FOREIGN_ADDRESS, untouched=True)
    assert seen.ingress[-1].ip in message, rule
    assert f"spec.loadBalancerClass: {CLASS}" in message


def test_without_a_pool_the_message_says_what_to_create() -> None:
    assert refusal(ledger(service()), Outcome.NO_POOL) == (
        "There is no IPAddressPool. Create one with addresses of your LAN."
    )


def test_when_nothing_is_free_every_pool_says_why() -> None:
    state = ledger(
        pool("full", "10.0.0.1"),
        allocated(".1", "other"),
        pool("nodes", "10.0.0.2-10.0.0.3"),
        allocated(".3", "third"),
        pool("off", "10.0.0.4", disabled=True),
        pool("twin", "10.0.0.1", created=NEW),
        pool("six", "fd00::/64"),
        pool("wrong", "nonsense"),
        service(),
        n1=".2",
    )
    assert refusal(state, Outcome.NO_FREE_ADDRESS) == (
        'No pool gives an IPv4 address. "full": full (1 of 1 used) [Full]; '
        '"nodes": full (1 of 2 used, 1 never given) [Full]; '
        '"off": disabled [Disabled]; "six": has no IPv4 addresses [NoAddressesOfFamily]; '
        '"twin": overlaps an older pool or a range of the cluster [Overlap]; '
        '"wrong": has addresses that cannot be read [InvalidAddresses]. '
        "Mend one of them, or add IPv4 addresses or another pool."
    )


def test_an_address_that_was_lost_is_taken_out_of_the_status_when_nothing_replaces_it() -> None:
    state = ledger(pool("lab", "10.0.0.11"), service("web", ".11"), allocated(".11", "other"))
    decision = decide(key(), state, OURS)
    assert what(decision) == Becomes([], says=Outcome.NO_FREE_ADDRESS)
    assert decision.notices[0].message == "10.0.0.11 belongs to default/other."


def test_the_ledger_forgets() -> None:
    state = ledger(LAB, service(), allocated(".10", "other"), service("third", ".11"), n1=".12")
    state.drop_virtual_ip(ip(".10"))
    assert what(decide(key(), state, OURS)) == gets(".10", "lab")
    state.put_virtual_ip(allocated(".10", "other"))
    state.drop_service(key("third"))
    assert what(decide(key(), state, OURS)) == gets(".11", "lab")
    state.put_service(service("third", ".11"))
    state.drop_node("n1")
    assert what(decide(key(), state, OURS)) == gets(".12", "lab")
    state.drop_pool("lab")
    assert refusal(state, Outcome.NO_POOL)
    state.drop_service(key())
    assert what(decide(key(), state, OURS)) == UNTOUCHED
    for forgotten_twice in (state.drop_pool, state.drop_node):
        forgotten_twice("lab")


def test_a_virtual_ip_that_changes_its_service_is_the_new_ones() -> None:
    state = ledger(LAB, service(), allocated(".10", "other"))
    state.put_virtual_ip(allocated(".10"))
    assert state.virtual_ips_of(key("other")) == ()
    assert what(decide(key(), state, OURS)) == keeps(".10")
    assert state.virtual_ips_of(key())[0].service == ref()


@pytest.mark.parametrize("last", ["virtual ip", "service", "node"])
def test_an_address_is_free_when_its_last_use_is_gone(last: str) -> None:
    state = ledger(pool("one", "10.0.0.10"), allocated(".10"), service("web", ".10"), n1=".10")
    drop = {
        "virtual ip": lambda: state.drop_virtual_ip(ip(".10")),
        "service": lambda: state.drop_service(key()),
        "node": lambda: state.drop_node("n1"),
    }
    for use in sorted(drop, key=lambda use: use == last):
        assert state.lowest_free("one", Family.IPV4) is None
        drop[use]()
    assert state.lowest_free("one", Family.IPV4) == ip(".10")
