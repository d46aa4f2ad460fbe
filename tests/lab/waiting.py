"""Waiting for a condition: the lab never sleeps a fixed time."""

import time
from collections.abc import Callable

from tests.lab.errors import LabError


def wait_until(
    condition: Callable[[], object], *, timeout: float = 30.0, interval: float = 0.05
) -> bool:
    """Ask until the answer is true or the timeout, in seconds, has passed; return the last one."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True


def require(
    condition: Callable[[], object],
    what: str | Callable[[], str],
    *,
    timeout: float = 60.0,
    interval: float = 0.05,
) -> None:
    """Wait for a condition.

    Raises:
        LabError: it did not come true in time; `what` says what was waited for.
    """
    if not wait_until(condition, timeout=timeout, interval=interval):
        said = what if isinstance(what, str) else what()
        raise LabError(f"not after {timeout:.0f} s: {said}")
