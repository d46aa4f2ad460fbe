"""Python's garbage collector, set for a process that keeps a large mirror."""

from __future__ import annotations

import gc

_THRESHOLDS = (10_000, 10, 10)
"""So many objects that others can refer to are made, net, before the young are searched; so many
such searches before the next older ones are. Python's own first number is 700."""


def collect_seldom() -> None:
    """Search for cycles a tenth as often as Python does by itself.

    A list of thousands of objects is hundreds of thousands of dicts and strings without one cycle,
    and Python searches all of them, and often the whole mirror too, again and again while they
    arrive: two thirds of what reading a list costs. What is not in a cycle is freed at once in any
    case; the cycles that wait longer are few, and small.
    """
    gc.set_threshold(*_THRESHOLDS)
