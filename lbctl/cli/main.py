"""The command line. Every option of `run` can be set by a variable: ``LBCTL_`` and its name."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from lbctl import __version__
from lbctl.cli.lazy import LazyGroup
from lbctl.core.labels import DEFAULT_LOAD_BALANCER_CLASS

FOR_PEOPLE = {
    "status": ("lbctl.cli.commands.status", "Is it well, and if not, what first."),
    "explain": ("lbctl.cli.commands.explain", "The whole way from a Service to the LAN."),
    "simulate": ("lbctl.cli.commands.simulate", "What would happen, without doing it."),
    "check": ("lbctl.cli.commands.check", "Find mistakes in manifests and in the cluster."),
    "convert": ("lbctl.cli.commands.convert", "Write MetalLB's objects as lbctl's."),
    "audit": ("lbctl.cli.commands.audit", "Ask the LAN who answers for the addresses."),
    "drain": ("lbctl.cli.commands.moving", "Let nodes hand over all that they hold."),
    "undrain": ("lbctl.cli.commands.moving", "Let drained nodes take addresses again."),
    "rebalance": ("lbctl.cli.commands.moving", "Share the addresses out again."),
    "reserve": ("lbctl.cli.commands.keeping", "Keep an address."),
    "release": ("lbctl.cli.commands.keeping", "Give up what keeps an address."),
    "completion": ("lbctl.cli.completion", "Print what makes a shell complete names."),
}
"""The commands for people: where each is, and its summary."""


@click.group(
    cls=LazyGroup, lazy=FOR_PEOPLE, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="lbctl")
def cli() -> None:
    """Give addresses of the LAN to Services of type LoadBalancer, on bare metal."""


@cli.command(context_settings={"auto_envvar_prefix": "LBCTL"})
@click.option(
    "--namespace", default="lbctl-system", show_default=True, help="Where the Leases are."
)
@click.option("--identity", help="Name in the election.  [default: the host's name and a mark]")
@click.option(
    "--load-balancer-class",
    default=DEFAULT_LOAD_BALANCER_CLASS,
    show_default=True,
    help="Services with this spec.loadBalancerClass are ours.",
)
@click.option(
    "--default-class/--no-default-class",
    default=True,
    show_default=True,
    help="Whether Services without a class are ours too.",
)
@click.option(
    "--listen",
    default="0.0.0.0:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Where /healthz, /readyz and /metrics are served.",
)
@click.option(
    "--lease-duration-seconds",
    type=click.IntRange(min=3),
    default=15,
    show_default=True,
    help="A Lease that did not change for this long is stale.",
)
@click.option(
    "--resync-seconds",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    help="Between two complete comparisons with the API server.",
)
@click.option(
    "--leader-election/--no-leader-election",
    default=True,
    show_default=True,
    help="Whether to wait for the Lease before acting.",
)
@click.option(
    "--fast-node-failure/--no-fast-node-failure",
    default=False,
    show_default=True,
    help="Whether the pods of a node that is proved dead are marked not ready at once.",
)
@click.option(
    "--compat-metallb/--no-compat-metallb",
    default=False,
    show_default=True,
    help="Whether objects and annotations of MetalLB are obeyed.",
)
@click.option(
    "--metallb-namespace",
    default="metallb-system",
    show_default=True,
    help="The namespace whose objects of metallb.io are read.",
)
@click.option(
    "--metrics-per-address/--no-metrics-per-address",
    default=False,
    show_default=True,
    help="Whether there are metrics with a series for each address.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Log in by this file.  [default: the pod's service account, else your own kubeconfig]",
)
def run(
    *,
    namespace: str,
    identity: str | None,
    load_balancer_class: str,
    default_class: bool,
    listen: str,
    lease_duration_seconds: int,
    resync_seconds: int,
    leader_election: bool,
    fast_node_failure: bool,
    compat_metallb: bool,
    metallb_namespace: str,
    metrics_per_address: bool,
    log_format: Literal["text", "json"],
    log_level: str,
    kubeconfig: Path | None,
) -> None:
    """Run the operator."""
    # Loaded here: `lbctl --help` has no use for the quarter of a second that kopf takes.
    import secrets  # noqa: PLC0415
    import socket  # noqa: PLC0415

    import uvloop  # noqa: PLC0415

    from lbctl import logs  # noqa: PLC0415
    from lbctl.core.objects.services import Ownership  # noqa: PLC0415
    from lbctl.kube.login import LoginError  # noqa: PLC0415
    from lbctl.operator import app  # noqa: PLC0415
    from lbctl.operator.settings import Settings  # noqa: PLC0415

    host, port = _host_and_port(listen)
    logs.configure(log_format, log_level)
    settings = Settings(
        namespace=namespace,
        identity=identity or f"{socket.gethostname()}_{secrets.token_hex(4)}",
        ownership=Ownership(load_balancer_class, default_class=default_class),
        listen_host=host,
        listen_port=port,
        lease_duration=lease_duration_seconds,
        resync=resync_seconds,
        leader_election=leader_election,
        fast_node_failure=fast_node_failure,
        metallb_namespace=metallb_namespace if compat_metallb else "",
        metrics_per_address=metrics_per_address,
        kubeconfig=kubeconfig,
    )
    try:
        sys.exit(uvloop.run(app.run(settings)))
    except LoginError as error:
        raise click.ClickException(str(error)) from error


@cli.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write one file for each kind.  [default: print all]",
)
@click.option(
    "--check",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Write nothing; fail when a file there is not what would be written.",
)
def crds(*, output: Path | None, check: Path | None) -> None:
    """Print or write the CustomResourceDefinitions."""
    from lbctl.api import crd  # noqa: PLC0415 - pydantic is not needed to run

    if check is not None:
        _compare(crd.render(), check)
    elif output is not None:
        for path in crd.write(output):
            click.echo(path)
    else:
        click.echo("---\n".join(crd.render().values()), nl=False)


def _compare(rendered: Mapping[str, str], folder: Path) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    names = sorted(rendered.keys() | written.keys())
    stale = [name for name in names if rendered.get(name) != written.get(name)]
    if stale:
        raise click.ClickException(
            f"{', '.join(stale)} in {folder} differ: run lbctl crds --output {folder}"
        )


def _host_and_port(listen: str) -> tuple[str, int]:
    """Split ``HOST:PORT``; an IPv6 host may stand in brackets."""
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or not host:
        raise click.BadParameter(
            f"{listen!r} is no HOST:PORT, such as 0.0.0.0:8080", param_hint="--listen"
        )
    return host.strip("[]"), int(port)


def main() -> None:
    """Entry point of the commands ``lbctl`` and ``kubectl lbctl``."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no check mark shows a question mark in its place.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    cli(prog_name="kubectl lbctl" if plugin else None)
