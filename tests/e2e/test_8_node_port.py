"""`handOff: NodePort` on the whole cluster: who reaches a Service, whom its pods see, and back."""

import json
from collections.abc import Iterator
from functools import partial

import pytest

from speaker.netfilter.rewrites import Protocol
from tests.e2e.asking import lost, watching
from tests.e2e.tellers import (
    ADVERTISEMENT,
    ASKER,
    BOTH_WAYS,
    PROTOCOLS,
    addresses,
    advertise,
    daemon_set,
    handed_on,
    modes,
    reached,
    service,
    vip,
    wait_reached,
)
from tests.e2e.test_4_moves import wait_moved
from tests.lab import Lab
from tests.lab.spec import Family
from tests.tour import steps
from tests.tour.looking import ask as http
from tests.tour.looking import get, until
from tests.tour.site import CHART, NAMESPACE, Site
from tests.wire.handing_on import ask, asked, talk

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def by_node_port(installed: Site) -> Iterator[Site]:
    """lbctl with tables on its nodes, and an L2Advertisement that asks for the hand-off."""
    if installed.lab is None:
        pytest.skip("this cluster's nodes are not ours to look into")
    # fmt: off
    installed.helm("upgrade", "lbctl", str(CHART), "-n", NAMESPACE, "--reset-then-reuse-values",
                   "--wait", "--timeout", "5m", "--set", "handOff.nodePort.enabled=true",
                   "--set", "metrics.perAddress=true")
    # fmt: on
    installed.kubectl("rollout", "status", "-n", NAMESPACE, "daemonset/lbctl-speaker")
    pool = {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "tellers"},
        "spec": {"addresses": ["172.16.110.170-172.16.110.179", "fd00:110::3:0/112"],
                 "autoAssign": False},
    }  # fmt: skip
    installed.kubectl("apply", "-f", "-", stdin=json.dumps(pool))
    advertise(installed, "NodePort")
    yield installed
    installed.kubectl("delete", "l2advertisement", ADVERTISEMENT)
    # fmt: off
    installed.helm("upgrade", "lbctl", str(CHART), "-n", NAMESPACE, "--reset-then-reuse-values",
                   "--wait", "--timeout", "5m", "--set", "handOff.nodePort.enabled=false",
                   "--set", "metrics.perAddress=false")
    # fmt: on
    installed.kubectl("rollout", "status", "-n", NAMESPACE, "daemonset/lbctl-speaker")
    installed.kubectl("delete", "ipaddresspool", "tellers")


@pytest.fixture(scope="module")
def tellers(by_node_port: Site) -> Iterator[Site]:
    """Pods on every node."""
    image = get(by_node_port, "daemonset", "lbctl-speaker", "-n", NAMESPACE)["spec"]["template"][
        "spec"
    ]["containers"][0]["image"]
    by_node_port.kubectl("apply", "-f", "-", stdin=daemon_set(image))
    by_node_port.kubectl("rollout", "status", "daemonset/teller", "--timeout=120s")
    yield by_node_port
    by_node_port.kubectl("delete", "daemonset", "teller", "--wait=false")


@pytest.fixture(scope="module")
def teller(tellers: Site) -> Iterator[dict[Family, str]]:
    """The addresses of a Service that any node serves."""
    tellers.kubectl("apply", "-f", "-", stdin=service("teller"))
    yield addresses(tellers, "teller")
    tellers.kubectl("delete", "service", "teller", "--wait=false")


def holder_of(site: Site, address: str) -> str:
    return str(vip(site, address)["status"]["holder"])


def test_everybody_reaches_it_and_the_proxy_does_not_know_it(
    by_node_port: Site, lab: Lab, teller: dict[Family, str]
) -> None:
    """The client, nodes that hold and that stand by, and pods on both."""
    for host in ("client", "n1", "n2", "n3"):
        wait_reached(lab, host, teller)
    for pod in get(by_node_port, "pods", "-l", "app=teller")["items"]:
        for address in teller.values():
            name = pod["metadata"]["name"]
            said = by_node_port.kubectl("exec", name, "--", "python3", "-c", ASKER, address, "80")
            assert len(said.split()) == len(PROTOCOLS), (pod["spec"]["nodeName"], address)
    until(lambda: modes(by_node_port, "teller") == {"Proxy"}, what="no proxy is to know it")
    for address in teller.values():
        until(partial(is_handed_on, by_node_port, address), what=f"{address} is handed on")
        for node in ("n1", "n2", "n3"):
            until(
                partial(unknown_to_proxy, lab, node, address),
                what=f"the proxy of {node} does not know {address}",
            )


