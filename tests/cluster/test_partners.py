"""Who watches whom: the operator names partners, and believes what they say together."""

from collections.abc import Callable

import pytest
from kubernetes import client

from tests.cluster.operators import Operators
from tests.cluster.oracle import GROUP, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab


def partners(cluster: Oracle) -> dict[str, set[str]]:
    return {
        name: {partner["node"] for partner in (speaker.get("spec") or {}).get("partners", ())}
        for name, speaker in cluster.objects("speakers").items()
    }


def wait_partners(cluster: Oracle, expected: dict[str, set[str]], what: str) -> None:
    eventually(lambda: partners(cluster) == expected, what=what)


def successions(cluster: Oracle) -> list[list[str]]:
    return [vip["spec"]["succession"] for vip in cluster.vips().values()]


def test_partners_follow_the_nodes(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    lan = speakers("n1", "n2")
    operators.start()
    wait_partners(cluster, {"n1": {"n2"}, "n2": {"n1"}}, "two watch each other")
    (partner,) = cluster.objects("speakers")["n1"]["spec"]["partners"]
    assert partner == {
        "node": "n2",
        "address": "172.16.110.12",
        "mac": "02:00:00:00:00:0c",
        "interface": "eth0",
    }

    lan.join("n3")
    three = {"n1": {"n2", "n3"}, "n2": {"n1", "n3"}, "n3": {"n1", "n2"}}
    wait_partners(cluster, three, "a third is everybody's partner")

    lan.die("n2")
    planned = cluster.objects("speakers")["n1"]["metadata"]["generation"]
    cluster.pool("lab", "172.16.110.100-172.16.110.109")
    cluster.service("web")
    eventually(
        lambda: successions(cluster) and "n2" not in successions(cluster)[0],
        what="the dead one is planned around",
    )
    assert partners(cluster) == three, "and stays a partner, to be seen when it comes back"
    assert cluster.objects("speakers")["n1"]["metadata"]["generation"] == planned

    cluster.custom.delete_cluster_custom_object(*GROUP, "speakers", "n2")
    wait_partners(cluster, {"n1": {"n3"}, "n3": {"n1"}}, "a node that left is nobody's partner")


def test_what_somebody_else_wrote_is_mended(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1", "n2")
    operators.start()
    both = {"n1": {"n2"}, "n2": {"n1"}}
    wait_partners(cluster, both, "two watch each other")
    cluster.custom.patch_cluster_custom_object(
        *GROUP, "speakers", "n1", {"spec": {"partners": [{"node": "me", "address": "10.0.0.1"}]}}
    )
    wait_partners(cluster, both, "the operator wrote it again")


def test_the_operator_leaves_what_a_speaker_says_of_itself(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    lan = speakers("n1", "n2")
    lan.sees("n1", n2="Up")
    before = cluster.objects("speakers")["n1"]["status"]
    operators.start()
    wait_partners(cluster, {"n1": {"n2"}, "n2": {"n1"}}, "two watch each other")
    assert cluster.objects("speakers")["n1"]["status"] == before


def test_a_state_that_nobody_knows_is_refused(speakers: Callable[..., Speakers]) -> None:
    lan = speakers("n1", "n2")
    with pytest.raises(client.ApiException) as refused:
        lan.sees("n1", n2="Sleepy")
    assert refused.value.status == 422


def test_a_death_that_two_partners_report_is_planned_around_before_the_lease_is_stale(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    """The Lease is renewed all the time here: only the partners' words can tell."""
    lan = speakers("n1", "n2", "n3")
    for node in ("n1", "n2", "n3"):
        lan.sees(node, **{other: "Up" for other in ("n1", "n2", "n3") if other != node})
    cluster.pool("lab", "172.16.110.100-172.16.110.109")
    operators.start()
    for number in range(3):
        cluster.service(f"web-{number}")
    cluster.wait_settled(3)
    eventually(
        lambda: all({*one} == {"n1", "n2", "n3"} for one in successions(cluster)),
        what="all three are in each succession",
    )
    before = successions(cluster)

    lan.sees("n1", n2="Up", n3="Down")
    lan.sees("n2", n1="Up", n3="Down")
    without = [[node for node in one if node != "n3"] for one in before]
    eventually(lambda: successions(cluster) == without, what="n3 is in no succession")
    first = next(iter(cluster.vips()))
    eventually(
        lambda: (
            "n3: its partners report it down"
            in cluster.condition("virtualips", first, "Planned")["message"]
        ),
        what="and it is said why",
    )

    lan.sees("n1", n2="Up", n3="Up")
    after = [[*one, "n3"] for one in without]
    eventually(lambda: successions(cluster) == after, what="n3 is last of each: it moves nothing")


def test_one_report_moves_nothing(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    """Its own cable may be the broken one. What follows it in the queue proves that it was seen."""
    lan = speakers("n1", "n2", "n3")
    cluster.pool("lab", "172.16.110.100-172.16.110.109")
    operators.start()
    cluster.service("web")
    cluster.wait_settled(1)
    eventually(lambda: len(successions(cluster)[0]) == 3, what="all three are in the succession")
    before = successions(cluster)
    lan.sees("n1", n2="Down", n3="Down")
    lan.sees("n2", n1="Up", n3="Up")
    lan.join("n4")
    eventually(lambda: len(successions(cluster)[0]) == 4, what="a later change was seen")
    assert successions(cluster) == [[*before[0], "n4"]]
