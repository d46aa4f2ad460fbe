"""What containers leave in the machine's cgroups when their node loses its power.

A container's cgroup is removed by its runtime, and a power cut takes the runtime first. The names
of the containers stand in containerd's directory of the node, so no other container's is touched.
"""

from collections.abc import Iterable
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")

TASKS = "io.containerd.runtime.v2.task/k8s.io"
"""Below containerd's root: a directory for each container that was not deleted in order."""


def container_ids(containerd_root: Path) -> list[str]:
    """The containers of a node that its containerd had no time to delete."""
    tasks = containerd_root / TASKS
    return sorted(entry.name for entry in tasks.iterdir()) if tasks.is_dir() else []


def leftovers(ids: Iterable[str], root: Path = CGROUPS) -> list[Path]:
    """Their cgroups, children first: cgroup v2 has one tree, v1 one for each controller."""
    wanted = set(ids)
    parents = [root / "k8s.io", *root.glob("*/k8s.io")]
    tops = [
        p / name for p in parents if p.is_dir() for name in wanted & {e.name for e in p.iterdir()}
    ]
    nested = [child for top in tops for child in top.rglob("*") if child.is_dir()]
    return sorted([*tops, *nested], key=lambda path: len(path.parts), reverse=True)


def remove(containerd_root: Path) -> None:
    """Remove the cgroups of a node's containers, none of which may run any more."""
    for path in leftovers(container_ids(containerd_root)):
        try:
            path.rmdir()
        except OSError:
            # Something lives in it yet, so it is no leftover; whoever ends that can remove it.
            continue
