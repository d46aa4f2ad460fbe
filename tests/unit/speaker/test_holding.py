"""Who holds an address: each row of a table is one sentence of the rules."""

from dataclasses import dataclass

import pytest

from speaker.messages import Role, State
from speaker.wire.holding import (
    Action,
    Asking,
    Blocked,
    Claimed,
    Due,
    Event,
    Holding,
    Idle,
    Planned,
    Probed,
    Silent,
    Stalled,
    Timings,
    Unsent,
    Watch,
    WatchState,
    begin,
    due,
    outcome,
    step,
)

LOW = b"\x02\x00\x00\x00\x00\x01"
OURS = b"\x02\x00\x00\x00\x00\x05"
HIGH = b"\x02\x00\x00\x00\x00\x09"
NOW = 100.0
T = Timings()
GEN = 3

ASKING = Asking(sent=2, due=NOW)
ASKED = Asking(sent=T.probes, due=NOW)
LOST = Asking(sent=1, due=NOW, regain=True)
BLOCKED = Blocked(by=HIGH, due=NOW)
HOLDING = Holding(gap=1, due=NOW)
CLAIM, KEEP, VERIFY = Role.CLAIM, Role.KEEP, Role.VERIFY
PROBE, ANNOUNCE = (Action.PROBE,), (Action.ANNOUNCE,)


@dataclass(frozen=True)
class Row:
    sentence: str
    role: Role
    state: WatchState
    event: Event
    becomes: type[WatchState]
    sends: tuple[Action, ...] = ()


