"""Daemons are recorded so that nobody else is ever ended, and end for certain."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.processes import (
    Record,
    Supervisor,
    marked,
    parse_start_time,
    signal_group,
    start_time,
)
from tests.lab.waiting import wait_until

FIELDS = "S 1 2 3 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 98765 1000 10"


@pytest.mark.parametrize(
    ("stat", "started", "rule"),
    [
        (f"42 (sh) {FIELDS}", 98765, "field 22"),
        (f"42 (a) b (c)) {FIELDS}", 98765, "a name may hold blanks and parentheses"),
        (f"42 (sh) {FIELDS.replace('S', 'Z', 1)}", None, "a zombie has ended"),
        (f"42 (sh) {FIELDS.replace('S', 'X', 1)}", None, "so has a dead one"),
        (
            f"42 (sh) {FIELDS.replace('S', 'Z', 1).replace('20 0 1', '20 0 7')}",
            98765,
            "a zombie whose threads still end keeps its ports: it has not ended",
        ),
    ],
)
def test_start_time_is_read_from_the_right_field(stat: str, started: int, rule: str) -> None:
    assert parse_start_time(stat) == started, rule


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, tmp_path / "processes", tmp_path / "log")
    yield supervisor
    supervisor.sweep()


def test_a_record_survives_its_file() -> None:
    record = Record("etcd", 7, 123, ("etcd", "--x"), "/log")

    assert Record.from_json(record.to_json()) == record


def test_a_daemon_runs_in_its_own_session_logs_and_ends(supervisor: Supervisor) -> None:
    record = supervisor.start("speaker", ["sh", "-c", "echo hello; exec sleep 1000"])

    assert record.alive()
    assert os.getsid(record.pid) == record.pid
    assert wait_until(lambda: Path(record.log).read_text() == "hello\n")
    supervisor.stop("speaker")
    assert not record.alive()
    assert supervisor.all() == []


def test_a_daemon_that_ignores_sigterm_is_killed(supervisor: Supervisor) -> None:
    record = supervisor.start(
        "deaf", ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"]
    )
    assert wait_until(lambda: Path(record.log).read_text() == "up\n")

    supervisor.stop("deaf", grace=0.2)

    assert not record.alive()


def test_a_stopped_daemon_can_be_ended(supervisor: Supervisor) -> None:
    record = supervisor.start("frozen", ["sleep", "1000"])
    signal_group(record.pid, signal.SIGSTOP)

    supervisor.stop("frozen")

    assert not record.alive()


def test_a_stranger_with_the_same_pid_is_left_alone(supervisor: Supervisor) -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        began = start_time(stranger.pid)
        assert began is not None
        supervisor.records.mkdir()
        stale = Record("etcd", stranger.pid, began - 1, ("etcd",), "")
        (supervisor.records / "etcd.json").write_text(stale.to_json())

        supervisor.stop("etcd")

        assert stranger.poll() is None
        assert supervisor.find("etcd") is None
        stranger.kill()


def test_what_was_never_recorded_is_found_by_its_marker(supervisor: Supervisor) -> None:
    record = supervisor.start("lost", ["sleep", "1000"])
    (supervisor.records / "lost.json").unlink()
    # posix_spawn returns a moment before the kernel shows the new program's environment.
    assert wait_until(lambda: marked(supervisor.state) == [record.pid])

    supervisor.sweep()

    assert not record.alive()


def test_two_daemons_of_one_name_are_refused(supervisor: Supervisor) -> None:
    supervisor.start("etcd", ["sleep", "1000"])

    with pytest.raises(LabError, match="etcd runs already"):
        supervisor.start("etcd", ["sleep", "1000"])
    supervisor.stop("etcd")


def test_a_missing_program_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(LabError, match="cannot start etcd: /nowhere/etcd not found"):
        supervisor.start("etcd", ["/nowhere/etcd"])


def test_an_early_end_is_explained_by_the_log(supervisor: Supervisor) -> None:
    record = supervisor.start("etcd", ["sh", "-c", "echo no space left; exit 1"])
    assert wait_until(lambda: not record.alive())

    assert "no space left" in supervisor.why_ended("etcd")
