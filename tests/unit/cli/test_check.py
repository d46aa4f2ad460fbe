"""`lbctl check`: manifests without a cluster, a cluster, and both together."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lbctl.cli.exits import Exit
from lbctl.cli.main import cli
from lbctl.cli.manifests import Manifest
from lbctl.cli.output import Format, Look
from lbctl.cli.snapshot import Snapshot
from lbctl.cli.view import checking_page as page
from lbctl.cli.view.checking import Check, offline, online
from lbctl.cli.view.findings import Concern
from lbctl.cli.view.mistakes import find
from lbctl.kube.objects import L2_ADVERTISEMENTS, POOLS, SPEAKERS
from tests.unit.cli import clusters, golden
from tests.unit.cli.clusters import condition, healthy, pool
from tests.unit.cli.conftest import Typed
from tests.unit.cli.server import Server

LOOK = Look(page.render, page.names)

WRONG = """\
apiVersion: lbctl.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
spec:
  addresses:
    - 172.16.110.9-172.16.110.2
  autoasign: false
---
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    lbctl.io/pool: lan
spec:
  type: LoadBalancer
"""


def of(snapshot: Snapshot, *manifests: Manifest) -> Check:
    return online(snapshot, [*manifests], find(manifests))


def manifest(kind: str, name: str, **spec: Any) -> Manifest:
    content = {"apiVersion": "lbctl.io/v1beta1", "kind": kind, "metadata": {"name": name}}
    return Manifest("x.yaml", {**content, "spec": spec})


def preflighted() -> Snapshot:
    """What speakers say of nodes, good and bad."""
    found = healthy()
    kinds = ("KernelSilent", "ReversePathOpen", "Forwarding", "RouterAdvertisementsHeard",
             "InterfacesSound", "PartnersReachable", "HandOffReady")  # fmt: skip
    for at, name in enumerate(("n1", "n2", "n3"), 1):
        good = [condition(kind, True, "Good") for kind in kinds]
        found = found.put(SPEAKERS, clusters.speaker(name, at, {}, *good))
    bad = condition(
        "KernelSilent", False, "IPVSWithoutStrictARP", "the kernel answers: set strictARP: true"
    )
    strict = condition("ReversePathOpen", False, "StrictReversePath", "rp_filter is 1 on eth0")
    return found.put(SPEAKERS, clusters.speaker("n2", 2, {}, bad, strict))


def test_a_cluster_that_is_set_up_well() -> None:
    answer = of(healthy())
    assert answer.well
    assert all(one.concern is Concern.VERSION_SKEW for one in answer.findings)


def test_a_node_whose_kernel_answers() -> None:
    answer = of(preflighted())
    assert not answer.well
    golden.same(answer, LOOK, "check-cluster.txt")
    golden.same(answer, LOOK, "check-cluster.json", Format.JSON)


@pytest.mark.parametrize(
    ("rule", "addresses", "says"),
    [
        ("all of it", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("a part of it", "172.16.110.200-172.16.111.5", "172.16.111.0-172.16.111.5"),
        ("of IPv6", "fd00:111::1-fd00:111::9", "fd00:111::1-fd00:111::9"),
        ("none of it", "172.16.110.200-172.16.110.209", ""),
    ],
)
def test_a_pool_that_no_node_can_announce(rule: str, addresses: str, says: str) -> None:
    found = healthy().put(POOLS, pool("far", addresses))
    told = [one.message for one in of(found).findings if one.concern is Concern.UNREACHABLE_SUBNET]
    assert [says in text for text in told] == ([True] if says else []), rule


def test_named_interfaces_announce_what_is_in_no_subnet() -> None:
    found = healthy().put(POOLS, pool("far", "10.0.0.1"))
    named = {"metadata": clusters.meta("a"), "spec": {"interfaces": ["eth0"]}}
    concerns = {one.concern for one in of(found.put(L2_ADVERTISEMENTS, named)).findings}
    assert Concern.UNREACHABLE_SUBNET not in concerns


def test_files_are_judged_among_what_is_there() -> None:
    answer = of(healthy(), manifest("IPAddressPool", "wide", addresses=["172.16.110.105/32"]))
    (one,) = answer.findings
    assert one.concern is Concern.POOL_NOT_READY
    assert 'of the older pool "lan"' in one.message


def test_what_was_wrong_before_is_not_the_files_fault() -> None:
    answer = of(preflighted(), manifest("IPAddressPool", "more", addresses=["172.16.110.120"]))
    assert answer.well
    assert not answer.findings


def test_mistakes_as_compilers_print_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lbctl.cli import manifests  # noqa: PLC0415 - of this test alone

    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(WRONG, encoding="utf-8")
    found, flaws = manifests.read(["web.yaml"])
    answer = offline(found, find(found, flaws))
    golden.same(answer, LOOK, "check-files.txt")
    golden.same(answer, LOOK, "check-files.json", Format.JSON)


def test_typed_without_a_cluster(lbctl: Typed, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(WRONG, encoding="utf-8")
    printed = lbctl("check", "-f", str(tmp_path), "--kubeconfig", "/none")
    assert printed.exit_code == Exit.FOUND
    assert f"{file}:7: error: IPAddressPool/lan: spec.addresses[0]" in printed.output
    assert not server.requests
    assert lbctl("check", "-f", str(file), "-o", "name").output.splitlines()[0] == f"{file}:7"
    file.write_text(WRONG.replace(".9-", ".1-").partition("  autoasign")[0], encoding="utf-8")
    printed = lbctl("check", "-f", str(file))
    assert printed.exit_code == Exit.WELL, printed.output
    assert "looked at 1 object, 1 file" in printed.output


@pytest.mark.parametrize("name", ["empty.yaml", "folder", "-"])
def test_nothing_to_check_is_not_well(lbctl: Typed, tmp_path: Path, name: str) -> None:
    """A program that printed nothing into the pipe, or a folder of another name."""
    (tmp_path / "empty.yaml").write_text("# later\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    printed = lbctl("check", "-f", name if name == "-" else str(tmp_path / name))
    assert printed.exit_code == Exit.USAGE
    assert "nothing was checked" in printed.output


def test_standard_input_that_is_no_text() -> None:
    printed = CliRunner().invoke(cli, ["check", "-f", "-"], input=b"\xff\xfe")
    assert printed.exit_code == Exit.FOUND
    assert "<stdin>:1: error: is no text in UTF-8" in printed.output


def test_typed_with_one(lbctl: Typed, tmp_path: Path) -> None:
    printed = lbctl("check", "-o", "json")
    assert printed.exit_code == Exit.WELL, printed.output
    assert json.loads(printed.output)["cluster"] is True
    file = tmp_path / "p.yaml"
    overlapping = manifest("IPAddressPool", "new", addresses=["172.16.110.100/31"])
    file.write_text(json.dumps(overlapping.content), encoding="utf-8")
    printed = lbctl("check", "-f", str(file), "--with-cluster")
    assert printed.exit_code == Exit.FOUND
    assert "overlaps" in printed.output


def test_what_would_not_be_let_in_is_not_simulated(lbctl: Typed, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(WRONG, encoding="utf-8")
    refused = lbctl("simulate", "apply", "-f", str(file))
    assert refused.exit_code == Exit.USAGE
    assert f"{file}:7: IPAddressPool/lan" in refused.output
