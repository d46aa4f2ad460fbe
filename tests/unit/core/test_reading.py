"""Objects as the API server sends them, read into views: what is missing is no surprise."""

from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.durations import parse_duration
from lbctl.core.labels import DRAIN, EXCLUDE_LABEL
from lbctl.core.objects.pools import Allocation, OnRemoval, PoolView, SharingScope
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import FamilyPolicy, Ingress, Port, ServiceView, TrafficPolicy
from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView, Taint
from lbctl.core.objects.virtualips import (
    HandOff,
    Release,
    ReleasedCondition,
    Stage,
    Terms,
    Timings,
    VirtualIPView,
)
from lbctl.core.outcomes import Liveness
from lbctl.core.reading.objects import (
    condition,
    node_addresses,
    node_view,
    service_view,
    speaker_view,
    virtual_ip_view,
)
from lbctl.core.reading.pools import pool_view
from lbctl.core.selectors import Operator, Requirement, Selector
from tests.unit.core.builders import ip, key, ref

META = {"namespace": "default", "name": "web", "uid": "uid-web", "resourceVersion": "7"}
BORN = {"creationTimestamp": "2026-01-01T00:00:00Z"}


def test_a_service_with_everything() -> None:
    seen = service_view(
        {
            "metadata": META
            | BORN
            | {
                "deletionTimestamp": "2026-01-02T00:00:00Z",
                "annotations": {"lbctl.io/pools": "gold, lab"},
            },
            "spec": {
                "type": "LoadBalancer",
                "loadBalancerClass": "lbctl.io/lbctl",
                "ipFamilies": ["IPv6", "IPv4"],
                "ipFamilyPolicy": "PreferDualStack",
                "loadBalancerIP": "10.0.0.9",
                "externalTrafficPolicy": "Local",
                "ports": [{"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}],
                "loadBalancerSourceRanges": ["10.0.0.0/8"],
                "selector": {"app": "web"},
            },
            "status": {
                "loadBalancer": {
                    "ingress": [
                        {"ip": "10.0.0.8", "ipMode": "VIP"},
                        {"hostname": "lb.example.org"},
                    ],
                },
            },
        },
    )
    assert seen == ServiceView(
        namespace="default",
        name="web",
        uid="uid-web",
        created="2026-01-01T00:00:00Z",
        resource_version="7",
        is_load_balancer=True,
        load_balancer_class="lbctl.io/lbctl",
        families=(Family.IPV6, Family.IPV4),
        family_policy=FamilyPolicy.PREFER_DUAL_STACK,
        request=Request((ip(".9"),), ("gold", "lab")),
        ports=(Port("TCP", 80), Port("UDP", 53)),
        node_ports={Port("TCP", 80): 30080},
        source_ranges=("10.0.0.0/8",),
        selector={"app": "web"},
        external_traffic_policy=TrafficPolicy.LOCAL,
        deleting=True,
        ingress=(Ingress("10.0.0.8", "", "VIP"), Ingress("", "lb.example.org", "")),
    )
    assert seen.shown == (ip(".8"),)


@pytest.mark.parametrize("spec", [{}, {"type": "ClusterIP"}, {"type": "ExternalName"}])
def test_a_service_of_another_type(spec: dict[str, Any]) -> None:
    seen = service_view({"metadata": META, "spec": spec})
    assert not seen.is_load_balancer
    assert seen.families == (Family.IPV4,)


def test_a_pool() -> None:
    seen = pool_view(
        {
            "metadata": {"name": "lab", "generation": 4, "uid": "u", "resourceVersion": "9"} | BORN,
            "spec": {"addresses": ["10.0.0.0/28"], "disabled": True},
        },
    )
    assert seen == PoolView(
        name="lab",
        created="2026-01-01T00:00:00Z",
        entries=("10.0.0.0/28",),
        disabled=True,
        generation=4,
        uid="u",
        resource_version="9",
    )


POOL: dict[str, Any] = {
    "metadata": {"name": "lab"},
    "spec": {
        "addresses": ["10.0.0.0/28"],
        "exclude": ["10.0.0.3"],
        "autoAssign": False,
        "avoidBuggyIPs": True,
        "allowSubnetEdges": True,
        "disabled": True,
        "cooldown": "1h2m3s",
        "retainFor": "24h",
        "onRemoval": "Reassign",
        "allocation": {
            "priority": 5,
            "namespaces": ["team-a"],
            "namespaceSelectors": [{"matchLabels": {"tier": "gold"}}],
            "serviceSelectors": [{}],
            "quotaPerNamespace": 2,
            "sharing": "AcrossNamespaces",
        },
    },
}


def test_a_pool_with_everything() -> None:
    seen = pool_view(POOL)
    assert seen == PoolView(
        name="lab",
        created="",
        entries=("10.0.0.0/28",),
        exclude=("10.0.0.3",),
        auto_assign=False,
        avoid_buggy_ips=True,
        allow_subnet_edges=True,
        disabled=True,
        cooldown=3723,
        retain_for=86_400,
        on_removal=OnRemoval.REASSIGN,
        allocation=Allocation(
            priority=5,
            namespaces=("team-a",),
            namespace_selectors=(Selector((Requirement("tier", Operator.IN, ("gold",)),)),),
            service_selectors=(Selector(),),
            quota_per_namespace=2,
            sharing=SharingScope.ACROSS_NAMESPACES,
        ),
    )


def test_what_a_newer_version_writes_into_a_pool_is_read_as_the_default() -> None:
    spec = {"cooldown": "soon", "onRemoval": "Ask", "allocation": {"sharing": "Nobody"}}
    seen = pool_view({"metadata": {"name": "lab"}, "spec": spec})
    assert seen == PoolView("lab", "", allocation=Allocation())


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("10m", 600), ("24h", 86_400), ("1h30m", 5_400), ("0s", 0), ("1h1s", 3_601)],
)
def test_a_duration(written: str, seconds: int) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "90", "-1s", "1.5h", "10min", "5s1m", "1d", " 1s", "\u0661s"]
)
def test_no_duration(written: str) -> None:
    with pytest.raises(ValueError, match="write one like 90s, 10m or 24h"):
        parse_duration(written)


