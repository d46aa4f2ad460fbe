"""`lbctl status`: a cluster in, one screen out."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lbctl.cli.output import Format, Look, plain, text
from lbctl.cli.snapshot import Installation, Right, Snapshot
from lbctl.cli.state import State
from lbctl.cli.view import status_page
from lbctl.cli.view.findings import Concern, Severity
from lbctl.cli.view.status import Status, status
from lbctl.kube.objects import (
    L2_ADVERTISEMENTS,
    LEASES,
    NAMESPACES,
    NODES,
    POOLS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
)
from tests.unit.cli import clusters, golden
from tests.unit.cli.clusters import changed, condition, dead, healthy

LOOK = Look(status_page.render, status_page.names)
WEB, API = "172.16.110.100", "172.16.110.101"


def of(snapshot: Snapshot) -> Status:
    return status(State(snapshot))


def ill() -> Snapshot:
    """A bad night: a node dead, a foreign host, a pool that is full, a Service that waits."""
    found = dead(healthy(), "n1")
    found = changed(
        found,
        VIRTUAL_IPS,
        API,
        status__conflict={"mac": "02:00:00:00:00:99", "node": "n2"},
        status__conditions=[
            condition(
                "Conflict", True, "ClaimedByForeignHost", "02:00:00:00:00:99 claims the address too"
            )
        ],
    )
    found = found.put(POOLS, clusters.pool("lan", "172.16.110.100-172.16.110.101"))
    return found.put(SERVICES, clusters.service("queue"))


def test_the_names_of_what_is_not_well_are_kubectls() -> None:
    """`lbctl status -o name | xargs -L1 kubectl describe` finds each where it is."""
    found = dead(dead(dead(healthy(), "n1"), "n2"), "n3")
    found = replace(found, installation=replace(found.installation, name="edge-lbctl-operator"))
    assert next(status_page.names(of(found))) == "daemonset/edge-lbctl-speaker -n lbctl-system"


def test_a_cluster_that_is_well() -> None:
    answer = of(healthy())
    assert answer.well
    golden.same(answer, LOOK, "status-well.txt")
    golden.same(answer, LOOK, "status-well-wide.txt", Format.WIDE)
    golden.same(answer, LOOK, "status-well.json", Format.JSON)


def test_a_bad_night_begins_with_what_clients_feel() -> None:
    answer = of(ill())
    assert not answer.well
    golden.same(answer, LOOK, "status-ill.txt")
    golden.same(answer, LOOK, "status-ill.json", Format.JSON)
    severities = [one.severity for one in answer.findings]
    assert severities == sorted(severities, key=[*Severity].index)


def test_names_are_those_of_what_is_not_well() -> None:
    printed = text(of(ill()), LOOK, Format.NAME).splitlines()
    assert f"virtualip/{WEB}" in printed
    assert "service/queue -n shop" in printed
    assert text(of(healthy()), LOOK, Format.NAME) == ""


def test_yaml_says_the_same_as_json() -> None:
    import yaml  # noqa: PLC0415 - of this test alone

    answer = of(ill())
    assert yaml.safe_load(text(answer, LOOK, Format.YAML)) == plain(answer)


def operator_gone(found: Snapshot) -> Snapshot:
    lease = {
        "metadata": {"name": "x"},
        "spec": {"holderIdentity": "o", "renewTime": clusters.ago(90)},
    }
    return replace(found, operator_lease=lease)


def said(kind: str, reason: str) -> Callable[[Snapshot], Snapshot]:
    def change(found: Snapshot) -> Snapshot:
        speaker = clusters.speaker(
            "n2", 2, {"n1": "Up", "n3": "Up"}, condition(kind, False, reason)
        )
        return found.put(SPEAKERS, speaker)

    return change


@pytest.mark.parametrize(
    ("rule", "change", "concern", "severity"),
    [
        (
            "an address goes to its pods otherwise than somebody asked",
            lambda s: changed(
                s,
                VIRTUAL_IPS,
                WEB,
                status__conditions=[condition("HandedOn", False, "NoNodePort", "port 80 has none")],
            ),
            Concern.HANDED_ON_OTHERWISE,
            Severity.WARNING,
        ),
        (
            "nobody was ever installed",
            lambda s: replace(
                s, operator_lease=None, operator_lease_read=True, installation=Installation()
            ),
            Concern.NO_OPERATOR,
            Severity.BROKEN,
        ),
        ("nobody leads", operator_gone, Concern.NO_OPERATOR, Severity.BROKEN),
        (
            "an operator is missing",
            lambda s: replace(s, installation=replace(s.installation, ready=1)),
            Concern.OPERATORS_MISSING,
            Severity.WARNING,
        ),
        (
            "no operator is ready",
            lambda s: replace(s, installation=replace(s.installation, ready=0)),
            Concern.NO_OPERATOR,
            Severity.BROKEN,
        ),
        (
            "every speaker is silent",
            lambda s: dead(dead(dead(s, "n1"), "n2"), "n3"),
            Concern.NO_SPEAKER,
            Severity.BROKEN,
        ),
        ("a node is silent", lambda s: dead(s, "n3"), Concern.NODE_OUT, Severity.WARNING),
        (
            "the holder is silent",
            lambda s: dead(s, "n1"),
            Concern.NOT_HELD,
            Severity.BROKEN,
        ),
        (
            "a speaker stopped in order: somebody wanted it",
            lambda s: s.put(LEASES, clusters.lease("n3", holder="")),
            Concern.NODE_SET_ASIDE,
            Severity.NOTE,
        ),
        (
            "a node is drained",
            lambda s: s.put(NODES, clusters.node("n3", 3, **{"lbctl.io/drain": "true"})),
            Concern.NODE_SET_ASIDE,
            Severity.NOTE,
        ),
        (
            "a firewall is between partners",
            said("PartnersReachable", "BFDBlocked"),
            Concern.PARTNERS,
            Severity.WARNING,
        ),
        (
            "a kernel answers beside the speaker",
            said("KernelSilent", "IPVSWithoutStrictARP"),
            Concern.NODE_SETTING,
            Severity.WARNING,
        ),
        (
            "a speaker cannot keep its table",
            said("NodePortReady", "NoPermission"),
            Concern.NODE_SETTING,
            Severity.WARNING,
        ),
        (
            "a Service waits",
            lambda s: s.put(
                SERVICES,
                clusters.service("queue", annotations={"lbctl.io/addresses": "10.0.0.1"}),
            ),
            Concern.WAITING,
            Severity.BROKEN,
        ),
        (
            "another controller's Service is its own affair",
            lambda s: s.put(SERVICES, clusters.service("queue", "10.9.9.9")),
            Concern.WAITING,
            Severity.NOTE,
        ),
        (
            "an address is not planned",
            lambda s: s.put(VIRTUAL_IPS, clusters.virtual_ip(WEB, "web")),
            Concern.NOT_HELD,
            Severity.BROKEN,
        ),
        (
            "nobody could take it",
            lambda s: s.put(VIRTUAL_IPS, clusters.virtual_ip(WEB, "web", "n1", holder="n1")),
            Concern.NO_HEIR,
            Severity.WARNING,
        ),
        (
            "a pool shrank",
            lambda s: s.put(POOLS, clusters.pool("lan", "172.16.110.101-172.16.110.120")),
            Concern.OUT_OF_POOL,
            Severity.WARNING,
        ),
        (
            "there is no pool",
            lambda s: clusters.without(s, POOLS),
            Concern.NO_POOL,
            Severity.WARNING,
        ),
        (
            "a pool overlaps an older one",
            lambda s: s.put(POOLS, clusters.pool("wide", "172.16.110.105-172.16.110.120")),
            Concern.POOL_NOT_READY,
            Severity.WARNING,
        ),
        (
            "a pool is full",
            lambda s: s.put(POOLS, clusters.pool("lan", "172.16.110.100-172.16.110.101")),
            Concern.POOL_FULL,
            Severity.WARNING,
        ),
        (
            "an L2Advertisement selects no node",
            lambda s: s.put(
                L2_ADVERTISEMENTS,
                {
                    "metadata": clusters.meta("edge"),
                    "spec": {"nodeSelectors": [{"matchLabels": {"edge": "yes"}}]},
                },
            ),
            Concern.ADVERTISEMENT,
            Severity.WARNING,
        ),
        (
            "one speaker is of another version",
            lambda s: changed(s, SPEAKERS, "n3", status__version="0.9.0"),
            Concern.VERSION_SKEW,
            Severity.NOTE,
        ),
        (
            "a right is missing",
            lambda s: replace(s, missing=(Right("list", NAMESPACES, user="jane"),)),
            Concern.NOT_VISIBLE,
            Severity.NOTE,
        ),
    ],
)
def test_a_concern(
    rule: str, change: Callable[[Snapshot], Snapshot], concern: Concern, severity: Severity
) -> None:
    found = {one.concern: one for one in of(change(healthy())).findings}
    assert concern in found, f"{rule}: {[*found]}"
    assert found[concern].severity is severity, rule
    assert found[concern].message.endswith("."), found[concern].message


def test_a_pool_that_is_nearly_full() -> None:
    found = healthy().put(POOLS, clusters.pool("lan", "172.16.110.92-172.16.110.101"))
    for number in range(92, 99):
        found = found.put(
            VIRTUAL_IPS, clusters.virtual_ip(f"172.16.110.{number}", f"s{number}", "n1", "n2")
        )
    assert Concern.POOL_NEARLY_FULL in {one.concern for one in of(found).findings}


def test_clocks_that_differ_a_little_kill_nobody() -> None:
    assert of(dead(healthy(), "n3", age=17.0)).well
    assert of(dead(healthy(), "n3", age=-30.0)).well, "a node's clock that runs fast"
    assert not of(dead(healthy(), "n3", age=19.0)).well


def test_without_the_right_to_read_leases_speakers_are_believed() -> None:
    found = clusters.without(healthy(), LEASES)
    unread = {kind: objs for kind, objs in found.objects.items() if kind is not LEASES}
    answer = of(replace(found, objects=unread, missing=(Right("list", LEASES),)))
    assert answer.well
    assert answer.addresses.held == 2
