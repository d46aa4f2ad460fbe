"""The questions of an audit: what they say on the wire, and which lines are refused."""

import json
import socket

import pytest

from speaker.audit import BadQuestionError, Question, questions_of
from speaker.wire import arp, ndp
from speaker.wire.neighbors import Heard, packed
from tests.wire import frames, ndp_frames

OURS = bytes([2, 0, 0, 0, 0, 11])
OTHER = bytes([2, 0, 0, 0, 0, 12])


def test_a_question_is_what_scapy_builds() -> None:
    made = arp.question(OURS, packed("172.31.9.11"), packed("172.31.9.100"))
    assert made == frames.request(OURS, "172.31.9.11", "172.31.9.100")


def test_a_solicitation_is_what_scapy_builds() -> None:
    made = ndp.question(OURS, packed("fe80::b"), packed("fd00:9::100"))
    assert made == ndp_frames.request(OURS, "fe80::b", "fd00:9::100")


@pytest.mark.parametrize(
    ("read", "made"),
    [
        (arp.read, arp.question(OURS, packed("172.31.9.11"), packed("172.31.9.100"))),
        (ndp.read, ndp.question(OURS, packed("fe80::b"), packed("fd00:9::100"))),
    ],
    ids=["ARP", "NDP"],
)
def test_speakers_take_it_for_a_question_by_somebody_and_not_for_a_probe(
    read: object, made: bytes
) -> None:
    assert callable(read)
    heard = read(made, len(made), socket.PACKET_BROADCAST, OTHER)
    assert isinstance(heard, Heard)
    assert heard.question
    assert any(heard.sender), "one without a sender could pass for a speaker that takes over"


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        ("nothing at all", ""),
        ("no JSON", "who has 172.31.9.100?"),
        ("no questions", "{}"),
        ("no address", {"address": "web", "interface": "lan0", "source": "172.31.9.11"}),
        ("no source", {"address": "172.31.9.100", "interface": "lan0"}),
        ("families differ", {"address": "fd00:9::1", "interface": "a", "source": "172.31.9.11"}),
    ],
)
def test_a_line_that_asks_nothing_is_refused(sentence: str, line: str | dict[str, str]) -> None:
    text = line if isinstance(line, str) else json.dumps({"questions": [line]})
    with pytest.raises(BadQuestionError):
        questions_of(text)
    assert sentence


def test_a_line_is_read() -> None:
    row = {"address": "172.31.9.100", "interface": "lan0", "source": "172.31.9.11"}
    assert questions_of(json.dumps({"questions": [row]})) == (Question(**row),)
