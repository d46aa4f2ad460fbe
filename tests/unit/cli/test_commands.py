"""What all commands share: the way in, rights, exit codes, completion, what they load."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lbctl.cli.exits import Exit
from lbctl.cli.main import FOR_PEOPLE, cli
from lbctl.cli.options import Seconds
from tests.unit.cli import clusters
from tests.unit.cli.conftest import Typed
from tests.unit.cli.server import Server, kubeconfig


def test_the_commands_are_listed_without_loading_any() -> None:
    printed = CliRunner().invoke(cli, ["--help"])
    assert printed.exit_code == 0
    assert all(name in printed.output and summary in printed.output
               for name, (_, summary) in FOR_PEOPLE.items())  # fmt: skip


def _commands(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(group, click.Group):
        return [path]
    ctx = click.Context(group)
    found = [(name, group.get_command(ctx, name)) for name in group.list_commands(ctx)]
    return [one for name, command in found if command for one in _commands(command, (*path, name))]


@pytest.mark.parametrize("path", _commands(cli), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(cli, [*path, "--help"])
    assert printed.exit_code == 0, printed.output
    if path[0] in FOR_PEOPLE:
        assert "Examples:" in printed.output, "help has examples"
        assert path[0] == "completion" or "Exit codes:" in printed.output


def test_status_over_http(lbctl: Typed, server: Server) -> None:
    printed = lbctl("status")
    assert printed.exit_code == Exit.WELL, printed.output
    assert "✓ all is well   2 of 2 addresses announced" in printed.output
    assert len(server.requests) <= 12, "a fixed set of lists"


def test_what_is_wrong_is_told_by_the_exit_code(lbctl: Typed, server: Server) -> None:
    server.snapshot = clusters.dead(server.snapshot, "n1")
    assert lbctl("status").exit_code == Exit.FOUND
    printed = lbctl("status", "-o", "json")
    assert printed.exit_code == Exit.FOUND
    assert json.loads(printed.output)["well"] is False


def test_colours_are_for_terminals(lbctl: Typed) -> None:
    assert "\x1b[" not in lbctl("status").output


@pytest.mark.parametrize("kind", ["virtualips", "speakers", "ipaddresspools"])
def test_a_right_that_is_needed_is_named_with_the_line_that_grants_it(
    lbctl: Typed, server: Server, kind: str
) -> None:
    server.forbidden = {kind}
    refused = lbctl("status")
    assert refused.exit_code == Exit.NOT_ALLOWED
    assert f"list {kind}.lbctl.io" in refused.output
    assert "(jane)" in refused.output
    assert f"--verb=get,list --resource={kind}.lbctl.io" in refused.output
    assert "--clusterrole=lbctl-reader --user=jane" in refused.output


def test_what_can_be_done_without_is_noted_and_the_rest_answered(
    lbctl: Typed, server: Server
) -> None:
    server.forbidden = {"services", "nodes", "namespaces", "leases", "deployments", "servicecidrs"}
    printed = lbctl("status", "-o", "wide")
    assert printed.exit_code == Exit.WELL, printed.output
    assert "You may not list services in all namespaces" in printed.output
    assert "2 Services" in printed.output, "those of the context's namespace are read"
    assert "list leases" not in printed.output, "they are in lbctl's own namespace alone"
    assert "led by lbctl-operator-7c5d" in printed.output


@pytest.mark.parametrize(
    ("rule", "said"),
    [("unauthorized", "refuses the login"), ("unserved", "lbctl is not installed there")],
)
def test_no_way_in(lbctl: Typed, server: Server, rule: str, said: str) -> None:
    server.unauthorized = rule == "unauthorized"
    server.unserved = {"virtualips"} if rule == "unserved" else set()
    refused = lbctl("status")
    assert refused.exit_code == Exit.UNREACHABLE
    assert said in refused.output


def test_a_server_that_is_away(tmp_path: Path, lbctl: Typed, server: Server) -> None:
    server.url = "http://127.0.0.1:9"
    path = kubeconfig(tmp_path, server)
    refused = lbctl("status", "--kubeconfig", str(path))
    assert refused.exit_code == Exit.UNREACHABLE
    assert "http://127.0.0.1:9" in refused.output
    assert "kubectl config get-contexts" in refused.output


def test_a_kubeconfig_that_is_not_there(lbctl: Typed) -> None:
    refused = lbctl("status", "--kubeconfig", "/none")
    assert refused.exit_code == Exit.UNREACHABLE
    assert "/none" in refused.output
    refused = lbctl("status", "--context", "noon")
    assert refused.exit_code == Exit.UNREACHABLE
    assert "no context 'noon' (it has day, night)" in refused.output


def test_an_answer_that_is_none_of_an_api_server(lbctl: Typed, server: Server) -> None:
    """A proxy that wants somebody to log in answers each request with a page, and 200."""
    server.page = b"<html>Who are you?</html>"
    refused = lbctl("status")
    assert refused.exit_code == Exit.UNREACHABLE
    assert f"{server.url} answers with something that is no JSON" in refused.output


def test_usage_is_two(lbctl: Typed) -> None:
    assert lbctl("status", "-o", "xml").exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(("stauts",), "Did you mean 'status'?"), (("explain", "svc"), "Did you mean 'service'?")],
)
def test_a_command_that_is_misspelt(lbctl: Typed, typed: tuple[str, ...], meant: str) -> None:
    refused = lbctl(*typed)
    assert refused.exit_code == Exit.USAGE
    assert meant in refused.output


@pytest.mark.parametrize(
    ("typed", "seconds"), [("7", 7.0), ("0.5", 0.5), ("90s", 90.0), ("1m30s", 90.0), (3.0, 3.0)]
)
def test_a_time_is_written_as_kubectl_takes_it(typed: str | float, seconds: float) -> None:
    assert Seconds(0.1).convert(typed, None, None) == seconds


@pytest.mark.parametrize("typed", ["", "soon", "-1", "0", "nan", "inf", "10 s"])
def test_a_time_that_is_none(lbctl: Typed, typed: str) -> None:
    refused = lbctl("status", "--request-timeout", typed)
    assert refused.exit_code == Exit.USAGE
    assert "Invalid value for '--request-timeout'" in refused.output


@pytest.mark.parametrize(
    "typed",
    [
        ("explain", "service", "shop/web"),
        ("explain", "service", "shop/web", "-n", "elsewhere"),
        ("explain", "address", "virtualip/172.16.110.100"),
        ("explain", "address", "virtualip.lbctl.io/172.16.110.100"),
        ("simulate", "drain", "node/n1"),
    ],
)
def test_names_are_taken_as_they_are_printed(lbctl: Typed, typed: tuple[str, ...]) -> None:
    printed = lbctl(*typed)
    assert printed.exit_code == Exit.WELL, printed.output


@pytest.mark.parametrize(
    "typed",
    [
        ("explain", "service", "a/b/c"),
        ("explain", "service", "/web"),
        ("explain", "service", "shop/"),
        ("simulate", "drain", "pod/n1"),
        ("drain", ""),
        ("reserve", "172.16.110.105", "--for", ""),
    ],
)
def test_names_that_are_none(lbctl: Typed, server: Server, typed: tuple[str, ...]) -> None:
    assert lbctl(*typed).exit_code == Exit.USAGE
    assert not server.requests


def test_a_service_that_may_not_be_read_is_not_said_to_be_gone(
    lbctl: Typed, server: Server
) -> None:
    server.forbidden, server.forbidden_everywhere = {"services"}, True
    refused = lbctl("explain", "service", "web")
    assert refused.exit_code == Exit.NOT_ALLOWED
    assert "list services" in refused.output


def complete(config: Path, *words: str) -> list[str]:
    code = "from lbctl.cli.plugin import complete; complete()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={"KUBECONFIG": str(config), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_kubectl_completes_commands_and_names(config: Path) -> None:
    assert complete(config, "st") == ["status\tIs it well, and if not, what first.", ":4"]
    assert complete(config, "status", "--context", "") == ["day", "night", ":4"]
    assert complete(config, "status", "-n", "s") == ["shop", ":4"]
    assert complete(config, "drain", "n1", "n") == ["n1", "n2", "n3", ":4"]
    assert complete(config, "rebalance", "") == ["lan", ":4"]
    assert complete(config, "audit", "172.16.110.10") == ["172.16.110.100", "172.16.110.101", ":4"]
    assert complete(config, "reserve", "172.16.110.105", "--for", "w") == ["web", ":4"]
    assert complete(config, "explain", "service", "-n", "shop", "w") == ["web", ":4"]
    assert complete(config, "explain", "service", "shop/w") == ["shop/web", ":4"]
    assert complete(config, "explain", "service", "none/w") == [":4"]


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--kubeconfig", "c"),
        ("check", "-f", ""),
        ("convert", "-f", "m"),
        ("simulate", "apply", "-f", ""),
    ],
)
def test_files_are_the_shells_to_complete(config: Path, words: tuple[str, ...]) -> None:
    assert complete(config, *words) == [":0"]


def test_a_terminal_that_knows_no_check_mark(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("apiVersion: v1\nkind: Secret\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "lbctl", "check", "-f", str(file)],
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.WELL, done.stderr
    assert done.stdout.startswith("? nothing is wrong")


def test_completion_of_a_cluster_that_is_away_is_empty(tmp_path: Path, server: Server) -> None:
    server.url = "http://127.0.0.1:9"
    assert complete(kubeconfig(tmp_path, server), "status", "-n", "s") == [":4"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(shell: str) -> None:
    printed = CliRunner().invoke(cli, ["completion", shell])
    assert printed.exit_code == 0
    assert "_LBCTL_COMPLETE" in printed.output


def test_what_a_question_loads() -> None:
    """`lbctl status` must feel instant: nothing that takes long to load is needed to ask."""
    code = (
        "import sys, lbctl.cli.main, lbctl.cli.commands.status, lbctl.cli.answering\n"
        "import lbctl.cli.view.status_page, lbctl.cli.view.status\n"
        "heavy = ('kopf', 'pydantic', 'scapy', 'pyroute2', 'prometheus_client', 'kubernetes',\n"
        "         'uvloop', 'pygments', 'markdown_it')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module",
    ["status", "explain", "simulate", "check", "convert", "audit", "moving", "keeping"],
)
def test_help_loads_no_client(module: str) -> None:
    code = (
        f"import sys, lbctl.cli.main, lbctl.cli.commands.{module}\n"
        "ledger = 'lbctl.core.allocation.ledger'\n"
        "heavy = ('aiohttp', 'asyncio', 'yaml', 'rich', 'pydantic', ledger)\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_plug_in_logs_in(tmp_path: Path, lbctl: Typed, server: Server) -> None:
    """As cloud providers do it: a program prints a token."""
    credential: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": server.token},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "echo",
        "args": [json.dumps(credential)],
        "interactiveMode": "Never",
    }
    path = kubeconfig(tmp_path, server, exec=plugin)
    printed = lbctl("status", "--kubeconfig", str(path))
    assert printed.exit_code == Exit.WELL, printed.output


def test_exit_codes_keep_their_numbers() -> None:
    assert {one.name: one.value for one in Exit} == {
        "WELL": 0,
        "FOUND": 1,
        "USAGE": 2,
        "UNREACHABLE": 3,
        "NOT_ALLOWED": 4,
        "UNDER_WAY": 5,
    }


@pytest.mark.parametrize("path", _commands(cli), ids=" ".join)
def test_examples_stand_a_line_each(path: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(cli, [*path, "--help"]).output
    assert "\\b" not in printed
    assert "Examples:" not in printed or "Examples:\n" in printed