ROWS = [
    # A plan
    Row("a new claim asks first", KEEP, Idle(), Planned(CLAIM), Asking, PROBE),
    Row("a claim repeated changes nothing", CLAIM, ASKING, Planned(CLAIM), Asking),
    Row("a claim repeated does not hurry", CLAIM, BLOCKED, Planned(CLAIM), Blocked),
    Row("whoever holds keeps when made first", KEEP, HOLDING, Planned(CLAIM), Holding),
    Row("whoever holds keeps when no longer first", CLAIM, HOLDING, Planned(KEEP), Holding),
    Row("who is not first does not take", CLAIM, ASKED, Planned(KEEP), Idle),
    Row("who is not first stops waiting", CLAIM, BLOCKED, Planned(KEEP), Idle),
    Row("who lost it a moment ago may ask on", CLAIM, LOST, Planned(KEEP), Asking),
    Row("a release silences at once", CLAIM, HOLDING, Planned(VERIFY, GEN), Asking, PROBE),
    Row("the same release is not begun again", VERIFY, Silent(), Planned(VERIFY, GEN), Silent),
    Row("a new release is asked anew", VERIFY, Silent(), Planned(VERIFY, 4), Asking, PROBE),
    Row("given again: ask first", VERIFY, Silent(), Planned(CLAIM, 4), Asking, PROBE),
    Row("given again in the role keep: wait", VERIFY, ASKED, Planned(KEEP, 4), Idle),
    # Time
    Row("a question is asked three times", CLAIM, ASKING, Due(), Asking, PROBE),
    Row("three silences: take it and say so", CLAIM, ASKED, Due(), Holding, ANNOUNCE),
    Row("three silences for a release: it is free", VERIFY, ASKED, Due(), Silent),
    Row("who was blocked asks again", CLAIM, BLOCKED, Due(), Asking, PROBE),
    Row("a holder goes on announcing", CLAIM, HOLDING, Due(), Holding, ANNOUNCE),
    Row("a release that was answered is asked again", VERIFY, BLOCKED, Due(), Asking, PROBE),
    # Another one answers
    Row("an answer blocks a claim", CLAIM, ASKING, Claimed(LOW), Blocked),
    Row("an answer blocks a claim, whoever is lower", CLAIM, ASKING, Claimed(HIGH), Blocked),
    Row("an answer ends a regain in the role keep", KEEP, LOST, Claimed(LOW), Idle),
    Row("an answer spoils a release", VERIFY, ASKING, Claimed(HIGH), Blocked),
    Row("an answer after the silence spoils it too", VERIFY, Silent(), Claimed(HIGH), Blocked),
    Row("lower MAC keeps and repeats its burst", CLAIM, HOLDING, Claimed(HIGH), Holding, ANNOUNCE),
    Row("lower MAC keeps in the role keep too", KEEP, HOLDING, Claimed(HIGH), Holding, ANNOUNCE),
    Row("higher MAC goes silent and asks", CLAIM, HOLDING, Claimed(LOW), Asking, PROBE),
    Row("higher MAC asks in the role keep too", KEEP, HOLDING, Claimed(LOW), Asking, PROBE),
    Row("who is idle does not care", KEEP, Idle(), Claimed(LOW), Idle),
    # Two ask at once
    Row("lower MAC goes on asking", CLAIM, ASKING, Probed(HIGH), Asking),
    Row("higher MAC waits", CLAIM, ASKING, Probed(LOW), Blocked),
    Row("two verifiers do not stop each other", VERIFY, ASKING, Probed(LOW), Asking),
    Row("a holder answers a probe and stays", CLAIM, HOLDING, Probed(LOW), Holding),
    # This process stood still
    Row("after a stall a holder asks first", CLAIM, HOLDING, Stalled(), Asking, PROBE),
    Row("after a stall a question starts over", CLAIM, ASKED, Stalled(), Asking, PROBE),
    Row("a stall while idle changes nothing", KEEP, Idle(), Stalled(), Idle),
    # The network refuses our frames
    Row("an unsent question is no silence", CLAIM, ASKED, Unsent(), Blocked),
    Row("an unsent question costs no right to regain", KEEP, LOST, Unsent(), Asking),
    Row("an unsent announcement is made good later", CLAIM, HOLDING, Unsent(), Holding),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_rule(row: Row) -> None:
    watch = Watch(mac=OURS, role=row.role, generation=GEN, state=row.state)

    after, sends = step(watch, row.event, now=NOW, chance=0.5, timings=T)

    assert (type(after.state), sends) == (row.becomes, row.sends)


@pytest.mark.parametrize(
    ("role", "state", "said"),
    [
        (CLAIM, BLOCKED, State.BLOCKED),
        (VERIFY, BLOCKED, State.ANSWERED),
        (VERIFY, Blocked(by=None, due=NOW), State.ASKING),
        (VERIFY, Silent(), State.SILENT),
        (CLAIM, HOLDING, State.HOLDING),
        (KEEP, Idle(), State.IDLE),
    ],
)
def test_what_the_agent_is_told(role: Role, state: WatchState, said: State) -> None:
    assert outcome(Watch(mac=OURS, role=role, generation=0, state=state)) is said


def test_taking_an_address_from_first_question_to_slow_refresh() -> None:
    watch, sends = begin(OURS, Planned(CLAIM), now=0.0, chance=0.5, timings=T)
    story = [(0.0, sends)]
    while (when := due(watch)) is not None and len(story) < 10:
        watch, sends = step(watch, Due(), now=when, chance=0.5, timings=T)
        story.append((round(when, 3), sends))

    assert story == [
        (0.0, PROBE),
        (0.15, PROBE),
        (0.3, PROBE),
        (0.45, ANNOUNCE),
        (0.55, ANNOUNCE),
        (0.75, ANNOUNCE),
        (1.45, ANNOUNCE),
        (3.45, ANNOUNCE),
        (13.45, ANNOUNCE),
        (23.45, ANNOUNCE),
    ]


def test_a_stubborn_stranger_is_met_at_the_rate_of_the_rfc() -> None:
    watch = Watch(mac=OURS, role=CLAIM, generation=0, state=HOLDING)
    defences = 0
    for second in range(30):
        watch, sends = step(watch, Claimed(HIGH), now=NOW + second, chance=0.5, timings=T)
        defences += len(sends)

    assert defences == 3


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_the_next_question_comes_after_a_second_and_some_jitter(chance: float) -> None:
    watch = Watch(mac=OURS, role=CLAIM, generation=0, state=ASKING)

    after, _ = step(watch, Claimed(LOW), now=NOW, chance=chance, timings=T)

    assert after.state == Blocked(by=LOW, due=NOW + 1.0 + chance * 0.5)
