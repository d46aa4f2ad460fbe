"""Who holds an address: each row of a table is one sentence of the rules."""

import math
from dataclasses import dataclass, replace

import pytest

from speaker.messages import Role, State
from speaker.wire.holding import begin, step
from speaker.wire.watch import (
    Action,
    Asking,
    Bereaved,
    Blocked,
    Busy,
    Claimed,
    CutOff,
    Doubted,
    Due,
    Event,
    Holding,
    Idle,
    Intruder,
    PeerBack,
    Planned,
    Postponed,
    Probed,
    Promoted,
    Rejoined,
    Silent,
    Stalled,
    Stopping,
    Succeeding,
    Timings,
    Unsent,
    Watch,
    WatchState,
    due,
    outcome,
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
    Row("who comes earlier goes on, against a lower MAC", CLAIM, ASKING,
        Probed(LOW, precedes=False), Asking),
    Row("who asks this node alone is no rival", CLAIM, ASKING, Probed(LOW, directed=True), Asking),
    Row("who held it goes on, whoever else asks", KEEP, LOST, Probed(LOW), Asking),
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


SUCCEEDING = Succeeding(of=HIGH, due=NOW)
HEIR = Succeeding(of=HIGH, due=NOW, until=NOW + 1, asked=True)
KNOWN = Blocked(by=HIGH, due=NOW)
UNKNOWN = Blocked(by=None, due=NOW)
POLLED = Blocked(by=HIGH, due=NOW, unanswered=T.polls)
DEAF = Blocked(by=None, due=math.inf)
MUTE = Asking(sent=0, due=math.inf, regain=True)
POLL = (Action.POLL,)
FIRST = Planned(CLAIM, 0, 0)
NEXT, SECOND = Bereaved(HIGH, ahead=0), Bereaved(HIGH, ahead=1)

STANDBY_ROWS = [
    # A plan
    Row("a new standby looks after the holder", KEEP, Idle(), Planned(KEEP, 0, 1), Blocked),
    Row("a new first one asks", KEEP, Idle(), FIRST, Asking, PROBE),
    Row("made first: ask, the old holder may go", KEEP, KNOWN, FIRST, Asking, PROBE),
    Row("no longer first: stand by", CLAIM, ASKED, Planned(KEEP, 0, 1), Blocked),
    Row("a plan repeated does not forget the holder", KEEP, KNOWN, Planned(KEEP, 0, 1), Blocked),
    Row("a plan does not stop an heir", KEEP, SUCCEEDING, Planned(KEEP, 0, 1), Succeeding),
    Row("a plan without peers has no heirs", KEEP, SUCCEEDING, Planned(KEEP, 0), Idle),
    Row("whoever holds keeps as a standby too", CLAIM, HOLDING, Planned(KEEP, 0, 1), Holding),
    # The holder dies
    Row("the next takes at once", KEEP, KNOWN, NEXT, Holding, ANNOUNCE),
    Row("the first takes back at once", CLAIM, KNOWN, NEXT, Holding, ANNOUNCE),
    Row("the second gives the next a turn", KEEP, KNOWN, SECOND, Succeeding),
    Row("and asks before it is over", KEEP, SUCCEEDING, Due(), Succeeding, PROBE),
    Row("the turn is over: take it", KEEP, HEIR, Due(), Holding, ANNOUNCE),
    Row("the next is busy taking: wait", KEEP, HEIR, Busy(), Succeeding),
    Row("but not for ever", KEEP, replace(HEIR, until=NOW), Busy(), Holding, ANNOUNCE),
    Row("the next died too: take it at once", KEEP, HEIR, Promoted(0), Holding, ANNOUNCE),
    Row("one of two before it died too: wait for the other", KEEP, HEIR, Promoted(1), Succeeding),
    Row("a death after another took it changes nothing", KEEP, KNOWN, Promoted(0), Blocked),
    Row("somebody took it in his turn", KEEP, SUCCEEDING, Claimed(LOW), Blocked),
    Row("a question in the turn of another is no claim", KEEP, SUCCEEDING, Probed(LOW), Succeeding),
    Row("the death of another one means nothing", KEEP, KNOWN, Bereaved(LOW, 0), Blocked),
    Row("who does not know the holder asks first", KEEP, UNKNOWN, NEXT, Blocked),
    Row("who asks goes on asking", CLAIM, ASKING, NEXT, Asking),
    Row("who holds does not care", CLAIM, HOLDING, NEXT, Holding),
    Row("a release waits for silence all the same", VERIFY, KNOWN, NEXT, Blocked),
    # The holder is in doubt
    Row("a doubt is settled by asking", KEEP, POLLED, Due(), Asking, PROBE),
    Row("a doubt makes no holder silent", CLAIM, HOLDING, Doubted(0), Holding),
    # Looking after the holder
    Row("a standby asks the holder now and then", KEEP, KNOWN, Due(), Blocked, POLL),
    Row("the first does the same, as long as another holds", CLAIM, KNOWN, Due(), Blocked, POLL),
    Row("three silences: nobody holds it, whatever BFD says", KEEP, POLLED, Due(), Asking, PROBE),
    Row("asked and silent: a standby takes it", KEEP, ASKED, Due(), Holding, ANNOUNCE),
    Row("asked and answered: stand by", KEEP, ASKING, Claimed(LOW), Blocked),
    Row("who comes earlier asks too: stand by", KEEP, ASKING, Probed(HIGH, precedes=True), Blocked),
    Row("who comes later asks too", KEEP, ASKING, Probed(LOW, precedes=False), Asking),
    Row("an answer in time", KEEP, POLLED, Claimed(HIGH), Blocked),
    Row("an unsent question counts for nothing", KEEP, POLLED, Unsent(), Blocked),
    # Cut off
    Row("a holder that hears nothing is silent", CLAIM, HOLDING, CutOff(), Asking),
    Row("an heir that hears nothing takes nothing", KEEP, SUCCEEDING, CutOff(), Blocked),
    Row("who held asks when something is heard", CLAIM, MUTE, Rejoined(), Asking, PROBE),
    Row("who held hears who holds now", CLAIM, MUTE, Claimed(LOW), Blocked),
    Row("who stood by stands by", KEEP, DEAF, Rejoined(), Blocked),
    # Others
    Row("after a stall the holder is unknown", KEEP, KNOWN, Stalled(), Blocked),
    Row("after a stall an heir asks", KEEP, SUCCEEDING, Stalled(), Asking, PROBE),
    Row("a peer is back: say it again", CLAIM, Holding(4, NOW + 9), PeerBack(), Holding),
]  # fmt: skip


OFFERED, HEARD_ASKING = Probed(HIGH, directed=True), Probed(HIGH)
STRANGER = Claimed(LOW, foreign=True)
OFFER = (Action.OFFER,)
GIVEN = Holding(gap=1, due=NOW + 9, giver=LOW, settled_at=NOW + T.settling)
INTRUDED = Holding(gap=1, due=NOW + 9, intruder=Intruder(LOW, 1, due=NOW))
OVER = Holding(gap=1, due=NOW + 9, intruder=Intruder(LOW, 1, due=NOW, unanswered=T.polls))
RECENT = Holding(gap=1, due=NOW + 9, defended=NOW - 1)
MOVING, UNABLE = Planned(KEEP, 0, 1, hands_over=True), Planned(KEEP, 0, 1, serving=False)

HAND_OVER_ROWS = [
    # Who takes what is offered
    Row("a standby takes what its holder offers", KEEP, KNOWN, OFFERED, Holding, ANNOUNCE),
    Row("the first does too", CLAIM, KNOWN, OFFERED, Holding, ANNOUNCE),
    Row("a question to all is no offer", KEEP, KNOWN, HEARD_ASKING, Blocked),
    Row("who is not believed to hold has nothing to offer", KEEP, KNOWN,
        Probed(LOW, directed=True), Blocked),
    Row("who does not know the holder takes no offer", KEEP, UNKNOWN, OFFERED, Blocked),
    Row("who asks waits for the silence", CLAIM, ASKING, OFFERED, Asking),
    Row("who holds has no use for an offer", CLAIM, HOLDING, OFFERED, Holding),
    # What is still on its way
    Row("a late answer of the giver is no claim", KEEP, GIVEN, Claimed(LOW), Holding),
    Row("another one's is", KEEP, GIVEN, Claimed(b"\x02\0\0\0\0\0"), Asking, PROBE),
    # Strangers
    Row("against a stranger the holder keeps and defends", CLAIM, HOLDING, STRANGER, Holding,
        ANNOUNCE),
    Row("not more often than the RFC says", CLAIM, RECENT, STRANGER, Holding),
    Row("a stranger does not make a standby forget the holder", KEEP, POLLED, STRANGER, Blocked),
    Row("a stranger blocks who only asks", CLAIM, ASKING, STRANGER, Blocked),
    Row("a stranger is asked whether it still has it", CLAIM, INTRUDED, Due(), Holding,
        (Action.CHALLENGE,)),
    Row("it is silent: that is over", CLAIM, OVER, Due(), Holding),
    # Stopping
    Row("who stops holds until it is relieved", CLAIM, HOLDING, Stopping(), Holding),
    Row("who stops and does not hold takes nothing", CLAIM, ASKED, Stopping(), Idle),
    Row("an heir that stops is none", KEEP, SUCCEEDING, Stopping(), Idle),
    # Who cannot hand on traffic
    Row("who cannot serve keeps until another one has it", CLAIM, HOLDING, UNABLE, Holding),
    Row("who cannot serve stands by for nothing", KEEP, KNOWN, UNABLE, Idle),
    Row("nor takes back what it lost", KEEP, LOST, UNABLE, Idle),
]  # fmt: skip


@pytest.mark.parametrize("row", HAND_OVER_ROWS, ids=lambda row: row.sentence)
def test_rule_of_handing_over(row: Row) -> None:
    test_rule_with_a_succession(row)


LEAVING_ROWS = [
    Row("what is to go is offered", KEEP, Holding(4, NOW + 9, offer_due=NOW), Due(), Holding,
        OFFER),
    Row("and again when the new one asks for it", KEEP, HOLDING, Probed(LOW), Holding, OFFER),
    Row("the new one announces: stop at once", KEEP, HOLDING, Claimed(HIGH), Blocked),
    Row("whoever has the lower MAC", KEEP, HOLDING, Claimed(LOW), Blocked),
    Row("but not for a stranger", KEEP, HOLDING, STRANGER, Holding, ANNOUNCE),
    Row("the plan has changed its mind", KEEP, HOLDING, Planned(KEEP, 0, 1), Holding),
]  # fmt: skip


@pytest.mark.parametrize("row", LEAVING_ROWS, ids=lambda row: row.sentence)
def test_rule_of_who_is_to_let_go(row: Row) -> None:
    watch = Watch(OURS, row.role, GEN, row.state, rank=1, hands_over=True)

    after, sends = step(watch, row.event, now=NOW, chance=0.5, timings=T)

    assert (type(after.state), sends) == (row.becomes, row.sends)


STOPPING_ROWS = [
    Row("relieved: silent", KEEP, HOLDING, Claimed(HIGH), Idle),
    Row("a stranger relieves nobody", KEEP, HOLDING, STRANGER, Holding),
    Row("it announces nothing any more", KEEP, HOLDING, Due(), Holding),
    Row("it offers what nobody has taken", KEEP, Holding(4, math.inf, offer_due=NOW), Due(),
        Holding, OFFER),
    Row("a stall: another one may hold by now", KEEP, HOLDING, Stalled(), Idle),
    Row("no plan brings it back", KEEP, Idle(), Planned(CLAIM, 0, 0), Idle),
    Row("no death either", KEEP, Idle(), NEXT, Idle),
]  # fmt: skip


@pytest.mark.parametrize("row", STOPPING_ROWS, ids=lambda row: row.sentence)
def test_rule_of_who_stops(row: Row) -> None:
    watch = Watch(OURS, row.role, GEN, row.state, rank=1, stopping=True)

    after, sends = step(watch, row.event, now=NOW, chance=0.5, timings=T)

    assert (type(after.state), sends) == (row.becomes, row.sends)


def test_a_planned_move_needs_the_outgoing_one_to_offer() -> None:
    moved = Planned(CLAIM, 0, 0, outgoing=LOW)
    watch, sends = begin(OURS, moved, now=NOW, chance=0.5, timings=T)
    assert sends == PROBE

    watch, _ = step(watch, Claimed(LOW), now=NOW, chance=0.5, timings=T)
    assert isinstance(watch.state, Blocked), "it answers: it may not know yet that it is to go"
    watch, sends = step(watch, Probed(LOW), now=NOW, chance=0.5, timings=T)

    assert (type(watch.state), sends) == (Holding, ANNOUNCE)


def test_offers_are_quick_at_first_and_never_end() -> None:
    watch = Watch(OURS, KEEP, 0, Holding(4, math.inf, offer_due=NOW), rank=1, hands_over=True)
    when = NOW
    story: list[float] = []
    while len(story) < 6:
        watch, sends = step(watch, Due(), now=when, chance=0.5, timings=T)
        assert sends == OFFER
        story.append(round(when - NOW, 2))
        when = due(watch) or 0.0

    assert story == [0.0, 0.15, 0.3, 0.45, 2.45, 4.45]


def test_the_timings_of_a_plan_are_obeyed() -> None:
    watch, sends = begin(
        OURS, Planned(CLAIM), now=0.0, chance=0.5, timings=replace(T, burst=(), refresh=60.0)
    )
    story: list[tuple[float, tuple[Action, ...]]] = []
    while (when := due(watch)) is not None and len(story) < 5:
        watch, sends = step(
            watch, Due(), now=when, chance=0.5, timings=replace(T, burst=(), refresh=60.0)
        )
        story.append((round(when, 2), sends))

    assert story[2:] == [(0.45, ANNOUNCE), (60.45, ANNOUNCE), (120.45, ANNOUNCE)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_rule(row: Row) -> None:
    watch = Watch(mac=OURS, role=row.role, generation=GEN, state=row.state)

    after, sends = step(watch, row.event, now=NOW, chance=0.5, timings=T)

    assert (type(after.state), sends) == (row.becomes, row.sends)


@pytest.mark.parametrize("row", STANDBY_ROWS, ids=lambda row: row.sentence)
def test_rule_with_a_succession(row: Row) -> None:
    watch = Watch(mac=OURS, role=row.role, generation=GEN, state=row.state, rank=1)

    after, sends = step(watch, row.event, now=NOW, chance=0.5, timings=T)

    assert (type(after.state), sends) == (row.becomes, row.sends)


def after_step(state: WatchState, event: Event, role: Role = KEEP) -> WatchState:
    watch = Watch(mac=OURS, role=role, generation=0, state=state, rank=1)
    return step(watch, event, now=NOW, chance=0.5, timings=T)[0].state


@pytest.mark.parametrize(
    ("sentence", "state", "event", "due_after"),
    [
        (
            "two live ones before it: two turns, and it asks in time",
            KNOWN,
            Bereaved(HIGH, 2),
            1.5 * T.turn,
        ),
        (
            "one of them died too: one turn from then",
            Succeeding(of=HIGH, due=NOW + 1.4 * T.turn),
            Promoted(1),
            0.5 * T.turn,
        ),
        (
            "and no wait becomes longer by a death",
            Succeeding(of=HIGH, due=NOW + 0.1 * T.turn),
            Promoted(1),
            0.1 * T.turn,
        ),
        ("busy: looked at again after half a turn", HEIR, Busy(), T.turn / 2),
        ("busy: never longer than agreed", replace(HEIR, until=NOW + 0.01), Busy(), 0.01),
        ("too many to announce at once: later", HOLDING, Postponed(NOW + 3), 3.0),
        ("an announcement that was refused comes soon", Holding(4, NOW + 9), Unsent(), T.resend),
        ("a doubt is settled at once by the next", Blocked(HIGH, NOW + 2), Doubted(0), 0.0),
        ("and later by those behind it", Blocked(HIGH, NOW + 2), Doubted(1), T.turn),
        ("a poll comes every two seconds", KNOWN, Due(), T.poll_interval),
        ("cut off, no time comes", HOLDING, CutOff(), None),
        ("a burst again, not all in the same moment", Holding(4, NOW + 9), PeerBack(), 1.0),
        ("a burst that runs is burst enough", Holding(2, NOW + 0.5), PeerBack(), 0.5),
    ],
)
def test_when(sentence: str, state: WatchState, event: Event, due_after: float | None) -> None:
    when = due(Watch(OURS, KEEP, 0, after_step(state, event), rank=1))

    expected = None if due_after is None else pytest.approx(NOW + due_after)
    assert when == expected, sentence


def test_a_stall_forgets_the_holder_and_an_answer_names_the_next() -> None:
    forgotten = after_step(KNOWN, Stalled())

    assert forgotten == Blocked(by=None, due=NOW)
    assert after_step(forgotten, Claimed(LOW)) == Blocked(by=LOW, due=NOW)


def test_a_stranger_makes_no_standby_forget_its_holder() -> None:
    assert after_step(KNOWN, STRANGER) == KNOWN
    assert after_step(UNKNOWN, STRANGER) == Blocked(by=LOW, due=NOW), "where none is known, it is"


def test_from_a_holder_that_fell_silent_to_another() -> None:
    watch = Watch(OURS, KEEP, 0, KNOWN, rank=1)
    story = []
    while not isinstance(watch.state, Holding):
        when = due(watch)
        assert when is not None
        watch, sends = step(watch, Due(), now=when, chance=0.5, timings=T)
        story.append((round(when - NOW, 2), sends))

    assert story == [
        *[(0.0, POLL), (2.0, POLL), (4.0, POLL)],
        *[(6.0, PROBE), (6.15, PROBE), (6.3, PROBE), (6.45, ANNOUNCE)],
    ]


@pytest.mark.parametrize(
    ("role", "state", "said"),
    [
        (CLAIM, BLOCKED, State.BLOCKED),
        (VERIFY, BLOCKED, State.ANSWERED),
        (VERIFY, Blocked(by=None, due=NOW), State.ASKING),
        (VERIFY, Silent(), State.SILENT),
        (CLAIM, HOLDING, State.HOLDING),
        (KEEP, Idle(), State.IDLE),
        (KEEP, BLOCKED, State.IDLE),
        (KEEP, Succeeding(of=HIGH, due=NOW), State.ASKING),
        (KEEP, Asking(sent=0, due=math.inf, regain=True), State.IDLE),
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


@pytest.mark.parametrize("role", [CLAIM, KEEP])
def test_what_was_held_on_an_interface_that_changed_is_asked_for_at_once(role: Role) -> None:
    watch, _ = begin(OURS, Planned(role), now=0.0, chance=0.5, timings=T, regain=True)
    while isinstance(watch.state, Asking):
        watch, _ = step(watch, Due(), now=watch.state.due, chance=0.5, timings=T)

    assert isinstance(watch.state, Holding)


def test_what_was_held_is_not_taken_from_whoever_answers_now() -> None:
    watch, _ = begin(OURS, Planned(KEEP), now=0.0, chance=0.5, timings=T, regain=True)
    watch, _ = step(watch, Claimed(HIGH), now=0.1, chance=0.5, timings=T)

    assert isinstance(watch.state, Idle)


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
