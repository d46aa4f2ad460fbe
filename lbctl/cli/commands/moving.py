"""`lbctl drain`, `undrain`, `rebalance`: addresses go to other nodes, make before break."""

from __future__ import annotations

from typing import Any

import click

from lbctl.cli import completion, exits, options
from lbctl.cli.examples import Command
from lbctl.cli.output import Format

_NODES = click.argument(
    "nodes",
    nargs=-1,
    required=True,
    type=options.NODE,
    metavar="NODE...",
    shell_complete=completion.nodes,
)


@click.command(cls=Command, epilog=exits.HELP_OF_DEEDS)
@_NODES
@options.reads_cluster
@options.prints
@options.waits(120)
def drain(
    *, nodes: tuple[str, ...], form: Format, timeout: float, no_wait: bool, **rest: Any
) -> None:
    r"""Let nodes hand over all addresses that they hold, before they are switched off.

    Labels the Nodes with lbctl.io/drain and waits until they hold nothing. Each address is
    announced by its next node before the drained one stops, so whoever asks is answered; a
    connection that is open may break. Pods stay: kubectl drain is about these. What would happen
    says lbctl simulate drain.

    \b
    Examples:
      lbctl drain n1
      lbctl drain n1 n2 --timeout 5m
      lbctl drain n1 && kubectl drain n1 --ignore-daemonsets
    """
    from lbctl.cli import acting  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.view import moving  # noqa: PLC0415 - the same

    acting.act(
        options.access_of(rest),
        lambda state, _: moving.drain(state, frozenset(nodes)),
        _named("node", nodes),
        form,
        timeout=timeout,
        no_wait=no_wait,
    )


@click.command(cls=Command, epilog=exits.HELP_OF_DEEDS)
@_NODES
@options.reads_cluster
@options.prints
@options.waits(120)
def undrain(
    *, nodes: tuple[str, ...], form: Format, timeout: float, no_wait: bool, **rest: Any
) -> None:
    r"""Let drained nodes take addresses again.

    Takes the label lbctl.io/drain off, and a taint of that name, and waits until the nodes'
    speakers live and are planned for again. Addresses do not move back by themselves: lbctl
    rebalance moves some.

    \b
    Examples:
      lbctl undrain n1
      kubectl uncordon n1 && lbctl undrain n1 && lbctl rebalance
    """
    from lbctl.cli import acting  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.view import moving  # noqa: PLC0415 - the same

    acting.act(
        options.access_of(rest),
        lambda state, _: moving.undrain(state, frozenset(nodes)),
        _named("node", nodes),
        form,
        timeout=timeout,
        no_wait=no_wait,
    )


@click.command(cls=Command, epilog=exits.HELP_OF_DEEDS)
@click.argument(
    "pools", nargs=-1, type=options.POOL, metavar="[POOL]...", shell_complete=completion.pools
)
@options.reads_cluster
@options.prints
@options.waits(600)
def rebalance(
    *, pools: tuple[str, ...], form: Format, timeout: float, no_wait: bool, **rest: Any
) -> None:
    r"""Share the addresses of pools out again, until nodes carry alike.

    Of all pools, unless some are named. Annotates the IPAddressPools with lbctl.io/rebalance; the
    operator moves five addresses at a time, each announced by its new node before the old one
    stops. To break it off take the annotation away: kubectl annotate ipaddresspool NAME
    lbctl.io/rebalance-

    \b
    Examples:
      lbctl rebalance
      lbctl rebalance lan --no-wait
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - help needs none of it

    from lbctl.cli import acting  # noqa: PLC0415 - the same
    from lbctl.cli.view import moving  # noqa: PLC0415 - the same

    token = datetime.now(UTC).isoformat(timespec="microseconds")
    acting.act(
        options.access_of(rest),
        lambda state, wrote: moving.rebalance(state, pools, token, wrote),
        _named("ipaddresspool", pools),
        form,
        timeout=timeout,
        no_wait=no_wait,
    )


def _named(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{kind}/{name}" for name in names)
