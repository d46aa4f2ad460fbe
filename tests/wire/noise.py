"""What a LAN may be full of: other people's frames, and broken ones, at any rate."""

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import AF_PACKET, SOCK_RAW, socket

from tests.wire import frames
from tests.wire.network import INTERFACE, Host, inside
from tests.wire.wires import VIP

STRANGER = bytes([2, 0, 0, 0, 0, 20])
FRAMES_PER_SECOND = 20_000
_BATCH = 20


def junk(dice: random.Random, node: bytes) -> Iterator[bytes]:
    """Frames with ARP's EtherType that are no ARP, or not for us, without end."""
    good = frames.request(STRANGER, "172.31.9.20", VIP)
    while True:
        broken = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(14, len(broken))] = dice.randrange(256)
        # The sender's address is never the VIP: that would be a claim, and no junk.
        broken[28:32] = b"\xac\x1f\x09\x14"
        broken[6:12] = broken[22:28] = STRANGER
        yield bytes(broken)
        yield good[: dice.randint(15, 41)]
        yield good[:14] + dice.randbytes(28)[:14] + b"\0\0\0\0" + dice.randbytes(10)
        yield frames.request(STRANGER, "172.31.9.20", f"172.31.9.{dice.randint(102, 250)}")
        yield frames.arp(op=1, src=STRANGER, psrc="172.31.9.20", pdst=VIP, vlan=7)
        yield frames.request(STRANGER, "172.31.9.20", VIP, dst=bytes([2, 0, 0, 0, 9, 9]))
        yield node + STRANGER + b"\x08\x06" + dice.randbytes(dice.randint(1, 8))


def _flood(raw: socket, node: bytes, stop: "multiprocessing.synchronize.Event") -> None:
    dice = random.Random(7)  # noqa: S311  # replayable
    # To the node alone, or whoever measures would drown as well.
    burst = [node + frame[6:] for _, frame in zip(range(700), junk(dice, node), strict=False)]
    due, at = time.monotonic(), 0
    while not stop.is_set():
        for frame in burst[at : at + _BATCH]:
            raw.send(frame)
        at = (at + _BATCH) % len(burst)
        due += _BATCH / FRAMES_PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def flooded(host: Host, node: Host) -> Iterator[None]:
    """Somebody else on the LAN sends without a pause."""

    def opened() -> socket:
        raw = socket(AF_PACKET, SOCK_RAW, 0)
        raw.bind((INTERFACE, 0))
        return raw

    raw, stop = inside(host.namespace, opened), multiprocessing.Event()
    sender = multiprocessing.get_context("fork").Process(
        target=_flood, args=(raw, node.mac, stop), daemon=True
    )
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()
        raw.close()