VIRTUAL_IP: dict[str, Any] = {
    "metadata": {
        "name": "10.0.0.8",
        "uid": "u",
        "resourceVersion": "9",
        "generation": 3,
        "labels": {"candidate.lbctl.io/0": ""},
    },
    "spec": {
        "address": "10.0.0.8",
        "pool": "lab",
        "services": [
            {
                "namespace": "default",
                "name": "web",
                "uid": "uid-web",
                "ports": [{"protocol": "TCP", "port": 80}],
                "localPods": "app=web",
            },
            {"namespace": "default", "name": "dns", "uid": "uid-dns"},
        ],
        "sharingKey": "edge",
        "reservedFor": {"namespace": "default", "name": "web"},
        "succession": ["a", "b"],
        "outgoing": "c",
        "interfaces": ["eth1"],
        "announcement": {"burstMilliseconds": [100], "refreshSeconds": 5},
        "handOff": {
            "healthCheckNodePort": 32000,
            "nodePorts": [{"protocol": "TCP", "port": 80, "nodePort": 30080}],
            "nodePortsUntil": "2026-01-01T00:00:15Z",
        },
    },
    "status": {
        "holder": "b",
        "handOff": "NodePort",
        "conditions": [
            {"type": "Announced", "status": "True"},
            {"type": "Released", "status": "True", "observedGeneration": 3, "message": "m"},
        ],
    },
}


