"""A BFD session: each row of a table is one sentence of RFC 5880, or of what a death is."""

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from speaker.wire.bfd import Diagnostic, Packet, Phase, Verdict, read, write
from speaker.wire.session import MEASURE_SECONDS, SLOW, Fate, Session

NOW = 50.0
FAST = 100_000
ADMIN_DOWN, DOWN, INIT, UP = Phase
NONE, EXPIRED = Diagnostic.NONE, Diagnostic.CONTROL_DETECTION_TIME_EXPIRED
SIGNALED = Diagnostic.NEIGHBOR_SIGNALED_SESSION_DOWN


def session(phase: Phase = DOWN, *, multiplier: int = 3, interval: int = FAST) -> Session:
    """A session that has come to this phase by what a peer said."""
    made = Session(discriminator=7, interval=interval, multiplier=multiplier, now=NOW)
    says = {DOWN: (), INIT: (DOWN,), UP: (DOWN, UP)}
    for said in says[phase]:
        made.receive(packet(said), now=NOW, chance=0.5)
    assert made.phase is phase
    return made


def packet(phase: Phase, tx: int = FAST, rx: int = FAST, multiplier: int = 3) -> Packet:
    return Packet(phase, 9, 0 if phase is DOWN else 7, tx, rx, multiplier)


@pytest.mark.parametrize(
    ("sentence", "before", "heard", "after"),
    [
        ("the peer begins too", DOWN, DOWN, INIT),
        ("the peer has heard us", DOWN, INIT, UP),
        ("a peer that is up must come down first", DOWN, UP, DOWN),
        ("a peer that stops is not answered", DOWN, ADMIN_DOWN, DOWN),
        ("the peer has not heard us yet", INIT, DOWN, INIT),
        ("both have heard each other", INIT, INIT, UP),
        ("the peer was faster", INIT, UP, UP),
        ("the peer stops before it began", INIT, ADMIN_DOWN, DOWN),
        ("the peer is behind", UP, INIT, UP),
        ("the peer goes on", UP, UP, UP),
        ("the peer takes it down", UP, DOWN, DOWN),
        ("the peer stops", UP, ADMIN_DOWN, DOWN),
    ],
)
def test_state_machine(sentence: str, before: Phase, heard: Phase, after: Phase) -> None:
    made = session(before)

    made.receive(packet(heard), now=NOW, chance=0.5)

    assert made.phase is after, sentence


@pytest.mark.parametrize("phase", [INIT, UP])
def test_after_the_detection_time_it_is_down_and_says_so_at_once(phase: Phase) -> None:
    made = session(phase)
    made.receive(packet(UP if phase is UP else DOWN), now=NOW, chance=0.5)
    while (sent := made.run(now=made.due() or 0.0, chance=1.0)) and sent.phase is phase:
        assert made.due() is not None

    assert made.last_sent == pytest.approx(NOW + 0.3)
    assert sent
    assert (sent.phase, sent.diagnostic, sent.your_discriminator) == (DOWN, EXPIRED, 0)


@pytest.mark.parametrize(
    ("sentence", "ours", "theirs", "their_multiplier", "seconds"),
    [
        ("both want the same", FAST, FAST, 3, 0.3),
        ("the peer sends slower than we want", FAST, 500_000, 3, 1.5),
        ("we want it slower than the peer sends", 300_000, FAST, 3, 0.9),
        ("the multiplier is the peer's", FAST, FAST, 5, 0.5),
    ],
)
def test_detection_time(
    sentence: str, ours: int, theirs: int, their_multiplier: int, seconds: float
) -> None:
    made = session(UP, interval=ours)

    made.receive(packet(UP, tx=theirs, multiplier=their_multiplier), now=NOW, chance=0.5)

    assert made.detection == pytest.approx(seconds), sentence


@pytest.mark.parametrize(
    ("sentence", "phase", "rx", "multiplier", "bounds"),
    [
        ("not up: once a second", DOWN, FAST, 3, (0.75, 1.0)),
        ("up: as fast as both want", UP, FAST, 3, (0.075, 0.1)),
        ("up: no faster than the peer listens", UP, 400_000, 3, (0.3, 0.4)),
        ("every packet counts: never late", UP, FAST, 1, (0.075, 0.09)),
    ],
)
def test_interval_and_jitter(
    sentence: str, phase: Phase, rx: int, multiplier: int, bounds: tuple[float, float]
) -> None:
    for chance, expected in zip((0.0, 1.0), bounds, strict=True):
        made = session(phase, multiplier=multiplier)
        if phase is UP:
            made.receive(packet(UP, rx=rx), now=NOW, chance=chance)
            made.excuse(100.0)
        made.run(now=NOW + 5.0, chance=chance)
        due = made.due()
        assert due is not None
        assert due - NOW - 5.0 == pytest.approx(expected), sentence


def test_a_peer_that_wants_nothing_gets_nothing() -> None:
    made = session(UP)
    made.receive(packet(UP, rx=0), now=NOW, chance=0.5)
    made.excuse(100.0)

    assert made.run(now=NOW + 1.0, chance=0.5) is None


