"""The cluster's programs: found where they are, or built once from Go modules, versions pinned.

A program is looked for in $LBCTL_LAB_BIN, then in the cache, then on PATH; one that a person
already has is used if it says exactly the version that go.mod pins. What is left is built into the
cache.
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.commands import run
from tests.lab.errors import LabError
from tests.lab.layout import GO_MODULE, cache_root, locked
from tests.lab.toolchain import environment, find_go

KUBERNETES = "k8s.io/kubernetes"
ETCD = "go.etcd.io/etcd/server/v3"
CONTAINERD = "github.com/containerd/containerd/v2"
HELM = "helm.sh/helm/v3"
OURS = "lbctl.io/lab/binaries"

TAGS = "no_btrfs no_zfs no_aufs no_devmapper"
"""Snapshotters of containerd that the lab does not use."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program to have.

    Attributes:
        name: its file.
        module: the Go module whose version it shows.
        package: what to build.
        seconds: how long that takes on two cores with empty caches.
        version_argv: how to ask for its version; empty for those that are always built here.
    """

    name: str
    module: str
    package: str
    seconds: int
    version_argv: tuple[str, ...] = ("--version",)


PROGRAMS = (
    Program("kube-apiserver", KUBERNETES, f"{KUBERNETES}/cmd/kube-apiserver", 320),
    Program("kubectl", KUBERNETES, f"{KUBERNETES}/cmd/kubectl", 30, ("version", "--client")),
    Program("kube-controller-manager", KUBERNETES, f"{KUBERNETES}/cmd/kube-controller-manager", 90),
    Program("kube-scheduler", KUBERNETES, f"{KUBERNETES}/cmd/kube-scheduler", 20),
    Program("kube-proxy", KUBERNETES, f"{KUBERNETES}/cmd/kube-proxy", 20),
    Program("kubelet", KUBERNETES, f"{KUBERNETES}/cmd/kubelet", 40),
    Program("etcd", ETCD, f"{OURS}/etcd", 10),
    Program("containerd", CONTAINERD, f"{CONTAINERD}/cmd/containerd", 25),
    Program(
        "containerd-shim-runc-v2",
        CONTAINERD,
        f"{CONTAINERD}/cmd/containerd-shim-runc-v2",
        5,
        ("-v",),
    ),
    Program("ctr", CONTAINERD, f"{CONTAINERD}/cmd/ctr", 5),
    Program("helm", HELM, f"{HELM}/cmd/helm", 10, ("version", "--short")),
    Program("pause", OURS, f"{OURS}/pause", 2, ()),
)

Binaries = dict[str, Path]
Versions = dict[str, str]
"""By module, without the `v`."""


def versions(go_mod: str) -> Versions:
    """The version, without its `v`, of every module that a go.mod requires."""
    required = re.findall(r"^\s*(?:require )?(\S+) v(\d\S*)(?:\s*//.*)?$", go_mod, re.MULTILINE)
    return dict(required)


def fits(said: str, version: str) -> bool:
    """Whether a program's own words name exactly this version.

    `v1.37.2` and `2.4.2+unknown` fit; `v1.37.20`, `v1.37.2-rc.0` and `11.37.2` do not.
    """
    return re.search(rf"(?<![\w.])v?{re.escape(version)}(?![\w.-])", said) is not None


def linker_flags(pinned: Versions) -> str:
    """The flags that tell the programs their versions; the sources leave them blank."""
    kubernetes = pinned[KUBERNETES]
    major, minor, _ = kubernetes.split(".")
    at = "k8s.io/component-base/version"
    return (
        f"-s -w -X {at}.gitVersion=v{kubernetes} -X {at}.gitMajor={major} -X {at}.gitMinor={minor} "
        f"-X {HELM}/internal/version.version=v{pinned[HELM]}"
    )


@dataclass(frozen=True, slots=True)
class Collection:
    """Programs that are built together.

    Attributes:
        directory: a Go module whose go.mod pins what they are built from.
        programs: what to have.
        tags: build tags.
        linker_flags: made of the versions that are pinned.
    """

    directory: Path
    programs: tuple[Program, ...]
    tags: str
    linker_flags: Callable[[Versions], str]

    def sources(self) -> dict[str, bytes]:
        """The module's files by their path in it."""
        known = {"go.mod", "go.sum"}
        found = [f for f in self.directory.rglob("*") if f.name in known or f.suffix == ".go"]
        return {str(f.relative_to(self.directory)): f.read_bytes() for f in found}


CLUSTER = Collection(GO_MODULE, PROGRAMS, TAGS, linker_flags)


def cache_key(files: dict[str, bytes], flags: str) -> str:
    """A name for the programs that these sources and flags give; it changes when they do."""
    digest = hashlib.sha256(flags.encode())
    for name in sorted(files):
        digest.update(f"\0{name}\0{len(files[name])}\0".encode() + files[name])
    return digest.hexdigest()[:16]


def _says_version(path: Path, program: Program, version: str) -> bool:
    if not program.version_argv or not os.access(path, os.X_OK):
        return False
    return fits(run(path, *program.version_argv, check=False).stdout, version)


def _find(program: Program, directory: Path, version: str) -> Path | None:
    if own := os.environ.get("LBCTL_LAB_BIN"):
        path = Path(own) / program.name
        if _says_version(path, program, version):
            return path
    if (cached := directory / program.name).exists():
        return cached
    on_path = shutil.which(program.name)
    if on_path and _says_version(Path(on_path), program, version):
        return Path(on_path)
    return None


def about(seconds: int) -> str:
    """A rough time for a progress line."""
    return f"about {seconds} s" if seconds < 60 else f"about {round(seconds / 60)} min"


def ensure(collection: Collection = CLUSTER) -> Binaries:
    """Every program, building those that are not there.

    Raises:
        LabError: Go is missing or a build failed.
    """
    sources = collection.sources()
    go_mod = sources["go.mod"].decode()
    pinned = {OURS: "", **versions(go_mod)}
    flags = collection.linker_flags(pinned)
    key = cache_key(sources, f"{collection.tags} {flags}")
    directory = cache_root() / "bin" / key

    def search() -> dict[str, Path | None]:
        return {p.name: _find(p, directory, pinned[p.module]) for p in collection.programs}

    found = search()
    if None in found.values():
        directory.mkdir(parents=True, exist_ok=True)
        with locked(cache_root() / "build.lock"):
            found = search()  # another build may have made them while we waited
            if missing := [p for p in collection.programs if found[p.name] is None]:
                _build(collection, missing, directory, find_go(go_mod), flags)
        found = search()
    return {name: path for name, path in found.items() if path is not None}


def _build(
    collection: Collection, missing: list[Program], directory: Path, go: str, flags: str
) -> None:
    print(f"building {len(missing)} programs into {directory}", flush=True)
    for number, program in enumerate(missing, 1):
        note = "with empty caches" if program.seconds >= 10 else "quick"
        print(
            f"{number} of {len(missing)}: {program.name} ({about(program.seconds)} {note})",
            flush=True,
        )
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            made = Path(scratch) / program.name
            options = ["-trimpath", "-tags", collection.tags, "-ldflags", flags, "-o", made]
            argv = ["build", *options, program.package]
            where = str(collection.directory)
            try:
                run(go, *argv, timeout=3600, env=environment(), cwd=where)
            except LabError as failure:
                raise LabError(f"building {program.name}: {failure}") from failure
            made.replace(directory / program.name)
        print(f"    {program.name}: {time.monotonic() - began:.0f} s", flush=True)
