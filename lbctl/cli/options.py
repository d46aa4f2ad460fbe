"""The options that the commands for people share, as kubectl spells them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lbctl.cli.access import Access
from lbctl.cli.output import Format

if TYPE_CHECKING:
    from lbctl.core.addresses import Address

_F = TypeVar("_F", bound=Callable[..., Any])


class Seconds(click.ParamType[float]):
    """Seconds, as a number or as Kubernetes writes a duration: 90, 90s, 5m.

    Args:
        least: fewer are refused.
    """

    name = "DURATION"

    def __init__(self, least: float) -> None:
        self._least = least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from lbctl.core.durations import parse_duration  # noqa: PLC0415 - help needs none of it

        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = parse_duration(value)
            except ValueError as error:
                self.fail(str(error), param, ctx)
        if not self._least <= seconds < float("inf"):
            self.fail(
                f"{value} is too short, or no time: write {self._least:g} or more", param, ctx
            )
        return seconds


class Named(click.ParamType[str]):
    """A name, as it is or as `kubectl get -o name` prints it: node/n1.

    Args:
        kind: what it is a name of.
    """

    def __init__(self, kind: str) -> None:
        self.name = self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name = bare(value, self._kind)
        if not name or "/" in name:
            self.fail(f"{value!r} is no name of a {self._kind}", param, ctx)
        return name


class ServiceName(click.ParamType[tuple[str, str]]):
    """A Service: its namespace, "" when that is not said, and its name."""

    name = "[NAMESPACE/]NAME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        namespace, slash, name = value.rpartition("/")
        if not name or "/" in namespace or (slash and not namespace):
            self.fail(f"{value!r} is no NAME and no NAMESPACE/NAME", param, ctx)
        return namespace, name


def bare(value: str, kind: str) -> str:
    """A name without the kind that `-o name` puts before it."""
    resource, slash, name = value.partition("/")
    return name if slash and resource.partition(".")[0] == kind else value


class AddressType(click.ParamType["Address"]):
    """An IP address, or the name of its VirtualIP."""

    name = "IP"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        from lbctl.core.addresses import address_of, parse  # noqa: PLC0415 - help needs none of it

        name = bare(value, "virtualip")
        parsed = parse(name) or address_of(name)
        if parsed is None:
            self.fail(f"{value} is no address: write one like 172.16.110.100", param, ctx)
        return parsed


ADDRESS = AddressType()
SERVICE = ServiceName()
NODE = Named("node")
POOL = Named("ipaddresspool")


def _contexts(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    from lbctl.cli.completion import context_names  # noqa: PLC0415 - when a shell asks

    return context_names(ctx, begun)


def _namespaces(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    from lbctl.cli.completion import namespace_names  # noqa: PLC0415 - when a shell asks

    return namespace_names(ctx, begun)


def reads_cluster(command: _F) -> _F:
    """Options of a command that reads a cluster. It gets an `Access` as `access`."""
    options = (
        click.option(
            "--kubeconfig",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The kubeconfig file.  [default: $KUBECONFIG, else ~/.kube/config]",
        ),
        click.option("--context", default="", help="The context in it.", shell_complete=_contexts),
        click.option(
            "-n",
            "--namespace",
            default="",
            help="The namespace of Services.  [default: the context's]",
            shell_complete=_namespaces,
        ),
        click.option(
            "--request-timeout",
            type=Seconds(0.1),
            default=10.0,
            show_default="10s",
            help="How long one request may take.",
        ),
    )
    return _with(command, options)


def reads_files(*, required: bool = True, alone: str = "") -> Callable[[_F], _F]:
    """The option ``-f``. The command gets the names as `files`.

    Args:
        required: whether there is nothing to do without.
        alone: what it means that it is given, for the help.
    """
    said = "A file, a folder, or - for standard input. May be repeated."
    return click.option(
        "-f",
        "--filename",
        "files",
        # The shell completes these; whether they can be read is told with all that is wrong.
        type=click.Path(readable=False, allow_dash=True),
        multiple=True,
        required=required,
        metavar="FILE",
        help=f"{said} {alone}".strip(),
    )


def prints(command: _F) -> _F:
    """The option ``-o``."""
    return _with(
        command,
        (
            click.option(
                "-o",
                "--output",
                "form",
                type=click.Choice([one.value for one in Format]),
                default=Format.TABLE.value,
                callback=lambda _ctx, _param, said: Format(said),
                show_default=True,
                help="What to print.",
            ),
        ),
    )


def watches(command: _F) -> _F:
    """The option ``-w``."""
    help_text = "Go on, and print again whenever something changes."
    return _with(command, (click.option("-w", "--watch", is_flag=True, help=help_text),))


def waits(seconds: float) -> Callable[[_F], _F]:
    """The options of a command that changes something and waits until it is done.

    Args:
        seconds: how long, unless somebody says otherwise.
    """

    def added(command: _F) -> _F:
        return _with(
            command,
            (
                click.option(
                    "--timeout",
                    type=Seconds(0),
                    default=seconds,
                    show_default=f"{seconds:g}s",
                    help="How long to wait until it is done; it goes on after that.",
                ),
                click.option("--no-wait", is_flag=True, help="Ask for it, and do not wait."),
            ),
        )

    return added


def access_of(options: dict[str, Any]) -> Access:
    """Take the options of `reads_cluster` out of a command's parameters."""
    return Access(
        kubeconfig=options.pop("kubeconfig", None),
        context=options.pop("context", ""),
        namespace=options.pop("namespace", ""),
        seconds=options.pop("request_timeout", 10.0),
    )


def _with(command: _F, options: tuple[Callable[[Any], Any], ...]) -> _F:
    for option in reversed(options):
        command = option(command)
    return command
