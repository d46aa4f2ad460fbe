"""What the wire measures: how long failovers take, why addresses are taken, who is lost."""

import socket

import pytest

from speaker.messages import Taking
from speaker.wire import watch
from speaker.wire.session import MEASURE_SECONDS
from speaker.wire.spread import Spread
from speaker.wire.watch import Timings
from tests.unit.speaker.simulation import VIP, Cable, Lan

T = Timings()


def settled(count: int) -> Lan:
    lan = Lan(count, seed=1)
    lan.run(5.0)
    assert lan.holders == [lan.nodes[0]]
    return lan


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [
        pytest.param(0.0, 0, id="at once"),
        pytest.param(0.1, 0, id="a bound belongs to its bucket"),
        pytest.param(0.11, 1, id="above it, to the next"),
        pytest.param(7.0, 2, id="above all bounds, to the last"),
        pytest.param(-1.0, 0, id="a clock that was set back is no negative time"),
    ],
)
def test_a_time_is_counted_in_one_bucket(seconds: float, bucket: int) -> None:
    spread = Spread((0.1, 1.0))
    spread.observe(seconds)
    assert [at for at, count in enumerate(spread.counts) if count] == [bucket]
    assert spread.seconds == max(0.0, seconds)


def test_the_first_take_is_no_failover() -> None:
    first, second = settled(2).nodes
    assert first.keeper.totals.taken == {Taking.SILENCE: 1}
    assert sum(first.keeper.totals.failovers.counts) == 0
    assert not second.keeper.totals.taken


def test_a_death_is_measured_by_the_one_who_takes_over() -> None:
    lan = settled(3)
    first, second, third = lan.nodes
    first.kill()
    lan.run(2.0)
    assert lan.holders == [second]
    totals = second.keeper.totals
    assert totals.taken == {Taking.DEATH: 1}
    assert sum(totals.failovers.counts) == 1
    assert 0 <= totals.failovers.seconds < 0.15, "no turn, for nobody else comes before"
    assert sum(third.keeper.totals.failovers.counts) == 0
    assert (second.liveness.lost, third.liveness.lost) == ({"n1": 1}, {"n1": 1})
    lan.run(30.0)
    assert sum(totals.failovers.counts) == 1, "announcing again is no other failover"


def test_the_turn_of_a_dead_one_before_is_part_of_it() -> None:
    """The second hears nothing: the third gives it its turn, and that takes time."""
    lan = settled(3)
    first, second, third = lan.nodes
    second.freeze()
    first.kill()
    lan.run(3.0)
    assert lan.holders == [third]
    assert sum(third.keeper.totals.failovers.counts) == 1
    assert third.keeper.totals.failovers.seconds >= second.keeper.totals.failovers.seconds


def test_a_farewell_is_a_failover_and_no_lost_session() -> None:
    lan = settled(2)
    first, second = lan.nodes
    first.stop()
    lan.run(2.0)
    assert lan.holders == [second]
    assert second.keeper.totals.taken.total() == 1
    assert not second.liveness.lost, "it said so"


def test_a_planned_move_is_handed_over() -> None:
    lan = settled(2)
    first, second = lan.nodes
    for each in (first, second):
        each.obey(lan.plan_for(each, [second, first], outgoing=first))
    lan.run(5.0)
    assert lan.holders == [second]
    assert second.keeper.totals.taken == {Taking.HANDED_OVER: 1}
    assert sum(second.keeper.totals.failovers.counts) == 0


def test_each_session_measures_a_round_trip_when_it_comes_up_and_now_and_then() -> None:
    lan = settled(2)
    before = sum(lan.nodes[0].liveness.round_trips.counts)
    assert before >= 1
    lan.run(3 * MEASURE_SECONDS)
    assert sum(lan.nodes[0].liveness.round_trips.counts) >= before + 2
    for each in lan.nodes:
        trips = each.liveness.round_trips
        assert 0 < trips.seconds / sum(trips.counts) < 0.1


def test_one_that_has_to_ask_first_measures_that_too() -> None:
    """Only the API says that the dead one held: the LAN is asked, and the time counts."""
    lan = settled(2)
    first, second = lan.nodes
    first.kill()
    second.keeper.give(socket.inet_aton(VIP), watch.Doubted(0, lost_at=lan.now))
    second.turn()
    lan.run(3.0)
    assert lan.holders == [second]
    totals = second.keeper.totals
    assert (totals.taken, sum(totals.failovers.counts)) == ({Taking.DEATH: 1}, 1)
    assert totals.failovers.seconds == pytest.approx(T.probes * T.probe_interval)


def test_a_frame_that_the_kernel_refuses_is_counted_and_not_among_those_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lan = settled(2)
    _, second = lan.nodes
    sent = second.keeper.totals.probes
    monkeypatch.setattr(Cable, "send", lambda _cable, _frame: False)
    lan.run(10.0)
    assert second.keeper.totals.unsent > 0
    assert second.keeper.totals.probes == sent
