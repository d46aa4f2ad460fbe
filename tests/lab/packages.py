"""Debian packages that the lab needs: installed when that is possible, named exactly when not."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.commands import run
from tests.lab.errors import LabError

RUN = {
    "arping": "arping",
    "conntrack": "conntrack",
    "curl": "curl",
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "ping": "iputils-ping",
    "runc": "runc",
    "sysctl": "procps",
    "tcpdump": "tcpdump",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/lib/frr/bfdd": "frr",
}
"""What a running lab needs: a program (or a file), and the package that brings it."""

BUILD = {
    "crun": "crun",
    "mmdebstrap": "mmdebstrap",
    "podman": "podman",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""What making the images needs on top."""

PROMETHEUS = {"prometheus": "prometheus", "promtool": "prometheus"}
"""What the tests of metrics and alerts need."""


_POLICY = Path("/usr/sbin/policy-rc.d")


def is_there(program: str) -> bool:
    """Whether a program is on PATH, or where Debian puts the system's own."""
    if program.startswith("/"):
        return Path(program).exists()
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(program, path=path) is not None


def missing(wanted: dict[str, str]) -> list[str]:
    """The packages whose programs are not there, sorted."""
    return sorted({package for program, package in wanted.items() if not is_there(program)})


def install_command(packages: Iterable[str]) -> str:
    """What a person types to get them."""
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"


@contextmanager
def no_services() -> Iterator[None]:
    """Debian starts what it installs, unless this file says no: a router daemon is for tests."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def ensure(wanted: dict[str, str]) -> None:
    """Install what is missing.

    Raises:
        LabError: this is not root, or not Debian; the message is the command to run.
    """
    if not (packages := missing(wanted)):
        return
    command = install_command(packages)
    if os.geteuid() != 0 or not is_there("apt-get"):
        raise LabError(f"missing packages; run as root: {command}")
    print(f"installing Debian packages: {' '.join(packages)} (about 1 min)", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", timeout=600, env=quiet)
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    with no_services():
        run(*install, timeout=1200, env=quiet)
    if left := missing(wanted):
        raise LabError(f"installed, yet still missing: {' '.join(left)}; try: {command}")
