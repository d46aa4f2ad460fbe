"""Speakers that send to NodePorts themselves, with a real API server and real kube-proxies.

No Service here has an address in its status, so no kube-proxy knows one, as with `ipMode: Proxy`.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_address
from itertools import product
from typing import Any

import pytest

from lbctl.core.addresses import object_name
from speaker.agent.metric_table import ADDRESS_BYTES, ADDRESS_PACKETS, TABLE
from speaker.netfilter.rewrites import Protocol
from tests.exposition import Exposition
from tests.lab import Lab, LabSpec, own_name
from tests.lab.spec import FAMILIES, Family
from tests.wire.handing_on import POD_PORT, ask, asked, serving, talk
from tests.wire.whole import Cluster, Speaker, wait_until

pytestmark = [pytest.mark.root, pytest.mark.lab]

PROTOCOLS = (Protocol.TCP, Protocol.UDP)
VIPS: dict[Family, str] = {4: "172.16.110.120", 6: "fd00:110::120"}


class Stage:
    """Two nodes, each with an endpoint on its own network, and Services to be sent to."""

    def __init__(self, cluster: Cluster, speakers: dict[str, Speaker]) -> None:
        self.cluster, self.lab, self.speakers = cluster, cluster.lab, speakers

    def namespace(self, host: str) -> str:
        return self.lab.spec.namespace(host)

    def service(self, name: str, policy: str) -> list[dict[str, Any]]:
        """Make a Service of both families; its NodePorts, as a VirtualIP names them."""
        ports = [
            {"name": each.name.lower(), "protocol": each.name, "port": 80, "targetPort": POD_PORT}
            for each in PROTOCOLS
        ]
        spec = {
            "type": "LoadBalancer",
            "loadBalancerClass": "lbctl.io/lbctl",
            "externalTrafficPolicy": policy,
            "ipFamilyPolicy": "RequireDualStack",
            "ports": ports,
        }
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
        self.lab.kubectl("create", "-f", "-", input=json.dumps(body))
        made = json.loads(self.lab.kubectl("get", "service", name, "-ojson"))
        return [
            {"protocol": each["protocol"], "port": each["port"], "nodePort": each["nodePort"]}
            for each in made["spec"]["ports"]
        ]

    def endpoints(self, service: str, *nodes: str) -> None:
        """Where the Service's pods are: on these nodes, at the nodes' own addresses."""
        for family in FAMILIES:
            body = {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{service}-{family}",
                    "labels": {"kubernetes.io/service-name": service},
                },
                "addressType": f"IPv{family}",
                "ports": [
                    {"name": each.name.lower(), "protocol": each.name, "port": POD_PORT}
                    for each in PROTOCOLS
                ],
                "endpoints": [
                    {"addresses": [self.lab.node_address(node, family)], "nodeName": node}
                    for node in nodes
                ],
            }
            self.lab.kubectl("apply", "-f", "-", input=json.dumps(body))

    def hold(self, node_ports: list[dict[str, Any]], *succession: str) -> None:
        """Give both addresses to the first of these nodes."""
        for address in VIPS.values():
            name = object_name(ip_address(address))
            ports = [{name: each[name] for name in ("protocol", "port")} for each in node_ports]
            service = {"namespace": "default", "name": "web", "uid": "u", "ports": ports}
            hand_off = {"nodePorts": node_ports}
            spec = {"address": address, "services": [service], "handOff": hand_off}
            self.cluster.apply(name, *succession, **spec)
            self.cluster.wait_holder(name, succession[0])

    def sees(self, host: str, protocol: Protocol, family: Family, port: int = 80) -> str:
        return asked(self.namespace(host), protocol, VIPS[family], port)

    def reaches(self, host: str, protocol: Protocol, family: Family) -> bool:
        try:
            return bool(self.sees(host, protocol, family))
        except OSError:
            return False

    def wait_reached(self, host: str) -> None:
        """Until the Service's proxies have what it takes, for each protocol and family."""
        for family, protocol in product(FAMILIES, PROTOCOLS):
            what = f"{host} reaches it by {protocol.name} over IPv{family}"
            wait_until(partial(self.reaches, host, protocol, family), what)


