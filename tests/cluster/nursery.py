"""Operators that are born with all their modules loaded: a start takes 0.3 s instead of 1.5 s.

A process of its own imports everything once and forks for each operator. Tests that end an operator
after each call that it makes need a hundred of them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Child:
    """A forked operator, with the part of Popen's interface that tests use."""

    def __init__(self, pid: int, verdict: Path) -> None:
        self.pid = pid
        self._verdict = verdict

    def poll(self) -> int | None:
        """The exit code as Popen tells it; None while it runs."""
        return int(self._verdict.read_text()) if self._verdict.exists() else None

    def wait(self, timeout: float = 60.0) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("operator", timeout)
            time.sleep(0.005)
        return code

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """Forks operators. Close it when all of them have ended."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def bear(self, argv: list[str], log: Path) -> Child:
        """Start `lbctl` with these arguments; its output is appended to the log."""
        verdict = log.with_suffix(f".{time.monotonic_ns()}.exit")
        order = {"argv": argv, "log": str(log), "verdict": str(verdict)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()), verdict)

    def close(self) -> None:
        self._process.communicate(timeout=30)


def _live(order: dict[str, Any]) -> None:
    """The child: be an operator."""
    from lbctl.cli.main import cli  # noqa: PLC0415 - loaded by the parent already

    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        cli.main(order["argv"], prog_name="lbctl", standalone_mode=True)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import lbctl.cli.main  # noqa: PLC0415 - what is to be loaded before the forks
    import lbctl.operator.app  # noqa: F401, PLC0415 - the command imports it late

    verdicts: dict[int, Path] = {}

    def bury(*_: object) -> None:
        while verdicts:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            told = verdicts.pop(pid)
            written = told.with_suffix(".writing")
            written.write_text(str(os.waitstatus_to_exitcode(status)))
            written.rename(told)

    signal.signal(signal.SIGCHLD, bury)
    for line in sys.stdin:
        order = json.loads(line)
        # No child may end before it is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            _live(order)
        verdicts[pid] = Path(order["verdict"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
