"""A user of MetalLB's switches: the same objects, the same addresses, on a real API server."""

from collections.abc import Callable, Iterator

import pytest

from lbctl.operator.metric_table import METALLB_PROBLEMS
from tests.cluster.metallb import COMPAT, MetalLB, service
from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers
from tests.exposition import Exposition
from tests.lab import Lab

pytestmark = pytest.mark.lab

FIRST, SECOND = "172.16.110.100", "172.16.110.101"
RANGE = "172.16.110.100 - 172.16.110.103"


@pytest.fixture
def metallb(cluster: Oracle, control_plane: Lab) -> Iterator[MetalLB]:
    """A cluster with MetalLB's kinds and none of their objects."""
    found = MetalLB(cluster, control_plane)
    found.install()
    found.clear()
    yield found
    found.clear()


def holder(cluster: Oracle, address: str) -> str | None:
    return (cluster.vips().get(address, {}).get("status") or {}).get("holder")


def test_a_service_gets_an_address_of_a_pool_of_metallb_s(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], metallb: MetalLB
) -> None:
    speakers("n1", "n2")
    metallb.pool("lan", RANGE)
    metallb.advertisement("lan", ipAddressPools=["lan"])
    operators.start(*COMPAT)
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    assert cluster.vips()[FIRST]["spec"]["pool"] == "lan"
    eventually(lambda: holder(cluster, FIRST), what="a node announces it")
    expected = {"assignedIPv4": 1, "availableIPv4": 3, "assignedIPv6": 0, "availableIPv6": 0}
    eventually(lambda: metallb.counts("lan") == expected, what="the pool counts it")

    cluster.delete_service("web")
    expected = {"assignedIPv4": 0, "availableIPv4": 4, "assignedIPv6": 0, "availableIPv6": 0}
    eventually(lambda: metallb.counts("lan") == expected, what="and that it is free again")


def test_without_the_mode_metallb_s_objects_are_nobody_s(
    cluster: Oracle, operators: Operators, metallb: MetalLB
) -> None:
    metallb.pool("lan", RANGE)
    operators.start()
    cluster.service("web")
    cluster.wait_note("web", "NoPool")
    assert metallb.counts("lan") == {}


def test_a_pool_that_no_advertisement_is_about_says_so(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], metallb: MetalLB
) -> None:
    """As with MetalLB: a pool for BGP, say, is not announced on the LAN."""
    speakers("n1")
    metallb.pool("bgp", RANGE)
    operators.start(*COMPAT)
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    assert "no L2Advertisement is about it" in metallb.wait_note("bgp", "NotAdvertised")
    eventually(
        lambda: cluster.condition("virtualips", FIRST, "Planned").get("reason") == "NotAdvertised",
        what="and so does the address",
    )
    metallb.advertisement("all")
    metallb.wait_note("bgp", "Read")
    eventually(lambda: holder(cluster, FIRST), what="a node announces it")


def test_only_the_selected_nodes_announce(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], metallb: MetalLB
) -> None:
    speakers("n1", "n2", "n3")
    cluster.core.patch_node("n2", {"metadata": {"labels": {"role": "edge"}}})
    metallb.pool("lan", RANGE)
    metallb.advertisement("edge", nodeSelectors=[{"matchLabels": {"role": "edge"}}])
    operators.start(*COMPAT)
    cluster.service("web")
    eventually(lambda: holder(cluster, FIRST) == "n2", what="the edge holds it")
    assert cluster.vips()[FIRST]["spec"]["succession"] == ["n2"]
    metallb.delete("l2advertisements", "edge")
    metallb.advertisement("all", ipAddressPools=["lan"])
    eventually(
        lambda: len(cluster.vips()[FIRST]["spec"]["succession"]) == 3, what="all of them may"
    )
    assert holder(cluster, FIRST) == "n2", "and who holds it keeps it"


