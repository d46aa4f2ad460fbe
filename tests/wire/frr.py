"""FRR's bfdd on a host of the test network: an implementation of BFD that is not ours."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.lab.packages import is_there
from tests.wire.network import INTERFACE, Host, enter
from tests.wire.tap import PATIENCE

BFDD = "/usr/lib/frr/bfdd"
_ZEBRA = "/usr/lib/frr/zebra"
INSTALLED = is_there(BFDD) and is_there(_ZEBRA) and is_there("vtysh")


class Frr:
    """zebra, which tells of interfaces, and bfdd; both leave with their host's test."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self._folder = host, folder
        # The daemons give up their rights, and must still reach their files.
        for path in (folder, *folder.parents[:3]):
            path.chmod(path.stat().st_mode | 0o711)
        shutil.chown(folder, "frr", "frr")
        (folder / "vtysh.conf").touch()
        self._zserv = folder / "zserv.api"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._run("zebra", _ZEBRA)
        self._wait_for_file(self._zserv)
        self._run("bfdd", BFDD, "--bfdctl", str(folder / "bfdd.sock"))
        self._wait_for_file(folder / "bfdd.vty")

    def peer(self, address: str, own_address: str, *settings: str) -> None:
        """Configure a session."""
        self.say("configure", "bfd", self.name(address, own_address), *settings, "no shutdown")

    @staticmethod
    def name(address: str, own_address: str) -> str:
        """A session, in FRR's words."""
        return f"peer {address} local-address {own_address} interface {INTERFACE}"

    def say(self, *lines: str) -> str:
        """What vtysh answers."""
        arguments = [part for line in lines for part in ("-c", line)]
        command = ["vtysh", "--vty_socket", str(self._folder), "--config_dir", str(self._folder)]
        return subprocess.run(
            enter(self.host.namespace, *command, *arguments),
            check=True, capture_output=True, text=True, timeout=PATIENCE,
        ).stdout  # fmt: skip

    def session(self) -> dict[str, Any]:
        """The only session, as bfdd sees it."""
        sessions = json.loads(self.say("show bfd peers json"))
        return dict(sessions[0])

    def close(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def _run(self, name: str, *command: str) -> None:
        files = ("-z", str(self._zserv), "-i", str(self._folder / f"{name}.pid"))
        options = (*files, "--vty_socket", str(self._folder), "-f", os.devnull, "--log", "stdout")
        log = (self._folder / f"{name}.log").open("wb")
        with log:
            process = subprocess.Popen(
                enter(self.host.namespace, *command, *options), stdout=log, stderr=log
            )
        self._processes.append(process)

    def _wait_for_file(self, path: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            if time.monotonic() > deadline:
                logs = "\n".join(log.read_text() for log in self._folder.glob("*.log"))
                raise AssertionError(f"{path.name} did not come; FRR says: {logs}")
            time.sleep(0.05)
