"""`lbctl simulate`: what would happen, by the operator's own decisions. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lbctl.cli import completion, exits, options
from lbctl.cli.examples import Group
from lbctl.cli.output import Format

if TYPE_CHECKING:
    from lbctl.cli.manifests import Manifest
    from lbctl.cli.state import State
    from lbctl.cli.view.simulation.outcome import Simulation


@click.group(cls=Group, epilog=exits.HELP)
def simulate() -> None:
    r"""What would happen, without doing it.

    By the same decisions as the operator's, on what is in the cluster now. Nothing is written.
    Ends with 1 when somebody would be without an address or an announcement who has one now.

    \b
    Examples:
      lbctl simulate node-loss n1
      lbctl simulate drain n1 n2
      lbctl simulate apply -f pool.yaml
      lbctl simulate service -f web.yaml
    """


_NODES = click.argument(
    "nodes",
    nargs=-1,
    required=True,
    type=options.NODE,
    metavar="NODE...",
    shell_complete=completion.nodes,
)


@simulate.command("node-loss", epilog=exits.HELP)
@_NODES
@options.reads_cluster
@options.prints
def node_loss(*, nodes: tuple[str, ...], form: Format, **rest: Any) -> None:
    r"""Who would answer if these nodes lost their power, all at once.

    \b
    Examples:
      lbctl simulate node-loss n1
      lbctl simulate node-loss n1 n2 -o json | jq '.moves[] | select(.after == null)'
    """
    from lbctl.cli.view.simulation import nodes as view  # noqa: PLC0415 - help needs none of it

    _answer(rest, form, lambda state: view.node_loss(state.snapshot, nodes))


@simulate.command(epilog=exits.HELP)
@_NODES
@options.reads_cluster
@options.prints
def drain(*, nodes: tuple[str, ...], form: Format, **rest: Any) -> None:
    r"""Where addresses would go if these nodes were drained.

    \b
    Examples:
      lbctl simulate drain n1
    """
    from lbctl.cli.view.simulation import nodes as view  # noqa: PLC0415 - help needs none of it

    _answer(rest, form, lambda state: view.drain(state.snapshot, nodes))


@simulate.command(epilog=exits.HELP)
@options.reads_files()
@options.reads_cluster
@options.prints
def apply(*, files: tuple[str, ...], form: Format, **rest: Any) -> None:
    r"""What would change if these manifests were applied.

    IPAddressPools, L2Advertisements, VirtualIPs, Services and Namespaces count, each as a whole;
    whatever else is in the files is passed over.

    \b
    Examples:
      lbctl simulate apply -f pool.yaml
      kustomize build . | lbctl simulate apply -f -
    """
    from lbctl.cli.view import writing  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.view.simulation import manifests as view  # noqa: PLC0415 - the same
    from lbctl.cli.view.words import count, listed  # noqa: PLC0415 - the same
    from lbctl.core.metallb.reading import GROUP as METALLB  # noqa: PLC0415 - the same

    read = _read(files)
    manifests = [one for one in read if writing.kind_of(one) is not None]
    if not manifests:
        theirs = any(one.group == METALLB for one in read)
        advice = ": lbctl convert makes MetalLB's objects lbctl's" if theirs else ""
        raise exits.Unusable(
            f"there is nothing in these files that has to do with addresses{advice}"
        )
    names = [f"{one.kind} {one.name}" for one in manifests]
    what = listed(names) if len(names) <= _NAMED else count(len(names), "object")

    def make(state: State) -> Simulation:
        changed = writing.write(state.snapshot, manifests)
        return view.applied(state.snapshot, changed, f"{what} would be applied")

    _answer(rest, form, make)


_NAMED = 3


@simulate.command(epilog=exits.HELP)
@options.reads_files()
@options.reads_cluster
@options.prints
def service(*, files: tuple[str, ...], form: Format, **rest: Any) -> None:
    r"""Which address a Service would get, and who would announce it.

    Of the Services in the file the first of type LoadBalancer.

    \b
    Examples:
      lbctl simulate service -f web.yaml
      kubectl create service loadbalancer web --tcp=80 --dry-run=client -o yaml |
        lbctl simulate service -f -
    """
    from lbctl.cli import answering  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.view import simulation_page as page  # noqa: PLC0415 - the same
    from lbctl.cli.view import writing  # noqa: PLC0415 - the same
    from lbctl.cli.view.new_service import NewService, new_service  # noqa: PLC0415 - the same
    from lbctl.core.objects.services import ServiceKey  # noqa: PLC0415 - the same

    found = [one for one in _read(files) if one.kind == "Service" and _balances(one)]
    if not found:
        raise exits.Unusable("there is no Service of type LoadBalancer in these files")

    def make(state: State) -> NewService:
        changed = writing.write(state.snapshot, found[:1])
        namespace = found[0].namespace or state.snapshot.namespace
        return new_service(changed, ServiceKey(namespace, found[0].name))

    answering.answer(
        options.access_of(rest),
        make,
        Look(page.render_service, page.names_of_service),
        form,
        well=lambda answer: answer.allocated,
    )


def _balances(manifest: Manifest) -> bool:
    return manifest.spec.get("type") == "LoadBalancer"


def _read(files: tuple[str, ...]) -> list[Manifest]:
    from lbctl.cli import manifests  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.view.findings import Severity  # noqa: PLC0415 - the same
    from lbctl.cli.view.mistakes import find  # noqa: PLC0415 - the same

    found, flaws = manifests.read(files)
    refused = [one for one in find(found, flaws) if one.severity is Severity.BROKEN]
    if refused:
        text = "\n".join(map(str, refused))
        raise exits.Unusable(f"this would not be let in:\n{text}")
    return found


def _answer(rest: dict[str, Any], form: Format, make: Callable[[State], Simulation]) -> None:
    from lbctl.cli import answering  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.view import simulation_page as page  # noqa: PLC0415 - the same

    answering.answer(
        options.access_of(rest),
        make,
        Look(page.render, page.names),
        form,
        well=lambda answer: answer.harmless,
    )
