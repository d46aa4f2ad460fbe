"""The ring of received frames, and the queue where there is no memory for one."""

import mmap
import select
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from speaker.wire.ring import SLOTS, Ring
from speaker.wire.sockets import FRAME_BUFFER_BYTES, PacketSocket
from tests.wire import frames
from tests.wire.network import INTERFACE, Host, Network, inside
from tests.wire.tap import PATIENCE, Tap

pytestmark = pytest.mark.root

CLIENT = bytes([2, 0, 0, 0, 0, 1])


@pytest.fixture
def node(network: Network) -> Host:
    return network.host("node", 11)


@pytest.fixture
def ear(node: Host, tap: Tap) -> Iterator[PacketSocket]:
    with listening(node, tap) as opened:
        yield opened


@contextmanager
def listening(node: Host, tap: Tap) -> Iterator[PacketSocket]:
    """A socket on a LAN that passes frames: a switch takes a moment to begin."""
    with closing(inside(node.namespace, lambda: PacketSocket.open(INTERFACE))) as opened:
        deadline, number, heard = time.monotonic() + PATIENCE, 0, list[bytes]()
        last = ask(tap, node, number)
        # Until the last question is heard: then nothing that was asked here comes later.
        while last not in heard:
            assert time.monotonic() < deadline
            if heard or not select.select([opened], [], [], 0.2)[0]:
                number += 1
                last = ask(tap, node, number)
            heard = received(opened)
        yield opened


def ask(tap: Tap, node: Host, number: int) -> bytes:
    """A question that is like no other."""
    frame = frames.request(CLIENT, f"10.{number >> 8 & 255}.{number & 255}.9", "172.31.9.100")
    tap.send(node.mac + frame[6:])
    return node.mac + frame[6:]


def received(ear: PacketSocket) -> list[bytes]:
    buffer, found = bytearray(FRAME_BUFFER_BYTES), []
    while (one := ear.receive_into(buffer)) is not None:
        length, _ = one
        found.append(bytes(buffer[:length]))
    return found


def test_a_burst_that_no_queue_would_hold_is_heard_in_order(
    ear: PacketSocket, node: Host, tap: Tap
) -> None:
    for turn in range(3):  # so that the end of the ring is passed
        sent = [ask(tap, node, turn << 12 | number) for number in range(SLOTS - 100)]
        assert received(ear) == sent
    assert ear.drops() == 0


def test_what_finds_no_slot_is_counted(ear: PacketSocket, node: Host, tap: Tap) -> None:
    sent = [ask(tap, node, number) for number in range(SLOTS + 7)]

    assert received(ear) == sent[:SLOTS]
    assert ear.drops() == 7
    assert received(ear) == []
    assert [ask(tap, node, 1)] == received(ear), "and it goes on"


def test_an_interface_that_goes_down_is_an_error_and_no_silence(
    ear: PacketSocket, node: Host
) -> None:
    node.ip("link", "set", INTERFACE, "down")

    with pytest.raises(OSError, match="down"):
        received(ear)


@pytest.mark.parametrize("refused", ["the ring", "its mapping"])
def test_without_memory_for_a_ring_the_queue_will_do(
    refused: str, node: Host, tap: Tap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    if refused == "the ring":
        monkeypatch.setattr(Ring, "of", refuse)
    else:
        monkeypatch.setattr(mmap, "mmap", refuse)
    with listening(node, tap) as ear:
        sent = [ask(tap, node, number) for number in range(50)]

        assert received(ear) == sent