def test_what_cannot_be_read_is_named_and_the_others_go_on(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], metallb: MetalLB
) -> None:
    speakers("n1")
    metallb.pool("broken", "172.16.110.x")
    metallb.pool("lan", RANGE)
    metallb.advertisement("none", nodeSelectors=[{"matchLabels": {"role": "nobody"}}])
    metallb.advertisement("all")
    operator = operators.start(*COMPAT)
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    assert 'spec.addresses[0]: "172.16.110.x"' in metallb.wait_note("broken", "InvalidAddresses")
    metallb.wait_note("none", "SelectsNoNode")
    shown = Exposition(lambda: operator.get("/metrics")[1])
    problems = ("InvalidAddresses", "SelectsNoNode")
    assert [shown.sum(METALLB_PROBLEMS, reason=reason) for reason in problems] == [1, 1]
    eventually(lambda: holder(cluster, FIRST) == "n1", what="a node announces it")
    metallb.change("ipaddresspools", "broken", addresses=["172.16.110.120/32"])
    metallb.wait_note("broken", "Read")
    assert shown.sum(METALLB_PROBLEMS, reason="InvalidAddresses") is None


def test_a_pool_of_lbctl_io_replaces_its_namesake_and_no_address_changes(
    cluster: Oracle, operators: Operators, metallb: MetalLB
) -> None:
    """The way out of the mode: the same pool, written anew, then the old one deleted."""
    metallb.pool("lan", RANGE)
    operators.start(*COMPAT)
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.pool("lan", "172.16.110.100-172.16.110.119")
    metallb.wait_note("lan", "ReplacedByNamesake")
    eventually(
        lambda: (
            (cluster.objects("ipaddresspools")["lan"].get("status") or {})
            .get("ipv4", {})
            .get("used")
            == 1
        ),
        what="the new pool counts the address",
    )
    metallb.delete("ipaddresspools", "lan")
    cluster.service("next")
    cluster.wait_shown("next", SECOND)
    assert cluster.shown("web") == [FIRST]


def test_a_namesake_that_goes_leaves_the_place_to_metallb_s(
    cluster: Oracle, operators: Operators, metallb: MetalLB
) -> None:
    cluster.pool("lan", "172.16.110.200")
    metallb.pool("lan", RANGE)
    operators.start(*COMPAT)
    metallb.wait_note("lan", "ReplacedByNamesake")
    cluster.custom.delete_cluster_custom_object("lbctl.io", "v1beta1", "ipaddresspools", "lan")
    metallb.wait_note("lan", "NotAdvertised")
    cluster.service("web")
    cluster.wait_shown("web", FIRST)


def test_metallb_s_uninstallation_takes_its_kinds_away_and_no_service_loses_its_address(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], metallb: MetalLB
) -> None:
    speakers("n1", "n2")
    metallb.pool("lan", RANGE)
    metallb.advertisement("lan")
    one = operators.start(*COMPAT)
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    before = eventually(lambda: holder(cluster, FIRST), what="a node announces it")
    metallb.uninstall()
    cluster.service("next")
    cluster.wait_note("next", "NoPool")
    assert cluster.shown("web") == [FIRST]
    assert one.stop() == 0
    operators.start(*COMPAT).wait_ready()

    metallb.install()
    metallb.pool("lan", RANGE)
    metallb.advertisement("lan")
    cluster.wait_shown("next", SECOND)
    assert cluster.shown("web") == [FIRST]
    assert holder(cluster, FIRST) == before


def test_an_address_that_metallb_still_answers_for_is_taken_on_that_very_node(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], metallb: MetalLB
) -> None:
    """Elsewhere it would be waited for, and its connections would break when MetalLB stops."""
    lan = speakers("n1", "n2", "n3")
    lan.elsewhere = {FIRST: "n2", SECOND: "n3"}
    metallb.pool("lan", RANGE)
    metallb.advertisement("lan")
    for name, address in (("web", SECOND), ("shop", FIRST)):
        cluster.service(name)
        cluster.show(name, address)
    operators.start(*COMPAT)
    eventually(lambda: holder(cluster, FIRST) == "n2", what="the node that answers holds it")
    eventually(lambda: holder(cluster, SECOND) == "n3", what="and so for the other")
    assert cluster.services() == {"web": [SECOND], "shop": [FIRST]}
    assert cluster.vips()[FIRST]["spec"]["succession"][0] == "n2"


