"""Whether what an L2Advertisement asks for can be had for an address."""

from typing import Any

import pytest

from lbctl.core.objects.services import Port, ServiceView
from lbctl.core.outcomes import HandedOnReason
from lbctl.core.succession.handing_on import MAX_NODE_PORTS, HandedOn, HandOff, hand_on
from tests.unit.core.builders import service

WEB, DNS = Port("TCP", 80), Port("UDP", 53)


def with_ports(name: str = "web", *ports: Port, **fields: Any) -> ServiceView:
    """A Service whose n-th port has nodePort 30000 + its number."""
    own = ports or (WEB,)
    fields.setdefault("node_ports", {port: 30_000 + port.number for port in own})
    return service(name, ports=own, **fields)


def decided(
    *services: ServiceView,
    asked: HandOff = HandOff.NODE_PORT,
    unable: dict[str, str] | None = None,
    already: bool = False,
) -> HandedOn:
    return hand_on(asked, services, unable=unable or {}, already=already)


def test_every_port_of_every_service_at_the_address() -> None:
    found = decided(with_ports("web"), with_ports("dns", DNS))
    assert found.reason is HandedOnReason.AS_ASKED
    assert found.node_ports == {WEB: 30_080, DNS: 30_053}


def test_what_nobody_asked_for_is_not_done() -> None:
    found = decided(with_ports(), asked=HandOff.CLUSTER_PROXY)
    assert (found.reason, found.node_ports) == (HandedOnReason.AS_ASKED, {})


MANY = tuple(Port("TCP", number) for number in range(1, MAX_NODE_PORTS + 2))


@pytest.mark.parametrize(
    ("services", "reason", "said"),
    [
        (
            [with_ports(node_ports={})],
            HandedOnReason.NO_NODE_PORT,
            "default/web has no nodePort for TCP 80: set spec.allocateLoadBalancerNodePorts to",
        ),
        (
            [with_ports(), with_ports("dns", DNS, WEB, node_ports={WEB: 1})],
            HandedOnReason.NO_NODE_PORT,
            "Service default/dns has no nodePort for UDP 53",
        ),
        (
            [with_ports(source_ranges=("10.0.0.0/8",))],
            HandedOnReason.SOURCE_RANGES,
            "Service default/web has spec.loadBalancerSourceRanges",
        ),
        ([with_ports("web", *MANY)], HandedOnReason.TOO_MANY_PORTS, "1025 ports; 1024"),
    ],
    ids=["no nodePorts", "one of two Services", "some clients only", "too many"],
)
def test_where_it_cannot_be_all_keep_what_works(
    services: list[ServiceView], reason: HandedOnReason, said: str
) -> None:
    """Also where it was so before: the Service has changed."""
    for already in (False, True):
        found = decided(*services, already=already)
        assert (found.reason, found.node_ports) == (reason, {})
        assert said in found.message


def test_every_node_that_may_hold_it_must_be_able() -> None:
    found = decided(with_ports(), unable={"n2": "no NET_ADMIN.", "n1": "too old."})
    assert (found.reason, found.node_ports) == (HandedOnReason.NODE_UNABLE, {})
    assert found.message == "Node n1 (and 1 more): too old."


def test_a_node_that_fails_later_changes_nothing_for_the_others() -> None:
    assert decided(with_ports(), unable={"n1": "too old."}, already=True).node_ports
