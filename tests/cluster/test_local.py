"""externalTrafficPolicy Local: the address follows the pods, on a real API server."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

VIP = "172.16.110.100"


def put_slice(cluster: Oracle, name: str, *nodes: str | None, **conditions: bool) -> None:
    """The EndpointSlice of a Service without a selector: one endpoint on each node."""
    endpoints = [
        {"addresses": [f"10.244.0.{number}"], "nodeName": node, "conditions": conditions}
        for number, node in enumerate(nodes, start=1)
    ]
    cluster.put_endpoints(name, [{k: v for k, v in e.items() if v} for e in endpoints])


def candidates(cluster: Oracle) -> set[str]:
    vips = cluster.vips()
    return {*vips[VIP]["spec"].get("succession", ())} if VIP in vips else set()


@pytest.fixture
def ready(cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]) -> Oracle:
    """Three nodes with speakers, and an operator."""
    cluster.pool("lab", "172.16.110.100-172.16.110.119")
    speakers("n1", "n2", "n3")
    operators.start()
    return cluster


def test_only_nodes_with_a_ready_endpoint_announce(ready: Oracle) -> None:
    ready.service("web", externalTrafficPolicy="Local", healthCheckNodePort=30999)
    ready.wait_shown("web", VIP)
    put_slice(ready, "web", "n2", None)
    eventually(lambda: candidates(ready) == {"n2"}, what="n2 alone; who names no node counts not")
    assert ready.vips()[VIP]["spec"]["handOff"] == {"healthCheckNodePort": 30999}
    eventually(lambda: holder(ready) == "n2", what="and holds it")

    put_slice(ready, "web", "n2", "n3", ready=True)
    eventually(lambda: candidates(ready) == {"n2", "n3"}, what="a pod more, a candidate more")
    put_slice(ready, "web", "n3", ready=True)
    eventually(lambda: candidates(ready) == {"n3"}, what="the pod on n2 is gone")
    put_slice(ready, "web", "n3", ready=False, serving=True, terminating=True)
    put_slice(ready, "web")
    note = ready.wait_note("web", "NoEligibleSpeaker")
    assert "n3" in note
    assert candidates(ready) == {"n3"}, "without any endpoint the plan stays"

    ready.change_service("web", externalTrafficPolicy="Cluster", healthCheckNodePort=0)
    eventually(lambda: candidates(ready) == {"n1", "n2", "n3"}, what="all nodes again")
    assert "handOff" not in ready.vips()[VIP]["spec"]


def test_a_pod_that_moves_takes_the_address_along_without_a_gap(ready: Oracle) -> None:
    put_slice(ready, "web", "n1", ready=True)
    ready.service("web", externalTrafficPolicy="Local")
    eventually(lambda: holder(ready) == "n1", what="the first pod's node holds it")
    seen: list[dict[str, Any]] = []

    def moved() -> bool:
        seen.append(ready.vips()[VIP]["spec"])
        return holder(ready) == "n2"

    put_slice(ready, "web", "n2", ready=True)
    eventually(moved, what="the second pod's node holds it")
    eventually(lambda: "outgoing" not in ready.vips()[VIP]["spec"], what="the move is over")


def holder(cluster: Oracle) -> str | None:
    return (cluster.vips().get(VIP, {}).get("status") or {}).get("holder")


def test_who_shares_an_address_is_announced_where_all_have_pods(ready: Oracle) -> None:
    for name, port, health in (("web", 80, 30998), ("dns", 53, 30999)):
        ready.service(
            name,
            {"allow-shared-ip": "edge"},
            ports=[{"port": port}],
            selector={"app": "web"},
            externalTrafficPolicy="Local",
            healthCheckNodePort=health,
        )
        ready.wait_shown(name, VIP)

    def health_port() -> int:
        return int(ready.vips()[VIP]["spec"]["handOff"]["healthCheckNodePort"])

    put_slice(ready, "web", "n1", "n2", ready=True)
    put_slice(ready, "dns", "n2", "n3", ready=True)
    eventually(lambda: candidates(ready) == {"n2"}, what="the node with pods of both")
    assert health_port() == 30998
    put_slice(ready, "dns")
    eventually(lambda: candidates(ready) == {"n1", "n2"}, what="who has no pod harms no other")
    put_slice(ready, "dns", "n3", ready=True)
    put_slice(ready, "web")
    eventually(lambda: candidates(ready) == {"n3"}, what="nor does the first of them")
    eventually(lambda: health_port() == 30999, what="which is asked for pods no more")
