"""What becomes of an address when its Service goes or its pool changes, on a real API server."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers

pytestmark = pytest.mark.lab

FIRST, SECOND, THIRD = "172.16.110.100", "172.16.110.101", "172.16.110.102"
ELSEWHERE = "172.16.110.120"
RANGE = f"{FIRST}-172.16.110.109"


@pytest.fixture(autouse=True)
def unlabelled(cluster: Oracle) -> None:
    label(cluster, team=None)


def label(cluster: Oracle, **labels: str | None) -> None:
    cluster.core.patch_namespace(NAMESPACE, {"metadata": {"labels": labels}})


def counts(cluster: Oracle, pool: str = "lab") -> dict[str, int]:
    return (cluster.objects("ipaddresspools")[pool].get("status") or {}).get("ipv4") or {}


def release(cluster: Oracle, address: str = FIRST) -> dict[str, Any]:
    """`spec.release` of an address; {} while there is none."""
    return (cluster.vips().get(address) or {"spec": {}})["spec"].get("release") or {}


def says(cluster: Oracle, address: str, condition: str, reason: str) -> dict[str, Any]:
    """Wait until a VirtualIP's condition has this reason; returns it."""

    def look() -> dict[str, Any]:
        found = cluster.condition("virtualips", address, condition)
        return found if found.get("reason") == reason else {}

    return eventually(look, what=f"{address}: {condition} is {reason}")


