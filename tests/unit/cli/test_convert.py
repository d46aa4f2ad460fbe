"""`lbctl convert`: the same meaning in lbctl's kinds; what has no counterpart is said aloud."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lbctl.cli.exits import Exit
from lbctl.cli.main import cli
from lbctl.cli.manifests import Manifest
from lbctl.cli.view.conversion import Conversion, convert
from lbctl.core.allocation.pool_findings import assess
from lbctl.core.metallb.advertisements import metallb_advertisement_view
from lbctl.core.metallb.pools import metallb_pool_view
from lbctl.core.metallb.requests import METALLB
from lbctl.core.objects.requests import read
from lbctl.core.reading.advertisements import advertisement_view
from lbctl.core.reading.pools import pool_view
from tests.unit.cli import golden
from tests.unit.core.test_metallb import ADDRESSES

EVERYTHING = """\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
  namespace: metallb-system
  labels: {tier: gold}
  resourceVersion: "17"
spec:
  addresses: [172.16.110.101/28, fd00:110::/120, 172.16.110.150 - 172.16.110.160]
  autoAssign: false
  avoidBuggyIPs: true
  serviceAllocation:
    priority: 50
    namespaces: [shop]
    namespaceSelectors: [{matchLabels: {team: a}}]
    serviceSelectors: [{matchExpressions: [{key: app, operator: In, values: [web]}]}]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: edge, namespace: metallb-system}
spec:
  ipAddressPools: [lan]
  ipAddressPoolSelectors: [{matchLabels: {tier: gold}}]
  nodeSelectors: [{matchLabels: {edge: "yes"}}]
  interfaces: [eth1]
  serviceSelectors: [{matchLabels: {public: "yes"}}]
  preferredNodeSelectors:
    - weight: 10
      preference: {matchLabels: {fast: "yes"}}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {myASN: 64500, peerASN: 64501, peerAddress: 172.16.110.1}
---
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: x, namespace: metallb-system}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  uid: u
  annotations:
    metallb.universe.tf/loadBalancerIPs: 172.16.110.100
    metallb.io/address-pool: lan
    metallb.io/ip-allocated-from-pool: lan
    metallb.io/rotate: daily
    other.io/kept: "yes"
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 172.16.110.100}]}}
---
apiVersion: v1
kind: Service
metadata: {name: plain}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data:
  config: |
    peers: [{peer-address: 10.0.0.1}]
    address-pools:
    - {name: old, protocol: layer2, addresses: [172.16.110.200/31], auto-assign: false}
    - {name: away, protocol: bgp, addresses: [172.16.110.202/31]}
