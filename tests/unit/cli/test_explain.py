"""`lbctl explain`: from a Service to the LAN, each step with its reason."""

import json
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from lbctl.cli.exits import Exit, NotThere
from lbctl.cli.output import Format, Look
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State
from lbctl.cli.view import explain_page as page
from lbctl.cli.view.address import story
from lbctl.cli.view.service import ServiceStory, explain
from lbctl.cli.view.whereabouts import Whereabouts, whereabouts
from lbctl.core.outcomes import Outcome, PoolRefusal
from lbctl.kube.objects import (
    ENDPOINT_SLICES,
    L2_ADVERTISEMENTS,
    NODES,
    POOLS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
)
from tests.unit.cli import clusters, golden
from tests.unit.cli.clusters import changed, condition, dead, healthy, pool
from tests.unit.cli.conftest import Typed

SERVICE = Look(page.render_service, page.names_of_service)
ADDRESS = Look(page.render_address, page.names_of_address)
WEB, API = "172.16.110.100", "172.16.110.101"


def of(snapshot: Snapshot, name: str = "web") -> ServiceStory:
    return explain(State(snapshot), "shop", name)


def at(snapshot: Snapshot, address: str) -> Whereabouts:
    return whereabouts(State(snapshot), ip_address(address))


def crowded() -> Snapshot:
    """Pools with a reason each to refuse, a node that is left out, a Service that waits."""
    found = healthy()
    for made in (
        pool("lan", "172.16.110.100-172.16.110.101"),
        pool("off", "172.16.110.120", disabled=True),
        pool("asked", "172.16.110.121", autoAssign=False),
        pool("others", "172.16.110.122", allocation={"namespaces": ["prod"]}),
        pool(
            "gold", "172.16.110.123", allocation={"serviceSelectors": [{"matchLabels": {"a": "b"}}]}
        ),
        pool("six", "fd00:110::100-fd00:110::10f"),
        pool("quota", "172.16.110.130-172.16.110.139", allocation={"quotaPerNamespace": 1}),
        pool("twice", "172.16.110.101-172.16.110.102"),
    ):
        found = found.put(POOLS, made)
    found = found.put(SERVICES, clusters.service("one", "172.16.110.130"))
    one = clusters.virtual_ip("172.16.110.130", "one", "n1", "n2", holder="n1")
    one["spec"]["pool"] = "quota"
    found = found.put(VIRTUAL_IPS, one)
    return found.put(SERVICES, clusters.service("queue"))


def test_the_way_of_a_service_that_is_well() -> None:
    answer = of(healthy())
    golden.same(answer, SERVICE, "explain-service.txt")
    golden.same(answer, SERVICE, "explain-service.json", Format.JSON)


def test_the_way_of_a_service_that_waits() -> None:
    answer = of(crowded(), "queue")
    golden.same(answer, SERVICE, "explain-waiting.txt")
    assert {one.pool: one.reason for one in answer.pools} == {
        "lan": PoolRefusal.FULL,
        "off": PoolRefusal.DISABLED,
        "asked": PoolRefusal.NOT_AUTO_ASSIGNED,
        "others": PoolRefusal.NAMESPACE_NOT_ALLOWED,
        "gold": PoolRefusal.SERVICE_NOT_SELECTED,
        "six": PoolRefusal.NO_ADDRESSES_OF_FAMILY,
        "quota": PoolRefusal.QUOTA_REACHED,
        "twice": PoolRefusal.OVERLAP,
    }
    assert answer.reason == Outcome.NO_FREE_ADDRESS


def test_pools_that_give_say_which_address_comes_next() -> None:
    found = healthy().put(SERVICES, clusters.service("queue"))
    (one,) = of(found, "queue").pools
    assert (one.gives, one.address) == (True, "172.16.110.102")


def test_a_service_that_asks_for_pools_is_told_of_these() -> None:
    asks = clusters.service("queue", annotations={"lbctl.io/pools": "none,asked"})
    answer = of(crowded().put(SERVICES, asks), "queue")
    assert [(one.pool, one.gives, one.reason) for one in answer.pools] == [
        ("none", False, PoolRefusal.NO_SUCH_POOL),
        ("asked", True, ""),
    ]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "lbctl's: it names no spec.loadBalancerClass, and lbctl is the default."),
        ({"loadBalancerClass": "lbctl.io/lbctl"}, "lbctl's: it names spec.loadBalancerClass"),
        ({"loadBalancerClass": "x.io/y"}, "Not lbctl's: it names spec.loadBalancerClass x.io/y"),
    ],
)
def test_whose_it_is(spec: dict[str, Any], says: str) -> None:
    answer = of(healthy().put(SERVICES, clusters.service("queue", **spec)), "queue")
    assert says in answer.whose
    assert answer.ours is not says.startswith("Not")


