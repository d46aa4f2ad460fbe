"""`python -m speaker`: the container's command."""

import os
import signal
import subprocess
import sys
from typing import Final

from speaker import logs
from speaker.netfilter import TABLE_VARIABLE
from speaker.supervisor import SIGNALS, Supervisor, python
from speaker.wire import templates

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
        subprocess.run(python("speaker.netfilter"), check=False, timeout=_REMOVAL_SECONDS)
    return code


if __name__ == "__main__":
    sys.exit(main())