def test_a_poll_is_answered_at_once_and_finally() -> None:
    made = session(UP)

    answer = made.receive(Packet(UP, 9, 7, FAST, FAST, 3, poll=True), now=NOW + 0.01, chance=0.5)

    assert answer
    assert (answer.final, answer.poll) == (True, False)


def test_going_up_is_negotiated_by_a_poll_sequence() -> None:
    made = session(INIT)

    first = made.receive(packet(INIT), now=NOW, chance=0.5)
    assert first
    assert (first.poll, first.desired_min_tx) == (True, FAST)
    second = made.run(now=NOW + 0.1, chance=0.5)
    assert second
    assert second.poll, "asked until it is answered"
    made.receive(Packet(UP, 9, 7, FAST, FAST, 3, final=True), now=NOW + 0.11, chance=0.5)
    assert made.round_trip == pytest.approx(0.11), "which of them is answered, nobody knows"
    third = made.run(now=NOW + 0.2, chance=0.5)
    assert third
    assert not third.poll


def test_a_round_trip_is_measured_now_and_then_in_a_packet_that_was_due_anyway() -> None:
    made = session(UP)
    final = Packet(UP, 9, 7, FAST, FAST, 3, final=True)
    made.receive(final, now=NOW, chance=0.5)
    polls, now = [], NOW
    while now < NOW + 3 * MEASURE_SECONDS:
        now = made.due() or 0.0
        sent = made.run(now=now, chance=1.0)
        assert sent
        assert sent.phase is UP
        if sent.poll:
            polls.append(now)
        answer = final if sent.poll else packet(UP)
        made.receive(answer, now=now + 0.002, chance=0.5)
        assert made.round_trip == pytest.approx(0.002 if polls else 0.0)
        assert (made.detection, made.patience_of_peer) == pytest.approx((0.3, 0.3))
    gaps = [after - before for before, after in pairwise(polls)]
    assert gaps
    assert gaps == pytest.approx([MEASURE_SECONDS] * len(gaps), abs=0.11)


def test_an_answer_to_an_older_question_ends_no_negotiation() -> None:
    """The peer may have said so before it heard the new values."""
    made = session(UP)
    final = Packet(UP, 9, 7, FAST, FAST, 3, final=True)
    assert made.polling, "the first Poll is out"
    made.change(interval=400_000, multiplier=3)
    made.receive(final, now=NOW + 0.01, chance=0.5)
    polled = made.run(now=NOW + 0.1, chance=0.5)
    assert polled
    assert (polled.poll, polled.desired_min_tx) == (True, 400_000)
    assert made.patience_of_peer == pytest.approx(0.3), "it still expects the old pace"
    made.receive(final, now=NOW + 0.11, chance=0.5)
    assert made.patience_of_peer == pytest.approx(1.2)


def test_a_slower_pace_waits_for_the_end_of_its_poll_sequence() -> None:
    made = session(UP)
    made.receive(Packet(UP, 9, 7, FAST, FAST, 3, final=True), now=NOW, chance=0.5)

    made.change(interval=400_000, multiplier=3)
    polled = made.run(now=NOW + 0.1, chance=1.0)
    assert polled
    assert (polled.poll, polled.desired_min_tx) == (True, 400_000)
    assert made.due() == pytest.approx(NOW + 0.2)

    made.receive(Packet(UP, 9, 7, FAST, FAST, 3, final=True), now=NOW + 0.15, chance=1.0)
    made.run(now=NOW + 0.2, chance=1.0)
    assert made.due() == pytest.approx(NOW + 0.6)


def test_a_faster_ear_keeps_its_patience_until_the_peer_knows() -> None:
    made = session(UP, interval=400_000)
    made.receive(Packet(UP, 9, 7, FAST, FAST, 3, final=True), now=NOW, chance=0.5)

    made.change(interval=FAST, multiplier=3)
    assert made.detection == pytest.approx(1.2)
    final = Packet(UP, 9, 7, FAST, FAST, 3, final=True)
    made.receive(final, now=NOW, chance=0.5)
    assert made.detection == pytest.approx(1.2), "it has not been asked yet"

    polled = made.run(now=NOW + 0.4, chance=0.5)
    assert polled
    assert polled.poll
    made.receive(final, now=NOW + 0.4, chance=0.5)
    assert made.detection == pytest.approx(0.3)


def test_not_up_it_promises_no_more_than_a_packet_a_second() -> None:
    sent = session(DOWN).run(now=NOW, chance=0.5)

    assert sent
    assert (sent.desired_min_tx, sent.required_min_rx) == (SLOW, FAST)


# ---------------------------------------------------------------- what a death is


def silence(made: Session) -> None:
    made.run(now=NOW + 10.0, chance=0.5)


def says(phase: Phase) -> object:
    return lambda made: made.receive(packet(phase), now=NOW + 10.0, chance=0.5)


