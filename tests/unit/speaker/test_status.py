"""What a node says in a VirtualIP's status: object and report in, patch out."""

from dataclasses import replace
from typing import Any

import pytest

from speaker.agent.status import status_patch
from speaker.messages import AddressReport, State

OURS, THEIRS, STRANGER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:77"
TAKEN = 1_800_000_000.7  # 2027-01-15T08:00:00Z
HOLDING = AddressReport("10.0.0.9", State.HOLDING, interface="eth0", mac=OURS, since=TAKEN)
BLOCKED = replace(HOLDING, state=State.BLOCKED, by_mac=STRANGER)


def condition(kind: str, reason: str, *, status: str = "True", message: str = "m") -> Any:
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "observedGeneration": 1, "lastTransitionTime": "2027-01-01T00:00:00Z",
    }  # fmt: skip


PLANNED = condition("Planned", "Planned")
BY_US: dict[str, Any] = {
    "holder": "n1", "interface": "eth0", "mac": OURS, "since": "2027-01-15T08:00:00Z",
    "everHeld": True,
    "conditions": [
        condition("Announced", "Holding", message=f"n1 answers on eth0 with {OURS}"), PLANNED
    ],
}  # fmt: skip
BY_OTHER = {
    "holder": "n2", "interface": "eth0", "mac": THEIRS, "since": "2027-01-15T09:00:00Z",
    "conditions": [condition("Announced", "Holding"), PLANNED],
}  # fmt: skip


def virtual_ip(
    status: Any = None, *, generation: int = 1, succession: tuple[str, ...] = ("n1", "n2")
) -> Any:
    return {
        "metadata": {"name": "10.0.0.9", "generation": generation},
        "spec": {"address": "10.0.0.9", "succession": list(succession)},
        "status": status or {},
    }


def test_nobody_is_called_a_stranger_before_all_speakers_are_known() -> None:
    def patch(*, sure: bool) -> Any:
        return status_patch(
            virtual_ip(), BLOCKED, node="n1", told=False, ours={OURS}, sure=sure, now=TAKEN
        )

    assert "conflict" not in patch(sure=False)
    assert patch(sure=True)["conflict"]["mac"] == STRANGER


def said(patch: Any, kind: str) -> tuple[str, str, int]:
    (found,) = (each for each in patch["conditions"] if each["type"] == kind)
    return found["status"], found["reason"], found["observedGeneration"]


def test_a_new_holder_says_so_and_leaves_the_operators_word() -> None:
    patch = status_patch(virtual_ip({"conditions": [PLANNED]}), HOLDING, node="n1", told=False)

    assert patch is not None
    assert (patch["holder"], patch["interface"], patch["mac"]) == ("n1", "eth0", OURS)
    assert patch["since"] == "2027-01-15T08:00:00Z"
    assert said(patch, "Announced") == ("True", "Holding", 1)
    assert PLANNED in patch["conditions"]


ASKING, IDLE = replace(HOLDING, state=State.ASKING), replace(HOLDING, state=State.IDLE)
BY_N2 = replace(BLOCKED, by_mac=THEIRS)
QUIET = [
    ("what stands there already is not written again", BY_US, HOLDING, {"told": True}),
    ("a fresh agent does not repeat it either", BY_US, HOLDING, {"told": False}),
    ("a question that takes half a second is no news", BY_US, ASKING, {"told": True}),
    ("who came later is not overwritten in turns", BY_OTHER, HOLDING, {"told": True}),
    ("being idle is no news about another's address", BY_OTHER, IDLE, {"told": False}),
    ("blocked by the known holder is as it should be", BY_OTHER, BY_N2, {"told": False}),
    ("a stranger beside a living holder is its affair", BY_OTHER, BLOCKED, {"told": False}),
]


@pytest.mark.parametrize(("sentence", "status", "report", "known"), QUIET)
def test_nothing_is_written_when_nothing_changed(
    sentence: str, status: Any, report: AddressReport, known: Any
) -> None:
    assert status_patch(virtual_ip(status), report, node="n1", **known) is None, sentence


def test_a_new_plan_that_moves_nothing_costs_no_write() -> None:
    assert status_patch(virtual_ip(BY_US, generation=2), HOLDING, node="n1", told=True) is None


def test_taking_over_replaces_the_other_and_history_runs_forward() -> None:
    patch = status_patch(virtual_ip(BY_OTHER), HOLDING, node="n1", told=False)

    assert patch is not None
    assert patch["holder"] == "n1"
    assert patch["since"] == "2027-01-15T09:00:01Z", "after the other's, whatever our clock says"


def test_who_lost_it_withdraws_and_names_who_answers() -> None:
    patch = status_patch(virtual_ip(BY_US), BLOCKED, node="n1", told=True)

    assert patch is not None
    assert (patch["holder"], patch["interface"], patch["mac"], patch["since"]) == (None,) * 4
    assert said(patch, "Announced") == ("False", "AnsweredByAnother", 1)
    assert STRANGER in str(patch["conditions"])
    assert patch["answeredBy"] == STRANGER


def test_who_takes_it_at_last_withdraws_the_mac_that_answered() -> None:
    waited = virtual_ip({"answeredBy": STRANGER})

    patch = status_patch(waited, HOLDING, node="n1", told=False)

    assert patch is not None
    assert (patch["holder"], patch["answeredBy"]) == ("n1", None)


def test_who_gave_it_up_withdraws() -> None:
    patch = status_patch(
        virtual_ip(BY_US), replace(HOLDING, state=State.IDLE), node="n1", told=True
    )

    assert patch is not None
    assert patch["holder"] is None
    assert said(patch, "Announced") == ("False", "NotHeld", 1)


