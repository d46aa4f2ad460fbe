"""The frames that the wire sends, read by scapy, and those that scapy sends, read by the wire."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speaker.wire import forge, templates
from speaker.wire.arp import BROADCAST, Arp, Operation, Verdict, read, read_mac, show_mac
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
    made = templates.frames_for(forged, own_mac=own, address=address)
    ours, theirs = dotted(address), dotted(peer_address)

    assert made.probe == frames.probe(own, ours)
    assert made.announcements[0] == frames.announcement(own, ours)
    assert made.announcements[1] == frames.gratuitous_reply(own, ours)
    assert made.answer(peer, peer_address) == frames.reply(own, ours, peer, theirs)


def test_a_reply_carries_nothing_of_the_reply_before(forged: templates.Templates) -> None:
    made = templates.frames_for(forged, own_mac=OURS, address=b"\x0a\0\0\x01")
    first = bytes(made.answer(b"\x02\0\0\0\0\x01", b"\x0a\0\0\x02"))

    made.answer(b"\x02\0\0\0\0\x03", b"\x0a\0\0\x04")

    assert bytes(made.answer(b"\x02\0\0\0\0\x01", b"\x0a\0\0\x02")) == first


@given(src=macs, psrc=addresses, pdst=addresses, op=st.sampled_from(Operation))
def test_what_scapy_sends_is_read_back(src: bytes, psrc: bytes, pdst: bytes, op: Operation) -> None:
    frame = frames.arp(op=op, src=src, psrc=dotted(psrc), pdst=dotted(pdst))

    assert read(frame, len(frame), 1, OURS) == Arp(
        op, src, psrc, pdst, broadcast=frame[:6] == BROADCAST
    )


@given(noise=st.binary(max_size=64), packet_type=st.integers(0, 7))
def test_noise_is_ignored_for_some_reason_and_never_a_fault(noise: bytes, packet_type: int) -> None:
    meaning = read(noise, len(noise), packet_type, OURS)

    assert isinstance(meaning, Verdict | Arp)


def test_other_ethertypes_are_named() -> None:
    frame = bytearray(frames.request(b"\x02\0\0\0\0\x01", "10.0.0.1", "10.0.0.2"))
    frame[12:14] = b"\x08\x00"

    assert read(frame, len(frame), 1, OURS) is Verdict.NOT_ARP


def change(kind: str, **values: Any) -> str:
    whole = json.loads(templates.forge())
    whole[kind].update(values)
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("nonsense is refused", "scapy says hello"),
        ("a missing kind is refused", "{}"),
        ("a frame of another length is refused", change("probe", frame="00" * 60)),
        (
            "an offset outside the frame is refused",
            change("reply", fields={"own_mac": [40], "peer_mac": [0], "address": [1], "peer": [2]}),
        ),
        (
            "a reply to nobody is refused",
            change("reply", fields={"own_mac": [6], "peer_mac": [], "address": [28], "peer": []}),
        ),
    ],
)
def test_bad_templates_never_reach_the_wire(sentence: str, text: str) -> None:
    with pytest.raises(templates.BadTemplateError):
        templates.load(text)
    assert sentence


def test_marks_are_unique_in_every_frame() -> None:
    for name, frame in forge.frames().items():
        assert len(frame) == 42, name


@pytest.mark.parametrize("text", ["", "02:00", "02:00:00:00:00:zz", "02:00:00:00:00:00:01"])
def test_what_is_no_mac_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"MAC|fromhex"):
        read_mac(text)


def test_a_mac_is_read_as_it_is_shown() -> None:
    assert read_mac(show_mac(OURS)) == OURS
