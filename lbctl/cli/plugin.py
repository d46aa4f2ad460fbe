"""`kubectl lbctl`: what kubectl asks of a plug-in besides running it.

For completion kubectl runs `kubectl_complete-lbctl` (Kubernetes 1.26 and later), which answers in
the format of its library: one completion a line, last a number that says what the shell does.
"""

from __future__ import annotations

import sys

import click
from click.shell_completion import ShellComplete

from lbctl.cli.main import cli

_FILES = 0
"""cobra.ShellCompDirectiveDefault: where nothing is named, the shell completes files."""
_NO_FILES = 4
"""cobra.ShellCompDirectiveNoFileComp."""


def complete() -> None:
    """Entry point of `kubectl_complete-lbctl`: the words so far, last the one that was begun."""
    *before, begun = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, "lbctl", "_LBCTL_COMPLETE").get_completions(before, begun)
    named = [one for one in found if one.type == "plain"]
    for one in named:
        click.echo(f"{one.value}\t{one.help}" if one.help else one.value)
    click.echo(f":{_NO_FILES if len(named) == len(found) else _FILES}")