def test_pools_are_asked_in_metallb_s_order_and_for_metallb_s_services(
    cluster: Oracle, operators: Operators, metallb: MetalLB
) -> None:
    gold = {"serviceSelectors": [{"matchLabels": {"tier": "gold"}}]}
    metallb.pool("a-by-name", "172.16.110.110/32", autoAssign=False)
    metallb.pool("b-others", "172.16.110.111/32", serviceAllocation={"namespaces": ["other"]})
    metallb.pool("c-second", "172.16.110.112/32", serviceAllocation={**gold, "priority": 20})
    metallb.pool("d-last", "172.16.110.113/32", serviceAllocation={**gold, "priority": 0})
    metallb.pool("e-first", "172.16.110.114/32", serviceAllocation={**gold, "priority": 10})
    metallb.pool("f-open", "172.16.110.254-172.16.111.1", avoidBuggyIPs=True)
    operators.start(*COMPAT)
    for name, tier, address in (
        ("first", "gold", "172.16.110.114"),
        ("second", "gold", "172.16.110.112"),
        ("third", "gold", "172.16.110.113"),
        ("fourth", "gold", "172.16.110.254"),
        ("fifth", "iron", "172.16.111.1"),
    ):
        service(cluster, name, labels={"tier": tier})
        cluster.wait_shown(name, address)


def test_the_pool_of_an_address_is_written_on_its_service(
    cluster: Oracle, operators: Operators, metallb: MetalLB
) -> None:
    """Also on one that has its address from before the mode, and not on one that lost it."""
    metallb.pool("lan", RANGE)
    cluster.pool("ours", "172.16.110.120")
    for name, address in (("web", FIRST), ("shop", "172.16.110.120")):
        cluster.service(name)
        cluster.show(name, address)
    one = operators.start(*COMPAT)
    cluster.service("new")
    wanted = {"web": "lan", "shop": "ours", "new": "lan"}
    eventually(lambda: granted_from(cluster) == wanted, what="each names its pool")
    cluster.change_service("new", type="ClusterIP")
    del wanted["new"]
    eventually(lambda: granted_from(cluster) == wanted, what="and names none without an address")

    assert one.stop() == 0
    operators.start().wait_ready()
    cluster.service("later")
    cluster.wait_note("later", "NoFreeAddress")
    assert granted_from(cluster) == wanted, "without the mode nothing is written"


def granted_from(cluster: Oracle) -> dict[str, str]:
    """The pool that each Service's annotation names."""
    found = cluster.core.list_namespaced_service(NAMESPACE).items
    name = "metallb.io/ip-allocated-from-pool"
    annotations = {one.metadata.name: one.metadata.annotations or {} for one in found}
    return {service: all_[name] for service, all_ in annotations.items() if name in all_}


def test_services_ask_in_metallb_s_words(
    cluster: Oracle, operators: Operators, metallb: MetalLB
) -> None:
    metallb.pool("lan", RANGE)
    metallb.pool("by-name", "172.16.110.120/32", autoAssign=False)
    operators.start(*COMPAT)
    asked = {
        "pool": ({"metallb.io/address-pool": "by-name"}, "172.16.110.120"),
        "address": ({"metallb.universe.tf/loadBalancerIPs": "172.16.110.102"}, "172.16.110.102"),
        "one": ({"metallb.io/allow-shared-ip": "web"}, FIRST),
    }
    for name, (annotations, address) in asked.items():
        service(cluster, name, annotations=annotations)
        cluster.wait_shown(name, address)
    both = {"metallb.io/allow-shared-ip": "web", "metallb.io/loadBalancerIPs": FIRST}
    service(cluster, "two", annotations=both, ports=[{"port": 81}])
    cluster.wait_shown("two", FIRST)
    assert cluster.shown("one") == [FIRST]
