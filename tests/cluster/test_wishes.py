"""What a Service asks for, on a real API server: addresses, pools, sharing, reservations."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import CLASS, Oracle, eventually
from tests.cluster.proxy import Call, Proxy
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

POOL = "172.16.110.100-172.16.110.119"
HTTP = {"ports": [{"port": 80}]}
HTTPS = {"ports": [{"port": 443}]}
EDGE = {"allow-shared-ip": "edge"}


def test_an_address_that_is_asked_for(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("old", loadBalancerIP="172.16.110.105")
    cluster.wait_shown("old", "172.16.110.105")
    cluster.service("web", {"addresses": "172.16.110.106"})
    cluster.wait_shown("web", "172.16.110.106")
    said = cluster.wait_said("web", "True", "AddressAllocated")
    assert said == '172.16.110.106 from pool "lab".'
    cluster.ask("web", addresses="172.16.110.105")
    said = cluster.wait_said("web", "True", "RequestedAddressUnavailable")
    assert "172.16.110.105 belongs to shop/old" in said
    assert "It keeps 172.16.110.106." in said
    assert cluster.wait_note("web", "RequestedAddressUnavailable") in said
    assert cluster.shown("web") == ["172.16.110.106"], "it is not left without one"
    cluster.delete_service("old")
    cluster.wait_shown("web", "172.16.110.105")
    cluster.wait_settled(1)


def test_pools_that_are_asked_for(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    cluster.pool("gold", "172.16.110.50", disabled=True)
    operators.start()
    cluster.service("web", {"pools": "gold"})
    said = cluster.wait_said("web", "False", "RequestedPoolUnavailable")
    assert '"gold": disabled' in said
    cluster.ask("web", pools="gold,lab")
    cluster.wait_shown("web", "172.16.110.100")
    cluster.change_pool("gold", disabled=False)
    cluster.ask("web", pools="gold")
    cluster.wait_shown("web", "172.16.110.50")
    cluster.wait_settled(1)


def test_what_cannot_be_read_is_told(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web", {"addresses": "the second floor"})
    said = cluster.wait_said("web", "False", "InvalidRequest")
    assert '"the second floor", which is no address' in said
    cluster.ask("web", addresses=None)
    cluster.wait_shown("web", "172.16.110.100")
    cluster.ask("web", addresses="172.16.110.101,172.16.110.102")
    cluster.wait_said("web", "True", "InvalidRequest")
    assert cluster.shown("web") == ["172.16.110.100"]


def test_services_share_an_address(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1", "n2")
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web", EDGE, **HTTP)
    cluster.wait_shown("web", "172.16.110.100")
    cluster.service("tls", EDGE, **HTTPS)
    cluster.wait_shown("tls", "172.16.110.100")
    cluster.service("alone", **HTTPS)
    cluster.wait_shown("alone", "172.16.110.101")
    cluster.service("late", EDGE, **HTTP)
    cluster.wait_shown("late", "172.16.110.102")
    spec = cluster.vips()["172.16.110.100"]["spec"]
    assert spec["sharingKey"] == "edge"
    assert {row["name"]: row["ports"] for row in spec["services"]} == {
        "web": [{"protocol": "TCP", "port": 80}],
        "tls": [{"protocol": "TCP", "port": 443}],
    }
    cluster.delete_service("web")
    eventually(lambda: cluster.tenants("172.16.110.100") == ["tls"], what="one row goes")
    assert cluster.shown("tls") == ["172.16.110.100"], "and the address stays"
    cluster.delete_service("tls")
    eventually(lambda: "172.16.110.100" not in cluster.vips(), what="until the last one goes")


@pytest.fixture
def neighbour(cluster: Oracle) -> Iterator[Callable[[], list[str]]]:
    """A Service of another namespace with the same key; what it shows."""
    annotations = {"lbctl.io/allow-shared-ip": "edge"}
    spec = {"type": "LoadBalancer", **HTTPS}
    body = {"metadata": {"name": "neighbour", "annotations": annotations}, "spec": spec}
    cluster.core.create_namespaced_service("default", body)

    def shown() -> list[str]:
        found = cluster.core.read_namespaced_service("neighbour", "default")
        return [entry.ip for entry in found.status.load_balancer.ingress or []]

    yield shown
    cluster.core.delete_namespaced_service("neighbour", "default")


def test_namespaces_share_an_address_where_the_pool_lets_them(
    cluster: Oracle, operators: Operators, neighbour: Callable[[], list[str]]
) -> None:
    cluster.pool("lab", "172.16.110.100")
    operators.start()
    eventually(lambda: neighbour() == ["172.16.110.100"], what="the neighbour was there first")
    cluster.service("web", EDGE, **HTTP)
    said = cluster.wait_said("web", "False", "NoFreeAddress")
    assert "(allocation.sharing: WithinNamespace)" in said
    cluster.change_pool("lab", allocation={"sharing": "AcrossNamespaces"})
    cluster.wait_shown("web", "172.16.110.100")
    assert cluster.tenants("172.16.110.100") == ["neighbour", "web"]


def test_who_takes_anothers_port_at_a_shared_address_has_to_leave_it(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("lab", "172.16.110.100")
    operators.start()
    cluster.service("web", EDGE, **HTTP)
    cluster.wait_shown("web", "172.16.110.100")
    cluster.service("tls", EDGE, **HTTPS)
    cluster.wait_shown("tls", "172.16.110.100")
    cluster.change_service("tls", **HTTP)
    said = cluster.wait_said("tls", "False", "NoFreeAddress")
    assert '"lab": full (1 of 1 used)' in said
    assert "shop/web has TCP 80 at 172.16.110.100" in said
    assert cluster.shown("tls") == []
    assert cluster.shown("web") == ["172.16.110.100"]
    cluster.change_pool("lab", addresses=[POOL])
    cluster.wait_shown("tls", "172.16.110.101")


def test_a_key_that_is_taken_away_parts_them(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", "172.16.110.100")
    operators.start()
    cluster.service("web", EDGE, **HTTP)
    cluster.wait_shown("web", "172.16.110.100")
    cluster.service("tls", EDGE, **HTTPS)
    cluster.wait_shown("tls", "172.16.110.100")
    cluster.ask("tls", allow_shared_ip=None)
    cluster.wait_said("tls", "True", "SharingNotPossible")
    assert cluster.shown("tls") == ["172.16.110.100"], "it stays until there is another one"
    cluster.change_pool("lab", addresses=[POOL])
    cluster.wait_shown("tls", "172.16.110.101")
    eventually(lambda: cluster.tenants("172.16.110.100") == ["web"], what="they are parted")


def test_many_share_at_once_and_no_port_is_given_twice(
    cluster: Oracle, operators: Operators
) -> None:
    """Two operators are active, and all come at the same time."""
    cluster.pool("lab", POOL)
    for _ in range(2):
        operators.start("--no-leader-election").wait_ready()
    for number in range(30):
        cluster.service(f"s{number}", EDGE, ports=[{"port": 1000 + number // 3}])
    eventually(lambda: all(cluster.services().values()), what="all have an address")

    def settled() -> bool:
        rows = {
            (address, row["name"])
            for address, vip in cluster.vips().items()
            for row in vip["spec"].get("services") or []
        }
        return rows == {(a, name) for name, shown in cluster.services().items() for a in shown}

    eventually(settled, what="VirtualIPs and Services say the same")
    for address, vip in cluster.vips().items():
        ports = [p["port"] for row in vip["spec"]["services"] for p in row["ports"]]
        assert len(ports) == len({*ports}), f"{address}: a port was given twice"


def test_a_reservation_is_for_one_service(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", "172.16.110.100-172.16.110.101")
    cluster.reserve("172.16.110.100", "web")
    cluster.reserve("172.16.110.101")
    operators.start()
    cluster.service("other")
    said = cluster.wait_said("other", "False", "NoFreeAddress")
    assert "full" in said
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    cluster.delete_service("web")
    eventually(lambda: cluster.tenants("172.16.110.100") == [], what="web has left it")
    spec = cluster.vips()["172.16.110.100"]["spec"]
    assert spec["reservedFor"] == {"namespace": "shop", "name": "web"}, "it stays reserved"
    assert "release" not in spec
    assert cluster.shown("other") == []
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")


def test_a_reservation_that_is_made_for_who_waits_is_given(
    cluster: Oracle, operators: Operators
) -> None:
    operators.start()
    cluster.service("web")
    cluster.wait_said("web", "False", "NoPool")
    cluster.reserve("172.16.110.200", "web")
    cluster.wait_shown("web", "172.16.110.200")


def test_a_new_service_costs_three_writes(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], proxy: Proxy
) -> None:
    """The VirtualIP, its condition, and the Service's status with its condition."""
    speakers("n1", "n2", "n3")
    cluster.pool("lab", POOL)
    calls: list[Call] = []
    proxy.play(calls.append)
    operators.start(kubeconfig=proxy.kubeconfig).wait_ready()
    cluster.service("web", EDGE, **HTTP)
    cluster.wait_shown("web", "172.16.110.100")
    eventually(
        lambda: cluster.condition("virtualips", "172.16.110.100", "Planned"),
        what="its plan is told",
    )
    cluster.service("next")
    cluster.wait_said("next", "True", "AddressAllocated")
    writes = [
        call.deed
        for call in calls
        if call.is_write and ("services/web" in call.path or "virtualips" in call.path)
    ]
    assert writes.count("POST virtualips") == 2
    assert writes.count("PATCH services/status") == 1
    assert "PUT virtualips" not in writes


@pytest.mark.parametrize(
    ("rule", "spec", "end"),
    [
        ("another type", {"type": "ClusterIP"}, ("", "", "")),
        ("a class", {"loadBalancerClass": CLASS}, None),
    ],
)
def test_the_condition_goes_with_the_address(
    cluster: Oracle, operators: Operators, rule: str, spec: dict[str, Any], end: Any
) -> None:
    cluster.pool("lab", POOL)
    operators.start()
    cluster.service("web", **({} if end else spec))
    cluster.wait_shown("web", "172.16.110.100")
    cluster.wait_said("web", "True", "AddressAllocated")
    if end is not None:
        cluster.change_service("web", **spec)
        eventually(lambda: cluster.said("web") == end, what=rule)
        eventually(lambda: cluster.vips() == {}, what="and the address is free")
