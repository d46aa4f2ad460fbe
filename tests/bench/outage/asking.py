"""The outside client as the bench sees it: starts the process and keeps what it says."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from tests.bench.outage.client import INTERVAL_SECONDS
from tests.bench.outage.figures import OK, Request
from tests.lab import Lab, LabError
from tests.lab.waiting import require

CLIENT = Path(__file__).with_name("client.py")


class Asking:
    """A client that asks for the time of a context, once each `interval` seconds."""

    def __init__(
        self, lab: Lab, address: str, port: int, *, interval: float = INTERVAL_SECONDS
    ) -> None:
        self.requests: list[Request] = []
        self.latest = 0.0
        """The longest that the client overslept, in seconds: a gap of that size is its own."""
        command = [sys.executable, "-P", str(CLIENT), address, str(port), str(interval)]
        self._process = subprocess.Popen(
            [*lab.enter("client"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stop(self) -> None:
        """No new requests; those under way end."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        self._reader.join(timeout=10)

    def quiet_for(self, seconds: float) -> bool:
        """Whether it has been asking for so long, and all was answered."""
        since = time.monotonic() - seconds
        recent = [each for each in self.requests if each.end >= since]
        return (
            bool(recent)
            and self.requests[0].start <= since
            and all(each.outcome == OK for each in recent)
        )

    def wait_quiet(self, seconds: float, *, patience: float) -> None:
        """Raises LabError when it never is."""

        def looked() -> bool:
            if self._process.poll() is not None:
                raise LabError("the client ended")
            return self.quiet_for(seconds)

        require(looked, f"{seconds} s without a failed request", timeout=patience)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            first, second, *rest = line.split()
            if first == "late":
                self.latest = max(self.latest, float(second))
            else:
                pod = rest[1] if len(rest) > 1 else ""
                self.requests.append(Request(float(first), float(second), rest[0], pod))
