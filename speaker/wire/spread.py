"""How measured times are spread: what becomes a histogram, counted without a library."""

from bisect import bisect_left
from collections.abc import Sequence


class Spread:
    """Counts durations by size.

    Args:
        bounds: the largest seconds of each bucket, rising. One more bucket takes the rest.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Of each bucket alone."""
        self.seconds = 0.0
        """All of them together."""

    def observe(self, seconds: float) -> None:
        """One more. A clock that was set back makes no negative time."""
        measured = max(0.0, seconds)
        self.counts[bisect_left(self._bounds, measured)] += 1
        self.seconds += measured
