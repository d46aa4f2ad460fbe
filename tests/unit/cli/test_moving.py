"""Draining, taking it back, rebalancing: the next step from what is there, row by row."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from lbctl.cli.exits import NotThere
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.state import State
from lbctl.cli.view.deeds import End, Ended, Step, Waiting, Write
from lbctl.cli.view.moving import drain, rebalance, undrain
from lbctl.core.labels import DRAIN
from lbctl.kube.objects import NODES, POOLS, VIRTUAL_IPS
from tests.unit.cli import clusters

WEB = "172.16.110.100"


def drained(snapshot: Snapshot, *names: str) -> Snapshot:
    for name in names:
        snapshot = clusters.changed(snapshot, NODES, name, metadata__labels={DRAIN: "true"})
    return snapshot


def handed_over(snapshot: Snapshot) -> Snapshot:
    """n2 has taken what n1 held."""
    there = clusters.virtual_ip(WEB, "web", "n2", "n3", holder="n2")
    return snapshot.put(VIRTUAL_IPS, there)


def under_way(snapshot: Snapshot) -> Snapshot:
    vip = clusters.virtual_ip(WEB, "web", "n2", "n3", holder="n1")
    vip["spec"]["outgoing"] = "n1"
    return snapshot.put(VIRTUAL_IPS, vip)


def message(step: Step) -> str:
    assert isinstance(step, Waiting | Ended)
    return step.message


def test_a_node_is_labelled_first() -> None:
    step = drain(State(clusters.healthy()), {"n1"})
    assert isinstance(step, Write)
    assert (step.verb, step.kind, step.name) == ("patch", NODES, "n1")
    assert step.body["metadata"]["labels"] == {DRAIN: "true"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("sentence", "snapshot", "said"),
    [
        (
            "the operator has not planned yet",
            drained(clusters.healthy(), "n1"),
            "n1 still holds 1 address (172.16.110.100).",
        ),
        (
            "the hand-over is planned, and not made",
            under_way(drained(clusters.healthy(), "n1")),
            "n1 still holds 1 address (172.16.110.100).",
        ),
        (
            "the node died on the way: its heir takes the address",
            clusters.dead(drained(clusters.healthy(), "n1"), "n1"),
            "n1 still holds 1 address (172.16.110.100).",
        ),
    ],
)
def test_what_a_drained_node_holds_is_waited_for(
    sentence: str, snapshot: Snapshot, said: str
) -> None:
    step = drain(State(snapshot), {"n1"})
    assert isinstance(step, Waiting), sentence
    assert step.message == said


def test_a_node_that_holds_nothing_is_drained() -> None:
    step = drain(State(handed_over(drained(clusters.healthy(), "n1"))), {"n1"})
    assert step == Ended(
        End.DONE, "n1 holds no address, and will take none until: lbctl undrain n1"
    )


def test_two_nodes_at_once() -> None:
    snapshot = drained(clusters.healthy(), "n1", "n2")
    assert "n1 and n2 still hold 2 addresses" in message(drain(State(snapshot), {"n1", "n2"}))


def test_what_nobody_else_can_announce_is_told_and_not_waited_for() -> None:
    snapshot = drained(clusters.healthy(), "n1", "n2", "n3")
    step = drain(State(snapshot), {"n1", "n2", "n3"})
    assert isinstance(step, Ended)
    assert step.end is End.STUCK
    assert "no other node can announce these" in step.message
    assert step.advice == "lbctl explain address 172.16.110.100"


def test_who_waits_hears_that_no_operator_is_there_to_wait_for() -> None:
    operator = {
        "metadata": clusters.meta("lbctl-operator", "lbctl-system"),
        "spec": {"holderIdentity": "gone", "renewTime": clusters.ago(600)},
    }
    snapshot = drained(clusters.healthy(), "n1")
    step = drain(State(replace(snapshot, operator_lease=operator)), {"n1"})
    assert "No operator has led for 10m" in message(step)


@pytest.mark.parametrize("deed", [drain, undrain])
def test_a_node_that_is_not_there(deed: object) -> None:
    assert callable(deed)
    with pytest.raises(NotThere, match="there is no node n9; there are n1, n2 and n3"):
        deed(State(clusters.healthy()), {"n9"})


def test_label_and_taint_of_a_drain_go() -> None:
    other = {"key": "other", "effect": "NoSchedule"}
    snapshot = clusters.changed(
        drained(clusters.healthy(), "n1"),
        NODES,
        "n1",
        spec__taints=[{"key": DRAIN, "effect": "NoSchedule"}, other],
    )
    step = undrain(State(snapshot), {"n1"})
    assert isinstance(step, Write)
    assert step.body["metadata"]["labels"] == {DRAIN: None}  # type: ignore[index]
    assert step.body["spec"] == {"taints": [other]}
    version = snapshot.find(NODES, "n1")["metadata"]["resourceVersion"]  # type: ignore[index]
    assert step.body["metadata"]["resourceVersion"] == version, (  # type: ignore[index]
        "nobody else's taint is lost"
    )


def test_a_node_whose_speaker_is_away_is_waited_for() -> None:
    snapshot = clusters.dead(clusters.healthy(), "n1")
    assert message(undrain(State(snapshot), {"n1"})) == "The speaker of n1 does not live."


def test_a_node_is_back_when_it_is_planned_for() -> None:
    snapshot = handed_over(clusters.healthy())
    api = clusters.virtual_ip("172.16.110.101", "api", "n2", "n3", holder="n2")
    away = snapshot.put(VIRTUAL_IPS, api)
    assert message(undrain(State(away), {"n1"})) == "n1 is planned for no address yet."
    step = undrain(State(snapshot), {"n1"})
    assert isinstance(step, Ended)
    assert step.end is End.DONE


def asked(snapshot: Snapshot, token: str, *, done: bool = False) -> Snapshot:
    said = "No move makes it more even." if done else "Under way: 172.16.110.100 to n3."
    status = {
        "rebalanced": token if done else "before",
        "conditions": [clusters.condition("Rebalanced", done, "Balanced", said)],
    }
    return clusters.changed(
        snapshot,
        POOLS,
        "lan",
        metadata__annotations={"lbctl.io/rebalance": token},
        status=status,
    )


@pytest.mark.parametrize(
    ("sentence", "snapshot", "wrote", "step"),
    [
        (
            "it moves",
            asked(clusters.healthy(), "mine"),
            {"lan"},
            Waiting("lan: Under way: 172.16.110.100 to n3."),
        ),
        (
            "it is done",
            asked(clusters.healthy(), "mine", done=True),
            {"lan"},
            Ended(End.DONE, "lan: No move makes it more even."),
        ),
        (
            "another request took its place",
            asked(clusters.healthy(), "another"),
            {"lan"},
            Ended(
                End.STUCK,
                "lan: another request took the place of this one.",
                "kubectl get ipaddresspool lan -o yaml",
            ),
        ),
    ],
)
def test_how_far_a_rebalancing_is(
    sentence: str, snapshot: Snapshot, wrote: Collection[str], step: Step
) -> None:
    assert rebalance(State(snapshot), (), "mine", wrote) == step, sentence


def test_every_pool_is_asked_once() -> None:
    snapshot = clusters.healthy().put(POOLS, clusters.pool("b", "172.16.110.200/30"))
    first = rebalance(State(snapshot), (), "mine", ())
    assert isinstance(first, Write)
    assert first.name == "b"
    second = rebalance(State(snapshot.put(POOLS, _annotated(snapshot, "b"))), (), "mine", {"b"})
    assert isinstance(second, Write)
    assert second.name == "lan"
    assert second.body == {"metadata": {"annotations": {"lbctl.io/rebalance": "mine"}}}


def _annotated(snapshot: Snapshot, name: str) -> dict[str, object]:
    found = snapshot.find(POOLS, name)
    assert found is not None
    annotations = {"lbctl.io/rebalance": "mine"}
    return {**found, "metadata": {**found["metadata"], "annotations": annotations}}


@pytest.mark.parametrize(
    ("pools", "snapshot", "said"),
    [
        (("far",), clusters.healthy(), "there is no IPAddressPool far; there is only lan"),
        ((), clusters.without(clusters.healthy(), POOLS), "there is no IPAddressPool; there is no"),
    ],
)
def test_a_pool_that_is_not_there(pools: tuple[str, ...], snapshot: Snapshot, said: str) -> None:
    with pytest.raises(NotThere, match=said):
        rebalance(State(snapshot), pools, "mine", ())