def test_a_virtual_ip_with_everything() -> None:
    seen = virtual_ip_view(VIRTUAL_IP)
    assert seen == VirtualIPView(
        address=ip(".8"),
        uid="u",
        resource_version="9",
        generation=3,
        pool="lab",
        services=(ref(), ref("dns")),
        terms={"uid-web": Terms((Port("TCP", 80),), "app=web"), "uid-dns": Terms()},
        sharing_key="edge",
        reserved_for=key(),
        succession=("a", "b"),
        outgoing="c",
        interfaces=("eth1",),
        timings=Timings((100,), 5),
        health_check_node_port=32000,
        node_ports={Port("TCP", 80): 30080},
        node_ports_until="2026-01-01T00:00:15Z",
        handed_on=HandOff.NODE_PORT,
        labels=frozenset({"candidate.lbctl.io/0"}),
        holder="b",
        released=ReleasedCondition(silent=True, observed_generation=3, message="m"),
    )
    assert seen.stage is Stage.ALLOCATED
    assert seen.service == ref()


@pytest.mark.parametrize(
    ("rule", "spec", "stage", "release"),
    [
        ("a reservation says nothing", {}, Stage.RESERVED, None),
        ("an empty release has no verifier", {"release": {}}, Stage.RELEASING, Release()),
        (
            "a release names its verifier",
            {"services": [], "release": {"verifier": "a"}},
            Stage.RELEASING,
            Release("a"),
        ),
    ],
)
def test_a_virtual_ip_without_a_service(
    rule: str,
    spec: dict[str, Any],
    stage: Stage,
    release: Release | None,
) -> None:
    seen = virtual_ip_view({"metadata": {"name": "10.0.0.8"}, "spec": spec})
    assert (seen.stage, seen.release) == (stage, release), rule
    assert not seen.was_announced


def test_a_speaker() -> None:
    seen = speaker_view(
        {
            "metadata": {"name": "n1"},
            "status": {
                "interfaces": [
                    {
                        "name": "eth0",
                        "mac": "02:00:00:00:00:01",
                        "addresses": ["10.0.0.11/24", "fd00::11/64"],
                        "carrier": True,
                    },
                ],
                "conditions": [{"type": "Ready", "status": "False", "message": "no wire"}],
            },
        },
    )
    own = (IPv4Interface("10.0.0.11/24"), IPv6Interface("fd00::11/64"))
    assert seen == SpeakerView(
        node="n1",
        interfaces=(InterfaceView("eth0", "02:00:00:00:00:01", own),),
        ready=False,
        message="no wire",
    )
    assert node_view("n1", seen, Liveness.FRESH).speaker is seen


def test_a_speaker_says_whether_its_node_can_hand_traffic_on() -> None:
    trouble = {"type": "HandOffReady", "status": "False", "message": "kube-proxy is ill"}
    status = {"version": "1.2.3", "conditions": [trouble]}
    seen = speaker_view({"metadata": {"name": "n1"}, "status": status})
    assert (seen.hand_off_ready, seen.hand_off_message) == (False, "kube-proxy is ill")
    assert seen.version == "1.2.3"
    assert speaker_view({"metadata": {"name": "n1"}}).hand_off_ready


@pytest.mark.parametrize(
    ("rule", "node", "said"),
    [
        ("nothing is held against a Node that says nothing", {}, {}),
        ("ready", {"conditions": {"Ready": "True"}}, {}),
        ("not ready", {"conditions": {"Ready": "False"}}, {"ready": False}),
        ("unknown is not ready", {"conditions": {"Ready": "Unknown"}}, {"ready": False}),
        (
            "no pod network",
            {"conditions": {"NetworkUnavailable": "True"}},
            {"network_available": False},
        ),
        ("its network is set up", {"conditions": {"NetworkUnavailable": "False"}}, {}),
        ("excluded, whatever the value", {"labels": {EXCLUDE_LABEL: "false"}}, {"excluded": True}),
        ("draining by a label", {"labels": {DRAIN: ""}}, {"draining": True}),
        ("a label that takes it back", {"labels": {DRAIN: "false"}}, {}),
        (
            "draining by a taint",
            {"taints": [{"key": DRAIN, "effect": "NoSchedule"}]},
            {"draining": True, "taints": (Taint(DRAIN, "", "NoSchedule"),)},
        ),
        (
            "a cordon is one taint of many",
            {"taints": [{"key": "a/b", "value": "c", "effect": "NoExecute"}]},
            {"taints": (Taint("a/b", "c", "NoExecute"),)},
        ),
        ("a zone", {"labels": {"topology.kubernetes.io/zone": "z1"}}, {"zone": "z1"}),
    ],
)
def test_a_node(rule: str, node: dict[str, Any], said: dict[str, Any]) -> None:
    labels = node.get("labels", {})
    conditions = [{"type": t, "status": s} for t, s in node.get("conditions", {}).items()]
    seen = node_view(
        "n1",
        None,
        Liveness.FRESH,
        {
            "metadata": {"name": "n1", "labels": labels},
            "spec": {"taints": node.get("taints")},
            "status": {"conditions": conditions},
        },
    )
    expected: dict[str, Any] = {"labels": labels, "families": frozenset(), **said}
    assert seen == NodeView("n1", None, Liveness.FRESH, **expected), rule


