"""`python -m speaker`: the container's command."""

import os
import signal
import sys

from speaker import logs
from speaker.supervisor import SIGNALS, Supervisor, python
from speaker.wire import templates


def main() -> int:
    """Forge the frames, then supervise; the exit code."""
    logs.configure()
    # Process 1 ignores a SIGTERM that it neither handles nor blocks: one that comes now must wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    # Forged once here, so that a wire that is started again answers without waiting for scapy.
    environment = {**os.environ, templates.VARIABLE: templates.forge()}
    return Supervisor(
        agent_argv=python("speaker.agent"),
        wire_argv=python("speaker.wire"),
        environment=environment,
    ).run()


if __name__ == "__main__":
    sys.exit(main())