def test_a_freed_address_rests(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", FIRST, cooldown="1h")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.delete_service("web")
    eventually(lambda: release(cluster).get("coolingUntil"), what="it rests")
    says(cluster, FIRST, "Planned", "CoolingDown")
    eventually(lambda: counts(cluster).get("coolingDown") == 1, what="the pool counts it")
    cluster.service("next")
    assert "1 of them cooling down" in cluster.wait_note("next", "NoFreeAddress")

    cluster.delete_vip(FIRST)
    cluster.wait_shown("next", FIRST)
    eventually(lambda: counts(cluster).get("coolingDown") == 0, what="the pool counts it no more")


def test_and_is_given_when_it_has_rested(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", FIRST, cooldown="10s")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.service("next")
    cluster.wait_note("next", "NoFreeAddress")
    cluster.delete_service("web")
    until = str(eventually(lambda: release(cluster).get("coolingUntil"), what="it rests"))
    cluster.wait_shown("next", FIRST)
    given = cluster.vips()[FIRST]["metadata"]["creationTimestamp"]
    assert datetime.fromisoformat(given) >= datetime.fromisoformat(until)


def test_a_service_that_comes_back_gets_its_address(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    speakers("n1", "n2")
    cluster.pool("lab", RANGE, retainFor="1h", cooldown="10m")
    operators.start()
    for name, address in (("first", FIRST), ("web", SECOND)):
        cluster.service(name)
        cluster.wait_shown(name, address)
    cluster.delete_service("web")
    eventually(lambda: release(cluster, SECOND).get("retainedFor"), what="it is kept")
    kept = release(cluster, SECOND)["retainedFor"]
    assert (kept["namespace"], kept["name"]) == (NAMESPACE, "web")
    says(cluster, SECOND, "Planned", "Retained")
    eventually(lambda: counts(cluster).get("reserved") == 1, what="the pool counts it")
    cluster.service("next")
    cluster.wait_shown("next", THIRD)
    cluster.delete_service("first")
    eventually(lambda: release(cluster, FIRST).get("retainedFor"), what="so is the other one")
    cluster.service("web")
    cluster.wait_shown("web", SECOND)
    eventually(lambda: not release(cluster, SECOND), what="it is its own again")
    eventually(
        lambda: (cluster.vips()[SECOND].get("status") or {}).get("holder"), what="and is announced"
    )


def test_an_address_is_kept_for_nobody_else_for_ever(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", FIRST, retainFor="3s")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.delete_service("web")
    cluster.service("next")
    cluster.wait_shown("next", FIRST)


def test_a_label_of_the_namespace_opens_a_pool_to_those_who_wait(
    cluster: Oracle, operators: Operators
) -> None:
    teams = {"namespaceSelectors": [{"matchLabels": {"team": "gold"}}]}
    cluster.pool("lab", RANGE, allocation=teams)
    operators.start()
    cluster.service("web")
    assert "other namespaces" in cluster.wait_note("web", "NoFreeAddress")
    label(cluster, team="gold")
    cluster.wait_shown("web", FIRST)
    says(cluster, FIRST, "InPool", "InPool")

    label(cluster, team="silver")
    says(cluster, FIRST, "InPool", "NamespaceNotAllowed")
    assert "keeps it" in cluster.wait_note("web", "OutOfPool")
    assert cluster.shown("web") == [FIRST]
    label(cluster, team="gold")
    says(cluster, FIRST, "InPool", "InPool")
    cluster.wait_note("web", "InPool")


def overlaps(cluster: Oracle, pool: str) -> bool:
    return cluster.condition("ipaddresspools", pool, "Ready").get("reason") == "Overlap"


def test_a_pool_in_a_range_of_the_cluster_gives_nothing(
    cluster: Oracle, operators: Operators
) -> None:
    operators.start()
    node = {"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.77.1.0/24"}}
    cluster.core.create_node({**node, "spec": {**node["spec"], "podCIDRs": ["10.77.1.0/24"]}})
    services = cluster.core.read_namespaced_service("kubernetes", "default").spec.cluster_ip
    cluster.pool("pods", "10.77.1.64/28")
    cluster.pool("services", f"{services}-{services}")
    for pool, what in (("pods", "pod range 10.77.1.0/24"), ("services", "Service range")):
        eventually(partial(overlaps, cluster, pool), what=f"{pool} overlaps")
        assert what in cluster.condition("ipaddresspools", pool, "Ready")["message"]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        pytest.param(
            lambda cluster: cluster.change_pool("lab", addresses=[SECOND]), "NotInPool", id="shrunk"
        ),
        pytest.param(
            lambda cluster: cluster.change_pool("lab", exclude=[FIRST]), "Excluded", id="excluded"
        ),
        pytest.param(
            lambda cluster: cluster.change_pool("lab", disabled=True), "Disabled", id="turned off"
        ),
        pytest.param(
            lambda cluster: cluster.change_pool("lab", allocation={"namespaces": ["other"]}),
            "NamespaceNotAllowed",
            id="narrowed",
        ),
        pytest.param(
            lambda cluster: cluster.custom.delete_cluster_custom_object(
                "lbctl.io", "v1beta1", "ipaddresspools", "lab"
            ),
            "NoSuchPool",
            id="deleted",
        ),
    ],
)
def test_what_was_given_from_a_pool_that_changes_goes_on_working(
    cluster: Oracle, operators: Operators, edit: Callable[[Oracle], Any], reason: str
) -> None:
    cluster.pool("lab", RANGE)
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    edit(cluster)
    assert says(cluster, FIRST, "InPool", reason)["status"] == "False"
    assert FIRST in cluster.wait_note("web", "OutOfPool")
    assert cluster.shown("web") == [FIRST]

    cluster.delete_service("web")
    eventually(lambda: cluster.vips() == {}, what="the address is free when its Service goes")


def test_an_address_whose_pool_is_renamed_is_the_new_pool_s(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("old", RANGE)
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.custom.delete_cluster_custom_object("lbctl.io", "v1beta1", "ipaddresspools", "old")
    says(cluster, FIRST, "InPool", "NoSuchPool")
    cluster.pool("new", RANGE)
    says(cluster, FIRST, "InPool", "InPool")
    assert cluster.vips()[FIRST]["spec"]["pool"] == "new"
    assert cluster.shown("web") == [FIRST]


def test_a_service_moves_to_another_address_once_that_is_announced(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    running = speakers("n1", "n2")
    cluster.pool("lab", RANGE, onRemoval="Reassign")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    eventually(lambda: holder(cluster, FIRST), what="it is announced")

    running.foreign[SECOND] = "02:00:00:00:00:99"
    cluster.change_pool("lab", addresses=[SECOND])
    says(cluster, FIRST, "InPool", "NotInPool")
    eventually(lambda: SECOND in cluster.vips(), what="another one is taken")
    assert cluster.shown("web") == [FIRST], "nobody announces that one: make before break"
    assert holder(cluster, FIRST)

    cluster.change_pool("lab", addresses=[SECOND, THIRD])
    cluster.wait_shown("web", THIRD)
    eventually(lambda: FIRST not in cluster.vips(), what="the old one is free")
    assert holder(cluster, THIRD), "it moved when that was announced, and not before"


def test_a_service_that_is_to_leave_stays_until_it_can(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("lab", RANGE, onRemoval="Reassign")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", FIRST)
    cluster.change_pool("lab", disabled=True)
    says(cluster, FIRST, "InPool", "Disabled")
    assert cluster.shown("web") == [FIRST]
    cluster.pool("other", ELSEWHERE)
    cluster.wait_shown("web", ELSEWHERE)
    eventually(lambda: [*cluster.vips()] == [ELSEWHERE], what="the disabled pool is empty")


def test_a_reservation_says_for_whom_it_is(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", RANGE)
    operators.start()
    reserve(cluster, FIRST, None)
    assert says(cluster, FIRST, "Reserved", "ForNobody")["status"] == "False"
    reserve(cluster, SECOND, "later")
    assert "no such Service" in says(cluster, SECOND, "Reserved", "ServiceNotFound")["message"]
    eventually(lambda: counts(cluster).get("reserved") == 2, what="the pool counts both")
    cluster.service("web")
    cluster.wait_shown("web", THIRD)


def holder(cluster: Oracle, address: str) -> str:
    return str((cluster.vips()[address].get("status") or {}).get("holder") or "")


def reserve(cluster: Oracle, address: str, service: str | None) -> None:
    """What a person writes to keep an address."""
    for_whom = {} if service is None else {"namespace": NAMESPACE, "name": service}
    spec = {"address": address, **({"reservedFor": for_whom} if for_whom else {})}
    cluster.custom.create_cluster_custom_object(
        "lbctl.io",
        "v1beta1",
        "virtualips",
        {
            "apiVersion": "lbctl.io/v1beta1",
            "kind": "VirtualIP",
            "metadata": {"name": address},
            "spec": spec,
        },
    )
