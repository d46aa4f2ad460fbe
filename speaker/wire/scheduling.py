"""A wire that wakes late looks dead to others: the scheduler is asked to run it soon.

Linux 6.12 and later let a process choose how long its slices are; one with short slices gets its
turn sooner, and no more time in all, so it takes no privilege (sched_setattr(2), sched_runtime of
SCHED_OTHER). Older kernels ignore the wish.
"""

import ctypes
import os
import platform
import struct
from typing import Final

SLICE_NANOSECONDS: Final = 100_000
"""The shortest that the kernel allows; a turn of the wire rarely takes longer."""

_CALLS: Final = {"x86_64": 314, "aarch64": 274}
"""The number of sched_setattr, which neither Python nor older C libraries have a name for."""

_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""`struct sched_attr` in its first version: size, policy, flags, nice, priority, runtime, deadline,
period."""


def wake_soon() -> bool:
    """Ask for short slices. False where the kernel, or what confines this process, says no."""
    number = _CALLS.get(platform.machine())
    if number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wish = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, SLICE_NANOSECONDS, 0, 0)
    failed: int = ctypes.CDLL(None).syscall(number, 0, wish, 0)
    return not failed
