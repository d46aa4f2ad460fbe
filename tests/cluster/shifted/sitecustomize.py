"""For a process whose clock is wrong: by so many seconds, all the time.

Python loads this at its start when the folder is on PYTHONPATH. The clock of the wall is shifted,
the monotonic one is not: that is what a host with a wrong time looks like.
"""

import datetime as dt
import os
import time
from typing import Self

_OFF = float(os.environ["SHIFTED_BY_SECONDS"])
_right = time.time


class _Shifted(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls.fromtimestamp(_right() + _OFF, tz)


time.time = lambda: _right() + _OFF
dt.datetime = _Shifted  # type: ignore[misc]
