"""Wire and agent under the real supervisor: either dies alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from speaker.wire import templates
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, enter
from tests.wire.tap import PATIENCE, Tap
from tests.wire.wires import VIP

pytestmark = pytest.mark.root

CLIENT = bytes([2, 0, 0, 0, 0, 1])
ADDRESS = "172.31.9.1"
PROGRAM = """
import os, sys
from speaker.supervisor import Supervisor, python
agent, wire = python("tests.wire.stub_agent"), python("speaker.wire")
sys.exit(Supervisor(agent, wire, dict(os.environ)).run())
"""


class Speaker:
    def __init__(self, host: Host, forged: str) -> None:
        self.host = host
        environment = {
            **os.environ,
            templates.VARIABLE: forged,
            "LBCTL_TEST_PLAN": f"{VIP} {INTERFACE} {host.mac.hex(':')}",
        }
        self.process = subprocess.Popen(
            enter(host.namespace, sys.executable, "-c", PROGRAM), env=environment
        )

    def pid_of(self, module: str, *, other_than: int = 0) -> int:
        """The child that runs this module, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while time.monotonic() < deadline:
            for pid in map(int, children.read_text().split()):
                if pid != other_than and module in Path(f"/proc/{pid}/cmdline").read_text():
                    return pid
        raise AssertionError(f"no child runs {module}")


@pytest.fixture
def speaker(network: Network, forged: str) -> Iterator[Speaker]:
    started = Speaker(network.host("node", 11), forged)
    yield started
    if started.process.poll() is None:
        started.process.terminate()
    started.process.wait(PATIENCE)


def announced(tap: Tap, host: Host) -> None:
    tap.wait_for(lambda frame: frame == frames.announcement(host.mac, VIP))


def answers(tap: Tap, host: Host) -> None:
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.reply(host.mac, VIP, CLIENT, ADDRESS))


def test_a_wire_that_was_killed_is_silent_and_comes_back_asking(speaker: Speaker, tap: Tap) -> None:
    announced(tap, speaker.host)
    answers(tap, speaker.host)
    first = speaker.pid_of("speaker.wire")
    tap.frames.clear()

    os.kill(first, signal.SIGKILL)
    assert speaker.pid_of("speaker.wire", other_than=first)
    tap.wait_for(lambda frame: frame == frames.probe(speaker.host.mac, VIP))
    announced(tap, speaker.host)

    answers(tap, speaker.host)


def test_the_wire_goes_on_while_its_agent_dies(speaker: Speaker, tap: Tap) -> None:
    announced(tap, speaker.host)
    wire, agent = speaker.pid_of("speaker.wire"), speaker.pid_of("stub_agent")

    os.kill(agent, signal.SIGKILL)
    answers(tap, speaker.host)
    assert speaker.pid_of("stub_agent", other_than=agent)

    answers(tap, speaker.host)
    assert speaker.pid_of("speaker.wire") == wire


def test_sigterm_silences_and_ends_with_success(speaker: Speaker, tap: Tap) -> None:
    announced(tap, speaker.host)

    speaker.process.terminate()

    assert speaker.process.wait(PATIENCE) == 0


def test_a_wire_whose_supervisor_was_killed_ends(speaker: Speaker, tap: Tap) -> None:
    announced(tap, speaker.host)
    wire, agent = speaker.pid_of("speaker.wire"), speaker.pid_of("stub_agent")

    speaker.process.kill()
    speaker.process.wait()
    deadline = time.monotonic() + PATIENCE
    # Orphans go to another parent, which may take its time to collect them.
    while any(_runs(pid) for pid in (wire, agent)) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not _runs(wire)
    assert not _runs(agent)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
