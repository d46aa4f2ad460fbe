"""L2Advertisements and drained nodes: who announces, on a real API server."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import GROUP, NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

VIP = "172.16.110.100"


@pytest.fixture
def ready(cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]) -> Oracle:
    """Three nodes with speakers, of which two are edges, and an operator."""
    cluster.pool("lab", "172.16.110.100-172.16.110.119")
    speakers("n1", "n2", "n3")
    for node in ("n1", "n2"):
        label(cluster, node, role="edge")
    operators.start()
    return cluster


def label(cluster: Oracle, node: str | None, **labels: str | None) -> None:
    cluster.core.patch_node(node, {"metadata": {"labels": labels}})


def spec(cluster: Oracle) -> dict[str, Any]:
    return dict(cluster.vips().get(VIP, {}).get("spec", {}))


def counts(cluster: Oracle, name: str) -> tuple[int | None, ...]:
    status = cluster.objects("l2advertisements")[name].get("status") or {}
    return tuple(status.get(field) for field in ("pools", "nodes", "addresses"))


def holder(cluster: Oracle) -> str | None:
    return (cluster.vips().get(VIP, {}).get("status") or {}).get("holder")


def test_only_selected_nodes_announce_and_timings_reach_the_plan(ready: Oracle) -> None:
    ready.advertise(
        "edges",
        nodeSelectors=[{"matchLabels": {"role": "edge"}}],
        announcement={"refreshSeconds": 30},
    )
    ready.service("web")
    ready.wait_shown("web", VIP)
    eventually(lambda: {*spec(ready).get("succession", ())} == {"n1", "n2"}, what="edges alone")
    assert spec(ready)["announcement"] == {"refreshSeconds": 30}
    eventually(
        lambda: counts(ready, "edges") == (1, 2, 1), what="a pool, two nodes and an address of it"
    )
    assert ready.condition("l2advertisements", "edges", "Ready")["status"] == "True"

    label(ready, "n3", role="edge")
    eventually(lambda: "n3" in spec(ready)["succession"], what="a node that is labelled joins")
    ready.custom.delete_cluster_custom_object(*GROUP, "l2advertisements", "edges")
    eventually(lambda: "announcement" not in spec(ready), what="and without it all is as before")


def test_who_shares_an_address_is_announced_where_all_of_them_may_be(ready: Oracle) -> None:
    edges, name = {"matchLabels": {"role": "edge"}}, "kubernetes.io/hostname"
    for node in ("n1", "n2", "n3"):
        label(ready, node, **{name: node})
    for service, port in (("web", 80), ("dns", 53)):
        ready.service(service, {"allow-shared-ip": "edge"}, ports=[{"port": port}])
        labels = {"metadata": {"labels": {"app": service}}}
        ready.core.patch_namespaced_service(service, NAMESPACE, labels)
        ready.wait_shown(service, VIP)
    for_web, for_dns = (
        {"serviceSelectors": [{"matchLabels": {"app": app}}]} for app in ("web", "dns")
    )
    ready.advertise("edges", nodeSelectors=[edges], **for_web)
    eventually(lambda: {*spec(ready)["succession"]} == {"n1", "n2"}, what="web's nodes")
    said = "No L2Advertisement is about shop/dns, which is announced with the others."
    eventually(lambda: said in planned(ready).get("message", ""), what="dns has none")
    assert (planned(ready)["status"], planned(ready)["reason"]) == ("True", "RuleNotObeyed")

    of_dns = {"matchExpressions": [{"key": name, "operator": "In", "values": ["n2", "n3"]}]}
    ready.advertise("dns", nodeSelectors=[of_dns], **for_dns)
    eventually(lambda: {*spec(ready)["succession"]} == {"n2"}, what="the node of both")
    eventually(lambda: planned(ready)["reason"] == "Planned", what="all are obeyed")
    eventually(lambda: counts(ready, "dns") == (1, 2, 1), what="and both count the address")
    label(ready, "n2", role=None)
    eventually(lambda: {*spec(ready)["succession"]} == {"n1"}, what="who was there first leads")
    said = "L2Advertisement dns is not obeyed for shop/dns"
    eventually(lambda: said in planned(ready)["message"], what="the other's rule is told of")


def planned(cluster: Oracle) -> dict[str, Any]:
    return cluster.condition("virtualips", VIP, "Planned")


def test_an_advertisement_that_selects_nothing_says_so(ready: Oracle) -> None:
    ready.advertise("nobody", nodeSelectors=[{"matchLabels": {"role": "none"}}])
    eventually(
        lambda: (
            ready.condition("l2advertisements", "nobody", "Ready").get("reason") == "SelectsNoNode"
        ),
        what="no node",
    )
    ready.service("web")
    assert "nobody" in ready.wait_note("web", "NoEligibleSpeaker")


def test_a_pool_that_no_advertisement_is_about_says_so(ready: Oracle) -> None:
    ready.advertise("others", ipAddressPools=["other"])
    eventually(
        lambda: ready.condition("ipaddresspools", "lab", "Ready").get("reason") == "NotAdvertised",
        what="the pool says so",
    )


@pytest.mark.parametrize("how", ["label", "taint"])
def test_a_drained_node_hands_over_and_gets_nothing_back(ready: Oracle, how: str) -> None:
    ready.service("web")
    before = str(eventually(lambda: holder(ready), what="somebody holds it"))
    if how == "label":
        label(ready, before, **{"lbctl.io/drain": "true"})
    else:
        taint = {"key": "lbctl.io/drain", "effect": "NoSchedule"}
        ready.core.patch_node(before, {"spec": {"taints": [taint]}})
    after = eventually(
        lambda: now if (now := holder(ready)) not in {None, before} else None, what="it moved"
    )
    eventually(lambda: "outgoing" not in spec(ready), what="the move is over")
    assert before not in spec(ready)["succession"]

    label(ready, before, **{"lbctl.io/drain": None})
    ready.core.patch_node(before, {"spec": {"taints": None}})
    eventually(lambda: spec(ready)["succession"][-1] == before, what="it is back, last")
    assert holder(ready) == after


def test_a_preferred_node_is_given_the_address(ready: Oracle) -> None:
    ready.advertise(
        "large",
        preferredNodes=[{"weight": 10, "nodeSelector": {"matchLabels": {"role": "edge"}}}],
    )
    label(ready, "n1", role=None)
    # Which label a node has lost, the operator tells by the nodes that it counts.
    edges = {"matchLabels": {"role": "edge"}}
    ready.advertise("seen", ipAddressPools=["other"], nodeSelectors=[edges])
    eventually(lambda: counts(ready, "seen")[1] == 1, what="one edge is left")
    eventually(
        lambda: ready.condition("l2advertisements", "large", "Ready"), what="it was looked at"
    )
    ready.service("web")
    eventually(lambda: holder(ready) == "n2", what="the one edge holds it")
