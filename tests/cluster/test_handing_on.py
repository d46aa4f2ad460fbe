"""`handOff: NodePort` on a real API server: what the operator writes, and in which order."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import GROUP, NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

VIP = "172.16.110.100"


class Site:
    """Three nodes with speakers, an operator, and a pool."""

    def __init__(self, cluster: Oracle, speakers: Speakers, operators: Operators) -> None:
        self.cluster, self.speakers, self.operators = cluster, speakers, operators

    def ask(self, hand_off: str) -> None:
        """An L2Advertisement for everything."""
        body = {
            "apiVersion": "/".join(GROUP),
            "kind": "L2Advertisement",
            "metadata": {"name": "all"},
            "spec": {"handOff": hand_off},
        }
        known = self.cluster.objects("l2advertisements")
        if "all" in known:
            self.cluster.custom.patch_cluster_custom_object(
                *GROUP, "l2advertisements", "all", {"spec": body["spec"]}
            )
        else:
            self.cluster.custom.create_cluster_custom_object(*GROUP, "l2advertisements", body)

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.vips()[VIP]["spec"].get("handOff") or {}
        return found

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.vips()[VIP].get("status") or {}
        return found

    def mode(self, name: str = "web") -> str:
        service = self.cluster.core.read_namespaced_service(name, NAMESPACE)
        (entry,) = service.status.load_balancer.ingress
        return str(entry.ip_mode)

    def node_port(self, name: str = "web") -> int:
        service = self.cluster.core.read_namespaced_service(name, NAMESPACE)
        return int(service.spec.ports[0].node_port)

    def wait_said(self, status: str, reason: str) -> None:
        def said() -> bool:
            found = self.cluster.condition("virtualips", VIP, "HandedOn")
            return (found.get("status"), found.get("reason")) == (status, reason)

        eventually(said, what=f"HandedOn is {status}, {reason}")


@pytest.fixture
def site(cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]) -> Site:
    cluster.pool("lab", "172.16.110.100-172.16.110.119")
    started = speakers("n1", "n2", "n3")
    for node in ("n1", "n2", "n3"):
        started.keeps_table(node)
    operators.start()
    return Site(cluster, started, operators)


def test_a_new_address_is_never_the_proxys(site: Site) -> None:
    site.ask("NodePort")
    site.cluster.service("web", allocateLoadBalancerNodePorts=True)
    site.cluster.wait_shown("web", VIP)
    assert site.mode() == "Proxy", "from the first status on"
    assert site.spec["nodePorts"] == [{"protocol": "TCP", "port": 80, "nodePort": site.node_port()}]
    site.wait_said("True", "AsAsked")


def test_there_and_back_each_step_after_the_one_that_it_needs(site: Site) -> None:
    site.cluster.service("web", allocateLoadBalancerNodePorts=True)
    site.cluster.wait_shown("web", VIP)
    eventually(lambda: site.status.get("holder"), what="a node holds it")
    assert site.mode() == "VIP"
    site.speakers.slow_tables = True
    site.ask("NodePort")
    eventually(lambda: site.spec.get("nodePorts"), what="the nodePorts are named")
    site.cluster.annotate("web", {"something": "else"})
    assert site.mode() == "VIP", "the holder's table has them not"
    site.speakers.slow_tables = False
    eventually(lambda: site.mode() == "Proxy", what="the proxies may forget the address")
    assert site.status["handOff"] == "NodePort"

    site.ask("ClusterProxy")
    eventually(lambda: site.mode() == "VIP", what="the proxies are to know it again")
    assert site.spec["nodePorts"], "and until they do, the holder sends there"
    assert site.spec["nodePortsUntil"]
    site.operators.kill_all()
    site.operators.start()
    eventually(lambda: not site.spec, what="the next operator ends it", patience=60)
    eventually(lambda: "handOff" not in site.status, what="and the holder stops", patience=60)


def test_a_node_without_a_table_leaves_all_as_it_is(site: Site) -> None:
    site.speakers.keeps_table("n2", ready=False)
    site.ask("NodePort")
    site.cluster.service("web", allocateLoadBalancerNodePorts=True)
    site.cluster.wait_shown("web", VIP)
    site.wait_said("False", "NodeUnable")
    assert (site.mode(), site.spec) == ("VIP", {})
    assert "n2" in site.cluster.wait_note("web", "HandOffNotAsAsked")

    site.speakers.keeps_table("n2")
    site.wait_said("True", "AsAsked")
    eventually(lambda: site.mode() == "Proxy", what="it is handed on as asked")


def test_a_service_that_loses_its_node_ports_goes_back(site: Site) -> None:
    site.ask("NodePort")
    site.cluster.service("web", allocateLoadBalancerNodePorts=True)
    site.cluster.wait_shown("web", VIP)
    site.cluster.change_service("web", loadBalancerSourceRanges=["10.0.0.0/8"])
    site.wait_said("False", "SourceRanges")
    eventually(lambda: site.mode() == "VIP", what="the proxies know it, and who may come in")
    assert "NetworkPolicy" in site.cluster.wait_note("web", "HandOffNotAsAsked")


def test_without_node_ports_there_is_nothing_to_send_to(site: Site) -> None:
    site.ask("NodePort")
    site.cluster.service("web")
    site.cluster.wait_shown("web", VIP)
    site.wait_said("False", "NoNodePort")
    assert (site.mode(), site.spec) == ("VIP", {})
