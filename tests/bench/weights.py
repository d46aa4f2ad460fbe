"""CPU weights as kubelet gives them: a process in a cgroup of its own, below one for all pods.

A pod that asks for little weighs little, and wakes late when its neighbours are busy. Both versions
of cgroups; needs root.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SHARES_OF_A_CORE = 1024
"""cpu.shares of a request of one core (kubelet's MilliCPUToShares)."""


def shares(millicores: int) -> int:
    """What kubelet writes for a request, in thousandths of a core."""
    return max(2, millicores * SHARES_OF_A_CORE // 1000)


def weight(cpu_shares: int) -> int:
    """The same for version 2, by the formula that runtimes use."""
    return 1 + (cpu_shares - 2) * 9999 // 262142


def _is_v2() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _make(path: Path, millicores: int) -> None:
    path.mkdir()
    if _is_v2():
        (path / "cpu.weight").write_text(str(weight(shares(millicores))))
    else:
        (path / "cpu.shares").write_text(str(shares(millicores)))


class Pods:
    """A cgroup like `kubepods`; each member is one like a pod's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, pid: int, *, millicores: int) -> None:
        """Move a process into a cgroup that asks for so many thousandths of a core."""
        member = self._path / name
        _make(member, millicores)
        (member / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove all whose processes have ended."""
        for member in self._path.iterdir():
            if member.is_dir():
                member.rmdir()
        self._path.rmdir()


@contextmanager
def pods() -> Iterator[Pods]:
    """All pods of a node: they have all its cores, against what runs beside them."""
    base = ROOT if _is_v2() else ROOT / "cpu"
    path = base / f"lbctl-bench-{os.getpid()}"
    if _is_v2():
        (base / "cgroup.subtree_control").write_text("+cpu")
    _make(path, (os.cpu_count() or 1) * 1000)
    if _is_v2():
        (path / "cgroup.subtree_control").write_text("+cpu")
    made = Pods(path)
    try:
        yield made
    finally:
        made.remove()
