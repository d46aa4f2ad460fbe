"""`python -m speaker.wire`: the packet side, started by the supervisor.

LBCTL_CHANNEL_FD names the inherited end of the socket pair, LBCTL_RESTARTS says how often the
supervisor has started this process again. SIGTERM tells the peers at once, and ends the process as
soon as others have taken what it holds; a process that does not run does not answer, and that is
the whole of going silent.
"""

import gc
import logging
import os
import random
import signal
import socket
import sys
import time
from functools import partial
from types import FrameType

from speaker import logs
from speaker.wire.keeper import Keeper
from speaker.wire.liveness import Liveness
from speaker.wire.loop import ChannelClosedError, Loop, boot_clock
from speaker.wire.privileges import keep_net_raw_alone
from speaker.wire.scheduling import wake_soon
from speaker.wire.templates import from_environment
from speaker.wire.watch import Timings


def _stop(loop: Loop, signum: int, frame: FrameType | None) -> None:
    del signum, frame
    loop.stop()


def main() -> int:
    """Run until stopped; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure()
    if not wake_soon():
        logging.getLogger("speaker.wire").info("the kernel grants no short time slices")
    if not keep_net_raw_alone():
        logging.getLogger("speaker.wire").warning("the kernel takes no capability away")
    channel = socket.socket(fileno=int(os.environ["LBCTL_CHANNEL_FD"]))
    keeper = Keeper(
        from_environment(),
        Timings(),
        clock=boot_clock,
        wall_clock=time.time,
        chance=random.random,
    )
    liveness = Liveness(clock=boot_clock, wall_clock=time.time, chance=random.random)
    restarts = int(os.environ.get("LBCTL_RESTARTS", "0"))
    loop = Loop(channel, keeper, liveness, restarts=restarts)
    signal.signal(signal.SIGTERM, partial(_stop, loop))
    # What the start made lives for ever: the collector need not walk over it again.
    gc.collect()
    gc.freeze()
    try:
        loop.run()
    except ChannelClosedError:
        logging.getLogger("speaker.wire").warning("left alone: silent from now on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
