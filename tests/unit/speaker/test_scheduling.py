"""The wish for short slices, as the kernel reads it."""

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from speaker.wire import scheduling

GETATTR = {"x86_64": 315, "aarch64": 275}
SINCE = (6, 12)


def kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


def own_slice() -> tuple[int, int]:
    """The own nice value and slice, by sched_getattr(2)."""
    buffer = ctypes.create_string_buffer(scheduling._ATTRIBUTES.size)
    number = GETATTR[platform.machine()]
    assert ctypes.CDLL(None).syscall(number, 0, buffer, len(buffer), 0) == 0
    _, _, _, nice, _, runtime, _, _ = scheduling._ATTRIBUTES.unpack(buffer.raw)
    return nice, runtime


@pytest.mark.skipif(platform.machine() not in GETATTR, reason="another processor")
@pytest.mark.skipif(kernel() < SINCE, reason="the kernel knows no slices of one's own")
def test_the_kernel_has_heard_it_and_nothing_else_has_changed() -> None:
    # In a process of its own: the tests go on as they are.
    script = (
        "import os; from tests.unit.speaker.test_scheduling import *\n"
        "os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))\n"
        "os.nice(3); assert scheduling.wake_soon(); print(*own_slice())\n"
        "assert os.sched_getscheduler(0) == os.SCHED_OTHER"
    )
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    niceness = os.nice(0) + 3
    assert said.stdout.split() == [b"%d" % niceness, b"%d" % scheduling.SLICE_NANOSECONDS]


def test_an_unknown_processor_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    assert not scheduling.wake_soon()
