"""One owner for an address, whatever happens: crashes, races, lost watches, deleted objects."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import CLASS, Oracle, eventually
from tests.cluster.resting import at_rest
from tests.cluster.speakers import Speakers
from tests.lab import Lab

pytestmark = pytest.mark.lab

POOL = "172.16.110.100-172.16.111.250"
PATIENT = ("--lease-duration-seconds", "15")
"""A Lease that a leader on a busy machine does not lose."""


def test_a_restart_changes_nothing(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    one = operators.start()
    for number in range(5):
        cluster.service(f"web-{number}")
    eventually(lambda: at_rest(cluster, 5), what="all is written")
    before = cluster.services()
    versions = {a: v["metadata"]["resourceVersion"] for a, v in cluster.vips().items()}
    assert one.stop() == 0
    assert cluster.leader() == "", "the Lease is given back"
    operators.start().wait_ready()
    cluster.service("new")
    cluster.wait_settled(6)
    assert before.items() <= cluster.services().items()
    after = {a: v["metadata"]["resourceVersion"] for a, v in cluster.vips().items()}
    assert versions.items() <= after.items(), "nothing was written without need"


def test_what_was_deleted_while_the_operator_was_down_is_freed(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("lab", POOL)
    one = operators.start()
    for name in ("gone", "changed", "stays"):
        cluster.service(name)
    cluster.wait_settled(3)
    one.stop()
    cluster.delete_service("gone")
    cluster.change_service("changed", type="ClusterIP")
    operators.start()
    cluster.wait_settled(1)


def test_a_namesake_does_not_inherit(cluster: Oracle, operators: Operators) -> None:
    """A Service deleted and made again while the operator was down is another Service."""
    cluster.pool("lab", POOL)
    one = operators.start()
    old = cluster.service("web")
    cluster.wait_settled(1)
    one.stop()
    cluster.delete_service("web")
    new = cluster.service("web")
    assert new != old
    operators.start()
    eventually(
        lambda: cluster.shown("web") and set(cluster.owners().values()) == {new},
        what="the new one has its own",
    )
    cluster.wait_settled(1)


def test_kill_minus_nine_in_the_middle_of_allocations(
    cluster: Oracle, operators: Operators
) -> None:
    """Killed at moments that nobody chose, among creations and deletions: the end is the same."""
    chance = random.Random(4)  # noqa: S311 - the same story each time
    cluster.pool("lab", POOL)
    alive: set[str] = set()
    for round_ in range(6):
        one = operators.start("--identity", "always-me")
        for number in range(12):
            name = f"web-{round_}-{number}"
            cluster.service(name)
            alive.add(name)
        enough = min(len(alive), chance.randrange(2, 30) + 8 * round_)
        _wait_given(cluster, enough)
        one.kill()
        for name in chance.sample(sorted(alive), 4):
            cluster.delete_service(name)
            alive.discard(name)
    operators.start("--identity", "always-me")
    cluster.wait_settled(len(alive))


def test_two_active_operators_never_give_one_address_twice(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("lab", POOL)
    for _ in range(2):
        operators.start("--no-leader-election").wait_ready()
    for number in range(120):
        cluster.service(f"web-{number}")
    cluster.wait_settled(120, patience=120)
    for number in range(0, 120, 3):
        cluster.delete_service(f"web-{number}")
    cluster.wait_settled(80, patience=120)


def test_the_standby_takes_over_from_a_killed_leader(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    first = operators.start("--identity", "first", *PATIENT)
    eventually(lambda: cluster.leader() == "first", what="the first one leads")
    second = operators.start("--identity", "second", *PATIENT)
    second.wait_ready()
    cluster.service("before")
    cluster.wait_settled(1)
    assert "lbctl_leader 0.0" in second.get("/metrics")[1]
    first.kill()
    cluster.service("after")
    eventually(lambda: cluster.leader() == "second", what="the second one leads")
    cluster.wait_settled(2)


def test_a_leader_that_lost_the_api_server_ends_and_another_works(
    cluster: Oracle, operators: Operators, control_plane: Lab
) -> None:
    cluster.pool("lab", POOL)
    door = control_plane.forwarder()
    first = operators.start("--identity", "first", kubeconfig=door.kubeconfig)
    eventually(lambda: cluster.leader() == "first", what="the first one leads")
    operators.start("--identity", "second").wait_ready()
    door.cut()
    cluster.service("web")
    cluster.wait_settled(1)
    assert cluster.leader() == "second"
    assert first.process.wait(timeout=30) == 1, "kubelet is to restart it"
    door.close()


def test_a_deletion_during_a_lost_watch_is_noticed(
    cluster: Oracle, operators: Operators, control_plane: Lab
) -> None:
    cluster.pool("lab", POOL)
    door = control_plane.forwarder()
    operators.start("--no-leader-election", kubeconfig=door.kubeconfig)
    for name in ("gone", "stays"):
        cluster.service(name)
    cluster.wait_settled(2)
    door.cut()
    cluster.delete_service("gone")
    cluster.service("new")
    door.mended()
    cluster.wait_settled(2)
    assert sorted(cluster.services()) == ["new", "stays"]
    door.close()


def test_a_deletion_is_noticed_whose_history_the_api_server_has_lost(
    cluster: Oracle, operators: Operators, control_plane: Lab
) -> None:
    """A restarted API server answers 410 to a watch that wants to go on: kopf lists anew then.

    kopf compares nothing with that list. Only the sweep after it can tell what is missing.
    """
    cluster.pool("lab", POOL)
    door = control_plane.forwarder()
    operators.start("--no-leader-election", kubeconfig=door.kubeconfig).wait_ready()
    for number in range(5):
        cluster.service(f"web-{number}")
    cluster.wait_settled(5)
    door.cut()
    for number in range(3):
        cluster.delete_service(f"web-{number}")
    control_plane.faults.api_server_stopped()
    control_plane.faults.api_server_started()
    cluster.service("new")
    door.mended()
    cluster.wait_settled(3)
    assert sorted(cluster.services()) == ["new", "web-3", "web-4"]
    door.close()


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is down"])
def test_a_virtual_ip_that_somebody_deleted_is_adopted_again(
    cluster: Oracle, operators: Operators, *, running: bool
) -> None:
    cluster.pool("lab", POOL)
    one = operators.start()
    cluster.service("web")
    cluster.wait_settled(1)
    if not running:
        one.stop()
    cluster.delete_vip("172.16.110.100")
    cluster.service("new")
    if not running:
        operators.start()
    cluster.wait_settled(2)
    assert cluster.shown("web") == ["172.16.110.100"], "it keeps what it shows"
    assert "172.16.110.100" in cluster.wait_note("web", "AddressAdopted")


def test_of_two_that_show_one_address_the_older_keeps_it(
    cluster: Oracle, operators: Operators
) -> None:
    """A restored backup: no VirtualIPs, and two Services with the same address in their status."""
    cluster.pool("lab", POOL)
    for name in ("b-older", "a-younger"):
        cluster.service(name, loadBalancerClass=CLASS)
        cluster.show(name, "172.16.110.100")
        if name == "b-older":
            _wait_for_another_second(cluster, name)
    operators.start()
    cluster.wait_settled(2)
    assert cluster.shown("b-older") == ["172.16.110.100"]
    assert cluster.wait_note("a-younger", "AddressTaken")


def test_a_foreign_address_is_never_erased(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    cluster.service("web")
    cluster.show("web", "203.0.113.7")
    operators.start()
    assert "203.0.113.7" in cluster.wait_note("web", "ForeignAddress")
    cluster.service("own")
    cluster.wait_shown("own", "172.16.110.100")
    assert cluster.shown("web") == ["203.0.113.7"]
    assert list(cluster.vips()) == ["172.16.110.100"]


def test_a_status_that_was_wiped_is_written_again(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web")
    cluster.wait_settled(1)
    cluster.show("web")
    cluster.wait_shown("web", "172.16.110.100")


def test_a_released_address_stays_until_the_lan_is_silent(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    lan = speakers("n1", "n2", "n3")
    cluster.pool("lab", "172.16.110.100")
    operators.start()
    cluster.service("web")
    holder = _holder(cluster, "172.16.110.100")
    lan.answered.add("172.16.110.100")
    cluster.delete_service("web")
    cluster.service("next")
    cluster.wait_note("next", "NoFreeAddress")
    released = eventually(
        lambda: cluster.condition("virtualips", "172.16.110.100", "Released"), what="an answer"
    )
    assert released["status"] == "False"
    spec = cluster.vips()["172.16.110.100"]["spec"]
    assert (spec["services"], spec["release"]) == ([], {"verifier": holder})
    assert cluster.shown("next") == []
    lan.answered.clear()
    cluster.wait_shown("next", "172.16.110.100")
    cluster.assert_one_owner_for_an_address()


@pytest.mark.parametrize("how", ["die", "leave"])
def test_a_dead_holder_does_not_hold_up_a_release(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], how: str
) -> None:
    """The verifier is another node, one that lives, whether the holder crashed or was stopped."""
    lan = speakers("n1", "n2", "n3")
    cluster.pool("lab", "172.16.110.100")
    operators.start()
    cluster.service("web")
    holder = _holder(cluster, "172.16.110.100")
    getattr(lan, how)(holder)
    cluster.delete_service("web")
    eventually(lambda: cluster.vips() == {}, what="another node asked the LAN")


def test_a_dead_node_leaves_the_succession_and_others_stay_as_they_were(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    lan = speakers("n1", "n2", "n3")
    cluster.pool("lab", POOL)
    operators.start()
    for number in range(6):
        cluster.service(f"web-{number}")
    cluster.wait_settled(6)
    firsts = [vip["spec"]["succession"][0] for vip in cluster.vips().values()]
    assert sorted(firsts) == ["n1", "n1", "n2", "n2", "n3", "n3"], "they are spread"
    before = {address: vip["spec"]["succession"] for address, vip in cluster.vips().items()}
    lan.die("n2")
    expected = {a: [node for node in nodes if node != "n2"] for a, nodes in before.items()}
    eventually(
        lambda: {a: v["spec"]["succession"] for a, v in cluster.vips().items()} == expected,
        what="n2 is in no succession",
    )


def test_without_any_speaker_the_plan_stays_and_says_why(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    lan = speakers("n1")
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web")
    _holder(cluster, "172.16.110.100")
    lan.die("n1")
    note = cluster.wait_note("web", "NoEligibleSpeaker")
    assert "n1: its speaker no longer renews its Lease" in note
    assert cluster.vips()["172.16.110.100"]["spec"]["succession"] == ["n1"], "fail static"
    eventually(
        lambda: (
            cluster.condition("virtualips", "172.16.110.100", "Planned").get("reason")
            == "NoEligibleSpeaker"
        ),
        what="the VirtualIP says so too",
    )
    lan.come_back("n1")
    assert "In this order: n1" in cluster.wait_note("web", "SpeakerFound")


def test_a_release_that_nobody_can_verify_says_so_and_goes_on_when_a_speaker_is_back(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    lan = speakers("n1")
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web")
    _holder(cluster, "172.16.110.100")
    lan.die("n1")
    cluster.wait_note("web", "NoEligibleSpeaker")
    cluster.delete_service("web")
    eventually(
        lambda: (
            (cluster.condition("virtualips", "172.16.110.100", "Planned") or {}).get("reason")
            == "NobodyToAsk"
        ),
        what="the VirtualIP says that nobody can ask",
    )
    assert list(cluster.vips()) == ["172.16.110.100"], "and it is not free"
    lan.come_back("n1")
    eventually(lambda: cluster.vips() == {}, what="the speaker asked, and the address is free")


def _holder(cluster: Oracle, address: str) -> str:
    return str(
        eventually(
            lambda: (cluster.vips().get(address, {}).get("status") or {}).get("holder"),
            what=f"somebody holds {address}",
        )
    )


def _wait_given(cluster: Oracle, count: int) -> None:
    eventually(lambda: len(cluster.vips()) >= count, what=f"{count} were given")


def _wait_for_another_second(cluster: Oracle, service: str) -> None:
    """Creation times have a resolution of one second: let the clock leave the Service's."""
    created = cluster.created(service)
    eventually(
        lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") > created, what="another second"
    )