"""


WRONG = {"key": "a", "operator": "Gt", "values": ["1"]}


def of(*contents: dict[str, Any]) -> Conversion:
    return convert([Manifest("m.yaml", content) for content in contents])


def typed(folder: Path, text: str, *more: str) -> Result:
    file = folder / "m.yaml"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["convert", "-f", str(file), *more])


def test_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("metallb.yaml").write_text(EVERYTHING, encoding="utf-8")
    done = CliRunner().invoke(cli, ["convert", "-f", "metallb.yaml"])
    assert done.exit_code == Exit.FOUND, "BGP is lost"
    golden.compare(done.stdout, "convert.yaml")
    golden.compare(done.stderr, "convert.txt")
    again = tmp_path / "again.yaml"
    again.write_text(done.stdout, encoding="utf-8")
    checked = CliRunner().invoke(cli, ["check", "-f", str(again)])
    assert checked.exit_code == Exit.WELL, checked.output


def test_the_same_as_json(tmp_path: Path) -> None:
    done = typed(tmp_path, EVERYTHING, "-o", "json")
    as_yaml = [*yaml.safe_load_all(typed(tmp_path, EVERYTHING).stdout)]
    assert json.loads(done.stdout)["items"] == as_yaml


def pool(**spec: Any) -> dict[str, Any]:
    meta = {"name": "lan", "namespace": "metallb-system"}
    return {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta,
            "spec": spec}  # fmt: skip


def advertisement(**spec: Any) -> dict[str, Any]:
    return {**pool(**spec), "kind": "L2Advertisement"}


@pytest.mark.parametrize(
    ("entry", "size"), [row[1:] for row in ADDRESSES], ids=[row[0] for row in ADDRESSES]
)
def test_the_addresses_are_the_same(entry: str, size: int) -> None:
    (made,) = of(pool(addresses=[entry]), advertisement()).objects[:1]
    found = assess([pool_view(made)])["lan"]
    assert found.addresses.size == size
    assert found.gives


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"autoAssign": False},
        {"autoAssign": True, "avoidBuggyIPs": True},
        {"serviceAllocation": {"priority": 0}},
        {"serviceAllocation": {"priority": 7, "namespaces": ["a", "b"]}},
        {"serviceAllocation": {"namespaceSelectors": [{"matchLabels": {"a": "b"}}]}},
        {"serviceAllocation": {"serviceSelectors": [{}]}},
    ],
)
def test_a_pool_gives_to_the_same_services(spec: dict[str, Any]) -> None:
    """By what the mode `compat.metallb` makes of it."""
    theirs = pool(addresses=["172.16.110.100/30"], **spec)
    ours = pool_view(of(theirs).objects[0])
    meant, _ = metallb_pool_view(theirs)
    for name in ("entries", "auto_assign", "avoid_buggy_ips"):
        assert getattr(ours, name) == getattr(meant, name), name
    assert ours.allocation == meant.allocation


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"ipAddressPools": ["a"], "interfaces": ["eth0"]},
        {"nodeSelectors": [{"matchLabels": {"a": "b"}}], "serviceSelectors": [{}]},
        {"preferredNodeSelectors": [{"weight": 5, "preference": {"matchLabels": {"a": "b"}}}]},
    ],
)
def test_an_advertisement_means_the_same_nodes(spec: dict[str, Any]) -> None:
    ours = advertisement_view(of(advertisement(**spec)).objects[0])
    meant, _ = metallb_advertisement_view(advertisement(**spec))
    for name in ("pools", "pool_selectors", "service_selectors", "admission", "interfaces",
                 "preferences"):  # fmt: skip
        assert getattr(ours, name) == getattr(meant, name), name


def test_a_service_asks_for_the_same() -> None:
    annotations = {
        "metallb.io/loadBalancerIPs": "172.16.110.100,fd00::1",
        "metallb.universe.tf/address-pool": "a,b",
        "metallb.universe.tf/allow-shared-ip": "key",
    }
    meta = {"name": "web", "annotations": annotations}
    (made,) = of({"apiVersion": "v1", "kind": "Service", "metadata": meta}).objects
    assert read(made["metadata"]["annotations"]) == read(annotations, "", METALLB)


@pytest.mark.parametrize("kind", ["BGPPeer", "BGPAdvertisement", "BFDProfile", "Community", "New"])
def test_what_has_no_counterpart_is_said_aloud(kind: str) -> None:
    answer = of({"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": {"name": "x"}})
    assert not answer.objects
    assert not answer.whole
    (one,) = answer.told
    assert one.subject == f"{kind}/x"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"addresses": ["172.16.110.x"]}, "spec.addresses[0]"),
        ({"addresses": ["10.0.0.1"], "autoAssign": "maybe"}, "spec.autoAssign"),
        ({"addresses": ["10.0.0.1"], "later": 1}, "spec.later"),
        (
            {
                "addresses": ["10.0.0.1"],
                "serviceAllocation": {"serviceSelectors": [{"matchExpressions": [WRONG]}]},
            },
            "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(spec: dict[str, Any], path: str) -> None:
    answer = of(pool(**spec), advertisement())
    assert not answer.whole
    assert path in [one.path for one in answer.told]


def config_map(data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}, "data": data}


@pytest.mark.parametrize(
    ("rule", "given", "says"),
    [
        ("a spec that is a number", pool() | {"spec": 5}, "is no object"),
        ("metadata that are a number", pool() | {"metadata": 7}, "Required value"),
        ("who may have of it", pool(serviceAllocation=5), "is no object"),
        ("who is preferred", advertisement(preferredNodeSelectors=5), "is no list"),
        ("pools that are no list", config_map({"config": "address-pools: 5"}), "no list of pools"),
        ("a pool that is none", config_map({"config": "address-pools: [5]"}), "no list of pools"),
        ("no YAML", config_map({"config": "address-pools: ["}), "is no YAML"),
    ],
)
def test_what_is_of_another_type_is_told(rule: str, given: dict[str, Any], says: str) -> None:
    assert says in "; ".join(one.message for one in of(given).told), rule


@pytest.mark.parametrize(
    "given",
    [
        config_map(5),
        config_map({"config": "a: ["}),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"annotations": ["metallb.io/x"]}},
    ],
)
def test_what_is_not_metallbs_is_passed_over(given: dict[str, Any]) -> None:
    assert of(given) == Conversion((), ())


def test_a_pool_that_nobody_announces_on_the_lan_is_told() -> None:
    told = of(pool(addresses=["10.0.0.1"])).told
    assert any("has no L2Advertisement" in one.message for one in told)
    told = of(pool(addresses=["10.0.0.1"]), advertisement()).told
    assert not told


def test_nothing_of_metallbs_is_told(tmp_path: Path) -> None:
    done = typed(tmp_path, "apiVersion: v1\nkind: Secret\n")
    assert done.exit_code == Exit.FOUND
    assert "nothing of MetalLB's" in done.output
