"""Moving into an address and out of it."""

from dataclasses import replace

from lbctl.core.allocation.tenancy import made_for, moved_in, moved_out
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import Port
from lbctl.core.objects.virtualips import Release, Stage, Terms, VirtualIPView
from tests.unit.core.builders import allocated, ip, key, ref, reserved, service, shared

HTTP = Port("TCP", 80)
EDGE = Request(sharing_key="edge")
WEB = service("web", ports=(HTTP,), request=EDGE)
DNS = service("dns", ports=(Port("UDP", 53),), request=EDGE)


def test_the_first_one_brings_its_key_and_its_terms() -> None:
    made = moved_in(VirtualIPView(ip(".9")), WEB, "lab")
    assert made == shared(".9", WEB)
    assert made.stage is Stage.ALLOCATED


def test_a_new_one_is_as_if_the_service_had_moved_into_an_empty_one() -> None:
    for one in (WEB, replace(WEB, request=Request()), replace(WEB, uid="another")):
        empty = VirtualIPView(ip(".9"), adopted=True)
        assert made_for(one, ip(".9"), "lab", adopted=True) == moved_in(empty, one, "lab")
        assert not made_for(one, ip(".9"), None).adopted


def test_the_next_one_joins_under_the_key_that_is_there() -> None:
    assert moved_in(shared(".9", WEB), DNS, "lab") == shared(".9", WEB, DNS)


def test_who_comes_back_takes_the_place_of_its_namesake() -> None:
    before = shared(".9", replace(WEB, uid="before"), DNS)
    assert moved_in(before, WEB, "lab") == shared(".9", WEB, DNS)
    both = shared(".9", replace(WEB, uid="before"), DNS, WEB)
    assert moved_in(both, WEB, "lab").services == (ref("web"), ref("dns"))


def test_who_is_alone_changes_the_key_and_who_shares_does_not() -> None:
    changed = replace(WEB, request=Request(sharing_key="new"))
    assert moved_in(shared(".9", WEB), changed, "lab").sharing_key == "new"
    assert moved_in(shared(".9", WEB, DNS), changed, "lab").sharing_key == "edge"


def test_what_was_being_released_is_not_any_more() -> None:
    leaving = VirtualIPView(ip(".9"), pool="lab", release=Release("n1"), succession=("n1", "n2"))
    made = moved_in(leaving, WEB, None)
    assert (made.release, made.pool, made.succession) == (None, "lab", ("n1", "n2"))


def test_who_leaves_takes_nothing_of_the_others_with_it() -> None:
    assert moved_out(shared(".9", WEB, DNS), key("web")) == shared(".9", DNS)
    assert moved_out(shared(".9", WEB), key("dns")) == shared(".9", WEB)


def test_the_last_one_leaves_no_key_and_nobody_who_hands_over() -> None:
    left = moved_out(replace(shared(".9", WEB), outgoing="n1"), key("web"))
    assert (left.services, left.terms, left.sharing_key, left.outgoing) == ((), {}, "", None)


def test_a_reservation_stays_one() -> None:
    taken = moved_in(reserved(".9", "web"), WEB, None)
    assert taken.stage is Stage.ALLOCATED
    assert moved_out(taken, key("web")).stage is Stage.RESERVED
    assert moved_out(taken, key("web")).reserved_for == key("web")


def test_terms_that_nobody_wrote_down_are_not_invented() -> None:
    assert moved_out(replace(allocated(".9", "dns"), terms={}), key("web")).terms == {}
    assert moved_in(replace(allocated(".9", "dns"), terms={}), WEB, "lab").terms == {
        "uid-web": Terms((HTTP,))
    }
