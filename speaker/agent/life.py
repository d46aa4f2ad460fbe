"""The Lease that says that this node lives: renewed while it can answer, given back at the end."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from lbctl.core.labels import SPEAKER_LABELS, speaker_lease
from lbctl.kube.client import Client
from lbctl.kube.errors import ApiError
from lbctl.kube.lease import SignOfLife
from lbctl.kube.objects import Key
from speaker.agent.registration import Registration
from speaker.agent.settings import Settings

_log: Final = logging.getLogger(__name__)

_FAREWELL_SECONDS: Final = 2.0
"""To give the Lease back: an API server that is away must not hold up the end."""
_RETRY_SECONDS: Final = 1.0


class Life:
    """Renews one Lease.

    Args:
        settings: of this process.
        client: an open client.
        registration: knows the Node that owns the Lease.
        wire_alive: whether the wire can answer, as of now; a dead one must not look alive.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        *,
        registration: Registration,
        wire_alive: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._client = client
        self._registration = registration
        self._wire_alive = wire_alive
        self.renewed = False
        """Whether it was ever renewed."""

    async def run(self) -> None:
        """Renew the Lease again and again, until cancelled."""
        sign: SignOfLife | None = None
        while True:
            pause = self._settings.lease_renew_seconds
            if self._wire_alive():
                try:
                    sign = sign or await self._sign()
                    await sign.renew()
                    self.renewed = True
                except ApiError as error:
                    _log.warning("the Lease was not renewed: %s", error)
                    pause = min(pause, _RETRY_SECONDS)
            else:
                pause = min(pause, _RETRY_SECONDS)
            await asyncio.sleep(pause)

    async def say_goodbye(self) -> None:
        """Give the Lease back, so that the operator plans around this node.

        The wire hands over at the same time, without a plan: it tells its peers that it stops,
        and answers until they have taken what it holds.
        """
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await (await self._sign()).release()
        except (ApiError, TimeoutError) as error:
            _log.warning("the Lease was not given back: %s", str(error) or "no answer in time")

    async def _sign(self) -> SignOfLife:
        node = self._settings.node
        return SignOfLife(
            self._client,
            Key(self._settings.namespace, speaker_lease(node)),
            holder=node,
            duration=max(1, round(self._settings.lease_duration_seconds)),
            labels=SPEAKER_LABELS,
            owner=await self._registration.owner(),
        )
