"""Pools on a real API server: what their fields do to the Services that want an address."""

from collections.abc import Callable

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab


def counts(cluster: Oracle, name: str) -> dict[str, int]:
    status = cluster.objects("ipaddresspools")[name].get("status") or {}
    return dict(status.get("ipv4") or {})


def test_excluded_and_buggy_addresses_are_not_given_and_are_counted(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool(
        "lab",
        "172.16.110.0/30",
        exclude=["172.16.110.1", "172.16.111.0/24"],
        avoidBuggyIPs=True,
    )
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.2")
    expected = {"total": 4, "used": 1, "free": 1, "excluded": 2}
    eventually(
        lambda: expected.items() <= counts(cluster, "lab").items(),
        what="the counts",
    )


def test_the_edges_of_the_nodes_subnet_are_not_given_unless_the_pool_says_so(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1")  # 172.16.110.11/24
    cluster.pool("lab", "172.16.110.255")
    operators.start()
    cluster.service("web")
    assert "full (0 of 1 used, 1 never given)" in cluster.wait_note("web", "NoFreeAddress")
    ready = eventually(
        lambda: cluster.condition("ipaddresspools", "lab", "Ready"), what="a verdict"
    )
    assert ready["reason"] == "AddressesSkipped"
    assert "172.16.110.255 (the broadcast address of 172.16.110.0/24)" in ready["message"]
    cluster.change_pool("lab", allowSubnetEdges=True)
    cluster.wait_shown("web", "172.16.110.255")


def test_a_default_gateway_of_a_node_is_never_given(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1").routes("n1", "172.16.110.1")
    cluster.pool("lab", "172.16.110.1-172.16.110.2")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.2")
    ready = eventually(
        lambda: cluster.condition("ipaddresspools", "lab", "Ready"), what="a verdict"
    )
    assert "172.16.110.1 (the default gateway of node n1)" in ready["message"]


def test_a_pool_that_means_the_service_is_asked_first_then_by_priority(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("a-last", "172.16.110.100")
    cluster.pool("b-other", "172.16.110.101", allocation={"namespaces": ["other"]})
    cluster.pool("c-low", "172.16.110.102", allocation={"priority": 20})
    cluster.pool("d-high", "172.16.110.103", allocation={"priority": 10})
    cluster.pool("e-meant", "172.16.110.104", allocation={"namespaces": [NAMESPACE]})
    cluster.pool("f-asked", "172.16.110.105", autoAssign=False)
    operators.start()
    for number, last in enumerate((104, 103, 102, 100)):
        cluster.service(f"s{number}")
        cluster.wait_shown(f"s{number}", f"172.16.110.{last}")
    cluster.service("left")
    note = cluster.wait_note("left", "NoFreeAddress")
    assert f'"b-other": is for other namespaces than {NAMESPACE}' in note
    assert '"f-asked": gives to those only who ask for it by name' in note


def test_a_namespace_gets_no_more_than_its_quota(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", "172.16.110.100-172.16.110.109", allocation={"quotaPerNamespace": 2})
    operators.start()
    for name, address in (("a", "172.16.110.100"), ("b", "172.16.110.101")):
        cluster.service(name)
        cluster.wait_shown(name, address)
    cluster.service("c")
    note = cluster.wait_note("c", "NoFreeAddress")
    assert f"namespace {NAMESPACE} may have 2 of its addresses, and has them" in note
    cluster.delete_service("a")
    cluster.wait_shown("c", "172.16.110.100")


def test_whoever_makes_a_pool_that_overlaps_hears_of_it(
    cluster: Oracle, operators: Operators
) -> None:
    # Of two that are made in one second the name tells which is older.
    cluster.pool("old", "172.16.110.100-172.16.110.109")
    operators.start()
    eventually(
        lambda: cluster.condition("ipaddresspools", "old", "Ready"), what="the first verdict"
    )
    cluster.pool("young", "172.16.110.109")
    eventually(lambda: "Overlap" in cluster.notes("young", "default"), what="the Event")
    note = cluster.notes("young", "default")["Overlap"]
    assert 'spec.addresses[0] "172.16.110.100-172.16.110.109" of the older pool "old"' in note
    assert cluster.notes("old", "default") == {}
