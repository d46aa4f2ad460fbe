"""Asks the node's proxy how it is: HTTP to the node's own addresses, and nothing else."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Self

import aiohttp

from lbctl.core.outcomes import HandOffReason
from lbctl.kube.conditions import Condition
from speaker.agent import handoff
from speaker.agent.handoff import ProxyHealth, Reply

_log: Final = logging.getLogger(__name__)

PROXY_SECONDS: Final = 2.0
"""Between two questions to the proxy."""
_PATIENCE_SECONDS: Final = 1.0
"""For an answer: the one who is asked is on the same machine."""
_BODY_BYTES: Final = 4096
"""As much of an answer as is read; kube-proxy's have some hundred."""


class Asker:
    """Health checks by HTTP. Use as an async context manager."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS),
            # A connection that is kept would outlive the proxy's wish to be rid of it.
            connector=aiohttp.TCPConnector(force_close=True),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, url: str) -> Reply | None:
        """One question; None when nobody answers in time."""
        if self._session is None:
            raise RuntimeError("not entered")
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                body = b""
                while len(body) < _BODY_BYTES and (part := await response.content.readany()):
                    body += part
                return Reply(response.status, body)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


class ProxyWatch:
    """What is known of the node's proxy.

    Args:
        url: of its health check; "" for not to ask at all.
        node: this one.
        changed: called when the condition has changed.
    """

    def __init__(self, *, url: str, node: str, changed: Callable[[], None]) -> None:
        self._url = url
        self._node = node
        self._changed = changed
        self._health: ProxyHealth | None = None

    @property
    def condition(self) -> Condition | None:
        """`HandOffReady`, as of now; None before `run` knows what was said until then."""
        if self._health is None:
            return None
        reason = self._health.reason if self._url else HandOffReason.NOT_CHECKED
        return handoff.condition(reason, url=self._url, node=self._node)

    async def run(self, asker: Asker, *, before: str | None) -> None:
        """Ask again and again, until cancelled.

        Args:
            asker: an open one.
            before: the condition's reason, as an agent before this one wrote it.
        """
        health = self._health = handoff.resumed(before)
        self._changed()
        while self._url:
            self._health = health.after(handoff.understood(await asker.ask(self._url)))
            if self._health.reason is not health.reason:
                level = logging.WARNING if self._health.reason.ready is False else logging.INFO
                _log.log(level, "the proxy at %s: %s", self._url, self._health.reason)
                self._changed()
            health = self._health
            await asyncio.sleep(PROXY_SECONDS)
