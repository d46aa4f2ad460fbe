"""With what the command ends: scripts branch on it, so a number never changes its meaning."""

from __future__ import annotations

from enum import IntEnum

import click


class Exit(IntEnum):
    """The exit codes of the commands for people."""

    WELL = 0
    FOUND = 1
    """Something is wrong, or what was asked for is not there: the output says what."""
    USAGE = 2
    """The command line cannot be understood, or a file cannot be read."""
    UNREACHABLE = 3
    """No way in, or no answer: the kubeconfig, the API server, or lbctl's kinds are missing."""
    NOT_ALLOWED = 4
    """A right is missing without which the question has no answer; the text names it."""
    UNDER_WAY = 5
    """What was begun goes on by itself; the time to wait for it is over."""


class Trouble(click.ClickException):
    """Ends the command with words on stderr: what is wrong, and what to do."""


class NotThere(Trouble):
    """What was asked for is not there."""

    exit_code = Exit.FOUND


class Refused(Trouble):
    """The API server does not let it be done, and no right is missing."""

    exit_code = Exit.FOUND


class Unusable(Trouble):
    """What the person wrote cannot be understood."""

    exit_code = Exit.USAGE


class Unreachable(Trouble):
    """There is no way in, or no answer."""

    exit_code = Exit.UNREACHABLE


class NotAllowed(Trouble):
    """A right is missing without which there is no answer."""

    exit_code = Exit.NOT_ALLOWED


HELP = """\b
Exit codes:
  0  all is well
  1  something is wrong, or is not there; the output says what
  2  the command line or a file cannot be understood
  3  the cluster cannot be reached, or has no lbctl
  4  a right is missing; the text names it, and the line that grants it"""
"""The end of each command's help."""

HELP_OF_DEEDS = """\b
Exit codes:
  0  it is done
  1  it cannot be done, or not all of it; the output says why
  2  the command line cannot be understood
  3  the cluster cannot be reached, or has no lbctl
  4  a right is missing; the text names it, and the line that grants it
  5  the time is over (--timeout, or Ctrl-C); it goes on by itself"""
"""The same, of the commands that change something."""
