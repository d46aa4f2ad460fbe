"""`python -m speaker.wire`: the packet side, started by the supervisor.

LBCTL_CHANNEL_FD names the inherited end of the socket pair, LBCTL_RESTARTS says how often the
supervisor has started this process again. SIGTERM ends the process at once; a
process that does not run does not answer, and that is the whole of going silent.
"""

import gc
import logging
import os
import random
import signal
import socket
import sys
import time
from types import FrameType

from speaker import logs
from speaker.wire.holding import Timings
from speaker.wire.keeper import Keeper
from speaker.wire.loop import ChannelClosedError, Loop, boot_clock
from speaker.wire.templates import from_environment


def _stop(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    os._exit(0)


def main() -> int:
    """Run until stopped; the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure()
    channel = socket.socket(fileno=int(os.environ["LBCTL_CHANNEL_FD"]))
    keeper = Keeper(
        from_environment(),
        Timings(),
        clock=boot_clock,
        wall_clock=time.time,
        chance=random.random,
    )
    # What the start made lives for ever: the collector need not walk over it again.
    gc.collect()
    gc.freeze()
    try:
        Loop(channel, keeper, restarts=int(os.environ.get("LBCTL_RESTARTS", "0"))).run()
    except ChannelClosedError:
        logging.getLogger("speaker.wire").warning("left alone: silent from now on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
