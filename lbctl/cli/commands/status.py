"""`lbctl status`: is it well, and if not, what first."""

from __future__ import annotations

from typing import Any

import click

from lbctl.cli import exits, options
from lbctl.cli.examples import Command
from lbctl.cli.output import Format


@click.command(cls=Command, epilog=exits.HELP)
@options.reads_cluster
@options.prints
@options.watches
def status(*, form: Format, watch: bool, **rest: Any) -> None:
    r"""Is it well, and if not, what first.

    Pools and how full they are, nodes and what keeps them from announcing, addresses that nobody
    announces or that a foreign host has, Services that wait. Changes nothing.

    \b
    Examples:
      lbctl status
      lbctl status -w
      lbctl status -o json | jq '.findings[] | select(.severity == "broken")'
      lbctl status > /dev/null || page-somebody
    """
    from lbctl.cli import answering  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.view import status as view  # noqa: PLC0415 - the same
    from lbctl.cli.view import status_page  # noqa: PLC0415 - the same

    answering.answer(
        options.access_of(rest),
        view.status,
        Look(status_page.render, status_page.names),
        form,
        watch=watch,
        well=lambda found: found.well,
    )
