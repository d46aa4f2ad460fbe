"""What people type, on a real API server: what it foretells is what the operator then does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.operators import Operators
from tests.cluster.oracle import NAMESPACE, Oracle, eventually
from tests.cluster.speakers import Speakers
from tests.lab import Lab

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
POOL = "172.16.110.100-172.16.110.109"


class Command:
    """Types `lbctl`."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, code: int | None = 0, stdin: str = "") -> str:
        """Run it; what it prints, and on stderr when it is to fail. None: with whatever code."""
        done = subprocess.run(
            [sys.executable, "-m", "lbctl", *arguments],
            cwd=ROOT,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert code in {None, done.returncode}, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stderr if code in {2, 3, 4} else done.stdout

    def asked(self, *arguments: str, code: int = 0, stdin: str = "") -> Any:
        return json.loads(self(*arguments, "-o", "json", code=code, stdin=stdin))


@pytest.fixture
def lbctl(kube: Path) -> Command:
    return Command(kube)


def a_service(name: str, **annotations: str) -> str:
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": annotations}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    content = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    return yaml.safe_dump(content)


def test_an_address_that_is_foretold_is_given(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], lbctl: Command
) -> None:
    cluster.pool("lab", POOL)
    speakers("n1", "n2", "n3")
    operators.start()
    cluster.service("old")
    cluster.wait_shown("old", "172.16.110.100")
    told = lbctl.asked("simulate", "service", "-f", "-", stdin=a_service("web"))
    (one,) = told["addresses"]
    assert list(cluster.vips()) == ["172.16.110.100"], "nothing was changed"
    cluster.service("web")
    cluster.wait_shown("web", one["address"])
    vip = cluster.vips()[one["address"]]
    assert vip["spec"]["succession"] == one["succession"]


def test_a_service_is_explained_as_the_operator_says_it(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], lbctl: Command
) -> None:
    cluster.pool("lab", POOL)
    cluster.pool("off", "172.16.110.120", disabled=True)
    speakers("n1", "n2", "n3")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    cluster.service("far", {"pools": "off"})
    said = cluster.wait_said("far", "False", "RequestedPoolUnavailable")
    told = lbctl.asked("explain", "service", "far", "-n", NAMESPACE, code=1)
    assert (told["reason"], told["message"]) == ("RequestedPoolUnavailable", said)
    assert "told" not in told, "the operator said the same"
    eventually(
        lambda: "holder" in (cluster.vips()["172.16.110.100"].get("status") or {}), what="a holder"
    )
    told = lbctl.asked("explain", "service", "web", "-n", NAMESPACE)
    (address,) = told["addresses"]
    vip = cluster.vips()["172.16.110.100"]
    assert address["holder"] == vip["status"]["holder"]
    assert [place["node"] for place in address["succession"]] == vip["spec"]["succession"]


def test_a_manifest_that_is_found_wrong_is_refused(control_plane: Lab, lbctl: Command) -> None:
    wrong = {
        "apiVersion": "lbctl.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "cli-wrong"},
        "spec": {"addresses": ["172.16.110.9-172.16.110.2"], "autoasign": True},
    }
    text = yaml.safe_dump(wrong)
    found = lbctl.asked("check", "-f", "-", code=1, stdin=text)["mistakes"]
    assert [one["path"] for one in found] == ["spec.addresses[0]", "spec.autoasign"]
    refused = subprocess.run(
        [
            str(control_plane.site.binaries["kubectl"]),
            f"--kubeconfig={control_plane.kubeconfig}",
            *("apply", "--dry-run=server", "-f", "-"),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0


def held_by(cluster: Oracle, node: str) -> list[str]:
    return [
        address
        for address, vip in cluster.vips().items()
        if (vip.get("status") or {}).get("holder") == node
    ]


def test_a_node_is_drained_and_taken_back_and_addresses_are_shared_out_again(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], lbctl: Command
) -> None:
    cluster.pool("lab", POOL)
    speakers("n1", "n2")
    operators.start("--lease-duration-seconds", "15")
    for number in range(4):
        cluster.service(f"web-{number}")
    eventually(lambda: len(held_by(cluster, "n1")) == 2, what="two addresses on n1")
    foretold = {one["address"]: one["after"] for one in
                lbctl.asked("simulate", "drain", "n1")["moves"]}  # fmt: skip
    said = lbctl.asked("drain", "n1")
    assert said["end"] == "done"
    assert held_by(cluster, "n1") == []
    assert {one: cluster.vips()[one]["status"]["holder"] for one in foretold} == foretold
    assert lbctl.asked("undrain", "n1")["end"] == "done"
    assert held_by(cluster, "n1") == [], "nothing moves back by itself"
    assert lbctl.asked("rebalance")["end"] == "done"
    assert len(held_by(cluster, "n1")) == 2


def test_the_last_node_cannot_be_drained_of_what_it_holds(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], lbctl: Command
) -> None:
    cluster.pool("lab", POOL)
    speakers("n1")
    operators.start("--lease-duration-seconds", "15")
    cluster.service("web")
    eventually(lambda: held_by(cluster, "n1"), what="an address on n1")
    said = lbctl.asked("drain", "n1", code=1)
    assert said["end"] == "stuck"
    assert "no other node can announce that" in said["message"]
    assert held_by(cluster, "n1") == ["172.16.110.100"]


