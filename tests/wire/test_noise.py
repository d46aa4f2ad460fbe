"""A LAN is full of other people's frames: none of them hurts, and none delays an answer."""

import multiprocessing
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import AF_PACKET, SOCK_RAW, socket

import pytest

from speaker.messages import State
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.tap import Tap
from tests.wire.wires import VIP, Wire

pytestmark = pytest.mark.root

CLIENT = bytes([2, 0, 0, 0, 0, 1])
STRANGER = bytes([2, 0, 0, 0, 0, 20])
ADDRESS = "172.31.9.1"
FRAMES_PER_SECOND = 20_000
_BATCH = 100


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


def test_frames_of_any_kind_are_counted_and_nothing_else(
    wire: Wire, tap: Tap, network: Network
) -> None:
    del network
    wire.hold(VIP)
    dice = random.Random(7)  # noqa: S311  # replayable
    before = sum(wire.ask().frames[INTERFACE].values())

    for _, frame in zip(range(2000), junk(dice, wire.host.mac), strict=False):
        tap.send(frame)
        tap.drain()

    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.reply(wire.host.mac, VIP, CLIENT, ADDRESS))
    counters = wire.ask()
    verdicts = counters.frames[INTERFACE]
    assert sum(verdicts.values()) > before + 1500, "the rest was for another MAC"
    assert {"too-short", "not-planned", "vlan-tagged", "not-ethernet-ipv4"} <= verdicts.keys()
    assert wire.reports[VIP].state is State.HOLDING
    assert counters.conflicts == 0


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


def latencies(tap: Tap, host: Host, count: int) -> list[float]:
    """Seconds from question to answer, one after the other."""
    found = []
    expected = frames.reply(host.mac, VIP, CLIENT, ADDRESS)
    for _ in range(count):
        began = time.perf_counter()
        tap.send(frames.request(CLIENT, ADDRESS, VIP))
        # A queue that is full is no fault: whoever asks asks again after a second (RFC 1122).
        with suppress(AssertionError):
            tap.wait_for(lambda frame: frame == expected, patience=1.0)
        found.append(time.perf_counter() - began)
        tap.frames.clear()
    return found


def test_a_flood_delays_no_answer(network: Network, wire: Wire, tap: Tap) -> None:
    wire.hold(VIP)
    stranger = network.host("stranger", 20)
    quiet = latencies(tap, wire.host, 300)
    heard_before, began = sum(wire.ask().frames[INTERFACE].values()), time.monotonic()

    with flooded(stranger, wire.host):
        loud = latencies(tap, wire.host, 300)

    heard = sum(wire.ask().frames[INTERFACE].values()) - heard_before
    rate = heard / (time.monotonic() - began)
    print(
        f"median {1e3 * statistics.median(quiet):.2f} ms in a quiet LAN, "
        f"{1e3 * statistics.median(loud):.2f} ms with {rate:.0f} frames a second besides; "
        f"99th percentile {1e3 * statistics.quantiles(quiet, n=100)[98]:.2f} and "
        f"{1e3 * statistics.quantiles(loud, n=100)[98]:.2f} ms"
    )
    # The goal is 5 ms; a machine that runs tests may be busy with more than one flood.
    assert statistics.median(loud) < 0.1
    assert wire.reports[VIP].state is State.HOLDING
