"""Who may announce an address: every rule, and what happens when it would leave nobody."""

from dataclasses import replace
from ipaddress import ip_interface
from typing import Any

import pytest

from lbctl.core.labels import DRAIN
from lbctl.core.objects.advertisements import EVERYWHERE, Announcing, combine
from lbctl.core.objects.speakers import InterfaceView, NodeView, Taint, exclusion, interface_for
from lbctl.core.outcomes import LeftOut, Liveness
from lbctl.core.succession.eligibility import Cluster, Judgement
from tests.unit.core.builders import ip, node, nodes
from tests.unit.core.test_advertisements import GOLD, advertisement

ADDRESS = ip(".10")


def judged(
    known: dict[str, NodeView], announcing: Announcing = EVERYWHERE, **more: Any
) -> Judgement:
    return Cluster(known).judge(ADDRESS, announcing, **more)


def ailing(name: str, **fields: Any) -> NodeView:
    return replace(node(name), **fields)


def unhealthy(name: str) -> NodeView:
    seen = node(name)
    assert seen.speaker is not None
    speaker = replace(seen.speaker, hand_off_ready=False, hand_off_message="503 from 10256")
    return replace(seen, speaker=speaker)


WRITTEN = [
    ("excluded", ailing("n", excluded=True), {}, LeftOut.EXCLUDED, "exclude-from-external"),
    ("drained", ailing("n", draining=True), {}, LeftOut.DRAINING, DRAIN),
    ("not selected", node("n"), {"nodeSelectors": [GOLD]}, LeftOut.NOT_SELECTED, "L2Advertisement"),
    (
        "tainted",
        ailing("n", taints=(Taint("a/b"),)),
        {"avoidedTaints": [{"key": "a/b"}]},
        LeftOut.TAINTED,
        "a/b",
    ),
]

OBSERVED = [
    ("its Node is not ready", ailing("n", ready=False), LeftOut.NODE_NOT_READY, "describe node"),
    (
        "it has no pod network",
        ailing("n", network_available=False),
        LeftOut.NETWORK_UNAVAILABLE,
        "pod network",
    ),
    ("its proxy is ill", unhealthy("n"), LeftOut.HAND_OFF_NOT_READY, "503 from 10256"),
]

CANNOT = [
    ("dead", node("n", liveness=Liveness.STALE), LeftOut.SPEAKER_SILENT),
    ("reported down", ailing("n", reported_down=True), LeftOut.REPORTED_DOWN),
    ("stopped", node("n", liveness=Liveness.RELEASED), LeftOut.SPEAKER_STOPPED),
    ("not ready", node("n", ready=False), LeftOut.SPEAKER_NOT_READY),
    ("elsewhere", node("n", "192.168.0.1/24"), LeftOut.NO_INTERFACE_IN_SUBNET),
    ("unplugged", node("n", carrier=False), LeftOut.NO_CARRIER),
]


@pytest.mark.parametrize(("rule", "ill", "spec", "reason", "says"), WRITTEN)
def test_who_must_not_announce_can_hand_over(
    rule: str, ill: NodeView, spec: dict[str, Any], reason: LeftOut, says: str
) -> None:
    well = replace(node("w"), labels={"tier": "gold"})
    found = judged(nodes(ill, well), combine([advertisement(**spec)]))
    assert found.eligible == ("w",), rule
    ((left_out,), over) = found.left_out, found.able_to_hand_over
    assert (left_out.node, left_out.reason) == ("n", reason)
    assert says in left_out.detail
    assert over == {"n"}


@pytest.mark.parametrize(("rule", "ill", "spec", "reason", "says"), WRITTEN)
def test_what_a_person_wrote_is_obeyed_though_nobody_is_left(
    rule: str, ill: NodeView, spec: dict[str, Any], reason: LeftOut, says: str
) -> None:
    found = judged(nodes(ill), combine([advertisement(**spec)]))
    assert not found.eligible, rule
    assert not found.sure
    assert [one.reason for one in found.left_out] == [reason]
    assert says in found.told


@pytest.mark.parametrize(("rule", "ill", "reason", "says"), OBSERVED)
def test_who_should_not_announce_can_hand_over(
    rule: str, ill: NodeView, reason: LeftOut, says: str
) -> None:
    found = judged(nodes(ill, "w"))
    assert found.eligible == ("w",), rule
    assert [(one.node, one.reason) for one in found.left_out] == [("n", reason)]
    assert says in found.told
    assert found.able_to_hand_over == {"n"}


@pytest.mark.parametrize(("rule", "ill", "reason", "says"), OBSERVED)
def test_what_is_observed_is_not_obeyed_when_nobody_would_be_left(
    rule: str, ill: NodeView, reason: LeftOut, says: str
) -> None:
    found = judged(nodes(ill, node("dead", liveness=Liveness.STALE)))
    assert found.eligible == ("n",), rule
    assert found.sure
    assert found.doubted == {"n"}
    assert [(one.node, one.reason) for one in found.disobeyed] == [("n", reason)]
    assert found.told.endswith(f"Not obeyed, because it is held against most or all at once: n: "
                               f"{found.disobeyed[0].detail} [{reason}].")  # fmt: skip
    assert says in found.told


