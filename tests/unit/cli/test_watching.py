"""With `-w`, and on a terminal: as a process, because that is what a person starts."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lbctl.kube.objects import SERVICES
from tests.unit.cli import clusters
from tests.unit.cli.server import Server

ROOT = Path(__file__).parents[3]


def start(
    config: Path,
    *arguments: str,
    out: int = subprocess.PIPE,
    err: int = subprocess.DEVNULL,
    **variables: str,
) -> subprocess.Popen[str]:
    environment = {**os.environ, "KUBECONFIG": str(config), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    return subprocess.Popen(
        [sys.executable, "-m", "lbctl", *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        stdout=out,
        stderr=err,
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


def test_what_is_gone_is_waited_for_and_told_once(config: Path, server: Server) -> None:
    whole = server.snapshot
    with start(config, "explain", "service", "web", "-w", err=subprocess.PIPE) as process:
        first_with(process, "service shop/web")
        server.snapshot = clusters.without(whole, SERVICES)
        assert process.stderr is not None
        assert "there is no Service web" in process.stderr.readline()
        asked = len(server.requests)
        while len(server.requests) < asked + 40:  # It looked again, and again in vain.
            time.sleep(0.05)
        server.snapshot = clusters.dead(whole, "n1")
        first_with(process, "n1 held it and has been silent")
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
        assert process.wait() == 0


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal(
    config: Path,
    variables: dict[str, str],
    coloured: bool,  # noqa: FBT001 - a row
) -> None:
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as reading:
        with start(config, "status", out=theirs, err=subprocess.DEVNULL, **variables) as process:
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
