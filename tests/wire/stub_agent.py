"""The smallest agent, as a program: gives every new wire the plan that LBCTL_TEST_PLAN holds."""

import os
import socket

from speaker.messages import (
    DATAGRAM_BYTES,
    Entry,
    Hello,
    Plan,
    Role,
    decode,
    encode,
    snapshot,
)
from speaker.supervisor import CHANNEL_VARIABLE


def main() -> None:
    channel = socket.socket(fileno=int(os.environ[CHANNEL_VARIABLE]))
    address, interface, mac = os.environ["LBCTL_TEST_PLAN"].split()
    entry = Entry(address, interface, ifindex=0, mac=mac, role=Role.CLAIM)
    while datagram := channel.recv(DATAGRAM_BYTES):
        if isinstance(decode(datagram), Hello):
            for message in snapshot(1, Plan((entry,))):
                channel.send(encode(message))


if __name__ == "__main__":
    main()
