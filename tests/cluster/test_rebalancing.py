"""`lbctl.io/rebalance` of a pool, on a real API server: few move at a time, and all in the end."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import GROUP, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

COUNT = 18
AT_A_TIME = 5


@pytest.fixture
def uneven(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> tuple[Oracle, Operators, Speakers]:
    """Two nodes hold nine addresses each, and a third has just joined."""
    cluster.pool("lab", "172.16.110.100-172.16.110.119")
    acting = speakers("n1", "n2")
    start(operators)
    for number in range(COUNT):
        cluster.service(f"web-{number}")
    eventually(lambda: held(cluster) == {"n1": 9, "n2": 9}, what="nine addresses on each")
    acting.join("n3")
    eventually(
        lambda: all("n3" in vip["spec"]["succession"] for vip in cluster.vips().values()),
        what="the new node stands by for all",
    )
    return cluster, operators, acting


def start(operators: Operators) -> None:
    """One whose Lease outlives the pauses of a busy machine."""
    operators.start("--lease-duration-seconds", "15")


def held(cluster: Oracle) -> Counter[str]:
    found = [(vip.get("status") or {}).get("holder") for vip in cluster.vips().values()]
    return Counter(filter(None, found))


def moving(cluster: Oracle) -> list[str]:
    return [name for name, vip in cluster.vips().items() if "outgoing" in vip["spec"]]


def ask(cluster: Oracle, token: str | None) -> None:
    body = {"metadata": {"annotations": {"lbctl.io/rebalance": token}}}
    cluster.custom.patch_cluster_custom_object(*GROUP, "ipaddresspools", "lab", body)


def said(cluster: Oracle) -> tuple[str | None, str, str]:
    """`status.rebalanced`, and the condition's reason and message."""
    status = cluster.objects("ipaddresspools")["lab"].get("status") or {}
    condition = cluster.condition("ipaddresspools", "lab", "Rebalanced")
    return status.get("rebalanced"), condition.get("reason", ""), condition.get("message", "")


def test_few_move_at_a_time_until_nodes_carry_alike(
    uneven: tuple[Oracle, Operators, Speakers],
) -> None:
    cluster, _, acting = uneven
    assert held(cluster)["n3"] == 0, "nothing moves unasked"
    acting.hold_on = True
    ask(cluster, "1")
    eventually(lambda: said(cluster)[1] == "Moving", what="it begins")
    eventually(lambda: len(moving(cluster)) == AT_A_TIME, what="the first ones move")
    first = moving(cluster)
    eventually(
        lambda: f"{min(first)} to n3" in said(cluster)[2], what="the condition names what moves"
    )
    eventually(lambda: "Rebalancing" in cluster.notes("lab", "default"), what="an Event")
    most = len(first)
    acting.hold_on = False

    def done() -> bool:
        nonlocal most
        most = max(most, len(moving(cluster)))
        return said(cluster)[0] == "1"

    eventually(done, what="it ends")
    assert most <= AT_A_TIME
    assert sorted(held(cluster).values()) == [6, 6, 6]
    assert moving(cluster) == []
    assert said(cluster)[1] == "Balanced"
    assert "from 6" in eventually(
        lambda: cluster.notes("lab", "default").get("Rebalanced", ""), what="an Event at the end"
    )
    cluster.assert_one_owner_for_an_address()


def test_another_operator_goes_on_and_a_node_that_dies_half_way_moves_nothing_twice(
    uneven: tuple[Oracle, Operators, Speakers],
) -> None:
    cluster, operators, acting = uneven
    acting.hold_on = True
    ask(cluster, "1")
    eventually(lambda: moving(cluster), what="some move")
    operators.kill_all()
    acting.die("n3")
    start(operators)
    eventually(lambda: moving(cluster) == [], what="who was to take them is dead: moves are off")
    eventually(lambda: said(cluster)[0] == "1", what="and the other two carry alike already")
    assert held(cluster) == {"n1": 9, "n2": 9}

    acting.hold_on = False
    acting.come_back("n3")
    eventually(
        lambda: all("n3" in vip["spec"]["succession"] for vip in cluster.vips().values()),
        what="it is back",
    )
    assert held(cluster)["n3"] == 0, "that was asked for, and done"
    ask(cluster, "2")
    eventually(lambda: said(cluster)[0] == "2", what="another request")
    assert sorted(held(cluster).values()) == [6, 6, 6]


def test_a_request_that_is_withdrawn_moves_nothing_more(
    uneven: tuple[Oracle, Operators, Speakers],
) -> None:
    cluster, _, acting = uneven
    acting.hold_on = True
    ask(cluster, "1")
    eventually(lambda: len(moving(cluster)) == AT_A_TIME, what="the first ones move")
    ask(cluster, None)
    eventually(lambda: said(cluster)[1] == "Withdrawn", what="it says so")
    acting.hold_on = False
    eventually(lambda: moving(cluster) == [], what="what was under way ends")
    eventually(lambda: held(cluster)["n3"] == AT_A_TIME, what="where it was to go")
    assert said(cluster)[0] is None
