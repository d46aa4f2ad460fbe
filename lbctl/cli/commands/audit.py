"""`lbctl audit`: every speaker asks the LAN who has the addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lbctl.cli import completion, exits, options
from lbctl.cli.examples import Command
from lbctl.cli.output import Format

if TYPE_CHECKING:
    from lbctl.core.addresses import Address


@click.command(cls=Command, epilog=exits.HELP)
@click.argument(
    "ips", nargs=-1, type=options.ADDRESS, metavar="[IP]...", shell_complete=completion.addresses
)
@options.reads_cluster
@options.prints
def audit(*, ips: tuple[Address, ...], form: Format, **rest: Any) -> None:
    r"""Ask the LAN who answers for the addresses, from every node.

    Of all addresses that have a VirtualIP, or of those that are named, in a pool or not. Told is
    where more than one answers, where a foreign host does, where nobody does, and which nodes do
    not hear the holder. Each speaker asks by ordinary ARP requests and neighbour solicitations;
    what looks wrong is asked for twice.

    Started in the speakers' pods by exec: needs the rights to list pods, and to get and create
    pods/exec, in lbctl's namespace.

    \b
    Examples:
      lbctl audit
      lbctl audit 172.16.110.100 -o wide
      lbctl audit -o json | jq '.addresses[] | select(.verdict != "Well")'
    """
    from lbctl.cli import auditing, cluster, output  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.view import audit_page as page  # noqa: PLC0415 - the same

    access = options.access_of(rest)
    answer = cluster.connected(access, lambda client: auditing.audit(client, ips, access.seconds))
    output.show(answer, Look(page.render, page.names), form)
    if not answer.well:
        raise SystemExit(exits.Exit.FOUND)
