"""Commands whose help shows its examples line by line, as they are written.

Click leaves alone a paragraph that begins with a backspace. A docstring with backslashes is to be
raw, and a raw one holds no backspace but its escape: that becomes the character here.
"""

from __future__ import annotations

from typing import Any

import click


def _as_written(text: str | None) -> str | None:
    return None if text is None else text.replace("\\b\n", "\b\n")


class Command(click.Command):
    """A command with examples in its docstring."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.help = _as_written(self.help)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.help = _as_written(self.help)
