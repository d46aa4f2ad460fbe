"""Does what a person wants done: looks, takes the next step, and follows it until it is done.

Progress goes to stderr, one line for each change; the answer to stdout. An API server that is away
for a moment is waited for.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import assert_never

import click

from lbctl.cli import cluster, output
from lbctl.cli.access import Access
from lbctl.cli.exits import Exit, NotAllowed, Refused, Trouble, Unusable
from lbctl.cli.output import Format, Look
from lbctl.cli.snapshot import Right, not_allowed, user_of
from lbctl.cli.state import State
from lbctl.cli.view import deeds_page
from lbctl.cli.view.deeds import Decide, Deed, End, Ended, Step, Waiting, Write
from lbctl.cli.view.words import sentence
from lbctl.kube.client import Client
from lbctl.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)

EVERY_SECONDS = 1.0
"""Between two looks: some ten lists each, so not more often."""

_TRIES = 20
"""So often somebody else may write first."""

_CODES = {End.DONE: Exit.WELL, End.STUCK: Exit.FOUND, End.UNDER_WAY: Exit.UNDER_WAY}
_UNAUTHORIZED = 401


def act(
    access: Access,
    decide: Decide,
    objects: tuple[str, ...],
    form: Format,
    *,
    timeout: float,
    no_wait: bool,
) -> None:
    """Bring something about, print what came of it, and end with the exit code that fits.

    Args:
        access: how to get in.
        decide: the next step.
        objects: what it is about, as kubectl names them.
        form: how to print.
        timeout: seconds to wait.
        no_wait: whether only to ask for it.
    """
    course = _Course(decide, time.monotonic() + (0 if no_wait else timeout))
    try:
        ended = cluster.connected(access, course.run)
    except KeyboardInterrupt:
        ended = course.left_alone()
    if no_wait and ended.end is End.UNDER_WAY:
        ended = Ended(End.DONE, f"Asked for. {ended.message}")
    deed = Deed(objects, ended.end, ended.message, ended.advice)
    output.show(deed, Look(deeds_page.render, deeds_page.names), form)
    sys.exit(_CODES[deed.end])


@dataclass(slots=True)
class _Course:
    """How far it is."""

    decide: Decide
    until: float
    said: str = ""
    wrote: dict[str, Write] = field(default_factory=dict)
    looked: bool = False
    """Whether the cluster could be read at all."""
    lost: int = 0
    """How often somebody else wrote first."""

    async def run(self, client: Client) -> Ended:
        """Take steps until there are none. Raises Trouble, ApiError."""
        while True:
            try:
                state = State(await cluster.snapshot(client))
                self.looked = True
                step = self.decide(state, self.wrote.keys())
                ended = await self._take(client, step)
            except (Conflict, AlreadyExists, NotFound) as error:
                self._try_again(error)  # Somebody wrote between our look and our write.
                continue
            except Unavailable as error:
                if not self.looked:
                    raise
                self._tell(str(error))
            else:
                if ended is not None:
                    return ended
                if isinstance(step, Write):
                    continue
            if time.monotonic() >= self.until:
                return self.left_alone()
            await asyncio.sleep(EVERY_SECONDS)

    def _try_again(self, error: ApiError) -> None:
        self.lost += 1
        if self.lost > _TRIES:
            raise Refused(f"somebody else wrote first, {self.lost} times: {error}") from error

    def left_alone(self) -> Ended:
        """Nobody waits longer."""
        return Ended(End.UNDER_WAY, self.said or "Nothing was done yet.")

    async def _take(self, client: Client, step: Step) -> Ended | None:
        match step:
            case Ended():
                return step
            case Waiting(message):
                self._tell(message)
                return None
            case Write():
                before = self.wrote.get(step.name)
                if before is not None and before.verb == step.verb and before.said == step.said:
                    return Ended(End.STUCK, f"Somebody else undid it at once: {step.said}.")
                await self._write(client, step)
                self.wrote[step.name] = step
                self._tell(sentence(step.said))
                return None
            case _ as never:
                assert_never(never)

    def _tell(self, message: str) -> None:
        if message != self.said:
            click.echo(message, err=True)
            self.said = message

    async def _write(self, client: Client, write: Write) -> None:
        try:
            match write.verb:
                case "create":
                    await client.create(write.kind, {**write.body})
                case "patch":
                    await client.patch(write.kind, write.name, write.body)
                case "delete":
                    await client.delete(
                        write.kind,
                        write.name,
                        uid=write.uid,
                        resource_version=write.resource_version,
                    )
                case _ as never:
                    assert_never(never)
        except (Conflict, AlreadyExists, NotFound, Unavailable):
            raise
        except ApiError as error:
            if error.code == _UNAUTHORIZED:
                raise
            raise _trouble(write, error) from error


def _trouble(write: Write, error: ApiError) -> Trouble:
    """What a person is told of a write that the API server refuses."""
    denied = " denied " in str(error)  # the word of webhooks and of admission policies
    if isinstance(error, Invalid) and not denied:
        return Unusable(f"the API server refuses it: {error}")
    user = user_of(str(error))
    if isinstance(error, Forbidden) and user and not denied:
        return NotAllowed(not_allowed([Right(write.verb, write.kind, user=user)]))
    return Refused(
        f"the API server does not let {write.kind.kind} {write.name} be written: {error}"
    )
