"""What a figure was measured on, so that nobody compares two that cannot be compared."""

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def revision() -> str:
    """The commit that was measured, marked when files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return done.stdout.strip() or "unknown"


def machine() -> str:
    """One line about this machine."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return (
        f"{os.cpu_count()} cores ({model}), {pages * size / 2**30:.0f} GB, "
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )
