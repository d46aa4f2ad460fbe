"""Durations as Kubernetes writes them: 90s, 10m, 1h30m (Go's time.ParseDuration, whole seconds)."""

import re
from typing import Final

_WRITTEN: Final = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?")


def parse_duration(text: str) -> int:
    """Read a duration, in seconds. Hours come before minutes, and minutes before seconds.

    Raises:
        ValueError: it is none. The API server refuses such a text with the same words.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f'"{text}" is no duration: write one like 90s, 10m or 24h')
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