def test_a_stranger_in_place_of_a_dead_holder_is_named() -> None:
    dead = virtual_ip(BY_OTHER, succession=("n1",))

    patch = status_patch(dead, BLOCKED, node="n1", told=False)

    assert patch is not None
    assert said(patch, "Announced") == ("False", "AnsweredByAnother", 1)


def test_a_dead_holder_that_still_answers_is_left_standing() -> None:
    partitioned = virtual_ip(BY_OTHER, succession=("n1",))

    assert status_patch(partitioned, replace(BLOCKED, by_mac=THEIRS), node="n1", told=False) is None


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (replace(HOLDING, state=State.SILENT, generation=3), ("True", "Silent", 3)),
        (
            replace(HOLDING, state=State.ANSWERED, by_mac=STRANGER, generation=3),
            ("False", "StillAnswered", 3),
        ),
    ],
)
def test_a_verifier_says_what_the_lan_said(
    report: AddressReport, expected: tuple[str, str, int]
) -> None:
    patch = status_patch(virtual_ip(BY_US, generation=3), report, node="n1", told=True)

    assert patch is not None
    assert said(patch, "Released") == expected
    assert patch["holder"] is None, "who verifies does not hold"


def test_silence_of_an_older_generation_proves_nothing() -> None:
    report = replace(HOLDING, state=State.SILENT, generation=2)

    patch = status_patch(virtual_ip({}, generation=3), report, node="n1", told=False)

    assert patch is None


CLAIMED = replace(HOLDING, claimed_by=STRANGER, claims=3)
NOW = 1_800_000_060.0
IN_CONFLICT: dict[str, Any] = {
    **BY_US,
    "conflict": {"mac": STRANGER, "node": "n1", "since": "2027-01-15T08:01:00Z"},
    "conditions": [
        *BY_US["conditions"],
        condition(
            "Conflict",
            "ClaimedByForeignHost",
            message=f"{STRANGER} is no node that n1 knows and claims the address, which n1 holds "
            "and defends: find it by its MAC address on the switches, and give it another address",
        ),
    ],
}  # fmt: skip


def test_a_stranger_that_has_the_address_before_is_a_conflict() -> None:
    patch = status_patch(virtual_ip({}), BLOCKED, node="n1", told=False, now=NOW)

    assert patch is not None
    assert patch["conflict"] == {"mac": STRANGER, "node": "n1", "since": "2027-01-15T08:01:00Z"}
    assert said(patch, "Conflict") == ("True", "AnsweredByForeignHost", 1)
    assert said(patch, "Announced") == ("False", "AnsweredByAnother", 1)


def test_a_speaker_that_has_it_is_none() -> None:
    patch = status_patch(virtual_ip({}), BLOCKED, node="n1", told=False, ours={STRANGER}, now=NOW)

    assert patch is not None
    assert "conflict" not in patch


def test_a_stranger_that_claims_what_is_held_is_named_once() -> None:
    patch = status_patch(virtual_ip(BY_US), CLAIMED, node="n1", told=True, now=NOW)

    assert patch is not None
    assert patch["conflict"] == IN_CONFLICT["conflict"]
    assert said(patch, "Conflict") == ("True", "ClaimedByForeignHost", 1)
    again = replace(CLAIMED, claims=9)
    assert (
        status_patch(virtual_ip(IN_CONFLICT), again, node="n1", told=True, now=NOW + 60) is None
    ), "written on changes only"


def test_when_the_stranger_is_silent_it_is_over() -> None:
    patch = status_patch(virtual_ip(IN_CONFLICT), HOLDING, node="n1", told=True, now=NOW)

    assert patch is not None
    assert patch["conflict"] is None
    assert said(patch, "Conflict") == ("False", "NoConflict", 1)


@pytest.mark.parametrize(
    ("sentence", "report", "withdrawn"),
    [
        ("a holder that hears no stranger", HOLDING, True),
        ("who does not hold leaves another's word", replace(HOLDING, state=State.IDLE), False),
        ("who asks does not know yet", ASKING, False),
    ],
)
def test_who_withdraws_what_a_node_said_that_is_gone(
    *, sentence: str, report: AddressReport, withdrawn: bool
) -> None:
    status = {**IN_CONFLICT, "conflict": {**IN_CONFLICT["conflict"], "node": "n9"}}
    status |= {"holder": "n9", "mac": THEIRS}

    patch = status_patch(virtual_ip(status), report, node="n1", told=False, now=NOW) or {}

    assert ("conflict" in patch) is withdrawn, sentence


@pytest.mark.parametrize(
    ("before", "rewrites", "patch"),
    [(None, True, {"handOff": "NodePort"}), (None, False, None), ("NodePort", True, None),
     ("NodePort", False, {"handOff": None})],
    ids=["it begins", "the proxy's, as ever", "it goes on", "it ends"],
)  # fmt: skip
def test_a_holder_says_that_it_sends_to_node_ports(
    before: str | None, patch: Any, *, rewrites: bool
) -> None:
    status = BY_US if before is None else BY_US | {"handOff": before}
    said = status_patch(virtual_ip(status), HOLDING, node="n1", told=True, rewrites=rewrites)
    assert said == patch


def test_what_the_next_holder_does_it_says_itself() -> None:
    status = BY_US | {"handOff": "NodePort"}
    patch = status_patch(virtual_ip(status), IDLE, node="n1", told=True)
    assert patch is not None
    assert "handOff" not in patch
