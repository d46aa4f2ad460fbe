"""The words between agent and wire."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speaker.messages import (
    ENTRIES_PER_PART,
    PART_BYTES,
    AddressReport,
    Assembler,
    BadMessageError,
    Bfd,
    Counters,
    Entry,
    Hello,
    Kin,
    Message,
    Peer,
    PeerReport,
    PeersReport,
    PeerState,
    Plan,
    PlanBegin,
    PlanEnd,
    PlanPart,
    Report,
    ReportRequest,
    Role,
    decode,
    encode,
    snapshot,
)


def entry(number: int) -> Entry:
    address, mac = f"10.0.{number // 256}.{number % 256}", "02:00:00:00:00:01"
    return Entry(address, "eth0", 2, mac, Role.CLAIM, 0, ("n1", "n2", "n3"), "n1")


KINDS = (PlanBegin, PlanEnd, ReportRequest, Hello)
seconds = st.floats(allow_nan=False)
counters = st.builds(
    replace, st.from_type(Counters), failover_seconds=seconds, round_trip_seconds=seconds
)
entries = st.builds(
    Entry,
    succession=st.lists(st.text(), max_size=3).map(tuple),
    holder=st.none() | st.text(),
    outgoing=st.none() | st.text(),
    serving=st.booleans(),
    burst=st.none() | st.lists(seconds, max_size=3).map(tuple),
    refresh=st.none() | seconds,
)
reports = st.builds(
    AddressReport,
    generation=st.integers(),
    by_mac=st.none() | st.text(),
    interface=st.none() | st.text(),
    mac=st.none() | st.text(),
    since=seconds,
    claimed_by=st.none() | st.text(),
    claims=st.integers(),
)
peer_reports = st.builds(
    PeerReport,
    state=st.sampled_from(PeerState),
    since=seconds,
    remote_state=st.text(),
    diagnostic=st.text(),
    heard=st.booleans(),
    interface=st.text(),
    address=st.text(),
    answers=st.none() | st.booleans(),
)
messages = st.one_of(
    *map(st.from_type, KINDS),
    counters,
    st.builds(PlanPart, entries=st.lists(entries, max_size=3).map(tuple)),
    st.builds(Report, addresses=st.lists(reports, max_size=4).map(tuple)),
    st.builds(PeersReport, peers=st.lists(peer_reports, max_size=4).map(tuple)),
)


@given(message=messages)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"kind":"x"}',
        b'{"kind":"hello"}',
        b'{"kind":"plan-part","id":1}',
        b'{"kind":"plan-part","id":1,"entries":[{"role":"king"}]}',
        b'{"kind":"plan-part","id":1,"entries":[["10.0.0.1","eth0",2,"","king",0]]}',
        b'{"kind":"plan-part","id":1,"entries":[["10.0.0.1"]]}',
        b'{"kind":"plan-part","id":1,"entries":[["10.0.0.1","eth0",2,"","claim",0,null,null]]}',
        b'{"kind":"plan-begin","id":1,"count":0}',
        b'{"kind":"plan-begin","id":1,"count":0,"bfd":{"port":1,"speed":2},"peers":[],"kin":[]}',
        b'{"kind":"plan-begin","id":1,"count":0,"bfd":{},"peers":[["n1"]],"kin":[]}',
        b'{"kind":"plan-begin","id":1,"count":0,"bfd":{},"peers":[],"kin":[["n1"]]}',
        b'{"kind":"peers-report","peers":[["n1","happy"]]}',
        b'{"kind":"report","addresses":[["10.0.0.1","happy"]]}',
        b'{"kind":"report","addresses":[["10.0.0.1","idle",0,null,null,null,0.0,null,0,"more"]]}',
        b'{"kind":"plan-part","id":1,"entries":[["10.0.0.1","eth0",2,"","claim",0,[],null]]}',
    ],
)
def test_what_is_no_message_is_refused(datagram: bytes) -> None:
    with pytest.raises(BadMessageError):
        decode(datagram)


PEERS = (
    Peer("n2", "10.1.0.2", "02:00:00:00:00:02", "eth0"),
    Peer("n3", "10.1.0.3", "02:00:00:00:00:03", "eth0"),
)


@pytest.mark.parametrize("count", [0, 1, ENTRIES_PER_PART, ENTRIES_PER_PART + 1, 1000])
def test_a_plan_of_any_length_arrives_whole(count: int) -> None:
    entries, kin = tuple(entry(number) for number in range(count)), (Kin("n4", "eth0", "x"),)
    plan = Plan(entries, "n1", Bfd(port=3790), PEERS, kin)
    assembler = Assembler()

    *parts, last = [assembler.feed(message) for message in snapshot(7, plan)]  # type: ignore[arg-type]  # a snapshot has no request

    assert set(parts) <= {None}
    assert last == plan


def test_long_successions_are_spread_over_more_datagrams() -> None:
    names = tuple(f"{at:03}" + "n" * 250 for at in range(16))
    entries = tuple(replace(entry(number), succession=names) for number in range(300))

    messages = snapshot(1, Plan(entries))

    assert sum(len(m.entries) for m in messages if isinstance(m, PlanPart)) == 300
    assert max(len(encode(message)) for message in messages) < 1.2 * PART_BYTES


@pytest.mark.parametrize(
    ("sentence", "arriving"),
    [
        ("an end without a beginning", [PlanEnd(1)]),
        ("a part without a beginning", [PlanPart(1, (entry(1),)), PlanEnd(1)]),
        ("a part is missing", [PlanBegin(1, 2), PlanPart(1, (entry(1),)), PlanEnd(1)]),
        ("the end of another plan", [PlanBegin(1, 0), PlanEnd(2)]),
        ("a part of another plan", [PlanBegin(2, 1), PlanPart(1, (entry(1),)), PlanEnd(2)]),
        ("the same end twice", [PlanBegin(1, 1), PlanEnd(1), PlanEnd(1)]),
    ],
)
def test_half_a_plan_is_no_plan(
    sentence: str, arriving: list[PlanBegin | PlanPart | PlanEnd]
) -> None:
    assembler = Assembler()

    assert [assembler.feed(message) for message in arriving] == [None] * len(arriving), sentence


def test_a_new_beginning_forgets_the_old_one() -> None:
    assembler = Assembler()
    for message in (PlanBegin(1, 2), PlanPart(1, (entry(1),)), PlanBegin(2, 1)):
        assembler.feed(message)

    assert assembler.feed(PlanPart(2, (entry(2),))) is None
    assert assembler.feed(PlanEnd(2)) == Plan((entry(2),))