def test_what_the_operator_said_is_told_where_it_is_something_else() -> None:
    old = condition("lbctl.io/AddressAllocated", False, "NoPool", "There is none.")
    found = changed(healthy(), SERVICES, "web", status__conditions=[old])
    assert of(found).told == "NoPool: There is none."
    answer = of(healthy())
    same = condition("lbctl.io/AddressAllocated", True, answer.reason, answer.message)
    assert of(changed(healthy(), SERVICES, "web", status__conditions=[same])).told is None


def test_a_service_that_is_not_there_is_looked_for_elsewhere() -> None:
    with pytest.raises(NotThere, match="Did you mean web"):
        of(healthy(), "webb")
    with pytest.raises(NotThere, match="There is one in namespace shop: -n shop"):
        explain(State(healthy()), "default", "web")


def death(snapshot: Snapshot, name: str = "web") -> str:
    (one,) = of(snapshot, name).addresses
    assert one.death is not None
    return one.death.message


@pytest.mark.parametrize(
    ("rule", "change", "says"),
    [
        ("a partner takes it at once", lambda s: s, "n2 answers after about 0.3 s"),
        ("the next one is dead", lambda s: dead(s, "n2"), "n3 answers"),
        (
            "the next one is drained",
            lambda s: s.put(NODES, clusters.node("n2", 2, **{"lbctl.io/drain": "yes"})),
            "n3 answers",
        ),
        (
            "a firewall: the LAN is asked first",
            lambda s: s.put(SPEAKERS, clusters.speaker("n2", 2, {"n1": "NeverUp", "n3": "Up"})),
            "n2 answers after 6 to 8 s",
        ),
        ("all others are dead", lambda s: dead(dead(s, "n2"), "n3"), "n2 and n3 cannot"),
        (
            "nobody else is planned",
            lambda s: s.put(VIRTUAL_IPS, clusters.virtual_ip(WEB, "web", "n1", holder="n1")),
            "no other node is in its succession",
        ),
    ],
)
def test_if_the_holder_died(rule: str, change: Callable[[Snapshot], Snapshot], says: str) -> None:
    assert says in death(change(healthy())), rule


def test_with_local_only_nodes_with_a_pod_inherit() -> None:
    local = clusters.service("web", WEB, externalTrafficPolicy="Local", healthCheckNodePort=30000)
    pods = {
        "metadata": clusters.meta("web-1", "shop", labels={"kubernetes.io/service-name": "web"}),
        "addressType": "IPv4",
        "endpoints": [{"nodeName": name, "conditions": {"ready": True}} for name in ("n1", "n3")],
    }
    found = healthy().put(SERVICES, local).put(ENDPOINT_SLICES, pods)
    (one,) = of(found).addresses
    assert one.hand_off is not None
    assert "ready: n1 and n3" in one.hand_off
    assert one.death is not None
    assert one.death.heir == "n3"
    assert [(out.node, out.reason) for out in one.left_out] == [("n2", "NoEndpoint")]


def test_an_address_that_its_holder_sends_to_node_ports() -> None:
    ports = [{"protocol": "TCP", "port": 80, "nodePort": 30080}]
    (one,) = of(changed(healthy(), VIRTUAL_IPS, WEB, spec__handOff={"nodePorts": ports})).addresses
    assert one.hand_off == "By the holder itself, to NodePorts: TCP 80 to 30080."
    back = {"nodePorts": ports, "nodePortsUntil": "2026-03-01T03:00:15Z"}
    (one,) = of(changed(healthy(), VIRTUAL_IPS, WEB, spec__handOff=back)).addresses
    assert one.hand_off is not None
    assert one.hand_off.endswith("Until 2026-03-01T03:00:15Z; then by its proxy.")


def test_an_address_that_is_not_handed_on_as_asked_says_why() -> None:
    refused = condition("HandedOn", False, "NodeUnable", "n3 cannot send to NodePorts.")
    (one,) = of(changed(healthy(), VIRTUAL_IPS, WEB, status__conditions=[refused])).addresses
    assert one.hand_off is not None
    assert one.hand_off.startswith("By the holder's kube-proxy")
    assert one.hand_off.endswith("Not as asked: n3 cannot send to NodePorts.")


