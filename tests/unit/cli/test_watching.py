"""With `-w`, and on a terminal: as a process, because that is what a person starts."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli import clusters
from tests.unit.cli.server import Server

ROOT = Path(__file__).parents[3]


def start(
    config: Path, *arguments: str, out: int = subprocess.PIPE, **variables: str
) -> subprocess.Popen[str]:
    environment = {**os.environ, "KUBECONFIG": str(config), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    return subprocess.Popen(
        [sys.executable, "-m", "lbctl", *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        stdout=out,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture
def following(config: Path) -> Iterator[subprocess.Popen[str]]:
    with start(config, "status", "-w") as process:
        yield process
        process.kill()


def first_with(process: subprocess.Popen[str], word: str) -> str:
    """Read on until a line says it; how long that takes is the machine's affair."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"it ended without a word of {word}")


def test_what_changes_is_printed_again(following: subprocess.Popen[str], server: Server) -> None:
    first_with(following, "all is well")
    server.snapshot = clusters.dead(server.snapshot, "n1")
    assert "broken" in first_with(following, "broken")
    server.snapshot = clusters.healthy()
    first_with(following, "all is well")
    following.send_signal(signal.SIGINT)
    assert following.wait() == 0


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal(
    config: Path,
    variables: dict[str, str],
    coloured: bool,  # noqa: FBT001 - a row
) -> None:
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as reading:
        with start(config, "status", out=theirs, **variables) as process:
            os.close(theirs)
            printed = b""
            try:
                while chunk := reading.read(4096):
                    printed += chunk
            except OSError:
                pass  # the terminal is closed when the command ends (EIO)
        assert process.returncode == 0
    text = printed.decode()
    assert "all is well" in text
    assert ("\x1b[32m" in text or "\x1b[1;32m" in text) is coloured