def is_handed_on(site: Site, address: str) -> bool:
    said = vip(site, address)["status"].get("handOff")
    return handed_on(site, address) == ("True", "AsAsked") and said == "NodePort"


def unknown_to_proxy(lab: Lab, node: str, address: str) -> bool:
    """Whether the address is in lbctl's table alone."""
    tables = lab.exec(node, "nft", "list", "ruleset").stdout.split("table inet lbctl")
    return address not in tables[0] + "".join(tables[1:]).partition("\n}\n")[2]


def test_who_asks_at_the_node_port_itself_is_served_as_ever(
    by_node_port: Site, lab: Lab, teller: dict[Family, str]
) -> None:
    ports = get(by_node_port, "service", "teller")["spec"]["ports"]
    for family, protocol in BOTH_WAYS:
        (number,) = (each["nodePort"] for each in ports if each["protocol"] == protocol.name)
        node = holder_of(by_node_port, teller[family])
        there = lab.node_address(node, family)
        assert asked(lab.spec.namespace("client"), protocol, there, number)


def test_no_other_port_and_a_ping(lab: Lab, teller: dict[Family, str]) -> None:
    for address in teller.values():
        with pytest.raises(ConnectionRefusedError):
            asked(lab.spec.namespace("client"), Protocol.TCP, address, 81)
        said = lab.exec("client", "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", address).stdout
        assert " 0% packet loss" in said
        assert "Redirect" not in said


def test_with_local_the_pod_sees_the_client(tellers: Site, lab: Lab) -> None:
    tellers.kubectl("apply", "-f", "-", stdin=service("near", externalTrafficPolicy="Local"))
    try:
        found = addresses(tellers, "near")
        wait_reached(lab, "client", found)
        for family, protocol in BOTH_WAYS:
            client = lab.node_address("client", family)
            assert reached(lab, "client", protocol, found[family]) == client
    finally:
        tellers.kubectl("delete", "service", "near", "--wait=false")


def test_the_traffic_of_each_address_is_counted(
    by_node_port: Site, lab: Lab, teller: dict[Family, str]
) -> None:
    for address in teller.values():
        node = holder_of(by_node_port, address)
        before = counted(lab, node, address)
        assert reached(lab, "client", Protocol.TCP, address)
        until(partial(more_counted, lab, node, address, before), what="both ways are counted")


def more_counted(lab: Lab, node: str, address: str, before: dict[str, float]) -> bool:
    after = counted(lab, node, address)
    return all(after[which] > before.get(which, 0) for which in ("received", "sent"))


def counted(lab: Lab, node: str, address: str) -> dict[str, float]:
    """Packets by direction."""
    said = lab.exec(node, "curl", "-s", "http://127.0.0.1:7950/metrics").stdout
    found = {}
    for line in said.splitlines():
        if line.startswith("lbctl_speaker_address_packets_total{") and f'"{address}"' in line:
            found[line.partition('direction="')[2].partition('"')[0]] = float(line.split()[-1])
    return found


def test_a_service_without_node_ports_stays_with_the_proxy(tellers: Site, lab: Lab) -> None:
    own = service("portless", allocateLoadBalancerNodePorts=False)
    tellers.kubectl("apply", "-f", "-", stdin=own)
    try:
        found = addresses(tellers, "portless")
        wait_reached(lab, "client", found)
        until(lambda: modes(tellers, "portless") == {"VIP"}, what="the proxies are to know it")
        for address in found.values():
            until(partial(has_no_node_port, tellers, address), what="it says why")
        of_it = ("--field-selector", "involvedObject.name=portless")
        until(
            lambda: "HandOffNotAsAsked" in tellers.kubectl("get", "events", *of_it),
            what="an Event tells its owner",
        )
    finally:
        tellers.kubectl("delete", "service", "portless", "--wait=false")


def has_no_node_port(site: Site, address: str) -> bool:
    return handed_on(site, address) == ("False", "NoNodePort")


def test_a_table_that_somebody_deletes_is_put_right_and_told(
    by_node_port: Site, lab: Lab, teller: dict[Family, str]
) -> None:
    """A connection outlives it."""
    node = holder_of(by_node_port, teller[4])
    with talk(lab.spec.namespace("client"), Protocol.TCP, teller[4], 80) as made:
        seen_as = ask(made)
        lab.exec(node, "nft", "delete", "table", "inet", "lbctl")
        assert ask(made) == seen_as

        def repaired() -> bool:
            said = get(by_node_port, "speaker", node)["status"]["conditions"]
            return any(one["reason"] == "TableRepaired" for one in said)

        until(repaired, what="the repair is reported")
        assert reached(lab, "client", Protocol.TCP, teller[4])
        assert ask(made) == seen_as