def test_each_place_has_a_reason() -> None:
    state = State(dead(healthy(), "n3"))
    (one,) = [story(state, view) for view in state.allocated if str(view.address) == WEB]
    assert {place.node: place.why for place in one.succession} == {
        "n1": "holds it: who holds keeps it",
        "n2": "watches n1 by BFD; in another zone (z1)",
        "n3": "is to leave: its speaker no longer renews its Lease",
    }


def reserved() -> Snapshot:
    kept = clusters.virtual_ip("172.16.110.105", "x")
    kept["spec"]["services"] = []
    kept["spec"]["reservedFor"] = {"namespace": "shop", "name": "later"}
    return healthy().put(VIRTUAL_IPS, kept)


def released() -> Snapshot:
    gone = clusters.virtual_ip("172.16.110.105", "x", "n1")
    gone["spec"]["services"] = []
    gone["spec"]["release"] = {"coolingUntil": "2026-03-01T04:00:00Z"}
    return healthy().put(VIRTUAL_IPS, gone)


@pytest.mark.parametrize(
    ("rule", "snapshot", "address", "reason", "says"),
    [
        ("it is free", healthy(), "172.16.110.105", "", 'lbctl.io/addresses: "172.16.110.105"'),
        ("somebody has it", healthy(), WEB, "InUse", "belongs to shop/web"),
        ("it is reserved", reserved(), "172.16.110.105", "Reserved", "reserved"),
        ("it rests", released(), "172.16.110.105", "Releasing", "cooling down until 2026-03-01T04"),
        ("it is in no pool", healthy(), "172.16.110.200", "NotInPool", "is in no pool"),
        ("it is a node's", healthy(), "172.16.110.11", "NotInPool", "node n1's own"),
        ("it is excluded", healthy().put(POOLS, pool("lan", "172.16.110.100-172.16.110.109",
         exclude=["172.16.110.105"])), "172.16.110.105", "Excluded", "is in its exclude"),
        ("its pool is off", healthy().put(POOLS, pool("lan", "172.16.110.100-172.16.110.109",
         disabled=True)), "172.16.110.105", "Disabled", "gives nothing new"),
        ("it is the gateway", healthy().put(POOLS, pool("lan", "172.16.110.1-172.16.110.109")),
         "172.16.110.1", "Gateway", "default gateway"),
    ],
)  # fmt: skip
def test_why_an_address_cannot_be_had(
    rule: str, snapshot: Snapshot, address: str, reason: str, says: str
) -> None:
    answer = at(snapshot, address)
    assert answer.reason == reason, rule
    assert answer.free is not bool(reason)
    assert says in answer.message, answer.message


def test_an_address_that_is_held_and_one_that_is_free() -> None:
    golden.same(at(healthy(), API), ADDRESS, "explain-address.txt")
    golden.same(at(reserved(), "172.16.110.105"), ADDRESS, "explain-reserved.txt")
    golden.same(at(healthy(), API), ADDRESS, "explain-address.json", Format.JSON)


def test_a_place_for_each_advertisement() -> None:
    edge = {
        "metadata": clusters.meta("edge"),
        "spec": {"nodeSelectors": [{"matchLabels": {"edge": "yes"}}]},
    }
    found = healthy().put(L2_ADVERTISEMENTS, edge)
    found = found.put(NODES, clusters.node("n1", 1, edge="yes"))
    (one,) = of(found).addresses
    assert one.advertisements == ("edge",)
    assert {out.reason for out in one.left_out} == {"NotSelected"}
    golden.same(of(found), SERVICE, "explain-edge.txt")


def test_over_http(lbctl: Typed) -> None:
    printed = lbctl("explain", "service", "web")
    assert printed.exit_code == Exit.WELL, printed.output
    assert "✓ service shop/web" in printed.output
    printed = lbctl("explain", "service", "nobody")
    assert printed.exit_code == Exit.FOUND
    assert "no Service nobody" in printed.output
    printed = lbctl("explain", "address", API, "-o", "json")
    assert json.loads(printed.output)["story"]["holder"] == "n2"
    assert lbctl("explain", "address", "web").exit_code == Exit.USAGE
    assert lbctl("explain", "address", API, "-o", "name").output == f"virtualip/{API}\n"
