"""Whether what an L2Advertisement asks for can be had for an address."""

from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.objects.services import PROXY_MODE, VIP_MODE, Port, ServiceView
from lbctl.core.objects.speakers import NodeView, SpeakerView
from lbctl.core.objects.virtualips import HandOff, VirtualIPView
from lbctl.core.outcomes import HandedOnReason
from lbctl.core.succession.handing_on import (
    MAX_NODE_PORTS,
    NOT_SENT,
    HandedOn,
    Sending,
    hand_on,
    ip_mode,
    sending,
    unable_to,
)
from tests.unit.core.builders import allocated, service

WEB, DNS = Port("TCP", 80), Port("UDP", 53)
THREE = ("n1", "n2", "n3")


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
    return hand_on(asked, services, THREE, unable=unable or {}, already=already)


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
    found = decided(with_ports(), unable={"n1": "too old."}, already=True)
    assert found.node_ports
    assert found.reason is HandedOnReason.AS_ASKED
    assert found.message.endswith("not held where that cannot be: Node n1: too old.")


def test_when_most_nodes_fail_the_proxy_takes_over() -> None:
    """As when somebody turns the chart's value off, and one speaker after the other starts anew."""
    found = decided(with_ports(), unable={"n1": "off.", "n2": "off."}, already=True)
    assert (found.reason, found.node_ports) == (HandedOnReason.NODE_UNABLE, {})


IPV4_ONLY = frozenset({Family.IPV4})


def node(name: str, said: str = "", *, ready: bool = False) -> NodeView:
    speaker = SpeakerView(name, node_port_ready=ready, node_port_message=said)
    return NodeView(name, speaker, families=IPV4_ONLY)


@pytest.mark.parametrize(
    ("rule", "there", "family", "said"),
    [
        ("a table in place will do", node("n1", ready=True), Family.IPV4, None),
        ("what a speaker never said, it cannot", node("n1"), Family.IPV4, "nodePort.enabled"),
        ("it says itself what is wrong", node("n1", "no tables."), Family.IPV4, "no tables."),
        ("the node has none of the family", node("n1", ready=True), Family.IPV6, "IPv6"),
        ("a Node that nobody knows is doubted by nobody",
         NodeView("n1", SpeakerView("n1", node_port_ready=True)), Family.IPV6, None),
        ("no speaker, no table", NodeView("n1"), Family.IPV4, "nodePort.enabled"),
        ("no node, no table", None, Family.IPV4, "nodePort.enabled"),
    ],
)  # fmt: skip
def test_which_nodes_cannot(
    rule: str, there: NodeView | None, family: Family, said: str | None
) -> None:
    found = unable_to(["n1"], {} if there is None else {"n1": there}, family)
    assert (said is None) == (not found), rule
    assert said is None or said in found["n1"], rule


ASKED = HandedOn(HandedOnReason.AS_ASKED, "", {WEB: 30_080})
BACK = HandedOn(HandedOnReason.AS_ASKED, "")
THEIRS = {WEB: 30_080}
NOW, SOON, END = (f"2026-01-01T00:00:{second}Z" for second in ("00", "07", "15"))


@pytest.mark.parametrize(
    ("rule", "decided", "there", "relied_on", "found"),
    [
        ("nobody asked", BACK, Sending(), False, NOT_SENT),
        ("the ports come first", ASKED, Sending(), False, Sending({WEB: 30_080})),
        ("another nodePort counts at once", ASKED, Sending({WEB: 1}), True,
         Sending({WEB: 30_080})),
        ("on the way back they stay", BACK, Sending(THEIRS), True, Sending(THEIRS, END)),
        ("until the proxies have learned", BACK, Sending(THEIRS, SOON), False,
         Sending(THEIRS, SOON)),
        ("longer, if a Service still says Proxy", BACK, Sending(THEIRS, NOW), True,
         Sending(THEIRS, NOW)),
        ("then they go", BACK, Sending(THEIRS, NOW), False, NOT_SENT),
        ("who turns round on the way stays", ASKED, Sending({WEB: 1}, SOON), True,
         Sending({WEB: 30_080})),
        ("a nodePort that was given back leads nowhere, so it goes first", BACK,
         Sending(THEIRS | {DNS: 30_053}), True, Sending(THEIRS, END)),
        ("or into another Service", BACK, Sending({WEB: 1}, SOON), True, NOT_SENT),
    ],
)  # fmt: skip
def test_there_and_back_are_made_before_they_are_broken(
    rule: str, decided: HandedOn, there: Sending, found: Sending, *, relied_on: bool
) -> None:
    view = allocated(".7", node_ports=there.node_ports, node_ports_until=there.until)
    said = sending(decided, view, [with_ports()], relied_on=relied_on, now=NOW, end=END)
    assert said == found, rule


def sent(**fields: Any) -> VirtualIPView:
    fields.setdefault("node_ports", {WEB: 30_080})
    return allocated(".7", **fields)


HOLDS = {"ever_held": True, "handed_on": HandOff.NODE_PORT}


@pytest.mark.parametrize(
    ("rule", "view", "shown", "mode"),
    [
        ("nothing is known of it", None, "", VIP_MODE),
        ("the proxy knows it", sent(node_ports={}), "", VIP_MODE),
        ("nobody could use it before", sent(), "", PROXY_MODE),
        ("clients know it from before", sent(adopted=True), VIP_MODE, VIP_MODE),
        ("its holder does not send it there yet", sent(ever_held=True), VIP_MODE, VIP_MODE),
        ("its holder does", sent(**HOLDS), VIP_MODE, PROXY_MODE),
        ("another holder, the same way", sent(ever_held=True), PROXY_MODE, PROXY_MODE),
        ("on the way back, first of all", sent(node_ports_until=END, **HOLDS), PROXY_MODE,
         VIP_MODE),
        ("no nodePorts any more", sent(node_ports={}, **HOLDS), PROXY_MODE, VIP_MODE),
    ],
)  # fmt: skip
def test_proxies_may_forget_an_address_that_is_sent_to_node_ports(
    rule: str, view: VirtualIPView | None, shown: str, mode: str
) -> None:
    assert ip_mode(view, shown) == mode, rule