def test_what_a_crash_leaves_is_replaced_at_the_next_start(
    by_node_port: Site, lab: Lab, teller: dict[Family, str]
) -> None:
    """The whole pod dies at once: the table stays, and its successor has made it its own."""
    node = holder_of(by_node_port, teller[4])
    lab.faults.speaker_killed(node)
    assert "table inet lbctl" in lab.exec(node, "nft", "list", "tables").stdout
    wait_reached(lab, "client", teller)
    # The stale element stands for an address that left the plan meanwhile.
    lab.exec(
        node,
        "nft",
        "add",
        "element",
        "inet",
        "lbctl",
        "guarded4",
        "{ 172.16.110.179 }",
        check=False,
    )

    def clean() -> bool:
        said = lab.exec(node, "nft", "list", "table", "inet", "lbctl").stdout
        return "172.16.110.179" not in said and teller[4] in said

    until(clean, what="the table is the speaker's again")


def test_a_planned_move_loses_no_new_connection(
    by_node_port: Site, lab: Lab, address: str, teller: dict[Family, str]
) -> None:
    """Of the quickstart's Service, which went over to NodePorts while it was in use."""
    del teller
    until(lambda: modes(by_node_port, "web") == {"Proxy"}, what="`web` is handed on to NodePorts")
    _, node = steps.holder(by_node_port, address)
    try:
        with watching(lab, address) as watched:
            by_node_port.kubectl("label", "node", node, "lbctl.io/drain=true")
            wait_moved(by_node_port, address, node)
    finally:
        by_node_port.kubectl("label", "node", node, "lbctl.io/drain-")
    assert lost("drain with NodePort", watched) == []


def test_what_becomes_of_established_connections(
    by_node_port: Site, lab: Lab, teller: dict[Family, str]
) -> None:
    """The next holder's conntrack does not know them, so they end, and at once; UDP goes on."""
    node = holder_of(by_node_port, teller[4])
    client = lab.spec.namespace("client")
    with (
        talk(client, Protocol.TCP, teller[4], 80) as stream,
        talk(client, Protocol.UDP, teller[4], 80) as datagrams,
    ):
        ask(stream)
        ask(datagrams)
        by_node_port.kubectl("label", "node", node, "lbctl.io/drain=true")
        try:
            wait_moved(by_node_port, teller[4], node)
            with pytest.raises(ConnectionResetError):
                ask(stream)
            assert ask(datagrams)
        finally:
            by_node_port.kubectl("label", "node", node, "lbctl.io/drain-")


def test_there_and_back_lose_no_request(
    by_node_port: Site, lab: Lab, address: str, teller: dict[Family, str]
) -> None:
    del teller
    until(lambda: http(by_node_port, f"http://{address}:8080/"), what="`web` answers")
    try:
        with watching(lab, address) as watched:
            advertise(by_node_port, "ClusterProxy")
            until(lambda: modes(by_node_port, "web") == {"VIP"}, what="the proxies are to know it")
            until(
                lambda: "nodePorts" not in vip(by_node_port, address)["spec"].get("handOff", {}),
                what="the nodePorts are gone",
            )
            advertise(by_node_port, "NodePort")
            until(lambda: modes(by_node_port, "web") == {"Proxy"}, what="and are there again")
    finally:
        advertise(by_node_port, "NodePort")
    assert lost("there and back", watched) == []


def test_when_the_value_is_turned_off_the_proxy_serves_it(
    by_node_port: Site, lab: Lab, address: str, teller: dict[Family, str]
) -> None:
    """And no table is left on any node."""
    installed = by_node_port
    # fmt: off
    installed.helm("upgrade", "lbctl", str(CHART), "-n", NAMESPACE, "--reset-then-reuse-values",
                   "--wait", "--timeout", "5m", "--set", "handOff.nodePort.enabled=false")
    # fmt: on
    installed.kubectl("rollout", "status", "-n", NAMESPACE, "daemonset/lbctl-speaker")
    until(lambda: modes(installed, "web") == {"VIP"}, what="`web` is the proxies' again")
    until(lambda: handed_on(installed, address) == ("False", "NodeUnable"), what="it says why")
    until(lambda: http(installed, f"http://{address}:8080/"), what="`web` answers")
    wait_reached(lab, "client", teller)
    for node in ("n1", "n2", "n3"):
        until(partial(without_table, lab, node), what=f"{node} has no table of lbctl's")


def without_table(lab: Lab, node: str) -> bool:
    return "lbctl" not in lab.exec(node, "nft", "list", "tables").stdout
