"""A cluster as its user sees it: kubectl, helm, and one machine on the LAN outside of it."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Protocol

from tests.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "lbctl"
IMAGE = ROOT / "build" / "lbctl-image.tar"
QUICKSTART = ROOT / "examples" / "01-quickstart"
NAMESPACE = "lbctl-system"


class Site(Protocol):
    """What the tour and the end-to-end tests need of a cluster, whatever it runs on."""

    @property
    def lab(self) -> Lab | None:
        """The lab behind it, for faults; None on a cluster that has no power switch for us."""

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it printed; raises CalledProcessError."""

    def helm(self, *args: str) -> str:
        """Run helm and return what it printed; raises CalledProcessError."""

    def outside(self, *command: str, check: bool = True) -> str:
        """Run a command on the LAN client outside the cluster and return what it printed."""


class LabSite:
    """A cluster of tests/lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @property
    def lab(self) -> Lab | None:
        return self._lab

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return self._lab.kubectl(*args, input=stdin)

    def helm(self, *args: str) -> str:
        return self._lab.helm(*args)

    def outside(self, *command: str, check: bool = True) -> str:
        return self._lab.exec("client", *command, check=check).stdout


class KubeconfigSite:
    """Any cluster: a kubeconfig, and a command that runs its arguments on a machine of the LAN."""

    def __init__(self, kubeconfig: Path, client_command: str) -> None:
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._client = shlex.split(client_command)

    @property
    def lab(self) -> Lab | None:
        return None

    def _run(self, command: list[str], *, stdin: str | None = None, check: bool = True) -> str:
        return subprocess.run(
            command,
            input=stdin,
            check=check,
            text=True,
            env=self._environment,
            stdout=subprocess.PIPE,
        ).stdout

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return self._run(["kubectl", *args], stdin=stdin)

    def helm(self, *args: str) -> str:
        return self._run(["helm", *args])

    def outside(self, *command: str, check: bool = True) -> str:
        return self._run([*self._client, *command], check=check)
