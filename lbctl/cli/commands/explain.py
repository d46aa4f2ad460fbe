"""`lbctl explain`: why a Service has the address that it has, or none, and who announces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lbctl.cli import completion, exits, options
from lbctl.cli.examples import Group
from lbctl.cli.output import Format

if TYPE_CHECKING:
    from lbctl.core.addresses import Address


@click.group(cls=Group, epilog=exits.HELP)
def explain() -> None:
    r"""The whole way from a Service to the LAN, with the reason of each step.

    \b
    Examples:
      lbctl explain service web -n shop
      lbctl explain address 172.16.110.100
    """


@explain.command(epilog=exits.HELP)
@click.argument(
    "name", type=options.SERVICE, metavar="[NAMESPACE/]NAME", shell_complete=completion.services
)
@options.reads_cluster
@options.prints
@options.watches
def service(*, name: tuple[str, str], form: Format, watch: bool, **rest: Any) -> None:
    r"""Why a Service has the address that it has, or none.

    Its class, what it asks for, each pool in the order in which it is asked and why it gives
    nothing, who announces the address since when, who comes next and why, which nodes are left
    out and why, and what would happen if the holder died now.

    \b
    Examples:
      lbctl explain service web
      lbctl explain service shop/web -o json | jq .pools
    """
    from lbctl.cli import answering  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.state import State  # noqa: PLC0415 - the same
    from lbctl.cli.view import explain_page as page  # noqa: PLC0415 - the same
    from lbctl.cli.view import service as view  # noqa: PLC0415 - the same

    def make(state: State) -> view.ServiceStory:
        namespace, plain = name
        return view.explain(state, namespace or state.snapshot.namespace, plain)

    answering.answer(
        options.access_of(rest),
        make,
        Look(page.render_service, page.names_of_service),
        form,
        watch=watch,
        well=lambda found: found.allocated and all(one.held for one in found.addresses),
    )


@explain.command(epilog=exits.HELP)
@click.argument("ip", type=options.ADDRESS, shell_complete=completion.addresses)
@options.reads_cluster
@options.prints
@options.watches
def address(*, ip: Address, form: Format, watch: bool, **rest: Any) -> None:
    r"""Whose an address is, was, or why it cannot be had.

    Ends with 0 also when the address is somebody's; with 1 when a Service has it and no node
    announces it.

    \b
    Examples:
      lbctl explain address 172.16.110.100
      lbctl explain address fd00:110::100 -o yaml
    """
    from lbctl.cli import answering  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.view import explain_page as page  # noqa: PLC0415 - the same
    from lbctl.cli.view import whereabouts as view  # noqa: PLC0415 - the same

    answering.answer(
        options.access_of(rest),
        lambda state: view.whereabouts(state, ip),
        Look(page.render_address, page.names_of_address),
        form,
        watch=watch,
        well=lambda found: found.story is None or found.story.held or not found.story.services,
    )
