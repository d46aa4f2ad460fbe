"""Process 1 of the speaker's container: starts the wire and the agent, and either again alone.

It keeps both ends of their socket pair open, so the one that lives never sees the other's death as
a closed connection: it goes on, and the restarted one finds the same socket. It imports little,
because it stays in memory for ever.
"""

import logging
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Final

_log: Final = logging.getLogger("speaker.supervisor")

CHANNEL_VARIABLE: Final = "LBCTL_CHANNEL_FD"
RESTARTS_VARIABLE: Final = "LBCTL_RESTARTS"
"""How often the process that reads it was started again."""

BAD_SETTINGS: Final = 2
"""The exit code of a process that no restart helps: what it was given is wrong."""

SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
"""Blocked in this process, and taken one by one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    first_delay: float = 0.1
    """Before the second restart in a row; the first is immediate."""
    longest_delay: float = 10.0
    steady_after: float = 30.0
    """A process that lived this long starts from the first delay again."""
    agent_stop: float = 12.0
    """For the agent's farewell: it gives the Lease back."""
    wire_stop: float = 3.0
    """For the wire's: others take what it holds."""


def restart_delay(deaths_in_a_row: int, patience: Patience) -> float:
    """Seconds before the next start: none, then doubling."""
    if deaths_in_a_row <= 1:
        return 0.0
    delay: float = patience.first_delay * 2 ** (min(deaths_in_a_row, 30) - 2)
    return min(patience.longest_delay, delay)


@dataclass(slots=True)
class Child:
    """One of the two processes."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    channel: socket.socket
    """Its end of the pair."""
    pid: int = 0
    """0 while it does not run."""
    starts: int = 0
    started_at: float = 0.0
    start_due: float = 0.0
    deaths_in_a_row: int = 0
    hopeless: bool = False
    """Its first run said that its settings are wrong."""


@dataclass(slots=True)
class Supervisor:
    """Runs an agent and a wire until told to stop."""

    agent_argv: list[str]
    wire_argv: list[str]
    environment: dict[str, str]
    patience: Patience = field(default_factory=Patience)

    def run(self) -> int:
        """Blocks until SIGTERM or SIGINT; 0 when both processes ended in time, else 1.

        `BAD_SETTINGS`, when a process has said so at its first start: nothing is held by then, and
        a container that ends shows what is wrong where people look, in the pod's status.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        agent_end, wire_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        agent = Child("agent", self.agent_argv, self.environment, agent_end)
        wire = Child("wire", self.wire_argv, self.environment, wire_end)
        # The wire first: a plan that arrives finds it listening.
        children = [wire, agent]
        self._keep_running(children)
        # The wire first: it tells its peers at once, and answers until they have taken over.
        for child in children:
            if child.pid:
                os.kill(child.pid, signal.SIGTERM)
        now = time.monotonic()
        in_time = self._await_end(wire, now + self.patience.wire_stop, children)
        in_time &= self._await_end(agent, now + self.patience.agent_stop, children)
        if any(child.hopeless for child in children):
            return BAD_SETTINGS
        return 0 if in_time else 1

    def _keep_running(self, children: list[Child]) -> None:
        while True:
            now = time.monotonic()
            for child in children:
                if child.pid == 0 and child.start_due <= now:
                    self._start(child, children)
            waits = [child.start_due - now for child in children if child.pid == 0]
            received = _wait_for_signal(min(waits, default=60.0))
            if received in (signal.SIGTERM, signal.SIGINT):
                _log.info("stopping")
                return
            self._reap(children)
            if any(child.hopeless for child in children):
                _log.critical("no restart helps: ending, the line above says why")
                return

    def _start(self, child: Child, children: list[Child]) -> None:
        try:
            _spawn(child, children)
        except OSError as error:
            # No memory or no process for now. The other one works, and does so without this one.
            self._put_off(child)
            _log.error("cannot start the %s: %s", child.name, error)

    def _await_end(self, child: Child, deadline: float, children: list[Child]) -> bool:
        """Wait for one that was asked to end, insist; whether asking was enough."""
        while child.pid and time.monotonic() < deadline:
            _wait_for_signal(deadline - time.monotonic())
            self._reap(children)
        if not child.pid:
            return True
        _log.error("the %s did not end in time: killing it", child.name)
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        child.pid = 0
        return False

    def _reap(self, children: list[Child]) -> None:
        """Collect every dead process: as process 1 we inherit orphans too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in children:
                if child.pid == pid:
                    self._bury(child, os.waitstatus_to_exitcode(status))

    def _bury(self, child: Child, code: int) -> None:
        now = time.monotonic()
        lived = now - child.started_at
        child.pid = 0
        child.hopeless = code == BAD_SETTINGS and child.starts == 1
        if lived >= self.patience.steady_after:
            child.deaths_in_a_row = 0
        self._put_off(child)
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        _log.warning("the %s ended after %.1f s, %s", child.name, lived, how)

    def _put_off(self, child: Child) -> None:
        child.deaths_in_a_row += 1
        delay = restart_delay(child.deaths_in_a_row, self.patience)
        child.start_due = time.monotonic() + delay


def _spawn(child: Child, children: list[Child]) -> None:
    own = child.channel.fileno()
    environment = {
        **child.environment,
        CHANNEL_VARIABLE: str(own),
        RESTARTS_VARIABLE: str(child.starts),
    }
    os.set_inheritable(own, True)  # noqa: FBT003  # the standard library's signature
    try:
        # The other's end is not inherited: when all that is left is one process and this
        # supervisor is dead, that process sees its channel close.
        child.pid = os.posix_spawn(
            child.argv[0], child.argv, environment, setsigmask=(), setsigdef=SIGNALS
        )
    finally:
        os.set_inheritable(own, False)  # noqa: FBT003  # the standard library's signature
    child.starts += 1
    child.started_at = time.monotonic()
    others = ", ".join(f"{other.name} {other.pid or 'not running'}" for other in children)
    _log.info("started the %s (%s)", child.name, others)


def _wait_for_signal(seconds: float) -> int | None:
    received = signal.sigtimedwait(SIGNALS, max(0.0, seconds))
    return received.si_signo if received else None


def python(module: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", module]
