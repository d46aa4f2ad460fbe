"""Netlink messages: what is sent has the form that the kernel reads, what comes back is read."""

import struct
from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speaker.netfilter.attributes import attribute, attributes, nested, number, text
from speaker.netfilter.contents import Contents, changes
from speaker.netfilter.messages import (
    HEADER,
    Answer,
    BadAnswerError,
    Found,
    Kind,
    add,
    answers,
    batch,
    create,
    elements,
    kept,
    question,
)
from speaker.netfilter.rewrites import Behaviour
from speaker.netfilter.table import table


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40))))
def test_attributes_are_read_as_they_were_written(written: list[tuple[int, bytes]]) -> None:
    assert list(attributes(b"".join(attribute(*each) for each in written))) == written


def test_an_attribute_that_holds_others_is_marked_so() -> None:
    made = nested(3, text(1, "a"), number(2, -310))
    assert made[2:4] == struct.pack("=H", 0x8003)
    ((_, inside),) = attributes(made)
    assert dict(attributes(inside)) == {1: b"a\0", 2: (-310).to_bytes(4, "big", signed=True)}


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_more_than_be_refused(garbage: bytes) -> None:
    with suppress(ValueError):
        list(attributes(garbage))
    with suppress(ValueError, KeyError):
        for each in answers(garbage):
            list(elements(each.body))


def headers(datagram: bytes) -> list[tuple[int, int, int]]:
    """Type, flags and sequence number of each message."""
    found, at = [], 0
    while at < len(datagram):
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, at)
        assert length % 4 == 0, "the next message would begin elsewhere"
        found.append((kind, flags, sequence))
        at += length
    return found


def test_a_batch_is_framed_and_asks_for_one_answer() -> None:
    operations = list(create(table(Behaviour((ip_address("192.0.2.1"),)))))
    said = headers(batch(operations))
    assert (said[0][0], said[-1][0]) == (0x10, 0x11)
    assert [sequence for _, _, sequence in said] == list(range(len(operations) + 2))
    asking = [sequence for _, flags, sequence in said if flags & 4]
    assert asking == [len(operations)]


def test_a_table_is_deleted_in_the_step_that_makes_it() -> None:
    kinds = [each.kind for each in create(table(Behaviour((ip_address("192.0.2.1"),))))]
    assert kinds[:3] == [Kind.NEW_TABLE, Kind.DELETE_TABLE, Kind.NEW_TABLE]
    # A rule may look anything up and go to any chain, so these come first.
    order = [Kind.NEW_SET, Kind.NEW_CHAIN, Kind.NEW_RULE]
    assert kinds[3:] == sorted(kinds[3:], key=order.index)


def test_thousands_of_elements_are_told_in_parts() -> None:
    many = {number.to_bytes(24, "big"): b"\0\1" for number in range(5_000)}
    operations = list(add("lbctl", "ports6", many))
    assert len(operations) == 10
    assert sum(int(each.about.split()[0]) for each in operations) == 5_000
    assert max(len(each.payload) for each in operations) < 0xFFFF
    assert list(add("lbctl", "ports6", {})) == []


def reply(kind: int, body: bytes, *, flags: int = 0, sequence: int = 7) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


@pytest.mark.parametrize(
    ("datagram", "wanted"),
    [
        (reply(2, struct.pack("=i", 0)), Answer(7, error=0, last=True)),
        (reply(2, struct.pack("=i", -17)), Answer(7, error=17, last=True)),
        (reply(3, b"\0\0\0\0"), Answer(7, last=True)),
        (reply(3, b"\0\0\0\0", flags=0x10), Answer(7, last=True, interrupted=True)),
        (reply(0xA0C, b"\1\0\0\0abcd"), Answer(7, b"abcd")),
    ],
    ids=["done", "refused", "end", "interrupted", "body"],
)
def test_what_the_kernel_answers(datagram: bytes, wanted: Answer) -> None:
    assert list(answers(datagram)) == [wanted]
    assert list(answers(datagram * 2)) == [wanted] * 2


def test_half_a_message_is_refused() -> None:
    with pytest.raises(BadAnswerError):
        list(answers(reply(0xA0C, b"\1\0\0\0abcd")[:-2]))


def test_an_element_with_its_counter() -> None:
    """As the kernel tells it: key, data, and the counter's bytes before its packets."""
    counter = nested(
        2, attribute(1, (900).to_bytes(8, "big")), attribute(2, (3).to_bytes(8, "big"))
    )
    element = nested(
        1,
        nested(1, attribute(1, b"key!")),
        nested(2, attribute(1, b"data")),
        nested(7, text(1, "counter"), counter),
    )
    plain = nested(1, nested(1, attribute(1, b"bare")))
    body = text(1, "lbctl") + nested(3, element, plain)
    assert dict(elements(body)) == {b"key!": Found(b"data", 3, 900), b"bare": Found()}
    assert kept(body, (2, 1)) == (b"", b"lbctl\0")


def test_a_question_for_the_generation_is_no_dump() -> None:
    ((_, flags, sequence),) = headers(question(Kind.GET_GENERATION, 5))
    assert (flags, sequence) == (1, 5)
    ((_, flags, _),) = headers(question(Kind.GET_ELEMENTS, 5, table="lbctl", name="held4"))
    assert flags == 0x301


# ---------------------------------------------------------------------- changes

sets = st.dictionaries(st.binary(min_size=1, max_size=2), st.binary(max_size=1), max_size=6)


@given(sets, sets)
def test_changes_make_the_one_of_the_other(
    before: dict[bytes, bytes], after: dict[bytes, bytes]
) -> None:
    state: Contents = {"one": dict(before)}
    for change in changes({"one": before}, {"one": after}):
        for key in change.remove:
            del state["one"][key]
        assert not state["one"].keys() & change.add.keys(), "the kernel takes no key twice"
        state["one"].update(change.add)
    assert state == {"one": after}
