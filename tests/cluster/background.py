"""An event loop in a thread, for what a test lets run beside itself."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")

_PATIENCE_SECONDS = 60.0


class Background:
    """Runs coroutines in a thread of its own. Subclasses say what begins and what ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.do(self._end())
            self.do(self._quiet())
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something over there, and wait for it."""
        done = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return done.result(_PATIENCE_SECONDS)

    async def _quiet(self) -> None:
        """Wait until all sockets are closed: TLS says goodbye after a session's end."""
        selector = self.loop._selector  # type: ignore[attr-defined]  # it alone knows them
        while len(selector.get_map()) > 1:  # noqa: ASYNC110 - the loop's own; nothing tells of it
            await asyncio.sleep(0.01)

    async def _begin(self) -> None: ...

    async def _end(self) -> None: ...
