"""`lbctl convert`: MetalLB's manifests as lbctl's, without a cluster."""

from __future__ import annotations

import click

from lbctl.cli import exits, options
from lbctl.cli.examples import Command


@click.command(cls=Command, epilog=exits.HELP)
@options.reads_files()
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="What to print.",
)
def convert(*, files: tuple[str, ...], form: str) -> None:
    r"""Write MetalLB's objects as lbctl's.

    Pools, L2Advertisements and the annotations of Services go to standard output, ready for
    kubectl apply; also from the ConfigMap of MetalLB before 0.13. What has no counterpart, like
    BGP, is named on standard error, and the exit code is 1 then. Asks no cluster.

    \b
    Examples:
      lbctl convert -f metallb.yaml > lbctl.yaml
      kubectl get ipaddresspools.metallb.io,l2advertisements.metallb.io -A -o yaml |
        lbctl convert -f - | kubectl apply -f -
      kubectl get services -A -o yaml | lbctl convert -f - > services.yaml
    """
    import json  # noqa: PLC0415 - help needs none of it

    from lbctl.cli import manifests  # noqa: PLC0415 - the same
    from lbctl.cli.view import checking_page, conversion  # noqa: PLC0415 - the same

    found, flaws = manifests.read(files)
    answer = conversion.convert(found, flaws)
    if form == "json":
        whole = {"apiVersion": "v1", "kind": "List", "items": [*answer.objects]}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        click.echo("---\n".join(conversion.documents(answer)), nl=False)
    for one in answer.told:
        click.echo(checking_page.line(one), err=True)
    if not answer.objects and not answer.told:
        raise exits.NotThere("there is nothing of MetalLB's in these files")
    if not answer.whole:
        raise SystemExit(exits.Exit.FOUND)