@pytest.mark.parametrize(("rule", "ill", "reason"), CANNOT)
def test_who_cannot_announce_cannot_hand_over(rule: str, ill: NodeView, reason: LeftOut) -> None:
    found = judged(nodes(ill, "w"))
    assert found.eligible == ("w",), rule
    assert [(one.node, one.reason) for one in found.left_out] == [("n", reason)]
    assert found.able_to_hand_over == set()


def test_endpoints_are_a_rule_too() -> None:
    found = judged(nodes(*"abc"), endpoints=frozenset("bx"))
    assert found.eligible == ("b",)
    assert {one.reason for one in found.left_out} == {LeftOut.NO_ENDPOINT}
    assert found.able_to_hand_over == {"a", "c"}


def test_an_ill_node_with_the_only_endpoint_is_better_than_none() -> None:
    found = judged(nodes(unhealthy("n"), "w"), endpoints=frozenset("n"))
    assert found.eligible == ("n",)
    assert found.doubted == {"n"}
    assert [one.reason for one in found.left_out] == [LeftOut.NO_ENDPOINT]


def test_weights_are_those_of_the_labels() -> None:
    preferred = {"weight": 7, "nodeSelector": GOLD}
    known = nodes("a", replace(node("b"), labels={"tier": "gold"}))
    found = judged(known, combine([advertisement(preferredNodes=[preferred])]))
    assert dict(found.weights) == {"b": 7}


def test_addresses_of_one_lan_share_a_judgement() -> None:
    cluster = Cluster(nodes("a", node("b", "10.0.0.130/25"), node("c", "fd00::1/64")))
    assert cluster.judge(ip(".10"), EVERYWHERE) is cluster.judge(ip(".11"), EVERYWHERE)
    assert cluster.judge(ip(".10"), EVERYWHERE).eligible == ("a",)
    assert cluster.judge(ip(".200"), EVERYWHERE).eligible == ("a", "b"), "b's is a narrower subnet"
    assert cluster.judge(ip("fd00::2"), EVERYWHERE).eligible == ("c",)
    assert cluster.judge(ip("192.0.2.1"), EVERYWHERE).eligible == ()


def test_the_judgement_of_one_address_is_that_of_every_rule_alone() -> None:
    known = nodes("a", node("b", "10.0.0.130/25"), node("c", liveness=Liveness.STALE))
    cluster = Cluster(known)
    for host in (10, 127, 128, 200, 255):
        address = ip(f".{host}")
        alone = {name for name, seen in known.items() if exclusion(seen, address) is None}
        assert cluster.judge(address, EVERYWHERE).able == alone


def interface(name: str, subnet: str, *, carrier: bool = True) -> InterfaceView:
    return InterfaceView(name, "", (ip_interface(subnet),), carrier=carrier)


IN, OUT = "10.0.0.201/24", "192.168.0.1/24"


@pytest.mark.parametrize(
    ("rule", "found", "named", "chosen"),
    [
        ("by subnet", [interface("a", OUT), interface("b", IN)], (), "b"),
        (
            "by subnet, one with a carrier",
            [interface("a", IN, carrier=False), interface("b", IN)],
            (),
            "b",
        ),
        ("by subnet, though none has a carrier", [interface("a", IN, carrier=False)], (), "a"),
        ("none in the subnet", [interface("a", OUT)], (), None),
        ("named, but not there", [interface("a", IN)], ("x",), None),
        ("named, in the subnet", [interface("a", OUT), interface("b", IN)], ("a", "b"), "b"),
        ("named, the first of them", [interface("a", IN), interface("b", IN)], ("b", "a"), "b"),
        (
            "named, in no subnet: the first with a carrier",
            [interface("a", OUT, carrier=False), interface("b", OUT)],
            ("a", "b"),
            "b",
        ),
        ("named, in no subnet, no carrier", [interface("a", OUT, carrier=False)], ("a",), "a"),
    ],
)  # fmt: skip
def test_which_interface_announces(
    rule: str, found: list[InterfaceView], named: tuple[str, ...], chosen: str | None
) -> None:
    seen = interface_for(found, ADDRESS, named)
    assert (seen and seen.name) == chosen, rule


@pytest.mark.parametrize(
    ("named", "seen", "reason", "says"),
    [
        (("eth1", "eth2"), node("n"), LeftOut.NO_SUCH_INTERFACE, "no interface eth1 or eth2"),
        (("eth0",), node("n", OUT), None, ""),
        (("eth0",), node("n", OUT, carrier=False), LeftOut.NO_CARRIER, "is named but has no"),
    ],
)  # fmt: skip
def test_named_interfaces(
    named: tuple[str, ...], seen: NodeView, reason: LeftOut | None, says: str
) -> None:
    found = exclusion(seen, ADDRESS, named)
    assert (found and found.reason) == reason
    assert says in (found.detail if found else "")
