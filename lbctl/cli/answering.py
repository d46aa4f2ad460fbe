"""Reads the cluster, makes the answer, prints it, and ends with the exit code that fits.

With ``-w`` again and again, printing only what changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from lbctl.cli import cluster, output
from lbctl.cli.access import Access
from lbctl.cli.exits import Exit, NotThere, Unreachable
from lbctl.cli.output import Format, Look
from lbctl.cli.state import State

_T = TypeVar("_T")

EVERY_SECONDS = 2.0
"""Between two looks with ``-w``: some ten lists each, so not more often."""
_CLEAR = "\x1b[2J\x1b[H"


def answer(
    access: Access,
    make: Callable[[State], _T],
    look: Look[_T],
    form: Format,
    *,
    watch: bool = False,
    well: Callable[[_T], bool] = lambda _: True,
) -> None:
    """Answer a question about a cluster.

    Args:
        access: how to get in.
        make: the question.
        look: how the answer is printed.
        form: as what.
        watch: whether to go on until somebody interrupts.
        well: whether the answer is good; else the command ends with `Exit.FOUND`.
    """
    found = make(State(cluster.read(access)))
    if watch:
        _follow(access, make, look, form, found)
    output.show(found, look, form)
    if not well(found):
        sys.exit(Exit.FOUND)


def _follow(
    access: Access, make: Callable[[State], _T], look: Look[_T], form: Format, found: _T
) -> None:
    """Print each answer that is not the one before."""
    shown = ""
    for_people = sys.stdout.isatty() and form in {Format.TABLE, Format.WIDE}
    try:
        while True:
            written = output.text(found, look, form)
            if written != shown:
                if for_people:
                    sys.stdout.write(_CLEAR)
                output.show(found, look, form)
                shown = written
            found, lacked = _next(access, make)
            if lacked and for_people:
                shown = ""  # What was said in between is no part of the page.
    except KeyboardInterrupt:
        sys.exit(Exit.WELL)


def _next(access: Access, make: Callable[[State], _T]) -> tuple[_T, bool]:
    """The next answer, and whether there was none for a while.

    A cluster that is away, or an object that is gone, is waited for, and told once.
    """
    told = ""
    while True:
        time.sleep(EVERY_SECONDS)
        try:
            return make(State(cluster.read(access))), bool(told)
        except (NotThere, Unreachable) as trouble:
            if trouble.message != told:
                told = trouble.message
                sys.stderr.write(f"{told}\n")