def test_an_address_is_reserved_for_a_service_and_given_up_again(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], lbctl: Command
) -> None:
    cluster.pool("lab", POOL)
    speakers("n1", "n2")
    operators.start("--lease-duration-seconds", "15")
    kept = "172.16.110.105"
    said = lbctl.asked("reserve", kept, "--for", f"{NAMESPACE}/web")
    assert said["end"] == "done"
    assert "there is no such Service" in said["message"], "in the operator's words"
    cluster.service("other")
    cluster.wait_shown("other", "172.16.110.100")
    cluster.service("web")
    cluster.wait_shown("web", kept)
    assert "has it" in lbctl.asked("release", kept)["message"], "the Service stays"
    assert cluster.shown("web") == [kept]
    assert "reservedFor" not in cluster.vips()[kept]["spec"]
    assert lbctl.asked("release", kept, code=1)["end"] == "stuck"
    assert lbctl.asked("reserve", kept, "--for", f"{NAMESPACE}/web")["end"] == "done"
    cluster.delete_service("web")
    eventually(lambda: not cluster.vips()[kept]["spec"].get("services"), what="it is kept")
    assert lbctl.asked("release", kept)["end"] == "done"
    assert kept not in cluster.vips()


def test_a_rest_is_cut_short_and_the_lan_is_asked_first(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers], lbctl: Command
) -> None:
    cluster.pool("lab", POOL, cooldown="1h")
    speakers("n1", "n2")
    operators.start("--lease-duration-seconds", "15")
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    cluster.delete_service("web")
    eventually(
        lambda: "coolingUntil" in cluster.vips()["172.16.110.100"]["spec"].get("release", {}),
        what="it rests",
    )
    waited = lbctl.asked("reserve", "172.16.110.100", "--timeout", "0", code=5)
    assert waited["end"] == "underWay"
    assert lbctl.asked("release", "172.16.110.100")["end"] == "done"
    assert cluster.vips() == {}


@pytest.fixture
def jane(control_plane: Lab, tmp_path: Path) -> Iterator[Command]:
    """Somebody who may do nothing yet."""
    control_plane.kubectl("-n", "default", "create", "serviceaccount", "jane")
    token = control_plane.kubectl("-n", "default", "create", "token", "jane").strip()
    config = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = tmp_path / "jane"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    yield Command(path)
    control_plane.kubectl("-n", "default", "delete", "serviceaccount", "jane")
    roles = ("clusterrole/lbctl-reader", "clusterrolebinding/lbctl-reader")
    control_plane.kubectl("delete", "--ignore-not-found", *roles)


def test_the_lines_that_grant_a_missing_right_grant_it(
    cluster: Oracle, control_plane: Lab, jane: Command
) -> None:
    cluster.pool("lab", POOL)
    refused = jane("status", code=4)
    assert "(system:serviceaccount:default:jane) may not" in refused
    lines = [line.strip() for line in refused.splitlines() if "kubectl create" in line]
    for line in lines:
        control_plane.kubectl(*line.split()[1:])
    # What was granted is known to the API server a moment later; until then nothing is printed.
    told = json.loads(
        eventually(lambda: jane("status", "-o", "json", code=None), what="a status for jane")
    )
    assert [one["pool"] for one in told["pools"]] == ["lab"]
    assert any(one["concern"] == "NotVisible" for one in told["findings"])


def test_kubectl_finds_the_plug_in(
    cluster: Oracle, control_plane: Lab, kube: Path, tmp_path: Path
) -> None:
    cluster.pool("lab", POOL)
    plugin = tmp_path / "kubectl-lbctl"
    call = "from lbctl.cli.main import main; main()"
    plugin.write_text(
        f'#!{sys.executable}\nimport sys\nsys.argv[0] = "kubectl-lbctl"\n{call}\n', encoding="utf-8"
    )
    plugin.chmod(0o755)
    done = subprocess.run(
        [str(control_plane.site.binaries["kubectl"]), "lbctl", "status", "--help"],
        env={
            **os.environ,
            "KUBECONFIG": str(kube),
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Usage: kubectl lbctl status" in done.stdout
