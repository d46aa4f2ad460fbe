"""Reserving an address and giving that up: the next step from what is there, row by row."""

from typing import Any

import pytest

from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State
from lbctl.cli.view.deeds import End, Ended, Step, Waiting, Write
from lbctl.cli.view.keeping import release, reserve
from lbctl.core.addresses import Address, parse
from lbctl.core.objects.services import ServiceKey
from lbctl.kube.objects import VIRTUAL_IPS, Object
from tests.unit.cli import clusters

WEB, SPARE = "172.16.110.100", "172.16.110.105"
SHOP_WEB = ServiceKey("shop", "web")


def address(text: str) -> Address:
    found = parse(text)
    assert found is not None
    return found


def vip(text: str, spec: Object, *conditions: Object) -> Object:
    return {
        "metadata": clusters.meta(text),
        "spec": {"address": text, **spec},
        "status": {"conditions": [*conditions]},
    }


def having(*objects: Object) -> Snapshot:
    snapshot = clusters.healthy()
    for one in objects:
        snapshot = snapshot.put(VIRTUAL_IPS, one)
    return snapshot


def for_web(spec: Object | None = None, **condition: Any) -> Object:
    said = {**clusters.condition("Reserved", True, "ForService", "Kept for shop/web."),
            "observedGeneration": 1, **condition}  # fmt: skip
    return vip(SPARE, spec or {"reservedFor": {"namespace": "shop", "name": "web"}}, said)


def of_web(**spec: Any) -> Object:
    found = clusters.virtual_ip(WEB, "web", "n1", "n2", "n3", holder="n1")
    found["spec"] |= spec
    return found


RESTING = {"release": {"verifier": "n1", "coolingUntil": "2026-03-01T04:00:00Z"}}
RETAINED = {
    "release": {
        "verifier": "n1",
        "coolingUntil": "2026-03-01T04:00:00Z",
        "retainedFor": {"namespace": "shop", "name": "old", "until": "2026-03-02T03:00:00Z"},
    }
}
QUARANTINED = {
    "release": {
        "verifier": "n1",
        "quarantine": {"mac": "02:00:00:00:00:99", "until": "2026-03-01T03:10:00Z"},
    }
}


@pytest.mark.parametrize(("whom", "spec"), [
    (None, {"address": SPARE}),
    (SHOP_WEB, {"address": SPARE, "reservedFor": {"namespace": "shop", "name": "web"}}),
])  # fmt: skip
def test_a_free_address_gets_a_virtual_ip(whom: ServiceKey | None, spec: Object) -> None:
    step = reserve(State(clusters.healthy()), address(SPARE), whom)
    assert isinstance(step, Write)
    assert (step.verb, step.name) == ("create", SPARE)
    assert step.body == {"metadata": {"name": SPARE}, "spec": spec}


def test_an_ipv6_address_is_written_out_in_the_name() -> None:
    step = reserve(State(clusters.healthy()), address("fd00:110::150"), None)
    assert isinstance(step, Write)
    assert step.name == "fd00-0110-0000-0000-0000-0000-0000-0150"


@pytest.mark.parametrize(
    ("sentence", "there", "asked", "whom", "step"),
    [
        (
            "the operator has seen it",
            for_web(),
            SPARE,
            SHOP_WEB,
            Ended(End.DONE, "It is reserved. Kept for shop/web."),
        ),
        (
            "the operator has seen it as it was before",
            for_web(observedGeneration=0),
            SPARE,
            SHOP_WEB,
            Waiting("It is reserved; the operator has not said for whom."),
        ),
        (
            "it is somebody else's reservation",
            for_web(),
            SPARE,
            ServiceKey("shop", "api"),
            Ended(
                End.STUCK,
                "It is reserved for the Service shop/web.",
                f"lbctl release {SPARE}   # gives that up",
            ),
        ),
        (
            "a Service has it, and nobody was named",
            of_web(),
            WEB,
            None,
            Ended(
                End.STUCK,
                "The Service shop/web has it.",
                f"lbctl reserve {WEB} --for shop/web   # keeps it when that goes",
            ),
        ),
        (
            "the Service that has it has it reserved",
            of_web(reservedFor={"namespace": "shop", "name": "web"}),
            WEB,
            SHOP_WEB,
            Ended(End.DONE, "The Service shop/web has it, and it stays kept when that goes."),
        ),
        (
            "it is just being given back",
            vip(SPARE, {"release": {"verifier": "n1"}}),
            SPARE,
            SHOP_WEB,
            Waiting("It is being given back."),
        ),
    ],
)
def test_what_reserving_makes_of_what_is_there(
    sentence: str, there: Object, asked: str, whom: ServiceKey | None, step: Step
) -> None:
    assert reserve(State(having(there)), address(asked), whom) == step, sentence


