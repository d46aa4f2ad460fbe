"""Least privilege: what each part may do, and above all what it may not."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.rendering import Manifests

READ = {"get", "list", "watch"}
WRITE = {"create", "update", "patch", "delete", "deletecollection"}


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    return Manifests.of()


def rules(manifests: Manifests, kind: str, part: str) -> Iterator[dict[str, Any]]:
    yield from manifests.one(kind, part)["rules"]


def verbs(manifests: Manifests, part: str, resource: str) -> set[str]:
    """All that a part may do to a resource, in the cluster or in its namespace."""
    return {
        verb
        for kind in ("ClusterRole", "Role")
        for rule in rules(manifests, kind, part)
        if resource in rule["resources"]
        for verb in rule["verbs"]
    }


NEVER = [
    ("operator", "services", WRITE, "nothing of a user's Service is written but its status"),
    ("operator", "ipaddresspools", WRITE, "pools are the user's"),
    ("operator", "l2advertisements", WRITE, "so are L2Advertisements"),
    ("operator", "speakers", WRITE - {"update"}, "it names partners; a speaker makes itself"),
    ("operator", "speakers/status", WRITE, "a speaker describes itself"),
    ("operator", "nodes", WRITE, "nodes are looked at"),
    ("speaker", "virtualips", WRITE, "a speaker reports on the plan and never changes it"),
    ("speaker", "services", READ | WRITE, "a speaker watches only the plan"),
    ("speaker", "endpointslices", READ | WRITE, "nor does it watch endpoints"),
    ("speaker", "nodes", WRITE | {"list", "watch"}, "a speaker reads its own node"),
    ("speaker", "speakers", WRITE - {"create"}, "a Speaker goes with its Node, by its owner"),
    ("speaker", "leases", {"delete"}, "a Lease is released by emptying its holder"),
    *(
        (part, resource, READ | WRITE, "nothing here is any business of lbctl's")
        for part in ("operator", "speaker")
        for resource in ("secrets", "configmaps", "pods", "pods/exec", "clusterroles")
    ),
    ("operator", "namespaces", WRITE, "their labels are looked at"),
    ("operator", "servicecidrs", WRITE, "so are the ranges of Services"),
    ("speaker", "namespaces", READ | WRITE, "no address is given by a speaker"),
]


@pytest.mark.parametrize(
    ("part", "resource", "never"),
    [row[:3] for row in NEVER],
    ids=[f"{row[0]} {row[1]}: {row[3]}" for row in NEVER],
)
def test_never(manifests: Manifests, part: str, resource: str, never: set[str]) -> None:
    assert not verbs(manifests, part, resource) & never


def test_pods_are_marked_only_where_a_dead_node_s_are_to_be() -> None:
    assert not verbs(Manifests.of(), "operator", "pods/status")
    fast = Manifests.of({"fastNodeFailure": True})
    assert verbs(fast, "operator", "pods") == {"list"}
    assert verbs(fast, "operator", "pods/status") == {"patch"}
    assert not verbs(fast, "speaker", "pods") | verbs(fast, "speaker", "pods/status")


def test_metallb_s_objects_are_read_only_where_its_users_come_from_it() -> None:
    def granted(manifests: Manifests) -> dict[str, set[str]]:
        return {
            resource: set(rule["verbs"])
            for part in ("operator", "speaker")
            for kind in ("ClusterRole", "Role")
            for rule in rules(manifests, kind, part)
            if "metallb.io" in rule["apiGroups"]
            for resource in rule["resources"]
        }

    assert granted(Manifests.of()) == {}
    assert granted(Manifests.of({"compat": {"metallb": True}})) == {
        "ipaddresspools": READ,
        "l2advertisements": READ,
        "ipaddresspools/status": {"patch"},
    }


@pytest.mark.parametrize("part", ["operator", "speaker"])
def test_everything_is_named(manifests: Manifests, part: str) -> None:
    for kind in ("ClusterRole", "Role"):
        for rule in rules(manifests, kind, part):
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in words
            assert not {"escalate", "bind", "impersonate"} & set(words)


@pytest.mark.parametrize("part", ["operator", "speaker"])
def test_leases_are_the_namespaces_own(manifests: Manifests, part: str) -> None:
    cluster_wide = [r for rule in rules(manifests, "ClusterRole", part) for r in rule["resources"]]
    assert "leases" not in cluster_wide
    assert manifests.one("Role", part)["metadata"]["namespace"] == "lbctl-system"


def test_the_operator_writes_no_lease_but_its_own(manifests: Manifests) -> None:
    writing = [
        r for r in rules(manifests, "Role", "operator") if {"update", "patch"} & {*r["verbs"]}
    ]
    assert [rule["resourceNames"] for rule in writing] == [["lbctl-operator"]]


@pytest.mark.parametrize("part", ["operator", "speaker"])
def test_a_role_is_bound_to_its_own_part_only(manifests: Manifests, part: str) -> None:
    account = manifests.pod(part)["serviceAccountName"]
    for kind in ("ClusterRole", "Role"):
        binding = manifests.one(f"{kind}Binding", part)
        assert binding["roleRef"]["name"] == manifests.one(kind, part)["metadata"]["name"]
        (subject,) = binding["subjects"]
        assert (subject["name"], subject["namespace"]) == (account, "lbctl-system")
