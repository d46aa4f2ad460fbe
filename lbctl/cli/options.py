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


class AddressType(click.ParamType["Address"]):
    """An IP address, or the name of its VirtualIP."""

    name = "IP"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        from lbctl.core.addresses import address_of, parse  # noqa: PLC0415 - help needs none of it

        parsed = parse(value) or address_of(value)
        if parsed is None:
            self.fail(f"{value} is no address: write one like 172.16.110.100", param, ctx)
        return parsed


ADDRESS = AddressType()


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
            type=click.FloatRange(min=0.1),
            default=10.0,
            show_default=True,
            help="Seconds for one request.",
        ),
    )
    return _with(command, options)


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
                    type=click.FloatRange(min=0),
                    default=seconds,
                    show_default=True,
                    help="Seconds to wait until it is done; it goes on after that.",
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
