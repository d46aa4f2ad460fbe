"""Where the lab keeps things: the cache that outlives it and the state that does not."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GO_MODULE = Path(__file__).resolve().parent / "binaries"


def cache_root() -> Path:
    """The cache for binaries and images: outside the checkout, shared by all labs of a user."""
    if chosen := os.environ.get("LBCTL_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lbctl"


def labs_root() -> Path:
    """The directory that holds one state directory for each lab."""
    return Path(os.environ.get("LBCTL_LAB_DIR", "/tmp/lbctl-lab"))


@dataclass(frozen=True, slots=True)
class State:
    """The files of one lab. All of them go when it goes down."""

    root: Path

    @classmethod
    def of(cls, name: str) -> "State":
        return cls(labs_root() / name)

    @property
    def spec(self) -> Path:
        return self.root / "lab.json"

    @property
    def kubeconfig(self) -> Path:
        """For use from the machine itself, through the forwarder."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def processes(self) -> Path:
        return self.root / "processes"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def etcd(self) -> Path:
        return self.root / "etcd"

    @property
    def failed(self) -> Path:
        """Where the logs of a lab that did not come up are kept: beside it, as it is cleared."""
        return self.root.with_name(f"{self.root.name}.failed")

    def kubeconfig_of(self, user: str) -> Path:
        """For a component inside the lab."""
        return self.root / "kubeconfigs" / user

    def node(self, name: str) -> Path:
        return self.root / "node" / name


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; it goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
