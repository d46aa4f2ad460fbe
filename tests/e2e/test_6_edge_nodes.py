"""Who announces, as a person asks for it: the example of edge nodes, fail-back, rebalancing."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.examples import condition, virtual_ip
from tests.tour import steps
from tests.tour.looking import ask, get, until
from tests.tour.site import NAMESPACE, ROOT, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

EXAMPLE = ROOT / "examples" / "03-edge-nodes"
HOLD_OFF_SECONDS = 20.0


@pytest.fixture
def edge(installed: Site, address: str) -> Iterator[str]:
    """The example, applied where the address is held by a node that is no edge; the address."""
    _, holder = steps.holder(installed, address)
    others = sorted({"n1", "n2", "n3"} - {holder})
    try:
        installed.kubectl("label", "node", *others, "lan=edge")
        installed.kubectl("apply", "-f", str(EXAMPLE))
        yield address
    finally:
        installed.kubectl("delete", "--ignore-not-found", "-f", str(EXAMPLE))
        installed.kubectl("label", "node", "--all", "lan-", "uplink-")


def labelled(site: Site, label: str) -> set[str]:
    return {node["metadata"]["name"] for node in get(site, "nodes", "-l", label)["items"]}


def settled_on(site: Site, address: str, nodes: set[str]) -> str | None:
    """The holder, once it is one of these nodes and no move is under way."""
    vip = virtual_ip(site, address)
    holder = vip.get("status", {}).get("holder")
    return str(holder) if holder in nodes and "outgoing" not in vip["spec"] else None


def test_edges_alone_hold_and_the_preferred_one_gets_it_back(installed: Site, edge: str) -> None:
    edges = labelled(installed, "lan=edge")
    first = until(lambda: settled_on(installed, edge, edges), what="an edge holds it")
    until(lambda: {*virtual_ip(installed, edge)["spec"]["succession"]} == edges, what="alone")
    assert virtual_ip(installed, edge)["status"]["interface"] == "eth0"

    (preferred,) = edges - {first}
    installed.kubectl("label", "node", preferred, "uplink=fast")
    until(lambda: settled_on(installed, edge, {preferred}), what="it moves to the preferred one")
    assert steps.holder(installed, edge)[1] == preferred

    # Its speaker is replaced: the other edge takes over, and after the hold-off it is back.
    begun = time.monotonic()
    installed.kubectl(
        *("delete", "pod", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=speaker"),
        *("--field-selector", f"spec.nodeName={preferred}"),
    )
    until(lambda: settled_on(installed, edge, {first}), what="the other edge took over")
    until(lambda: settled_on(installed, edge, {preferred}), what="it is failed back")
    assert time.monotonic() - begun > HOLD_OFF_SECONDS - 1, "not before it was well for a while"
    assert steps.holder(installed, edge)[1] == preferred
    until(lambda: ask(installed, f"http://{edge}:8080/"), what="and it answers from there")


def test_an_interface_that_no_node_has_is_named_and_nothing_moves(
    installed: Site, edge: str
) -> None:
    edges = labelled(installed, "lan=edge")
    holder = until(lambda: settled_on(installed, edge, edges), what="an edge holds it")
    patch = '{"spec":{"interfaces":["eth9"]}}'
    installed.kubectl("patch", "l2advertisement", "edge", "--type=merge", "-p", patch)
    until(
        lambda: (
            condition(get(installed, "l2advertisement", "edge"), "Ready").get("reason")
            == "InterfaceNotFound"
        ),
        what="the L2Advertisement says so",
    )
    until(
        lambda: "eth9" in condition(virtual_ip(installed, edge), "Planned").get("message", ""),
        what="and so does the address",
    )
    _, node = steps.holder(installed, edge)
    assert node == holder, "who holds goes on"


MANY = [f"many-{number}" for number in range(6)]


@pytest.fixture
def many(installed: Site, address: str) -> Iterator[list[str]]:
    """Several addresses that n1, which was drained, has none of."""
    assert address, "the application is there"
    try:
        for name in MANY:
            installed.kubectl("apply", "-f", "-", stdin=SERVICE.format(name=name))
        given = [given_to(installed, name) for name in MANY]
        installed.kubectl("label", "node", "n1", "lbctl.io/drain=true")
        until(
            lambda: (
                {*(held := holders(installed)).values()} <= {"n2", "n3"} and len(held) > len(MANY)
            ),
            what="n1 has handed over all",
        )
        installed.kubectl("label", "node", "n1", "lbctl.io/drain-")
        yield given
    finally:
        installed.kubectl("label", "node", "n1", "lbctl.io/drain-")
        installed.kubectl("delete", "service", "--ignore-not-found", *MANY)
        installed.kubectl("annotate", "ippool", "lan", "lbctl.io/rebalance-")


SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  type: LoadBalancer
  selector: {{app: web}}
  ports: [{{port: 8080, targetPort: http}}]
"""


def given_to(site: Site, name: str) -> str:
    """The address that a Service got."""
    return until(lambda: steps.service_address(site, name), what=f"{name} has an address")


def holders(site: Site) -> dict[str, str | None]:
    """Who holds each address that a Service has."""
    return {
        vip["metadata"]["name"]: vip.get("status", {}).get("holder")
        for vip in get(site, "virtualips")["items"]
        if vip["spec"].get("services")
    }


def shared_out(site: Site) -> bool:
    counts = Counter(holders(site).values())
    return {*counts} == {"n1", "n2", "n3"} and max(counts.values()) - min(counts.values()) <= 1


def test_rebalancing_shares_addresses_out_again(installed: Site, many: list[str]) -> None:
    time.sleep(3)
    assert "n1" not in holders(installed).values(), "nothing moves unasked"
    installed.kubectl("annotate", "ippool", "lan", "lbctl.io/rebalance=now", "--overwrite")
    until(
        lambda: get(installed, "ippool", "lan")["status"].get("rebalanced") == "now",
        what="it is done",
    )
    until(lambda: shared_out(installed), what="each node holds as many as the others, or one more")
    for address in many:
        assert steps.holder(installed, address)[1] == holders(installed)[address]
    assert condition(get(installed, "ippool", "lan"), "Rebalanced")["reason"] == "Balanced"
