"""`python -m speaker`: the container's command."""

import logging
import os
import signal
import subprocess
import sys
from typing import Final

from speaker import logs
from speaker.netfilter import TABLE_VARIABLE
from speaker.supervisor import SIGNALS, Supervisor, python
from speaker.wire import templates

_log: Final = logging.getLogger("speaker")
_REMOVAL_SECONDS: Final = 5.0


def main() -> int:
    """Forge the frames, then supervise; the exit code."""
    logs.configure()
    # Process 1 ignores a SIGTERM that it neither handles nor blocks: one that comes now must wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    # Forged once here, so that a wire that is started again answers without waiting for scapy.
    environment = {**os.environ, templates.VARIABLE: templates.forge()}
    code = Supervisor(
        agent_argv=python("speaker.agent"),
        wire_argv=python("speaker.wire"),
        environment=environment,
    ).run()
    if os.environ.get(TABLE_VARIABLE) == "true":
        # Others have taken the addresses by now, and nobody here changes the table any more.
        remove_table(python("speaker.netfilter"))
    return code


def remove_table(command: list[str], seconds: float = _REMOVAL_SECONDS) -> None:
    """Run what removes the node's table. When it fails, that is said, and the speaker ends."""
    try:
        code = subprocess.run(command, check=False, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        code = None
    if code != 0:
        _log.error("the table is left: `nft delete table inet lbctl` removes it, and a new start")


if __name__ == "__main__":
    sys.exit(main())
