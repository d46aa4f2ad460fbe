"""Another controller's speaker on a node, as MetalLB's: a raw socket and the node's own MAC.

A program of its own, `other_speaker.py INTERFACE ADDRESS`, so that it can run on a node of the lab.
It says `answering`, then answers ARP requests for the address until it is killed.
"""

import socket
import sys

_ARP = 0x0806
_REQUEST, _REPLY = b"\0\1", b"\0\2"
_HEADER = b"\x08\x06\0\1\x08\0\6\4"
"""EtherType ARP, and that this is about Ethernet and IPv4."""


def main() -> None:
    interface, address = sys.argv[1], socket.inet_aton(sys.argv[2])
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((interface, _ARP))
    own = raw.getsockname()[4]
    print("answering", flush=True)
    while True:
        frame = raw.recv(2048)
        asker, target = frame[22:32], frame[38:42]
        if frame[20:22] == _REQUEST and target == address:
            raw.send(asker[:6] + own + _HEADER + _REPLY + own + address + asker)


if __name__ == "__main__":
    main()
