"""Writes that can wait, at a bounded rate: a few at once, then one after the other. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Trickle(Generic[K]):
    """Gives each key a time. A key that asks again has the time that it was given.

    The rule is the generic cell rate algorithm (ITU-T I.371): no queue, and no clock of its own.

    Args:
        rate: so many keys a second, when many want.
        burst: so many that go at once, after a while in which nobody wanted.
    """

    def __init__(self, *, rate: float, burst: int) -> None:
        self._pause = 1 / rate
        self._burst = burst * self._pause
        self._next = float("-inf")
        self._due: dict[K, float] = {}

    def wait(self, key: K, now: float) -> float:
        """Seconds until the key's time; 0: it is now, and the key has none any more."""
        if key not in self._due:
            self._next = max(self._next, now - self._burst) + self._pause
            self._due[key] = self._next
        left = self._due[key] - now
        if left > 0:
            return left
        del self._due[key]
        return 0.0

    def forget(self, key: K) -> None:
        """The key wants nothing any more."""
        self._due.pop(key, None)
