"""A bound on how often something happens. Pure."""

from dataclasses import dataclass, field


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
