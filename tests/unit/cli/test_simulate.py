"""`lbctl simulate`: what would happen. The snapshot that is asked of stays as it is."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl.cli.exits import Exit, NotThere
from lbctl.cli.manifests import Manifest
from lbctl.cli.output import Format, Look
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.view import simulation_page as page
from lbctl.cli.view.new_service import NewService, new_service
from lbctl.cli.view.simulation.manifests import applied
from lbctl.cli.view.simulation.nodes import drain, node_loss
from lbctl.cli.view.simulation.outcome import Simulation
from lbctl.cli.view.writing import write
from lbctl.core.objects.services import ServiceKey
from lbctl.kube.objects import ENDPOINT_SLICES, NODES, POOLS, SERVICES, SPEAKERS
from tests.unit.cli import clusters, golden
from tests.unit.cli.clusters import dead, healthy, pool
from tests.unit.cli.conftest import Typed
from tests.unit.cli.server import Server

LOOK = Look(page.render, page.names)
SERVICE = Look(page.render_service, page.names_of_service)
WEB, API = "172.16.110.100", "172.16.110.101"


def lost(snapshot: Snapshot, *nodes: str) -> Simulation:
    before = deepcopy(snapshot)
    answer = node_loss(snapshot, nodes)
    assert snapshot == before, "nothing is changed"
    return answer


def made(kind: str, content: dict[str, Any]) -> Manifest:
    group = "v1" if kind in {"Service", "Namespace"} else "lbctl.io/v1beta1"
    return Manifest("x.yaml", {"apiVersion": group, "kind": kind, **content})


def with_pool(snapshot: Snapshot, name: str, *addresses: str, **spec: Any) -> Simulation:
    return with_object(snapshot, "IPAddressPool", {"metadata": {"name": name},
                       "spec": {"addresses": [*addresses], **spec}})  # fmt: skip


def with_object(snapshot: Snapshot, kind: str, content: dict[str, Any]) -> Simulation:
    before = deepcopy(snapshot)
    answer = applied(snapshot, write(snapshot, [made(kind, content)]), f"{kind} would be applied")
    assert snapshot == before, "nothing is changed"
    return answer


def where(answer: Simulation) -> dict[str, tuple[str | None, str | None]]:
    return {one.address: (one.before, one.after) for one in answer.moves}


# ------------------------------------------------------------------ nodes


def test_a_lost_node_is_replaced_by_the_next() -> None:
    answer = lost(healthy(), "n1")
    assert where(answer) == {WEB: ("n1", "n2")}
    assert answer.harmless
    assert answer.moves[0].how == "taken over after about 0.3 s"
    assert "n1" not in answer.moves[0].succession
    assert answer.replanned == 1, "n1 is no more next for the other address"
    golden.same(answer, LOOK, "simulate-loss.txt")
    golden.same(answer, LOOK, "simulate-loss.json", Format.JSON)


def test_two_lost_nodes() -> None:
    assert where(lost(healthy(), "n1", "n2")) == {WEB: ("n1", "n3"), API: ("n2", "n3")}


def test_the_last_node_leaves_nobody() -> None:
    answer = lost(healthy(), "n1", "n2", "n3")
    assert not answer.harmless
    assert {one.after for one in answer.moves} == {None}
    assert "No node with a speaker would be left." in answer.notes
    golden.same(answer, LOOK, "simulate-loss-all.txt")


def test_a_node_that_is_dead_already_inherits_nothing() -> None:
    assert where(lost(dead(healthy(), "n2"), "n1"))[WEB] == ("n1", "n3")


def test_with_local_a_node_without_a_pod_inherits_nothing() -> None:
    local = clusters.service("web", WEB, externalTrafficPolicy="Local")
    pods = {
        "metadata": clusters.meta("web-1", "shop", labels={"kubernetes.io/service-name": "web"}),
        "addressType": "IPv4",
        "endpoints": [{"nodeName": "n1", "conditions": {"ready": True}}],
    }
    answer = lost(healthy().put(SERVICES, local).put(ENDPOINT_SLICES, pods), "n1")
    assert where(answer) == {WEB: ("n1", None)}
    assert not answer.harmless


def test_a_node_that_is_not_there_is_told() -> None:
    with pytest.raises(NotThere, match="there are n1, n2 and n3"):
        node_loss(healthy(), ["n9"])


def test_a_drained_node_hands_over() -> None:
    answer = drain(healthy(), ["n2"])
    assert where(answer) == {API: ("n2", "n3")}
    assert answer.harmless
    golden.same(answer, LOOK, "simulate-drain.txt")


def test_what_cannot_go_anywhere_stays_on_a_drained_node() -> None:
    answer = drain(dead(dead(healthy(), "n1"), "n3"), ["n2"])
    assert where(answer)[API] == ("n2", "n2")
    assert answer.notes
    assert answer.harmless


def test_a_node_without_a_node_object_cannot_be_drained() -> None:
    with pytest.raises(NotThere, match="cannot be read"):
        drain(clusters.without(healthy(), NODES), ["n1"])


# ------------------------------------------------------------------ objects


def test_a_new_pool_gives_to_those_who_wait() -> None:
    found = healthy().put(POOLS, pool("lan", "172.16.110.100-172.16.110.101"))
    for name in ("a", "b", "c"):
        found = found.put(SERVICES, clusters.service(name))
    answer = with_pool(found, "more", "172.16.110.120-172.16.110.121")
    assert {one.service: one.after for one in answer.given} == {
        "shop/a": ("172.16.110.120",),
        "shop/b": ("172.16.110.121",),
    }
    assert [(one.pool, one.before, one.after) for one in answer.pools] == [("more", "", "Ready")]
    golden.same(answer, LOOK, "simulate-pool.txt")


def test_a_pool_that_shrinks_says_who_would_be_out_of_it() -> None:
    answer = with_pool(healthy(), "lan", "172.16.110.101-172.16.110.109")
    (told,) = answer.out_of_pool
    assert WEB in told
    assert "keeps it" in told
    assert answer.harmless
    assert not answer.moves


def test_with_reassign_the_service_gets_another_one() -> None:
    answer = with_pool(healthy(), "lan", "172.16.110.101-172.16.110.109", onRemoval="Reassign")
    (one,) = answer.given
    assert one.service == "shop/web"
    assert set(one.after) == {WEB, "172.16.110.102"}
    assert "It moves to 172.16.110.102" in one.message


def test_a_pool_that_overlaps_gives_nothing() -> None:
    answer = with_pool(healthy(), "wide", "172.16.110.105-172.16.110.120")
    (one,) = answer.pools
    assert (one.pool, one.after) == ("wide", "Overlap")


def test_an_advertisement_moves_addresses_to_the_nodes_that_it_selects() -> None:
    found = healthy().put(NODES, clusters.node("n3", 3, edge="yes"))
    answer = with_object(
        found,
        "L2Advertisement",
        {
            "metadata": {"name": "edge"},
            "spec": {"nodeSelectors": [{"matchLabels": {"edge": "yes"}}]},
        },
    )
    assert where(answer) == {WEB: ("n1", "n3"), API: ("n2", "n3")}


def test_an_advertisement_of_no_pool_leaves_all_where_it_is_and_says_so() -> None:
    answer = with_object(
        healthy(), "L2Advertisement", {"metadata": {"name": "x"}, "spec": {"ipAddressPools": ["y"]}}
    )
    assert not answer.moves
    assert any("No L2Advertisement is about" in note for note in answer.notes)


def test_a_reservation_is_kept_out_of_the_pool() -> None:
    answer = with_object(
        healthy(), "VirtualIP", {"metadata": {"name": "172.16.110.105"},
                                 "spec": {"address": "172.16.110.105"}})  # fmt: skip
    assert [(one.free_before, one.free_after) for one in answer.pools] == [(8, 7)]


# ------------------------------------------------------------------ a Service


def wished(snapshot: Snapshot, name: str = "new", **parts: Any) -> NewService:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], **parts.pop("spec", {})}
    manifest = made("Service", {"metadata": {"name": name, **parts}, "spec": spec})
    before = deepcopy(snapshot)
    answer = new_service(write(snapshot, [manifest]), ServiceKey("shop", name))
    assert snapshot == before, "nothing is changed"
    return answer


def test_a_new_service_gets_the_lowest_free_address() -> None:
    answer = wished(healthy())
    (one,) = answer.addresses
    assert (one.address, one.pool, one.new) == ("172.16.110.102", "lan", True)
    assert one.announced_by == "n3", "which carries least"
    golden.same(answer, SERVICE, "simulate-service.txt")
    golden.same(answer, SERVICE, "simulate-service.json", Format.JSON)


def test_a_service_that_cannot_have_what_it_asks_for() -> None:
    answer = wished(healthy(), annotations={"lbctl.io/addresses": WEB})
    assert not answer.allocated
    assert answer.reason == "RequestedAddressUnavailable"
    golden.same(answer, SERVICE, "simulate-service-refused.txt")


def test_a_service_of_both_families() -> None:
    found = healthy().put(POOLS, pool("six", "fd00:110::100-fd00:110::10f"))
    answer = wished(found, spec={"ipFamilyPolicy": "RequireDualStack"})
    assert [one.address for one in answer.addresses] == ["172.16.110.102", "fd00:110::100"]


def test_a_service_that_is_there_keeps_its_address() -> None:
    answer = wished(healthy(), "web")
    assert [(one.address, one.new, one.announced_by) for one in answer.addresses] == [
        (WEB, False, "n1")
    ]


def test_a_service_of_another_class_is_not_ours() -> None:
    answer = wished(healthy(), spec={"loadBalancerClass": "x.io/y"})
    assert not answer.ours
    assert not answer.addresses


# ------------------------------------------------------------------ typed


def test_over_http(lbctl: Typed, server: Server, tmp_path: Path) -> None:
    printed = lbctl("simulate", "node-loss", "n1")
    assert printed.exit_code == Exit.WELL, printed.output
    assert "Nothing was changed." in printed.output
    assert lbctl("simulate", "node-loss", "n1", "n2", "n3").exit_code == Exit.FOUND
    assert lbctl("simulate", "drain", "n9").exit_code == Exit.FOUND
    file = tmp_path / "all.yaml"
    file.write_text(
        yaml.safe_dump_all(
            [
                made("IPAddressPool", {"metadata": {"name": "p"},
                     "spec": {"addresses": ["172.16.110.120"]}}).content,
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}},
                clusters.service("new") | {"apiVersion": "v1", "kind": "Service"},
            ]
        ),
        encoding="utf-8",
    )  # fmt: skip
    printed = lbctl("simulate", "apply", "-f", str(file))
    assert "✓ IPAddressPool p and Service new would be applied" in printed.output
    printed = lbctl("simulate", "service", "-f", str(file), "-o", "json")
    assert json.loads(printed.output)["addresses"][0]["address"] == "172.16.110.102"
    assert all(url.startswith("/api") for url in server.requests)
    assert lbctl("simulate", "apply", "-f", "/none").exit_code == Exit.USAGE


def test_the_names_of_what_a_service_would_have(lbctl: Typed, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    service = clusters.service("new") | {"apiVersion": "v1", "kind": "Service"}
    file.write_text(yaml.safe_dump(service), encoding="utf-8")
    printed = lbctl("simulate", "service", "-f", str(file), "-o", "name")
    assert printed.output == "service/new -n shop\nvirtualip/172.16.110.102\n"


def test_metallbs_objects_are_to_be_converted_first(lbctl: Typed, tmp_path: Path) -> None:
    file = tmp_path / "theirs.yaml"
    file.write_text(
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\n"
        "spec: {addresses: [172.16.110.120/32]}\n",
        encoding="utf-8",
    )
    refused = lbctl("simulate", "apply", "-f", str(file))
    assert refused.exit_code == Exit.USAGE
    assert "lbctl convert" in refused.output


def test_a_cluster_without_nodes(lbctl: Typed, server: Server) -> None:
    for kind in (NODES, SPEAKERS):
        server.snapshot = clusters.without(server.snapshot, kind)
    refused = lbctl("simulate", "drain", "n1")
    assert refused.exit_code == Exit.FOUND
    assert "there is no node n1; there is none" in refused.output


def test_what_cannot_be_read_is_told_by_file_and_line(lbctl: Typed, tmp_path: Path) -> None:
    file = tmp_path / "pool.yaml"
    file.write_text("kind: X\nmetadata: [\n", encoding="utf-8")
    refused = lbctl("simulate", "apply", "-f", str(file))
    assert refused.exit_code == Exit.USAGE
    assert f"{file}:3:" in refused.output
