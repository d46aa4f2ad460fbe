"""Addresses are given, shown, told, and let go again."""

from collections.abc import Callable

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import CLASS, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

POOL = "172.16.110.100-172.16.110.119"


def test_the_lowest_free_address_is_given_shown_and_told(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    cluster.assert_one_owner_for_an_address()
    assert cluster.wait_note("web", "AddressAllocated") == '172.16.110.100 from pool "lab"'
    cluster.service("shop")
    cluster.wait_shown("shop", "172.16.110.101")


def test_a_pool_that_comes_later_serves_who_waits(cluster: Oracle, operators: Operators) -> None:
    operators.start()
    cluster.service("web")
    assert "Create one" in cluster.wait_note("web", "NoPool")
    cluster.pool("lab", POOL)
    cluster.wait_shown("web", "172.16.110.100")


def test_who_is_ours(cluster: Oracle, operators: Operators) -> None:
    """One class is ours, no class is ours too, another's class never is."""
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("other", loadBalancerClass="example.com/other")
    cluster.service("explicit", loadBalancerClass=CLASS)
    cluster.wait_shown("explicit", "172.16.110.100")
    cluster.service("none")
    cluster.wait_shown("none", "172.16.110.101")
    assert cluster.shown("other") == []
    assert cluster.notes("other") == {}


def test_without_the_default_class_only_those_who_name_it_are_ours(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("lab", POOL)
    operators.start("--no-default-class")
    cluster.service("none")
    cluster.service("explicit", loadBalancerClass=CLASS)
    cluster.wait_shown("explicit", "172.16.110.100")
    assert cluster.shown("none") == []


def test_a_full_pool_says_so_and_a_freed_address_goes_to_who_waits(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("full", "172.16.110.100")
    cluster.pool("off", "172.16.110.101", disabled=True)
    operators.start()
    cluster.service("first")
    cluster.wait_shown("first", "172.16.110.100")
    cluster.service("second")
    note = cluster.wait_note("second", "NoFreeAddress")
    assert '"full": full (1 of 1 used)' in note
    assert '"off": disabled' in note
    cluster.delete_service("first")
    cluster.wait_shown("second", "172.16.110.100")
    cluster.assert_one_owner_for_an_address()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda cluster: cluster.delete_service("web"), id="the Service is deleted"),
        pytest.param(
            lambda cluster: cluster.change_service("web", type="ClusterIP"), id="the type changes"
        ),
    ],
)
def test_an_address_that_was_never_announced_is_free_at_once(
    cluster: Oracle, operators: Operators, end: Callable[[Oracle], None]
) -> None:
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    end(cluster)
    eventually(lambda: cluster.vips() == {}, what="the address is free")
    assert cluster.services().get("web", []) == []
    assert cluster.wait_note("web", "AddressReleased")


def test_a_pool_tells_what_became_of_it(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("old", "172.16.110.100-172.16.110.103")
    operators.start()
    cluster.service("web")
    nobodys = {"quarantined": 0, "coolingDown": 0, "reserved": 0}
    counts = {"total": 4, "used": 1, "free": 3, "excluded": 0, **nobodys}
    eventually(
        lambda: cluster.objects("ipaddresspools")["old"].get("status", {}).get("ipv4") == counts,
        what="the counts",
    )
    cluster.pool("young", "172.16.110.103-172.16.110.110")
    ready = eventually(
        lambda: cluster.condition("ipaddresspools", "young", "Ready"), what="a verdict"
    )
    assert (ready["status"], ready["reason"]) == ("False", "Overlap")
    assert "spec.addresses[0]" in ready["message"]
    assert cluster.condition("ipaddresspools", "old", "Ready")["status"] == "True"


def test_node_addresses_are_never_given(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1", "n2")  # 172.16.110.11 and .12
    cluster.pool("lab", "172.16.110.11-172.16.110.13")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.13")
    ready = eventually(
        lambda: cluster.condition("ipaddresspools", "lab", "Ready"), what="a verdict"
    )
    assert ready["reason"] == "AddressesSkipped"
    assert "172.16.110.11 (node n1's own)" in ready["message"]


def test_probes_and_metrics(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    one = operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    one.wait_ready()
    assert one.get("/healthz")[0] == 200

    def exposed() -> bool:
        text = one.get("/metrics")[1]
        wanted = (
            'lbctl_pool_addresses{family="ipv4",pool="lab",state="used"} 1.0',
            'lbctl_allocations_total{pool="lab"} 1.0',
            'lbctl_reconcile_duration_seconds_count{kind="service",outcome="success"}',
            "lbctl_leader 1.0",
            "# TYPE lbctl_queue_depth gauge",
            "# TYPE lbctl_services_pending gauge",
        )
        return all(line in text for line in wanted)

    eventually(exposed, what="the metrics")
    assert one.stop() == 0
