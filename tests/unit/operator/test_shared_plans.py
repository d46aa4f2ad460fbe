"""The plan of an address that several Services share looks at each of them."""

from typing import Any

import pytest

from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import PlannedReason
from lbctl.core.reading.objects import slice_view, virtual_ip_view
from lbctl.core.succession.planner import SuccessionPlan
from lbctl.kube.lease import Record
from lbctl.world.planning import Planning
from lbctl.world.world import World
from tests.unit.operator import objects

ADDRESS = "172.16.110.100"
LOCAL = {"externalTrafficPolicy": "Local"}


@pytest.fixture
def world() -> World:
    """Three nodes, and an address that web and dns share."""
    made = World(lease_duration=1e9, clock=lambda: 0.0)
    for number, name in enumerate(("n1", "n2", "n3"), start=11):
        made.nodes.put(objects.node(name, f"172.16.110.{number}", labels={"name": name}))
        made.speakers.put(objects.speaker(name, f"172.16.110.{number}/24"))
        made.lease_changed(f"lbctl-speaker-{name}", Record(name, "t1"))
    made.virtual_ips.put(shared("web", "dns"))
    made.endpoints.complete = True
    return made


def shared(*services: str) -> dict[str, Any]:
    vip = objects.virtual_ip(ADDRESS, services[0])
    rows = [{"namespace": "shop", "name": name, "uid": f"uid-{name}"} for name in services]
    vip["spec"] |= {"services": rows, "sharingKey": "edge"}
    return vip


def view(world: World) -> VirtualIPView:
    (found,) = world.virtual_ips.values()
    return virtual_ip_view(found)


def planned(world: World) -> SuccessionPlan | None:
    return Planning(world).plan(view(world))


def candidates(world: World) -> set[str]:
    found = planned(world)
    assert found is not None
    return {*found.succession}


def put_service(world: World, name: str, port: int, **spec: Any) -> None:
    world.services.put(objects.service(name, ADDRESS, healthCheckNodePort=port, **spec))


def put_pods(world: World, service: str, *nodes: str) -> None:
    said = slice_view(
        {
            "metadata": {
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "endpoints": [{"nodeName": node} for node in nodes],
        }
    )
    world.endpoints.put(service, None, said)


def test_the_nodes_have_pods_of_every_service_that_needs_one(world: World) -> None:
    put_service(world, "web", 30001, **LOCAL)
    put_service(world, "dns", 30002, **LOCAL)
    put_pods(world, "web", "n1", "n2")
    put_pods(world, "dns", "n2", "n3")
    assert candidates(world) == {"n2"}
    found = planned(world)
    assert found is not None
    assert found.reason is PlannedReason.PLANNED


def test_also_when_the_first_one_needs_none(world: World) -> None:
    put_service(world, "web", 0)
    put_service(world, "dns", 30002, **LOCAL)
    put_pods(world, "dns", "n3")
    assert candidates(world) == {"n3"}
    assert Planning(world).health_check_node_port(view(world)) == 30002


def test_nobody_is_asked_for_pods_that_a_service_has_nowhere(world: World) -> None:
    """Every node would say that it has none, and nobody would hold the address for the other."""
    put_service(world, "web", 30001, **LOCAL)
    put_service(world, "dns", 30002, **LOCAL)
    put_pods(world, "dns", "n3")
    found = planned(world)
    assert found is not None
    assert (found.succession, found.reason) == (("n3",), PlannedReason.RULE_NOT_OBEYED)
    assert "shop/web has no ready endpoint on the nodes of those with whom it" in found.message
    assert Planning(world).health_check_node_port(view(world)) == 30002
    put_pods(world, "web", "n1", "n3")
    assert Planning(world).health_check_node_port(view(world)) == 30001


def test_a_plan_waits_until_it_is_known_where_all_pods_are(world: World) -> None:
    put_service(world, "web", 0)
    put_service(world, "dns", 30002, **LOCAL)
    world.endpoints.clear()
    assert planned(world) is None
    put_service(world, "dns", 0)
    assert candidates(world) == {"n1", "n2", "n3"}


def test_the_advertisements_of_each_service_count(world: World) -> None:
    for name, nodes in (("web", ["n1", "n2"]), ("dns", ["n2", "n3"])):
        service = objects.service(name, ADDRESS)
        service["metadata"]["labels"] = {"app": name}
        world.services.put(service)
        expression = {"key": "name", "operator": "In", "values": nodes}
        world.advertisements.put(
            objects.advertisement(
                name,
                serviceSelectors=[{"matchLabels": {"app": name}}],
                nodeSelectors=[{"matchExpressions": [expression]}],
            )
        )
    assert candidates(world) == {"n2"}
    assert [world.advertised_by(name) for name in ("web", "dns")] == [1, 1]