@pytest.mark.parametrize(
    ("sentence", "phase", "happens", "fate"),
    [
        ("never heard: nothing is known", DOWN, [silence], Fate.UNKNOWN),
        ("heard, never up, silent: nothing is known", INIT, [silence], Fate.UNKNOWN),
        ("never up and stops: nothing is known", INIT, [says(ADMIN_DOWN)], Fate.UNKNOWN),
        ("up and silent: a death", UP, [silence], Fate.TIMED_OUT),
        ("up and stops: a death", UP, [says(ADMIN_DOWN)], Fate.STOPPED),
        ("up and takes it down: a doubt", UP, [says(DOWN)], Fate.DOUBTFUL),
        ("in doubt, then silent: a doubt still", UP, [says(DOWN), silence], Fate.DOUBTFUL),
        ("dead and heard: a doubt", UP, [silence, says(DOWN)], Fate.DOUBTFUL),
        ("stopped and heard: a doubt", UP, [says(ADMIN_DOWN), says(DOWN)], Fate.DOUBTFUL),
        ("stopped and stops again: dead still", UP, [says(ADMIN_DOWN)] * 2, Fate.STOPPED),
        ("back, and stops before it is up", UP, [says(DOWN), says(ADMIN_DOWN)], Fate.STOPPED),
        ("dead and up again: alive", UP, [silence, says(DOWN), says(UP)], Fate.UP),
    ],
)
def test_fate(sentence: str, phase: Phase, happens: list, fate: Fate) -> None:  # type: ignore[type-arg]  # of functions
    made = session(phase)

    for happen in happens:
        happen(made)

    assert made.fate is fate, sentence
    assert made.fate.dead is (fate in (Fate.TIMED_OUT, Fate.STOPPED))


def test_a_stall_of_our_own_is_no_death_of_the_peer() -> None:
    made = session(UP)
    made.receive(packet(UP), now=NOW, chance=0.5)

    made.excuse(5.0)
    fates = []
    for later in (5.2, 5.4):
        made.run(now=NOW + later, chance=0.5)
        fates.append(made.fate)

    assert fates == [Fate.UP, Fate.TIMED_OUT]


def test_a_node_that_stops_says_admin_down() -> None:
    made = session(UP)

    said = made.stop()

    assert (said.phase, said.diagnostic) == (ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN)
    assert made.due() is None
    assert made.receive(packet(UP), now=NOW, chance=0.5) is None


def test_a_session_that_the_plan_dropped_says_down_until_it_was_heard() -> None:
    ours, theirs = session(UP), session(UP)
    theirs.receive(packet(UP), now=NOW, chance=0.5)
    ours.retire(NOW)
    now, said = NOW, []
    while not ours.over:
        now = ours.due() or 0.0
        sent = ours.run(now=now, chance=0.5)
        assert sent
        said.append(sent)

    assert [each.phase for each in said] == [DOWN] * 3
    assert now - NOW < 0.3
    theirs.receive(said[-1], now=now, chance=0.5)
    assert theirs.fate is Fate.DOUBTFUL, "no death: both nodes live"


# ---------------------------------------------------------------- two of them


@dataclass
class Pair:
    """Two sessions over a path that loses packets; as bytes, as they travel."""

    dice: random.Random
    loss: float = 0.0
    now: float = 0.0
    ends: list[Session] = field(default_factory=list)

    def run_until(self, end: float) -> None:
        while True:
            when, at = min((each.due() or 0.0, at) for at, each in enumerate(self.ends))
            if when > end:
                break
            self.now = max(self.now, when)
            self.deliver(at, self.ends[at].run(now=self.now, chance=self.dice.random()))
        self.now = end

    def deliver(self, sender: int, sent: Packet | None) -> None:
        if sent is None or self.dice.random() < self.loss:
            return
        received = read(write(sent))
        assert not isinstance(received, Verdict)
        to = 1 - sender
        answer = self.ends[to].receive(received, now=self.now, chance=self.dice.random())
        self.deliver(to, answer)


@pytest.mark.parametrize("seed", range(20))
def test_two_sessions_come_up_stay_up_go_down_and_return(seed: int) -> None:
    pair = Pair(random.Random(seed))  # noqa: S311  # replayable
    pair.ends = [Session(at + 1, FAST, 3, now=0.0) for at in range(2)]

    pair.run_until(3.0)
    assert [end.fate for end in pair.ends] == [Fate.UP] * 2
    assert [end.detection for end in pair.ends] == [pytest.approx(0.3)] * 2
    assert not any(end.polling for end in pair.ends)
    pair.run_until(300.0)
    assert [end.fate for end in pair.ends] == [Fate.UP] * 2

    pair.loss = 1.0
    pair.run_until(300.301)
    assert [end.fate for end in pair.ends] == [Fate.TIMED_OUT] * 2
    pair.loss = 0.0
    pair.run_until(303.5)
    assert [end.fate for end in pair.ends] == [Fate.UP] * 2