@pytest.mark.parametrize(
    ("sentence", "there", "asked"),
    [
        ("the Service that has it", of_web(), WEB),
        ("nobody so far", vip(SPARE, {}), SPARE),
    ],
)
def test_a_reservation_is_written_into_what_is_there(
    sentence: str, there: Object, asked: str
) -> None:
    step = reserve(State(having(there)), address(asked), SHOP_WEB)
    assert isinstance(step, Write), sentence
    assert step.verb == "patch"
    assert step.body["spec"] == {"reservedFor": {"namespace": "shop", "name": "web"}}
    meta = step.body["metadata"]
    assert meta == {"resourceVersion": there["metadata"]["resourceVersion"]}


def test_an_address_that_a_service_shows_and_that_lost_its_virtual_ip_is_left_alone() -> None:
    snapshot = clusters.without(clusters.healthy(), VIRTUAL_IPS)
    for step in (
        reserve(State(snapshot), address(WEB), None),
        release(State(snapshot), address(WEB), wrote=False),
    ):
        assert step == Ended(End.STUCK, "The Service shop/web shows it, and has it soon again.")


def test_a_reservation_is_deleted_if_it_is_still_the_one() -> None:
    there = for_web()
    step = release(State(having(there)), address(SPARE), wrote=False)
    meta = there["metadata"]
    assert isinstance(step, Write)
    assert (step.verb, step.uid, step.resource_version) == (
        "delete", meta["uid"], meta["resourceVersion"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "spec", "over"),
    [
        ("a rest", RESTING, {"coolingUntil": None}),
        ("what is kept for a Service", RETAINED, {"coolingUntil": None, "retainedFor": None}),
        ("a quarantine", QUARANTINED, {"quarantine": None}),
    ],
)
def test_what_keeps_an_address_on_its_way_out_is_taken_away(
    sentence: str, spec: Object, over: Object
) -> None:
    there = vip(SPARE, spec)
    step = release(State(having(there)), address(SPARE), wrote=False)
    assert isinstance(step, Write), sentence
    assert step.body["spec"] == {"release": over}, "the verifier stays: the LAN is asked"


@pytest.mark.parametrize(
    ("sentence", "there", "asked", "wrote", "step"),
    [
        (
            "a Service has it",
            of_web(),
            WEB,
            False,
            Ended(
                End.STUCK,
                "The Service shop/web has it: it becomes free when that is deleted or asks for "
                "another.",
                f"lbctl explain address {WEB}",
            ),
        ),
        (
            "a Service has it, and the reservation was taken away",
            of_web(),
            WEB,
            True,
            Ended(End.DONE, "The Service shop/web has it, and nothing keeps it when that goes."),
        ),
        (
            "the LAN is being asked",
            vip(
                SPARE,
                {"release": {"verifier": "n1"}},
                clusters.condition("Released", False, "StillAnswered", "02:99 answers."),
            ),
            SPARE,
            True,
            Waiting("It is being given back. 02:99 answers."),
        ),
        ("nothing keeps it", None, SPARE, False, Ended(End.DONE, "Nothing keeps it.")),
        ("it is done", None, SPARE, True, Ended(End.DONE, "Nothing keeps it any more.")),
    ],
)
def test_what_releasing_makes_of_what_is_there(
    sentence: str,
    there: Object | None,
    asked: str,
    wrote: bool,  # noqa: FBT001 - a row
    step: Step,
) -> None:
    snapshot = having() if there is None else having(there)
    assert release(State(snapshot), address(asked), wrote=wrote) == step, sentence


def test_a_reservation_of_an_address_that_a_service_has_is_taken_out() -> None:
    there = of_web(reservedFor={"namespace": "shop", "name": "web"})
    step = release(State(having(there)), address(WEB), wrote=False)
    assert isinstance(step, Write)
    assert step.body["spec"] == {"reservedFor": None}
