"""Operators as real processes, to be started, stopped and killed."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.error import URLError

from tests.cluster.nursery import Child, Nursery
from tests.cluster.oracle import SYSTEM, eventually

ROOT = Path(__file__).parents[2]


class Operator:
    """One process of the operator."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        port: int,
        *arguments: str,
        nursery: Nursery | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | Child
        command = [
            *("run", "--kubeconfig", str(kubeconfig)),
            *("--namespace", SYSTEM, "--listen", f"127.0.0.1:{port}"),
            *("--lease-duration-seconds", "4", "--resync-seconds", "300", *arguments),
        ]
        if nursery is not None:
            self.process = nursery.bear(command, log)
            return
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lbctl", *command],
                cwd=ROOT,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment},
            )

    def kill(self) -> None:
        """As by the kernel: no chance to clean up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As by kubelet; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTP server; (0, "") while there is none."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - http
                return answer.status, answer.read().decode()
        except URLError as error:
            return getattr(error, "code", 0), ""

    def wait_ready(self) -> None:
        eventually(lambda: self.get("/readyz")[0] == 200, what=f"ready; see {self.log}")

    def text(self) -> str:
        return self.log.read_text()


class Operators:
    """Starts operators on ports of their own and ends what is left."""

    def __init__(self, kubeconfig: Path, folder: Path, nursery: Nursery | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._nursery = nursery
        self._all: list[Operator] = []

    def start(
        self,
        *arguments: str,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Operator:
        """Start one. Without arguments it stands for election and is alone in it."""
        number = len(self._all)
        log = self._folder / f"operator-{number}.log"
        one = Operator(
            kubeconfig or self._kubeconfig,
            log,
            _free_port(),
            *arguments,
            nursery=self._nursery,
            environment=environment,
        )
        self._all.append(one)
        return one

    def assert_no_faults(self) -> None:
        """Any exception but an answer of the API server is logged with its trace."""
        for one in self._all:
            assert "Traceback" not in one.text(), one.log

    def kill_all(self) -> None:
        for one in self._all:
            if one.process.poll() is None:
                one.kill()
            sys.stdout.write(f"--- {one.log.name}\n{one.text()}\n")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
