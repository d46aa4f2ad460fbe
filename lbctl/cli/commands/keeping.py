"""`lbctl reserve`, `release`: an address is kept, or kept no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lbctl.cli import completion, exits, options
from lbctl.cli.examples import Command
from lbctl.cli.output import Format

if TYPE_CHECKING:
    from lbctl.cli.state import State
    from lbctl.cli.view.deeds import Step
    from lbctl.core.addresses import Address


@click.command(cls=Command, epilog=exits.HELP_OF_DEEDS)
@click.argument("ip", type=options.ADDRESS)
@click.option(
    "--for",
    "service",
    type=options.SERVICE,
    shell_complete=completion.services,
    help="The Service that gets it, there or not yet.  [default: nobody, until it is released]",
)
@options.reads_cluster
@options.prints
@options.waits(60)
def reserve(
    *,
    ip: Address,
    service: tuple[str, str] | None,
    form: Format,
    timeout: float,
    no_wait: bool,
    **rest: Any,
) -> None:
    r"""Keep an address, for a Service or for nobody yet.

    Makes its VirtualIP. The Service gets the address whatever pools say, and when it goes the
    address stays kept for the next one of its name. One that is just being given back is waited
    for.

    \b
    Examples:
      lbctl reserve 172.16.110.150 --for shop/web
      lbctl reserve fd00:110::150
    """
    from lbctl.cli import acting  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.view import keeping  # noqa: PLC0415 - the same
    from lbctl.core.objects.services import ServiceKey  # noqa: PLC0415 - the same

    def decide(state: State, _: object) -> Step:
        if service is None:
            return keeping.reserve(state, ip, None)
        namespace, name = service
        return keeping.reserve(state, ip, ServiceKey(namespace or state.snapshot.namespace, name))

    acting.act(options.access_of(rest), decide, _named(ip), form, timeout=timeout, no_wait=no_wait)


@click.command(cls=Command, epilog=exits.HELP_OF_DEEDS)
@click.argument("ip", type=options.ADDRESS, shell_complete=completion.addresses)
@options.reads_cluster
@options.prints
@options.waits(60)
def release(*, ip: Address, form: Format, timeout: float, no_wait: bool, **rest: Any) -> None:
    r"""Give up what keeps an address: a reservation, a rest, a quarantine.

    A reservation is deleted. What its pool keeps (cooldown, retainFor), or a quarantine, ends
    now; the address is free when the LAN has been asked and nobody answers. An address that a
    Service has stays that Service's, reserved no more.

    \b
    Examples:
      lbctl release 172.16.110.150
    """
    from lbctl.cli import acting  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.view import keeping  # noqa: PLC0415 - the same

    acting.act(
        options.access_of(rest),
        lambda state, wrote: keeping.release(state, ip, wrote=bool(wrote)),
        _named(ip),
        form,
        timeout=timeout,
        no_wait=no_wait,
    )


def _named(address: Address) -> tuple[str, ...]:
    from lbctl.core.addresses import object_name  # noqa: PLC0415 - help needs none of it

    return (f"virtualip/{object_name(address)}",)
