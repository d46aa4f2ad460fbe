"""Neighbour discovery: what the wire sends is what scapy builds; what it reads, and what not."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6NDOptUnknown,
    ICMPv6Unknown,
    IPv6ExtHdrHopByHop,
)

from speaker.wire import ndp, templates
from speaker.wire.frames import NdpFrames, solicitation
from speaker.wire.neighbors import PACKET_OTHERHOST, Heard, Verdict
from tests.wire import ndp_frames as frames

OURS = b"\x02\x00\x00\x00\x00\xfe"
CLIENT = b"\x02\x00\x00\x00\x00\x01"
VIP, PEER = "fd00:9::100", "fd00:9::1"
LINK_LOCAL = "fe80::1"
PACKET_HOST = 0

macs = st.binary(min_size=6, max_size=6).map(lambda mac: bytes([mac[0] & 0xFE, *mac[1:5], 7]))
addresses = st.binary(min_size=15, max_size=15).map(lambda tail: text(b"\x20" + tail))


def text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6, address)


def octets(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address)


def read(frame: bytes, packet_type: int = PACKET_HOST) -> Heard | Verdict:
    return ndp.read(frame, len(frame), packet_type, OURS)


@pytest.fixture(scope="module")
def forged() -> templates.NdpTemplates:
    return templates.load(templates.forge()).ndp


@given(own=macs, peer=macs, address=addresses, peer_address=addresses)
def test_every_frame_is_what_scapy_builds(
    forged: templates.NdpTemplates, own: bytes, peer: bytes, address: str, peer_address: str
) -> None:
    made = NdpFrames.fill(forged, own_mac=own, address=octets(address))
    theirs = octets(peer_address)

    assert made.probe == frames.probe(own, address)
    asked = frames.probe(own, address), frames.request(own, peer_address, address)
    assert made.questions(theirs) == asked
    assert made.announcements == (frames.announcement(own, address),)
    assert made.answer(peer, theirs) == frames.reply(own, address, peer, peer_address)
    assert made.poll(peer, theirs) == frames.poll(own, peer_address, address, peer)
    assert solicitation(forged, own_mac=own, source=theirs, address=octets(address)) == (
        frames.request(own, peer_address, address)
    )


def test_an_answer_carries_nothing_of_the_answer_before(forged: templates.NdpTemplates) -> None:
    made = NdpFrames.fill(forged, own_mac=OURS, address=octets(VIP))
    first = bytes(made.answer(CLIENT, octets(PEER)))

    made.answer(b"\x02\0\0\0\0\x03", octets("fd00:9::3"))

    assert bytes(made.answer(CLIENT, octets(PEER))) == first


def test_who_probes_is_answered_before_all_nodes(forged: templates.NdpTemplates) -> None:
    made = NdpFrames.fill(forged, own_mac=OURS, address=octets(VIP))

    assert made.answer(CLIENT, bytes(16)) == frames.announcement(OURS, VIP)


def test_without_an_address_of_our_own_nobody_asks(
    forged: templates.NdpTemplates,
) -> None:
    made = NdpFrames.fill(forged, own_mac=OURS, address=octets(VIP))

    poll = made.poll(CLIENT, b"")

    assert made.questions(b"") == (frames.probe(OURS, VIP),)
    assert poll == CLIENT + frames.probe(OURS, VIP)[6:]
    answered = ndp.read(poll, len(poll), PACKET_HOST, CLIENT)
    assert answered == Heard(True, OURS, bytes(16), octets(VIP), to_all=False)
    assert solicitation(forged, own_mac=OURS, source=b"", address=octets(VIP)) is None


def test_a_solicitation_byte_for_byte() -> None:
    frame = bytes.fromhex(
        "3333ff000100020000000001" "86dd"
        "600000000020" "3aff" "fd000009000000000000000000000001" "ff0200000000000000000001ff000100"
        "8700" "7b89" "00000000" "fd000009000000000000000000000100" "0101020000000001"
    )  # fmt: skip

    assert read(frame) == Heard(True, CLIENT, octets(PEER), octets(VIP), to_all=True)


@pytest.mark.parametrize(
    ("sentence", "frame", "meaning"),
    [
        (
            "a question to the group",
            frames.request(CLIENT, PEER, VIP),
            Heard(True, CLIENT, octets(PEER), octets(VIP), to_all=True),
        ),
        (
            "a question to us alone: a kernel looks whether we still answer",
            frames.unicast_request(CLIENT, PEER, VIP, OURS),
            Heard(True, CLIENT, octets(PEER), octets(VIP), to_all=False),
        ),
        (
            "a question without the sender's MAC: the frame has one",
            frames.solicitation(CLIENT, PEER, VIP),
            Heard(True, CLIENT, octets(PEER), octets(VIP), to_all=True),
        ),
        (
            "a probe comes from nobody",
            frames.probe(CLIENT, VIP),
            Heard(True, CLIENT, bytes(16), octets(VIP), to_all=True),
        ),
        (
            "an answer to us",
            frames.reply(CLIENT, VIP, OURS, PEER),
            Heard(False, CLIENT, octets(VIP), b"", to_all=False),
        ),
        (
            "an advertisement to all, which is also the answer to a probe",
            frames.announcement(CLIENT, VIP),
            Heard(False, CLIENT, octets(VIP), b"", to_all=True),
        ),
        (
            "the option's MAC, not the frame's: a proxy or a bond may send for another",
            frames.solicitation(CLIENT, PEER, VIP, told=b"\x02\0\0\0\0\x09"),
            Heard(True, b"\x02\0\0\0\0\x09", octets(PEER), octets(VIP), to_all=True),
        ),
        (
            "an option that we do not know is passed over, as RFC 4861 demands: here a nonce",
            frames.frame(
                ICMPv6ND_NS(tgt=VIP) / ICMPv6NDOptUnknown(type=14, len=1, data=b"abcdef"),
                src=CLIENT, dst=frames.group_mac(VIP), source="::", to=frames.group(VIP),
            ),
            Heard(True, CLIENT, bytes(16), octets(VIP), to_all=True),
        ),
    ],
)  # fmt: skip
def test_what_is_heard(sentence: str, frame: bytes, meaning: Heard) -> None:
    assert read(frame) == meaning, sentence


def ns(message: Any = None, **fields: Any) -> bytes:
    """A good question but for these fields."""
    message = message or ICMPv6ND_NS(tgt=VIP)
    told = {"dst": frames.group_mac(VIP), "source": PEER, "to": frames.group(VIP), "src": CLIENT}
    return frames.frame(message, **{**told, **fields})


def source_option(mac: str = "02:00:00:00:00:01", **fields: Any) -> Any:
    return ICMPv6ND_NS(tgt=VIP) / ICMPv6NDOptSrcLLAddr(lladdr=mac, **fields)


def changed(frame: bytes, at: int, value: bytes) -> bytes:
    return frame[:at] + value + frame[at + len(value) :]


GOOD = frames.request(CLIENT, PEER, VIP)
IGNORED = [
    ("cut off in the middle of the fields", GOOD[:70], Verdict.TOO_SHORT),
    ("cut off in the middle of the option", GOOD[:-1], Verdict.TOO_SHORT),
    ("a length that leaves no room for the target", ns(plen=20), Verdict.TOO_SHORT),
    ("another protocol", changed(GOOD, 12, b"\x08\x00"), Verdict.NOT_NDP),
    ("IP of another version", changed(GOOD, 14, b"\x40"), Verdict.NOT_NDP),
    ("a ping", ns(ICMPv6EchoRequest(data=b"x" * 32)), Verdict.NOT_NDP),
    (
        "a question behind an extension header",
        ns(IPv6ExtHdrHopByHop() / ICMPv6ND_NS(tgt=VIP)),
        Verdict.NOT_NDP,
    ),
    ("a question sent to another MAC", ns(dst=b"\x02\0\0\0\0\x77"), Verdict.NOT_FOR_US),
    ("our own frame, looped back", ns(src=OURS), Verdict.OWN_FRAME),
    ("our own MAC in a stranger's frame", ns(source_option(OURS.hex(":"))), Verdict.OWN_FRAME),
    ("it may have crossed a router", ns(hlim=254), Verdict.BAD_HOP_LIMIT),
    ("a wrong checksum", ns(ICMPv6ND_NS(tgt=VIP, cksum=1)), Verdict.BAD_CHECKSUM),
    ("a bit that fell over", changed(GOOD, 70, b"\x01"), Verdict.BAD_CHECKSUM),
    ("a code that there is not", ns(ICMPv6ND_NS(tgt=VIP, code=1)), Verdict.BAD_CODE),
    ("a question for a group", ns(ICMPv6ND_NS(tgt="ff02::1")), Verdict.BAD_TARGET),
    ("an option of length zero, which would never end", ns(source_option(len=0)),
     Verdict.BAD_OPTION),
    ("an option that runs out of the frame", ns(source_option(len=2)), Verdict.BAD_OPTION),
    (
        "a single octet after the last option",
        ns(ICMPv6ND_NS(tgt=VIP) / b"\x01"),
        Verdict.BAD_OPTION,
    ),
    (
        "a MAC that is longer than Ethernet's",
        ns(ICMPv6ND_NS(tgt=VIP) / ICMPv6NDOptUnknown(type=1, len=2, data=b"\x02" * 14)),
        Verdict.BAD_OPTION,
    ),
    ("a group as sender", ns(source="ff02::1"), Verdict.BAD_SOURCE),
    ("a probe that names a MAC", ns(source_option(), source="::"), Verdict.BAD_SOURCE),
    ("a probe to one host", ns(source="::", to=VIP), Verdict.BAD_SOURCE),
    ("an answer would be a broadcast", ns(source_option("ff:ff:ff:ff:ff:ff")),
     Verdict.BAD_SENDER),
    ("an answer would go nowhere", ns(source_option("00:00:00:00:00:00")), Verdict.BAD_SENDER),
    (
        "an answer to somebody's question, told to all",
        frames.advertisement(
            CLIENT, VIP, frames.ALL_NODES_MAC, frames.ALL_NODES, solicited=True
        ),
        Verdict.BAD_FLAGS,
    ),
    (
        "an advertisement of a group",
        ns(ICMPv6ND_NA(tgt="ff02::1"), dst=frames.ALL_NODES_MAC, to=frames.ALL_NODES),
        Verdict.BAD_TARGET,
    ),
    (
        "a redirect",
        ns(ICMPv6Unknown(type=137, msgbody=bytes(32))),
        Verdict.NOT_NDP,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "frame", "verdict"), IGNORED)
def test_ignored_for_a_named_reason(sentence: str, frame: bytes, verdict: Verdict) -> None:
    assert read(frame) is verdict, sentence


def test_a_frame_of_another_vlan_is_marked_by_the_kernel() -> None:
    assert read(GOOD, PACKET_OTHERHOST) is Verdict.VLAN_TAGGED


def test_what_follows_the_frame_in_the_buffer_is_not_read() -> None:
    bare = frames.solicitation(CLIENT, PEER, VIP)
    buffer = bytearray(bare + b"\x01\x01" + OURS)

    assert ndp.read(buffer, len(bare), PACKET_HOST, OURS) == read(bare)
    assert ndp.read(buffer, len(buffer), PACKET_HOST, OURS) == read(bare), "as padding is"


@given(src=macs, source=addresses, target=addresses, told=st.none() | macs)
def test_what_scapy_asks_is_read(src: bytes, source: str, target: str, told: bytes | None) -> None:
    frame = frames.solicitation(src, source, target, told=told)

    assert read(frame) == Heard(True, told or src, octets(source), octets(target), to_all=True)


@given(noise=st.binary(max_size=120), packet_type=st.integers(0, 7))
def test_noise_is_ignored_for_some_reason_and_never_a_fault(noise: bytes, packet_type: int) -> None:
    assert isinstance(read(noise, packet_type), Verdict)


@given(
    at=st.integers(0, len(GOOD) - 1), value=st.binary(min_size=1, max_size=8), repair=st.booleans()
)
def test_a_frame_with_some_octets_changed_is_read_or_refused_and_never_a_fault(
    at: int,
    value: bytes,
    repair: bool,  # noqa: FBT001  # drawn by hypothesis
) -> None:
    frame = bytearray(changed(GOOD, at, value))
    if repair:
        ndp.seal(frame)

    assert isinstance(read(bytes(frame)), Heard | Verdict)
