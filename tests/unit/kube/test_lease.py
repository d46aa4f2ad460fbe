"""Who leads and who lives, by locally measured ages; and the step of an election."""

import pytest

from lbctl.kube.election import Create, Step, Take, Terms, Wait, step
from lbctl.kube.lease import Freshness, Record, Sighting, sight

TERMS = Terms(duration=15.0)


def seen(holder: str, *, at: float = 0.0) -> Sighting:
    return Sighting(Record(holder, "t1"), at)


@pytest.mark.parametrize(
    ("sighting", "now", "expected"),
    [
        pytest.param(None, 0, Create(), id="no Lease: its creation is the lock"),
        pytest.param(seen("me"), 0, Take(renewal=True), id="ours is renewed"),
        pytest.param(
            seen("me"), 99, Take(renewal=True), id="ours is renewed even when it is stale"
        ),
        pytest.param(
            seen(""), 0, Take(renewal=False), id="one that was given back is taken at once"
        ),
        pytest.param(seen("you"), 0, Wait(2.0, "you"), id="another's is respected"),
        pytest.param(seen("you"), 14.5, Wait(0.5, "you"), id="just before it is stale too"),
        pytest.param(seen("you"), 15, Take(renewal=False), id="a stale one is taken"),
    ],
)
def test_step(sighting: Sighting | None, now: float, expected: Step) -> None:
    assert step(sighting, "me", now, TERMS) == expected


@pytest.mark.parametrize("duration", [3.0, 15.0, 60.0])
def test_a_leader_stops_before_anybody_else_may_begin(duration: float) -> None:
    terms = Terms(duration)
    assert terms.deadline + terms.retry < terms.duration
    assert terms.retry * 3 < terms.deadline, "one or two lost renewals are no loss of leadership"


def test_an_age_goes_on_until_the_record_changes() -> None:
    first = sight(None, Record("n1", "t1"), 10.0)
    assert sight(first, Record("n1", "t1"), 20.0).age(20.0) == 10.0
    assert sight(first, Record("n1", "t2"), 20.0).age(20.0) == 0.0
    assert sight(first, Record("n2", "t1"), 20.0).age(20.0) == 0.0


@pytest.mark.parametrize(
    ("records", "now", "fresh"),
    [
        pytest.param([], 0, False, id="nobody has seen a Lease"),
        pytest.param([(0, Record("n1", "t1"))], 14.9, True, id="a first sight counts as fresh"),
        pytest.param([(0, Record("n1", "t1"))], 15, False, id="without a renewal it turns stale"),
        pytest.param(
            [(0, Record("n1", "t1")), (14, Record("n1", "t1"))],
            15,
            False,
            id="to see the same again is no sign of life",
        ),
        pytest.param(
            [(0, Record("n1", "t1")), (14, Record("n1", "t2"))], 15, True, id="a renewal is"
        ),
        pytest.param(
            [(0, Record("n1", "t1")), (1, Record("", "t2"))],
            1,
            False,
            id="a release is seen at once",
        ),
        pytest.param(
            [(0, Record("n1", ""))], 0, False, id="one that was never renewed is not alive"
        ),
    ],
)
def test_freshness(records: list[tuple[float, Record]], now: float, *, fresh: bool) -> None:
    leases = Freshness(15.0)
    for at, record in records:
        leases.see("n1", record, at)
    assert leases.fresh("n1", now) is fresh


def test_the_clock_of_the_one_who_wrote_a_lease_does_not_matter() -> None:
    leases = Freshness(15.0)
    leases.see("n1", Record("n1", "1970-01-01T00:00:00.000000Z"), 0)
    assert leases.fresh("n1", 1)


def test_the_next_expiry_is_the_earliest() -> None:
    leases = Freshness(15.0)
    assert leases.next_expiry(0) is None
    leases.see("n1", Record("n1", "t1"), 0)
    leases.see("n2", Record("n2", "t1"), 5)
    assert leases.next_expiry(10) == 5
    assert leases.next_expiry(16) == 4, "n1 is stale already"
    leases.forget("n2")
    assert leases.next_expiry(16) is None


def three_speakers() -> Freshness:
    """n1 and n2 renewed lately, n3 died long ago."""
    leases = Freshness(15.0)
    leases.see("n3", Record("n3", "t1"), 0)
    for at in range(0, 101, 5):
        leases.see("n1", Record("n1", f"t{at}"), at)
        leases.see("n2", Record("n2", f"t{at}"), at + 3)
    return leases


def fresh(leases: Freshness, now: float) -> list[str]:
    return [name for name in ("n1", "n2", "n3") if leases.fresh(name, now)]


def test_while_nothing_can_be_heard_nobody_grows_old() -> None:
    """The API server was away. Who comes back first must not look like the only survivor."""
    leases = three_speakers()
    leases.lost(104)
    assert fresh(leases, 200) == ["n1", "n2"]
    assert leases.next_expiry(200) is None
    leases.following(300)
    leases.see("n1", Record("n1", "back"), 301)
    assert fresh(leases, 314) == ["n1", "n2"], "n3 was dead before"
    assert fresh(leases, 315) == ["n1"], "n2 had a whole duration to come back"


def test_who_breaks_a_silence_of_all_is_not_the_only_survivor() -> None:
    """The stream seemed well: the path was dead without a word, or our own process stood still."""
    leases = three_speakers()
    assert fresh(leases, 130) == [], "nobody is heard"
    assert leases.see("n1", Record("n1", "back"), 130)
    assert fresh(leases, 144) == ["n1", "n2"]
    assert fresh(leases, 145) == []


def test_one_who_is_silent_while_others_are_heard_is_stale() -> None:
    leases = three_speakers()
    for at in range(105, 131, 5):
        assert not leases.see("n1", Record("n1", f"t{at}"), at)
    assert fresh(leases, 130) == ["n1"]


def test_a_stream_that_breaks_again_and_again_hides_no_death() -> None:
    """Short gaps stop the clock and do not turn it back: nobody lives on them."""
    leases = three_speakers()
    for at in range(105, 131, 5):
        leases.lost(at)
        leases.following(at + 1)
        leases.see("n1", Record("n1", f"t{at}"), at + 1)
    assert fresh(leases, 131) == ["n1"]
