"""The supervisor, with children of a few lines."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from speaker.__main__ import remove_table
from speaker.supervisor import Patience, restart_delay

PATIENCE = 30.0


@pytest.mark.parametrize(
    ("sentence", "deaths", "delay"),
    [
        ("the first restart is immediate", 1, 0.0),
        ("the second in a row waits a little", 2, 0.1),
        ("then twice as long", 3, 0.2),
        ("and again", 4, 0.4),
        ("never longer than the longest", 20, 10.0),
        ("however often it dies", 5000, 10.0),
    ],
)
def test_restart_delay(sentence: str, deaths: int, delay: float) -> None:
    assert restart_delay(deaths, Patience()) == pytest.approx(delay), sentence


RUN = """
import os, sys
from speaker.supervisor import Patience, Supervisor
patience = Patience(agent_stop=1.0, wire_stop=1.0)
child = lambda role: [
    os.environ.get(role.upper(), sys.executable), "-c", os.environ["CHILD"], role
]
sys.exit(Supervisor(child("agent"), child("wire"), dict(os.environ), patience).run())
"""
NOTE = """
import os, signal, sys, time
name = sys.argv[1]
def note(what):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{name} {what} {os.getpid()}\\n")
def bye(*_):
    note("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
note("started")
"""


class Supervised:
    def __init__(self, notes: Path, child: str, *, agent: Path | str = sys.executable) -> None:
        self.notes = notes
        given = {"CHILD": NOTE + child, "NOTES": str(notes), "AGENT": str(agent)}
        environment = {**os.environ, **given}
        self.process = subprocess.Popen([sys.executable, "-c", RUN], env=environment)

    def wait_for(self, what: str, times: int = 1) -> list[str]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = self.notes.read_text().splitlines() if self.notes.exists() else []
            if sum(line.startswith(what) for line in lines) >= times:
                return lines
            time.sleep(0.02)
        raise AssertionError(f"{what!r} did not come; {self.notes.read_text()}")

    def pid(self, name: str) -> int:
        lines = self.wait_for(f"{name} started")
        return int([line for line in lines if line.startswith(f"{name} started")][-1].split()[-1])


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def supervised(notes: Path) -> Iterator[Supervised]:
    made = Supervised(notes, "while True: time.sleep(60)")
    yield made
    made.process.terminate()
    made.process.wait(PATIENCE)


@pytest.mark.parametrize("victim", ["agent", "wire"])
def test_either_is_started_again_alone(supervised: Supervised, victim: str) -> None:
    survivor = {"agent": "wire", "wire": "agent"}[victim]
    alive = supervised.pid(survivor)

    os.kill(supervised.pid(victim), signal.SIGKILL)

    supervised.wait_for(f"{victim} started", times=2)
    assert supervised.pid(survivor) == alive


def test_the_wire_is_told_first_and_waits_for_nobody(notes: Path) -> None:
    slow = """
def stop(*_):
    note("stopped")
    if name == "agent":
        time.sleep(0.5)
        note("ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
"""
    supervised = Supervised(notes, slow + "while True: time.sleep(60)")
    supervised.pid("agent")
    supervised.pid("wire")

    supervised.process.terminate()

    assert supervised.process.wait(PATIENCE) == 0
    told = [" ".join(line.split()[:2]) for line in supervised.wait_for("agent ended")]
    assert told.index("wire stopped") < told.index("agent ended")


def test_one_that_will_not_end_is_killed_and_the_exit_code_says_so(notes: Path) -> None:
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nnote('deaf')\n"
    made = Supervised(notes, stubborn + "while True: time.sleep(60)")
    made.wait_for("agent deaf")
    made.wait_for("wire deaf")

    made.process.terminate()

    assert made.process.wait(PATIENCE) == 1


def test_a_datagram_sent_while_the_other_is_dead_waits_for_its_successor(notes: Path) -> None:
    child = """
import socket
end = socket.socket(fileno=int(os.environ["LBCTL_CHANNEL_FD"]))
if name == "wire" and os.environ["LBCTL_RESTARTS"] == "0":
    end.recv(100)
    sys.exit(1)
if name == "wire":
    note("heard " + end.recv(100).decode())
else:
    end.send(b"one")
    end.send(b"two")
while True: time.sleep(60)
"""
    made = Supervised(notes, child)

    made.wait_for("wire heard two")

    made.process.terminate()
    assert made.process.wait(PATIENCE) == 0


def test_settings_that_no_restart_mends_end_the_container(notes: Path) -> None:
    # It waits for the wire, which must be there to be stopped.
    child = """
if name == "agent":
    while "wire started" not in open(os.environ["NOTES"]).read():
        time.sleep(0.01)
    sys.exit(2)
"""
    made = Supervised(notes, child + "while True: time.sleep(60)")

    assert made.process.wait(PATIENCE) == 2
    lines = made.wait_for("agent started")
    assert sum(line.startswith("agent started") for line in lines) == 1, "it was tried once"
    made.wait_for("wire stopped")


def test_settings_that_turn_bad_later_leave_the_wire_alone(notes: Path) -> None:
    child = """
if name == "agent":
    sys.exit(1 if os.environ["LBCTL_RESTARTS"] == "0" else 2)
"""
    made = Supervised(notes, child + "while True: time.sleep(60)")
    wire = made.pid("wire")

    made.wait_for("agent started", times=4)

    assert made.pid("wire") == wire
    made.process.terminate()
    assert made.process.wait(PATIENCE) == 0


def test_a_process_that_cannot_be_started_leaves_the_other_alone(
    notes: Path, tmp_path: Path
) -> None:
    """As when the node has no memory left for a moment."""
    program = tmp_path / "agent"
    made = Supervised(notes, "while True: time.sleep(60)", agent=program)
    made.pid("wire")
    assert not notes.read_text().count("agent")

    program.symlink_to(sys.executable)

    made.wait_for("agent started")
    made.process.terminate()
    assert made.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("sentence", "script", "said"),
    [
        ("a table that is removed is nothing to speak of", "pass", False),
        ("one that the kernel keeps is named, with what removes it", "raise SystemExit(1)", True),
        ("and one whose removal hangs", "import time; time.sleep(600)", True),
    ],
)
def test_a_speaker_that_ends_says_when_it_leaves_its_table(
    caplog: pytest.LogCaptureFixture, sentence: str, script: str, *, said: bool
) -> None:
    remove_table([sys.executable, "-c", script], seconds=0.5 if "sleep" in script else PATIENCE)
    assert ("nft delete table inet lbctl" in caplog.text) is said, sentence
