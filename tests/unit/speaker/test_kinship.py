"""Who is a speaker, and who is next, as one plan tells it."""

import pytest

from speaker.messages import Entry, Kin, Peer, Plan, Role
from speaker.wire.kinship import Kinship

TWO, THREE = b"\x02\0\0\0\0\x02", b"\x02\0\0\0\0\x03"
PEERS = (
    Peer("n2", "10.0.0.2", TWO.hex(":"), "eth0"),
    Peer("n3", "10.0.0.3", THREE.hex(":"), "eth0"),
    Peer("n4", "10.0.0.4", "", "eth0"),
    Peer("n5", "10.1.0.5", "02:00:00:00:00:05", "eth1"),
)
KINSHIP = Kinship(Plan(node="n1", peers=PEERS))


def entry(
    *succession: str,
    outgoing: str | None = None,
    serving: bool = True,
    holder: str | None = None,
) -> Entry:
    return Entry(
        "10.0.0.100", "eth0", 2, "", Role.CLAIM, 0, succession,
        outgoing=outgoing, serving=serving, holder=holder,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "planned", "all_known"),
    [
        ("all of the succession are partners", entry("n1", "n2", "n3"), True),
        ("alone there is nobody else", entry("n1"), True),
        ("a plan of before says nothing of others", entry(), False),
        ("a partner whose MAC is not known", entry("n1", "n4"), False),
        ("a node that is no partner", entry("n1", "n9"), False),
        ("a partner on another LAN", entry("n1", "n5"), False),
        ("a holder that is no partner", entry("n1", "n2", holder="n9"), False),
        ("an outgoing one that is no partner", entry("n1", outgoing="n9"), False),
    ],
)
def test_strangers_are_known_only_where_all_speakers_are(
    *, sentence: str, planned: Entry, all_known: bool
) -> None:
    kin = KINSHIP.kin(planned)

    assert (kin is not None) is all_known, sentence
    assert kin is None or {TWO, THREE} < kin


@pytest.mark.parametrize(
    ("sentence", "planned", "hands_over", "heirs"),
    [
        ("no move: to nobody", entry("n1", "n2", "n3"), False, (TWO, THREE)),
        ("a planned move has one heir", entry("n3", "n1", "n2", outgoing="n1"), True, (THREE,)),
        ("who leaves the plan has one too", entry("n2", "n3", outgoing="n1"), True, (TWO,)),
        ("another one hands over", entry("n1", "n2", outgoing="n2"), False, (TWO,)),
        ("who cannot serve asks all in turn", entry("n1", "n2", "n3", serving=False), True,
         (TWO, THREE)),
        ("there is nobody else", entry("n1", serving=False), False, ()),
        ("an heir whose MAC is not known", entry("n4", "n1", outgoing="n1"), True, (b"",)),
    ],
)  # fmt: skip
def test_to_whom_an_address_is_offered(
    *, sentence: str, planned: Entry, hands_over: bool, heirs: tuple[bytes, ...]
) -> None:
    assert (KINSHIP.hands_over(planned), KINSHIP.heirs(planned)) == (hands_over, heirs), sentence


ACQUAINTED = Kinship(
    Plan(
        node="n1",
        peers=PEERS,
        kin=(
            Kin("n9", "eth0", "02:00:00:00:00:09"),
            Kin("n5", "eth0", "02:00:00:00:01:05"),
            Kin("n4", "eth0", "02:00:00:00:00:04"),
        ),
    )
)


@pytest.mark.parametrize(
    ("sentence", "planned"),
    [
        ("a node that is no partner", entry("n1", "n2", "n9")),
        ("a partner on another LAN alone", entry("n1", "n5")),
        ("a partner whose MAC the operator does not know", entry("n1", "n4")),
        ("an outgoing one that is no partner", entry("n1", outgoing="n9")),
    ],
)
def test_who_is_no_partner_may_be_known_as_well(sentence: str, planned: Entry) -> None:
    kin = ACQUAINTED.kin(planned)

    assert kin is not None, sentence
    assert {TWO, THREE, bytes([2, 0, 0, 0, 0, 9]), bytes([2, 0, 0, 0, 1, 5])} <= kin


def test_an_address_is_offered_to_one_that_is_no_partner() -> None:
    move = entry("n9", "n1", outgoing="n1")

    assert ACQUAINTED.heirs(move) == (bytes([2, 0, 0, 0, 0, 9]),)


def test_who_comes_earlier_and_who_later() -> None:
    planned = entry("n2", "n9", "n1", "n3", "n8")

    assert ACQUAINTED.before(planned) == (TWO, bytes([2, 0, 0, 0, 0, 9]))
    assert ACQUAINTED.behind(planned) == {THREE}, "n8 is not known"
    leaves = entry("n2", "n3", outgoing="n1")
    assert (ACQUAINTED.before(leaves), ACQUAINTED.behind(leaves)) == ((), frozenset())
