"""The frames that the wire sends, read by scapy, and those that scapy sends, read by the wire."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speaker.wire import forge, templates
from speaker.wire.arp import BROADCAST, Operation, read
from speaker.wire.frames import ArpFrames
from speaker.wire.neighbors import Heard, Verdict, read_mac, show_mac
from tests.wire import frames

macs = st.binary(min_size=6, max_size=6).map(lambda mac: bytes([mac[0] & 0xFE, *mac[1:5], 7]))
addresses = st.binary(min_size=4, max_size=4)
OURS = b"\x02\x00\x00\x00\x00\xfe"


def dotted(address: bytes) -> str:
    return ".".join(map(str, address))


@pytest.fixture(scope="module")
def forged() -> templates.Templates:
    return templates.load(templates.forge())


@given(own=macs, peer=macs, address=addresses, peer_address=addresses)
def test_every_frame_is_what_scapy_builds(
    forged: templates.Templates, own: bytes, peer: bytes, address: bytes, peer_address: bytes
) -> None:
    made = ArpFrames.fill(forged.arp, own_mac=own, address=address)
    ours, theirs = dotted(address), dotted(peer_address)

    assert made.probe == frames.probe(own, ours)
    assert made.announcements[0] == frames.announcement(own, ours)
    assert made.announcements[1] == frames.gratuitous_reply(own, ours)
    assert made.answer(peer, peer_address) == frames.reply(own, ours, peer, theirs)


def test_a_reply_carries_nothing_of_the_reply_before(forged: templates.Templates) -> None:
    made = ArpFrames.fill(forged.arp, own_mac=OURS, address=b"\x0a\0\0\x01")
    first = bytes(made.answer(b"\x02\0\0\0\0\x01", b"\x0a\0\0\x02"))

    made.answer(b"\x02\0\0\0\0\x03", b"\x0a\0\0\x04")

    assert bytes(made.answer(b"\x02\0\0\0\0\x01", b"\x0a\0\0\x02")) == first


@given(src=macs, psrc=addresses, pdst=addresses, op=st.sampled_from(Operation))
def test_what_scapy_sends_is_read_back(src: bytes, psrc: bytes, pdst: bytes, op: Operation) -> None:
    frame = frames.arp(op=op, src=src, psrc=dotted(psrc), pdst=dotted(pdst))

    assert read(frame, len(frame), 1, OURS) == Heard(
        op is Operation.REQUEST, src, psrc, pdst, to_all=frame[:6] == BROADCAST
    )


@given(noise=st.binary(max_size=64), packet_type=st.integers(0, 7))
def test_noise_is_ignored_for_some_reason_and_never_a_fault(noise: bytes, packet_type: int) -> None:
    meaning = read(noise, len(noise), packet_type, OURS)

    assert isinstance(meaning, Verdict | Heard)


def test_other_ethertypes_are_named() -> None:
    frame = bytearray(frames.request(b"\x02\0\0\0\0\x01", "10.0.0.1", "10.0.0.2"))
    frame[12:14] = b"\x08\x00"

    assert read(frame, len(frame), 1, OURS) is Verdict.NOT_ARP


def change(kind: str, **values: Any) -> str:
    whole = json.loads(templates.forge())
    family, name = kind.split(" ")
    whole[family][name].update(values)
    return json.dumps(whole)


NDP_FIELDS: dict[str, list[int]] = {
    "own_mac": [], "peer_mac": [], "group": [], "address": [], "peer": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("nonsense is refused", "scapy says hello"),
        ("a missing kind is refused", "{}"),
        ("a frame of another length is refused", change("arp probe", frame="00" * 60)),
        (
            "an offset outside the frame is refused",
            change(
                "arp reply", fields={"own_mac": [40], "peer_mac": [0], "address": [1], "peer": [2]}
            ),
        ),
        ("the same of IPv6", change("ndp probe", frame="00" * 60)),
        (
            "an offset outside the frame is refused in IPv6 too",
            change("ndp poll", fields=NDP_FIELDS | {"address": [80]}),
        ),
        ("a frame that names no sender is refused", change("ndp poll", fields=NDP_FIELDS)),
        (
            "an advertisement to nobody is refused",
            change("ndp advertisement", fields=NDP_FIELDS | {"own_mac": [6], "address": [22]}),
        ),
        (
            "a reply to nobody is refused",
            change(
                "arp reply", fields={"own_mac": [6], "peer_mac": [], "address": [28], "peer": []}
            ),
        ),
    ],
)
def test_bad_templates_never_reach_the_wire(sentence: str, text: str) -> None:
    with pytest.raises(templates.BadTemplateError):
        templates.load(text)
    assert sentence


def test_marks_are_unique_in_every_frame() -> None:
    for name, frame in forge.arp_frames().items():
        assert len(frame) == 42, name
    for name, frame in forge.ndp_frames().items():
        assert len(frame) == (78 if name == "probe" else 86), name


@pytest.mark.parametrize("text", ["", "02:00", "02:00:00:00:00:zz", "02:00:00:00:00:00:01"])
def test_what_is_no_mac_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"MAC|fromhex"):
        read_mac(text)


def test_a_mac_is_read_as_it_is_shown() -> None:
    assert read_mac(show_mac(OURS)) == OURS
