"""`lbctl check`: mistakes in manifests, with file and line, and in how a cluster is set up."""

from __future__ import annotations

from typing import Any

import click

from lbctl.cli import exits, options
from lbctl.cli.examples import Command
from lbctl.cli.output import Format


@click.command(cls=Command, epilog=exits.HELP)
@options.reads_files(required=False, alone="No cluster is asked.")
@click.option(
    "--with-cluster",
    is_flag=True,
    help="Beside the files: whether they fit what is in the cluster.",
)
@options.reads_cluster
@options.prints
def check(*, files: tuple[str, ...], with_cluster: bool, form: Format, **rest: Any) -> None:
    r"""Find mistakes in manifests, or in how the cluster is set up.

    With -f, and without a cluster: every field that the API server would refuse or drop, in its
    own words, and what it would let pass: pools that overlap each other, annotations that nobody
    reads. Without -f the cluster: overlaps, pools that no node can announce, settings of nodes
    (strictARP, rp_filter, forwarding), partners that do not hear each other, rights, versions.

    \b
    Examples:
      lbctl check -f manifests/
      kustomize build . | lbctl check -f -
      lbctl check
      lbctl check -f pool.yaml --with-cluster
    """
    from lbctl.cli import answering, manifests, output  # noqa: PLC0415 - help needs none of it
    from lbctl.cli.output import Look  # noqa: PLC0415 - the same
    from lbctl.cli.view import checking as view  # noqa: PLC0415 - the same
    from lbctl.cli.view import checking_page as page  # noqa: PLC0415 - the same
    from lbctl.cli.view.mistakes import find  # noqa: PLC0415 - the same

    look = Look(page.render, page.names)
    found, flaws = manifests.read(files)
    if files and not found and not flaws:
        raise exits.Unusable(f"nothing was checked: there is no object in {' '.join(files)}")
    mistakes = find(found, flaws)
    if files and not with_cluster:
        answer = view.offline(found, mistakes)
        output.show(answer, look, form)
        if not answer.well:
            raise SystemExit(exits.Exit.FOUND)
        return
    answering.answer(
        options.access_of(rest),
        lambda state: view.online(state.snapshot, found, mistakes),
        look,
        form,
        well=lambda answer: answer.well,
    )
