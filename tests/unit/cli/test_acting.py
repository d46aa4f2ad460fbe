"""The commands that change something, typed, against a server that takes writes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lbctl.cli import acting
from lbctl.cli.exits import Exit
from lbctl.cli.snapshot import Snapshot
from lbctl.core.labels import DRAIN
from lbctl.kube.objects import NODES, POOLS, VIRTUAL_IPS
from tests.unit.cli import clusters
from tests.unit.cli.conftest import Typed
from tests.unit.cli.server import Server

ROOT = Path(__file__).parents[3]
WEB, SPARE = "172.16.110.100", "172.16.110.105"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "EVERY_SECONDS", 0.01)


def obedient(snapshot: Snapshot) -> Snapshot:
    """An operator and speakers that do at once what they are told."""
    node = snapshot.find(NODES, "n1")
    assert node is not None
    if DRAIN in (node["metadata"].get("labels") or {}):
        there = clusters.virtual_ip(WEB, "web", "n2", "n3", holder="n2")
        snapshot = snapshot.put(VIRTUAL_IPS, there)
    pool = snapshot.find(POOLS, "lan")
    assert pool is not None
    wanted = (pool["metadata"].get("annotations") or {}).get("lbctl.io/rebalance")
    if wanted:
        said = clusters.condition("Rebalanced", True, "Balanced", "No move makes it more even.")
        status = {"rebalanced": wanted, "conditions": [said]}
        snapshot = clusters.changed(snapshot, POOLS, "lan", status=status)
    reserved = snapshot.find(VIRTUAL_IPS, SPARE)
    if reserved is not None:
        said = clusters.condition("Reserved", True, "ForNobody", "No Service gets it.")
        said["observedGeneration"] = reserved["metadata"]["generation"]
        snapshot = clusters.changed(snapshot, VIRTUAL_IPS, SPARE, status__conditions=[said])
    return snapshot


def test_a_drain_and_its_end(lbctl: Typed, server: Server) -> None:
    server.written = obedient
    done = lbctl("drain", "n1")
    assert done.exit_code == Exit.WELL, done.output
    assert done.stderr == "n1 is drained.\n"
    assert done.stdout == "✓ n1 holds no address, and will take none until: lbctl undrain n1\n"
    (write,) = server.writes
    assert write[:2] == ("PATCH", "/api/v1/nodes/n1")
    assert lbctl("drain", "n1").exit_code == Exit.WELL, "what is done is not done again"
    assert len(server.writes) == 1
    done = lbctl("undrain", "n1", "-o", "json")
    assert done.exit_code == Exit.WELL
    assert json.loads(done.stdout) == {
        "objects": ["node/n1"],
        "end": "done",
        "message": "n1 can take addresses again. None moves back by itself.",
        "advice": "lbctl rebalance",
    }


def test_a_rebalancing(lbctl: Typed, server: Server) -> None:
    server.written = obedient
    done = lbctl("rebalance")
    assert done.exit_code == Exit.WELL, done.output
    assert done.stdout == "✓ lan: No move makes it more even.\n"


def test_an_address_is_reserved_and_released(lbctl: Typed, server: Server) -> None:
    server.written = obedient
    done = lbctl("reserve", SPARE)
    assert done.exit_code == Exit.WELL, done.output
    assert done.stdout == "✓ It is reserved. No Service gets it.\n"
    done = lbctl("release", SPARE, "-o", "name")
    assert done.stdout == f"virtualip/{SPARE}\n"
    method, path, body = server.writes[-1]
    assert (method, path) == ("DELETE", f"/apis/lbctl.io/v1beta1/virtualips/{SPARE}")
    assert body["preconditions"]["uid"] == "uid-new"


def test_time_is_over(lbctl: Typed, server: Server) -> None:
    done = lbctl("drain", "n1", "--timeout", "0.05")
    assert done.exit_code == Exit.UNDER_WAY
    assert "n1 still holds 1 address (172.16.110.100). The time is over; it goes on." in done.stdout
    assert len(server.writes) == 1


def test_nobody_waits(lbctl: Typed) -> None:
    done = lbctl("drain", "n1", "--no-wait")
    assert done.exit_code == Exit.WELL
    assert done.stdout == "✓ Asked for. n1 still holds 1 address (172.16.110.100).\n"


def test_what_cannot_be_done(lbctl: Typed, server: Server) -> None:
    done = lbctl("release", WEB)
    assert done.exit_code == Exit.FOUND
    assert "The Service shop/web has it" in done.stdout
    assert not server.writes


@pytest.mark.parametrize(
    ("command", "kind", "verb"),
    [
        (("drain", "n1"), "nodes", "patch"),
        (("rebalance",), "ipaddresspools", "patch"),
        (("reserve", SPARE), "virtualips", "create"),
    ],
)
def test_a_right_to_write_that_is_missing_is_named(
    lbctl: Typed, server: Server, command: tuple[str, ...], kind: str, verb: str
) -> None:
    server.read_only = True
    refused = lbctl(*command)
    assert refused.exit_code == Exit.NOT_ALLOWED, refused.output
    group = "" if kind == "nodes" else ".lbctl.io"
    assert f"you (jane) may not\n  {verb} {kind}{group}\n" in refused.output
    role = f"create clusterrole lbctl-writer --verb=get,{verb} --resource={kind}{group}"
    assert role in refused.output


@pytest.mark.parametrize(
    "webhook", [(403, "Forbidden"), (400, "BadRequest"), (422, "Invalid"), (406, "")]
)
def test_a_webhook_that_refuses_is_no_missing_right(
    lbctl: Typed, server: Server, webhook: tuple[int, str]
) -> None:
    server.webhook = webhook
    refused = lbctl("drain", "n1")
    assert refused.exit_code == Exit.FOUND
    assert "does not let Node n1 be written" in refused.output
    assert "ask the night shift" in refused.output
    assert "clusterrole" not in refused.output, "no right would help"


def test_somebody_who_always_writes_first(lbctl: Typed, server: Server) -> None:
    server.conflicts = 1000
    refused = lbctl("drain", "n1")
    assert refused.exit_code == Exit.FOUND
    assert "somebody else wrote first" in refused.output
    assert "Is it the right context?" not in refused.output


def test_somebody_who_undoes_it_at_once(lbctl: Typed, server: Server) -> None:
    server.written = lambda _: clusters.healthy()
    done = lbctl("drain", "n1")
    assert done.exit_code == Exit.FOUND
    assert "Somebody else undid it at once: n1 is drained." in done.stdout


def test_an_api_server_that_is_away_for_a_moment_is_waited_for(
    lbctl: Typed, server: Server
) -> None:
    def restarting(snapshot: Snapshot) -> Snapshot:
        server.failing = 20
        return obedient(snapshot)

    server.written = restarting
    done = lbctl("drain", "n1")
    assert done.exit_code == Exit.WELL, done.output
    assert "it restarts" in done.stderr


def test_a_cluster_that_was_never_reached_is_told_at_once(lbctl: Typed, server: Server) -> None:
    server.failing = 1000
    done = lbctl("drain", "n1")
    assert done.exit_code == Exit.UNREACHABLE, "nothing was asked for, so nothing goes on"
    assert "it restarts" in done.output
    assert not server.writes


@pytest.mark.parametrize("more", [(), ("--no-wait",)])
def test_who_writes_first_is_looked_at_again(
    lbctl: Typed, server: Server, more: tuple[str, ...]
) -> None:
    server.written = obedient
    server.conflicts = 3
    assert lbctl("drain", "n1", *more).exit_code == Exit.WELL
    assert len(server.writes) == 1


def test_an_interrupt_leaves_it_to_go_on(config: Path, server: Server) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lbctl", "drain", "n1", f"--kubeconfig={config}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "n1 is drained.\n"
        assert process.stderr.readline().startswith("n1 still holds")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == Exit.UNDER_WAY
    assert "it goes on" in out
    assert len(server.writes) == 1