def test_labels_are_read() -> None:
    labels = {"tier": "gold"}
    assert service_view({"metadata": META | {"labels": labels}}).labels == labels
    assert pool_view({"metadata": {"name": "lab", "labels": labels}}).labels == labels


def test_a_speaker_that_has_not_spoken_is_believed() -> None:
    seen = speaker_view({"metadata": {"name": "n1"}})
    assert seen.ready
    assert seen.hand_off_ready


@pytest.mark.parametrize(
    ("sentence", "status", "ready", "message"),
    [
        ("a proxy that is well", "True", True, ""),
        ("a proxy that is not", "False", False, "it says 503"),
        ("where nobody can tell, the node holds addresses as others do", "Unknown", True, ""),
    ],
)
def test_whether_a_node_can_hand_traffic_on(
    sentence: str, status: str, *, ready: bool, message: str
) -> None:
    said = {"type": "HandOffReady", "status": status, "message": "it says 503"}
    seen = speaker_view({"metadata": {"name": "n1"}, "status": {"conditions": [said]}})
    assert (seen.hand_off_ready, seen.hand_off_message) == (ready, message), sentence


def test_a_nodes_own_addresses_are_those_of_its_node_and_of_its_speaker() -> None:
    speaker = speaker_view(
        {
            "metadata": {"name": "n1"},
            "status": {"interfaces": [{"name": "eth1", "addresses": ["10.0.0.12/24"]}]},
        },
    )
    node = {
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.0.0.11"},
                {"type": "InternalIP", "address": "fd00::11"},
                {"type": "Hostname", "address": "n1"},
            ],
        },
    }
    assert node_addresses(node, speaker) == {ip(".11"), ip("fd00::11"), ip(".12")}
    assert node_addresses(None, None) == frozenset()


def test_a_condition_that_is_not_there() -> None:
    assert condition({"status": {"conditions": [{"type": "Ready"}]}}, "Announced") is None


@pytest.mark.parametrize(
    ("rule", "said", "able", "message"),
    [
        ("nobody keeps a table there", None, False, ""),
        ("it is in place", ("True", "TableInPlace"), True, ""),
        ("it is not, and why", ("False", "NoPermission"), False, "m"),
        ("one family is wanting: the operator sees which", ("False", "NoNodeAddress"), True, ""),
    ],
)
def test_whether_a_node_can_send_to_node_ports(
    rule: str, said: tuple[str, str] | None, message: str, *, able: bool
) -> None:
    conditions = (
        []
        if said is None
        else [{"type": "NodePortReady", "status": said[0], "reason": said[1], "message": "m"}]
    )
    seen = speaker_view({"metadata": {"name": "n1"}, "status": {"conditions": conditions}})
    assert (seen.node_port_ready, seen.node_port_message) == (able, message), rule


def test_the_families_of_a_nodes_internal_addresses() -> None:
    addresses = [
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "ExternalIP", "address": "fd00::1"},
        {"type": "Hostname", "address": "n1"},
    ]
    seen = node_view(
        "n1",
        None,
        Liveness.FRESH,
        {"metadata": {"name": "n1"}, "status": {"addresses": addresses}},
    )
    assert seen.families == frozenset({Family.IPV4})
