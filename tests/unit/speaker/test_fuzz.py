"""Whatever a LAN, a neighbour or a broken process sends: every reader names a verdict and lives."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speaker.messages import BadMessageError, Entry, Hello, Plan, Role, decode, encode, snapshot
from speaker.wire import arp, bfd, ndp
from speaker.wire.bfd import Packet, Phase
from speaker.wire.neighbors import Heard, Verdict
from tests.unit.speaker.simulation import VIP, Lan
from tests.wire import frames, ndp_frames

OURS, CLIENT = b"\x02\0\0\0\0\x0b", b"\x02\0\0\0\0\x77"
HOST, BROADCASTED, OTHER_HOST = 0, 1, 3

GOLDEN_ARP = [
    frames.request(CLIENT, "10.9.0.9", VIP),
    frames.request(CLIENT, "10.9.0.9", VIP, dst=OURS),
    frames.probe(CLIENT, VIP),
    frames.announcement(CLIENT, VIP),
    frames.gratuitous_reply(CLIENT, VIP),
    frames.reply(CLIENT, VIP, OURS, "10.9.0.1"),
    frames.arp(op=1, src=CLIENT, psrc="10.9.0.9", pdst=VIP, vlan=7),
]
GOLDEN_NDP = [
    ndp_frames.probe(CLIENT, "fd00:9::100"),
    ndp_frames.announcement(CLIENT, "fd00:9::100"),
    ndp_frames.reply(CLIENT, "fd00:9::100", OURS, "fe80::b"),
]
GOLDEN_BFD = [
    bfd.write(
        Packet(
            phase=phase, my_discriminator=7, your_discriminator=9, desired_min_tx=100_000,
            required_min_rx=100_000, multiplier=3,
        )
    )
    for phase in Phase
]  # fmt: skip
GOLDEN_MESSAGES = [
    encode(Hello(pid=1)),
    *map(encode, snapshot(1, Plan((Entry(VIP, "eth0", 2, "", Role.CLAIM, 1, ("n1", "n2")),)))),
]


def mutated(golden: list[bytes]) -> st.SearchStrategy[bytes]:
    """A good frame with bytes overwritten, cut off, put in or appended."""
    edits = st.lists(
        st.tuples(
            st.sampled_from(["set", "cut", "insert", "append"]),
            st.integers(0, 200),
            st.binary(min_size=1, max_size=8),
        ),
        max_size=4,
    )
    return st.builds(_edited, st.sampled_from(golden), edits) | st.binary(max_size=128)


def _edited(frame: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    changed = bytearray(frame)
    for what, where, new in edits:
        at = where % (len(changed) + 1)
        match what:
            case "set":
                changed[at : at + len(new)] = new
            case "cut":
                del changed[at:]
            case "insert":
                changed[at:at] = new
            case _:
                changed += new
    return bytes(changed)


Reader = Callable[[bytes, int, int, bytes], Heard | Verdict]


@pytest.mark.parametrize(("read", "golden"), [(arp.read, GOLDEN_ARP), (ndp.read, GOLDEN_NDP)])
def test_the_good_frames_are_understood(read: Reader, golden: list[bytes]) -> None:
    understood = [read(frame, len(frame), HOST, OURS) for frame in golden]

    assert sum(isinstance(each, Heard) for each in understood) >= len(golden) - 1


@settings(max_examples=500)
@given(
    frame=mutated(GOLDEN_ARP + GOLDEN_NDP), kind=st.sampled_from([HOST, BROADCASTED, OTHER_HOST])
)
def test_a_frame_is_understood_or_named(frame: bytes, kind: int) -> None:
    for read in (arp.read, ndp.read):
        # The buffer of the loop is longer than the frame, and holds the rest of an older one.
        buffer = bytearray(frame + GOLDEN_ARP[0])
        found = read(buffer, len(frame), kind, OURS)

        assert isinstance(found, Heard | Verdict)
        assert not isinstance(found, Heard) or found.mac != OURS, "our own says nothing"


@settings(max_examples=500)
@given(packet=mutated(GOLDEN_BFD))
def test_a_packet_is_understood_or_named(packet: bytes) -> None:
    assert isinstance(bfd.read(packet), Packet | bfd.Verdict)


@settings(max_examples=500)
@given(datagram=mutated(GOLDEN_MESSAGES))
@example(datagram=b"[" * 100_000)
@example(datagram=b'{"kind":["hello"]}')
@example(datagram=b'{"kind":{}}')
@example(datagram=b'{"kind":"hello","pid":1e999}')
def test_a_message_is_understood_or_refused(datagram: bytes) -> None:
    try:
        decode(datagram)
    except BadMessageError:
        return


@settings(max_examples=50, deadline=None)
@given(seen=st.lists(mutated(GOLDEN_ARP), max_size=30), packets=st.lists(mutated(GOLDEN_BFD)))
def test_a_holder_that_is_fed_anything_lives_and_answers(
    seen: list[bytes], packets: list[bytes]
) -> None:
    lan = Lan(2, seed=1)
    lan.run(2.0)
    holder = lan.holders[0]

    holder.frames.extend(frame for frame in seen if frame)
    holder.datagrams.extend((packet, 255, "10.9.0.2") for packet in packets)
    holder.turn()
    lan.run(15.0)

    assert len(lan.holders) == 1