@pytest.fixture(scope="module", params=["nftables", "iptables"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """An API server, two nodes without kubelets, and a speaker with a table on each."""
    logs = tmp_path_factory.mktemp("speakers")
    spec = LabSpec(name=own_name("table"), nodes=2, kubelets=False, proxy=request.param)
    with Lab(spec) as lab, ExitStack() as stack:
        cluster = Cluster(lab)
        cluster.install()
        speakers = {}
        for node in ("n1", "n2"):
            stack.enter_context(serving(spec.namespace(node)))
            settings = {
                "LBCTL_NODE_PORT_TABLE": "true",
                "LBCTL_METRICS_PER_ADDRESS": "true",
                "LBCTL_NODE_ADDRESSES": ",".join(lab.node_address(node, each) for each in FAMILIES),
            }
            speakers[node] = Speaker(lab, node, logs / f"{node}.log", settings)
            stack.callback(speakers[node].close)
        for speaker in speakers.values():
            speaker.wait_ready()
        # Who has no partner takes an address over from nobody.
        cluster.partners("n1", "n2")
        cluster.partners("n2", "n1")
        wait_until(
            lambda: cluster.sessions("n1") == cluster.sessions("n2") == ["Up"],
            "the session is up",
        )
        yield Stage(cluster, speakers)


@pytest.fixture
def web(stage: Stage) -> Iterator[list[dict[str, Any]]]:
    """A Service that any node serves; its only pod is on n2. n1 holds its addresses."""
    node_ports = stage.service("web", "Cluster")
    stage.endpoints("web", "n2")
    stage.hold(node_ports, "n1", "n2")
    stage.wait_reached("client")
    yield node_ports
    stage.lab.kubectl("delete", "virtualips", "--all")
    stage.lab.kubectl("delete", "service", "web")


@pytest.mark.usefixtures("web")
def test_everybody_reaches_the_service(stage: Stage) -> None:
    """The client, the holder's own processes, and those of a node that stands by."""
    for family, protocol in product(FAMILIES, PROTOCOLS):
        assert stage.sees("client", protocol, family) == stage.lab.node_address("n1", family)
    for node in ("n1", "n2"):
        stage.wait_reached(node)


@pytest.mark.usefixtures("web")
def test_other_ports_are_refused_and_ping_is_answered(stage: Stage) -> None:
    for family, address in VIPS.items():
        with pytest.raises(ConnectionRefusedError):
            stage.sees("client", Protocol.TCP, family, port=81)
        said = stage.lab.exec("client", "ping", "-n", "-c", "1", "-W", "2", address).stdout
        assert f"from {address}" in said


@pytest.mark.usefixtures("web")
def test_udp_leaves_a_pod_that_is_gone(stage: Stage) -> None:
    """The client keeps its port: only kube-proxy's cleaning lets it reach another pod."""
    with talk(stage.namespace("client"), Protocol.UDP, VIPS[4], 80) as made:
        ask(made)
        other = stage.lab.node_address("n1")
        stage.endpoints("web", "n1")

        def moved() -> bool:
            ask(made)
            port = made.getsockname()[1]
            known = stage.lab.exec("n1", "conntrack", "-L", "-p", "udp", "--sport", port).stdout
            return f"src={other} dst=" in known.partition("dport=")[2]

        wait_until(moved, "the client talks to the other pod")


@pytest.mark.usefixtures("web")
def test_a_service_that_loses_its_pods_is_refused(stage: Stage) -> None:
    stage.endpoints("web")

    def refused() -> bool:
        try:
            stage.sees("client", Protocol.TCP, 4)
        except ConnectionRefusedError:
            return True
        return False

    wait_until(refused, "the client hears that there is nobody")


def test_a_local_service_sees_its_client(stage: Stage) -> None:
    node_ports = stage.service("local", "Local")
    stage.endpoints("local", "n1")
    try:
        stage.hold(node_ports, "n1")
        stage.wait_reached("client")
        for family, protocol in product(FAMILIES, PROTOCOLS):
            client = stage.lab.node_address("client", family)
            assert stage.sees("client", protocol, family) == client
    finally:
        stage.lab.kubectl("delete", "virtualips", "--all")
        stage.lab.kubectl("delete", "service", "local")


@pytest.mark.usefixtures("web")
def test_a_speaker_that_stops_leaves_no_table(stage: Stage) -> None:
    """And the next holder serves new connections at once: it was ready before."""
    speaker = stage.speakers["n1"]
    wait_until(
        lambda: (
            stage.cluster.condition("speaker", "n1", "NodePortReady").get("reason")
            == "TableInPlace"
        ),
        "the table is in place",
    )
    speaker.close()
    try:
        assert stage.reaches("client", Protocol.TCP, 4)
        assert "lbctl" not in stage.lab.exec("n1", "nft", "list", "tables").stdout
        assert stage.cluster.answering(VIPS[4]) == stage.lab.mac("n2")
    finally:
        speaker.start()
        speaker.wait_ready()


@pytest.mark.usefixtures("web")
def test_a_firewall_that_restarts_is_outlived(stage: Stage) -> None:
    with talk(stage.namespace("client"), Protocol.TCP, VIPS[4], 80) as made:
        seen_as = ask(made)
        stage.lab.exec("n1", "nft", "delete", "table", "inet", "lbctl")
        assert ask(made) == seen_as
        wait_until(
            lambda: (
                stage.cluster.condition("speaker", "n1", "NodePortReady").get("reason")
                == "TableRepaired"
            ),
            "the repair is reported",
        )
        assert stage.reaches("client", Protocol.TCP, 4)
    assert 'table_looks_total{outcome="repaired"} 1.0' in stage.speakers["n1"].http("/metrics")


@pytest.mark.usefixtures("web")
def test_what_passes_is_counted_for_each_address(stage: Stage) -> None:
    shown = Exposition(lambda: stage.speakers["n1"].http("/metrics"))
    for metric, address, direction in product(
        (ADDRESS_PACKETS, ADDRESS_BYTES), VIPS.values(), ("received", "sent")
    ):
        looked_for = partial(shown.sum, metric, address=address, direction=direction)
        wait_until(looked_for, f"{metric.name} of {address}, {direction}")
    assert shown.undeclared(TABLE) == []


@pytest.mark.usefixtures("web")
def test_the_agent_dies_and_nothing_happens(stage: Stage) -> None:
    stage.speakers["n1"].kill("speaker.agent")
    for family in FAMILIES:
        assert stage.reaches("client", Protocol.TCP, family)
    stage.speakers["n1"].wait_ready()
    assert stage.reaches("client", Protocol.TCP, 4)
