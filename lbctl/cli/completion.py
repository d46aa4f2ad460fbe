"""Shell completion, with names from the cluster."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.shell_completion import get_completion_class

from lbctl.cli.access import Access
from lbctl.cli.examples import Command
from lbctl.cli.exits import Trouble
from lbctl.kube.objects import NAMESPACES, NODES, POOLS, SERVICES, VIRTUAL_IPS, Kind

_PATIENCE_SECONDS = 2.0
"""A shell that hangs is worse than one that completes nothing."""

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    r"""Print what makes a shell complete commands and names.

    \b
    Examples:
      source <(lbctl completion bash)
      lbctl completion fish > ~/.config/fish/completions/lbctl.fish

    For kubectl lbctl nothing is needed besides kubectl's own completion.
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - the choice above
    root = click.get_current_context().find_root().command
    click.echo(made(root, {}, "lbctl", "_LBCTL_COMPLETE").source())


def of(kind: Kind) -> Completer:
    """Completes the names of the objects of a kind."""

    def complete(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
        return _begun(begun, ctx, kind)

    return complete


def context_names(ctx: click.Context, begun: str) -> list[str]:
    """The contexts of the kubeconfig that begin so."""
    from lbctl.kube import kubeconfig  # noqa: PLC0415 - when a shell asks
    from lbctl.kube.login import LoginError  # noqa: PLC0415 - the same

    try:
        found = kubeconfig.contexts(ctx.params.get("kubeconfig"))
    except LoginError:
        return []
    return [name for name in found if name.startswith(begun)]


def namespace_names(ctx: click.Context, begun: str) -> list[str]:
    """The namespaces that begin so."""
    return _begun(begun, ctx, NAMESPACES)


def services(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Completes the names of Services; after `shop/` those in that namespace."""
    namespace, slash, name = begun.rpartition("/")
    return [f"{namespace}{slash}{one}" for one in _begun(name, ctx, SERVICES, namespace)]


nodes = of(NODES)
pools = of(POOLS)


def addresses(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Completes the addresses that have a VirtualIP, as they are written."""
    from lbctl.core.addresses import address_of  # noqa: PLC0415 - when a shell asks

    found = (address_of(name) for name in _begun("", ctx, VIRTUAL_IPS))
    return [str(one) for one in found if one is not None and str(one).startswith(begun)]


def _begun(begun: str, ctx: click.Context, kind: Kind, namespace: str = "") -> list[str]:
    access = Access(
        kubeconfig=ctx.params.get("kubeconfig"),
        context=ctx.params.get("context") or "",
        namespace=namespace or ctx.params.get("namespace") or "",
        seconds=_PATIENCE_SECONDS,
    )
    # Help and scripts of completion need no client.
    from lbctl.cli.cluster import names  # noqa: PLC0415 - when a shell asks

    try:
        return [name for name in names(access, kind) if name.startswith(begun)]
    except Trouble:
        return []
