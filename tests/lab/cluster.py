"""The lab as one object: boot it, use it, take it down.

with Lab(LabSpec(name="e2e", nodes=3)) as lab:
    lab.kubectl("get", "nodes")
    lab.exec("client", "ping", "-c1", lab.node_address("n1"))
    lab.faults.power_cut("n1")
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import binaries, cgroups, packages
from tests.lab.boot import api_address, boot
from tests.lab.commands import run
from tests.lab.errors import LabError
from tests.lab.faults import Faults
from tests.lab.forwarder import Forwarder
from tests.lab.layout import State, labs_root, locked
from tests.lab.network import NETNS, Network, check_kernel
from tests.lab.node import Node
from tests.lab.pki import make_outside_kubeconfig
from tests.lab.processes import MARKER, Supervisor
from tests.lab.site import Site
from tests.lab.spec import CONTROL_PLANE, Family, LabSpec


class Lab:
    """A cluster of network namespaces on this machine.

    Entering the context boots it and leaving it takes it down. `Lab.attach` finds one that runs.
    """

    def __init__(self, spec: LabSpec) -> None:
        self.spec = spec
        self.state = State.of(spec.name)
        self.supervisor = Supervisor(self.state.root, self.state.processes, self.state.logs)
        self._forwarders: list[Forwarder] = []
        self._site: Site | None = None

    @classmethod
    def attach(cls, name: str) -> Self:
        """The lab of that name, booted by another process.

        Raises:
            LabError: there is none.
        """
        try:
            spec = LabSpec(**json.loads(State.of(name).spec.read_text()))
        except FileNotFoundError as none:
            raise LabError(f"no lab {name!r} is up: python -m tests.lab up --name {name}") from none
        return cls(spec)

    @property
    def site(self) -> Site:
        """The parts that the lab is built with; its programs are found when first asked for."""
        if self._site is None:
            self._site = Site(self.spec, self.state, binaries.ensure(), self.supervisor)
        return self._site

    @property
    def kubeconfig(self) -> Path:
        """For use from the machine: it leads through a port of 127.0.0.1."""
        return self.state.kubeconfig

    @property
    def faults(self) -> Faults:
        """What can be made to go wrong."""
        return Faults(self.site)

    # Booting and ending

    def up(self) -> None:
        """Boot. What is left of an earlier lab of this name is cleared first.

        Raises:
            LabError: something is missing or did not start; nothing is left running, and the logs
                are kept beside the state directory.
        """
        check_kernel()
        packages.ensure(packages.RUN)
        site = self.site
        with locked(labs_root() / f"{self.spec.name}.lock"):
            self._clear()
            try:
                boot(site)
            except BaseException as failure:
                if isinstance(failure, Exception):
                    self._keep_logs()
                self._clear()
                raise
            shutil.rmtree(self.state.failed, ignore_errors=True)

    def down(self) -> None:
        """End everything of this lab and remove every trace. Idempotent."""
        check_kernel()
        with locked(labs_root() / f"{self.spec.name}.lock"):
            self._clear()
            shutil.rmtree(self.state.failed, ignore_errors=True)

    def _clear(self) -> None:
        while self._forwarders:
            self._forwarders.pop().close()
        self.supervisor.stop_all(self.supervisor.all(), grace=1)
        self.supervisor.sweep()
        for node in (self.state.root / "node").glob("*"):
            cgroups.remove(node / "containerd")
        Network(self.spec).clear()
        shutil.rmtree(self.state.root, ignore_errors=True)

    def _keep_logs(self) -> None:
        shutil.rmtree(self.state.failed, ignore_errors=True)
        if self.state.logs.exists():
            self.state.logs.rename(self.state.failed)
            print(f"the logs of the failed start are in {self.state.failed}", file=sys.stderr)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    # Using it

    def kubectl(self, *args: object, input: str | None = None) -> str:  # noqa: A002 - kubectl apply reads "input"
        """Run kubectl as the cluster's administrator and return what it prints."""
        flag = f"--kubeconfig={self.kubeconfig}"
        return run(self.site.binaries["kubectl"], flag, *args, stdin=input, timeout=300).stdout

    def helm(self, *args: object) -> str:
        """Run helm as the cluster's administrator and return what it prints."""
        home = self.state.root / "helm"
        env = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }
        return run(self.site.binaries["helm"], *args, env=env, timeout=600).stdout

    def enter(self, host: str) -> list[str]:
        """The words before a command that run it on a host."""
        if self.spec.kubelets and self.spec.host(host) in self.spec.node_hosts:
            return Node(self.site, self.spec.host(host)).enter()
        return self.site.enter(self.spec.host(host).name)

    def exec(
        self, host: str, *argv: object, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host (cp, router, n1, ..., client) and return its output.

        Raises:
            LabError: it failed (with check), or took longer than the timeout, in seconds.
        """
        return run(*self.enter(host), *argv, check=check, timeout=timeout, env=self._environment())

    def popen(self, host: str, *argv: object) -> subprocess.Popen[str]:
        """Start a command on a host, with pipes for its output; the caller ends it."""
        return subprocess.Popen(
            [str(word) for word in (*self.enter(host), *argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment(),
        )

    def load_image(self, archive: Path) -> None:
        """Import an OCI archive into every node that is powered on."""
        if not self.spec.kubelets:
            raise LabError("this lab has no kubelets, so nothing could run an image")
        nodes = [Node(self.site, host) for host in self.spec.node_hosts]
        running = [node for node in nodes if node.init()]
        with ThreadPoolExecutor(max(1, len(running))) as side_by_side:
            list(side_by_side.map(lambda node: node.load_archive(archive.resolve()), running))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, MARKER: str(self.state.root)}

    def forwarder(self) -> Forwarder:
        """Another way to the API server, whose kubeconfig alone sees it when it is cut.

        It lives until the lab goes down or its close().
        """
        number = len(self._forwarders) + 1
        path = self.state.root / f"kubeconfig-forwarder-{number}"
        made = Forwarder(self._namespace(CONTROL_PLANE), api_address(self.site), path)
        make_outside_kubeconfig(self.state, path, made.port)
        made.start()
        self._forwarders.append(made)
        return made

    def _namespace(self, host: str) -> Path:
        return NETNS / self.spec.namespace(host)

    def node_address(self, host: str, family: Family = 4, lan: int = 0) -> str:
        """A host's own address on a LAN."""
        return self.spec.host(host).address(family, lan)

    def mac(self, host: str, lan: int = 0) -> str:
        """The MAC of a host's interface on a LAN; it outlives a power cut."""
        return self.spec.host(host).mac(lan)
