"""The API server restarts, two operators act at once, a clock is an hour off: all stays right."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import SYSTEM, Oracle, eventually
from tests.cluster.proxy import Call, Cut, Fault, Proxy, Refuse
from tests.cluster.resting import at_rest
from tests.cluster.speakers import Speakers
from tests.cluster.witness import Witness
from tests.lab import Lab

pytestmark = pytest.mark.lab

POOL = "172.16.110.100-172.16.110.250"
HOUR = 3600
PATIENT = ("--lease-duration-seconds", "10")
"""A Lease that a leader on a busy machine does not lose."""


def test_the_api_server_restarts_in_the_middle_of_everything(
    cluster: Oracle,
    operators: Operators,
    control_plane: Lab,
    witness: Witness,
) -> None:
    cluster.pool("lab", POOL)
    one = operators.start("--no-leader-election")
    for number in range(20):
        cluster.service(f"old-{number}")
    eventually(lambda: at_rest(cluster, 20), what="the first have addresses")
    before = cluster.services()
    for number in range(30):
        cluster.service(f"new-{number}")
    for number in range(5):
        cluster.delete_service(f"old-{number}")
    control_plane.faults.api_server_stopped()
    control_plane.faults.api_server_started()
    for number in range(30, 35):
        cluster.service(f"new-{number}")
    eventually(lambda: at_rest(cluster, 50), what="all is settled")
    cluster.assert_one_owner_for_an_address()
    kept = {name: shown for name, shown in before.items() if name in cluster.services()}
    assert kept.items() <= cluster.services().items()
    assert one.process.poll() is None, "an operator that does not stand for election lives on"
    operators.assert_no_faults()
    witness.judge()


class Dice:
    """Spoils every tenth write, by chance; lost answers most of all."""

    def __init__(self) -> None:
        self._chance = random.Random(5)  # noqa: S311 - for variety, not for secrets

    def __call__(self, call: Call) -> Fault | None:
        if not call.is_write or self._chance.random() > 0.1:
            return None
        conflict = Refuse(409, "AlreadyExists" if call.method == "POST" else "Conflict")
        lost = Cut(done=True)
        answers: list[Fault] = [conflict, Refuse(500, "InternalError"), lost, lost]
        return self._chance.choice(answers)


def test_two_active_operators_lose_answers_and_the_pool_is_too_small(
    cluster: Oracle,
    proxy: Proxy,
    many_operators: Operators,
    speakers: Callable[..., Speakers],
    witness: Witness,
) -> None:
    speakers("n1", "n2", "n3")
    cluster.pool("lab", "172.16.110.100-172.16.110.119")
    proxy.play(Dice())
    for _ in range(2):
        many_operators.start("--no-leader-election")
    for number in range(30):
        cluster.service(f"web-{number}")
    eventually(lambda: len(cluster.vips()) == 20, what="the pool is full")
    for number in range(0, 30, 2):
        cluster.delete_service(f"web-{number}")
    eventually(lambda: at_rest(cluster, 15), what="who waited has an address")
    cluster.assert_one_owner_for_an_address()
    assert len(proxy.struck) > 5
    many_operators.assert_no_faults()
    witness.judge()


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["fast", "slow"])
def test_a_clock_that_is_an_hour_off_deposes_nobody_and_kills_nobody(
    cluster: Oracle,
    operators: Operators,
    speakers: Callable[..., Speakers],
    witness: Witness,
    off: int,
) -> None:
    """Times in Leases are for people. The leader's clock is off, the standby's and all others not.

    First the one with the wrong clock leads and the other one watches it, then the other way
    round. Speakers stamp their Leases by the right clock all the time.
    """
    speakers("n1", "n2", "n3")
    cluster.pool("lab", POOL)
    wrong = {"PYTHONPATH": str(Path(__file__).parent / "shifted"), "SHIFTED_BY_SECONDS": str(off)}
    first = operators.start("--identity", "wrong", *PATIENT, environment=wrong)
    eventually(lambda: cluster.leader() == "wrong", what="the one with the wrong clock leads")
    second = operators.start("--identity", "right", *PATIENT)
    second.wait_ready()
    for number in range(8):
        cluster.service(f"web-{number}")
    eventually(lambda: at_rest(cluster, 8), what="all have addresses")
    stamped = _renewed(cluster)
    assert abs(datetime.now(UTC) + timedelta(seconds=off) - stamped) < timedelta(minutes=10)
    eventually(lambda: _renewed(cluster) - stamped > timedelta(seconds=12), what="it renews on")
    assert (cluster.leader(), _transitions(cluster)) == ("wrong", 0), "nobody deposed it"
    cluster.delete_service("web-0")
    eventually(lambda: at_rest(cluster, 7), what="the address is free")
    before = cluster.services()

    first.kill()
    third = operators.start("--identity", "wrong-too", *PATIENT, environment=wrong)
    eventually(lambda: cluster.leader() in {"right", "wrong-too"}, what="another one leads")
    cluster.service("new")
    eventually(lambda: at_rest(cluster, 8), what="the new one has an address")
    assert before.items() <= cluster.services().items()
    successions = [vip["spec"]["succession"] for vip in cluster.vips().values()]
    assert all(len(nodes) == 3 for nodes in successions), "no speaker was taken for dead"
    assert [one.process.poll() for one in (second, third)] == [None, None]
    operators.assert_no_faults()
    witness.judge()


def _renewed(cluster: Oracle) -> datetime:
    lease = cluster.leases.read_namespaced_lease("lbctl-operator", SYSTEM)
    stamp: datetime = lease.spec.renew_time
    return stamp


def _transitions(cluster: Oracle) -> int:
    return int(
        cluster.leases.read_namespaced_lease("lbctl-operator", SYSTEM).spec.lease_transitions
    )
