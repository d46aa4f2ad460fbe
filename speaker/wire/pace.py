"""Bounds on how often something happens. Pure."""

import math
from dataclasses import dataclass, field
from typing import Final

_SAVED_SECONDS: Final = 0.05


@dataclass(slots=True)
class Pace:
    """Lets through so many a second, evenly: a quiet moment saves up a tenth of a second's worth.

    Args:
        rate: a second.
        now: the time of the start.
    """

    rate: float
    now: float
    _saved: float = field(init=False)

    def __post_init__(self) -> None:
        self._saved = self.rate / 10

    def allows(self, now: float) -> bool:
        """Whether one more may happen; it is counted when it may."""
        self._saved = min(self.rate / 10, self._saved + (now - self.now) * self.rate)
        self.now = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


@dataclass(slots=True)
class Slots:
    """Gives out moments, so many a second, each once: who finds the present taken comes later.

    Args:
        rate: a second.
    """

    rate: float
    _next: float = -math.inf

    def next(self, now: float) -> float | None:
        """The moment for one more; None for now. A quiet time saves up a twentieth of a second."""
        at = max(self._next, now - _SAVED_SECONDS)
        self._next = at + 1 / self.rate
        return at if at > now else None
