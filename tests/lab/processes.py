"""The lab's daemons: started in sessions of their own, recorded, logged and ended for certain.

A record holds the process's start time beside its pid, so that a later command never ends a
stranger that was given the same pid. Every daemon also carries the lab's marker in its environment:
what a killed command started and had no time to record is found by it.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.waiting import wait_until

MARKER = "LBCTL_LAB_STATE"
"""Environment variable of every daemon; its value is the lab's state directory."""


@dataclass(frozen=True, slots=True)
class Record:
    """A daemon as it was started.

    Attributes:
        name: unique in the lab.
        pid: leader of its own session and process group.
        started: clock ticks since boot, field 22 of proc_pid_stat(5).
        argv: the command.
        log: where its output goes.
    """

    name: str
    pid: int
    started: int
    argv: tuple[str, ...]
    log: str

    def alive(self) -> bool:
        """Whether this very process runs; a zombie does not."""
        return start_time(self.pid) == self.started

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        read = json.loads(text)
        return cls(read["name"], read["pid"], read["started"], tuple(read["argv"]), read["log"])


def parse_start_time(stat: str) -> int | None:
    """The start time in a /proc/PID/stat line, or None for a process that has ended.

    The command's name stands in parentheses and may hold anything, so count from the last one.
    A zombie whose other threads still end has not ended: it keeps its ports until they have.
    """
    fields = stat.rpartition(")")[2].split()
    state, threads, started = fields[0], int(fields[17]), int(fields[19])
    return None if state in "ZX" and threads <= 1 else started


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when it has ended."""
    try:
        return parse_start_time(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def parent(pid: int) -> int | None:
    """Whose child a process is (field 4 of proc_pid_stat(5)); None when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def signal_group(pid: int, number: int) -> None:
    """Signal a daemon and the helpers in its process group; one that has ended is no error."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def reap(pid: int) -> None:
    """Collect a daemon that this process started; others are collected by their own parent."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def marked(state: Path) -> list[int]:
    """The processes that carry the marker of this lab."""
    wanted = f"{MARKER}={state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.append(int(entry.name))
    return found


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Starts, records and ends the daemons of one lab."""

    state: Path
    records: Path
    logs: Path

    def start(
        self,
        name: str,
        argv: Sequence[object],
        *,
        enter: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        inherit: Iterable[int] = (),
    ) -> Record:
        """Start a daemon.

        Args:
            name: its name in records and logs.
            argv: the program and its arguments.
            enter: the command that enters a host, see network.enter.
            env: variables to add.
            inherit: file descriptors that it keeps open.

        Raises:
            LabError: a daemon of that name runs already, or the program is missing.
        """
        if (old := self.find(name)) and old.alive():
            raise LabError(f"{name} runs already (pid {old.pid})")
        words = [str(word) for word in (*enter, *argv)]
        for directory in (self.records, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        for descriptor in inherit:
            os.set_inheritable(descriptor, True)
        try:
            # posix_spawn rather than Popen: the daemon outlives this process on purpose.
            pid = os.posix_spawnp(
                words[0],
                words,
                {**os.environ, MARKER: str(self.state), **(env or {})},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (
                        os.POSIX_SPAWN_OPEN,
                        1,
                        str(log),
                        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                        0o644,
                    ),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
                # pytest and shells may ignore or block these; a daemon must be endable.
                setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
                setsigmask=[],
            )
        except FileNotFoundError as missing:
            raise LabError(f"cannot start {name}: {words[0]} not found") from missing
        record = Record(name, pid, start_time(pid) or 0, tuple(words), str(log))
        self._write(record)
        return record

    def adopt(self, name: str, pid: int, argv: Sequence[str], log: str) -> Record:
        """Record a process that a daemon started, so that it can be ended by its own name."""
        record = Record(name, pid, start_time(pid) or 0, tuple(argv), log)
        self._write(record)
        return record

    def _write(self, record: Record) -> None:
        part = self.records / f".{record.name}"
        part.write_text(record.to_json())
        part.replace(self.records / f"{record.name}.json")

    def find(self, name: str) -> Record | None:
        """The record of the daemon of that name, alive or not."""
        try:
            return Record.from_json((self.records / f"{name}.json").read_text())
        except FileNotFoundError:
            return None

    def all(self) -> list[Record]:
        """Every record, in the order of their names."""
        return [Record.from_json(f.read_text()) for f in sorted(self.records.glob("*.json"))]

    def stop(self, name: str, *, grace: float = 5.0) -> None:
        """End a daemon: SIGTERM, and SIGKILL after the grace, in seconds. Idempotent."""
        if record := self.find(name):
            self.stop_all([record], grace=grace)

    def stop_all(self, records: Iterable[Record], *, grace: float) -> None:
        """End several daemons side by side."""
        running = [record for record in records if record.alive()]
        if grace > 0:
            for record in running:
                signal_group(record.pid, signal.SIGTERM)
                signal_group(record.pid, signal.SIGCONT)
            wait_until(lambda: not _alive(running), timeout=grace)
        for record in running:
            # The whole group, even if its leader is gone: it may have left helpers.
            signal_group(record.pid, signal.SIGKILL)
        if not wait_until(lambda: not _alive(running), timeout=10):
            left = [f"{r.name} (pid {r.pid})" for r in _alive(running)]
            print(f"still there after SIGKILL: {', '.join(left)}", file=sys.stderr)
        for record in records:
            (self.records / f"{record.name}.json").unlink(missing_ok=True)

    def sweep(self) -> None:
        """End everything that carries this lab's marker, recorded or not."""
        for pid in marked(self.state):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        wait_until(lambda: not marked(self.state), timeout=10)

    def why_ended(self, name: str, *, lines: int = 12) -> str:
        """The last lines of a daemon's log, for an error message."""
        log = self.logs / f"{name}.log"
        tail = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return f"{name} ended; the last lines of {log}:\n" + "\n".join(tail)


def _alive(records: Iterable[Record]) -> list[Record]:
    for record in records:
        reap(record.pid)
    return [record for record in records if record.alive()]
