"""What rtnetlink says of an interface, on recorded messages."""

import pytest

from speaker.wire.links import carrier_in

# Recorded from a veth pair, the other end up and then down: `ip monitor`'s bytes, the attributes
# cut off after the name. nlmsghdr (length, type 16, flags, sequence, port), ifinfomsg, IFLA_IFNAME.
HEADER = "2c000000 1000 0000 01000000 00000000"
NAME = "0900 0300 6c616e3000 000000"
UP = bytes.fromhex(f"{HEADER} 00 00 0100 07000000 43100100 00000000 {NAME}")
NO_CARRIER = bytes.fromhex(f"{HEADER} 00 00 0100 07000000 03100000 00000000 {NAME}")
GONE = bytes.fromhex(f"{HEADER.replace('1000', '1100', 1)} 00 00 0100 07000000 02100000 ffffffff")


@pytest.mark.parametrize(
    ("sentence", "message", "said"),
    [
        ("up, and its link too", UP, True),
        ("up, and nobody at the other end", NO_CARRIER, False),
        ("a message about its end says nothing of a carrier", GONE, None),
        ("an error says nothing", bytes.fromhex("24000000 0200 0000 01000000 00000000") * 2, None),
        ("a message that was cut", UP[:20], None),
        ("nothing", b"", None),
    ],
)
def test_whether_there_is_a_carrier(sentence: str, message: bytes, said: bool | None) -> None:  # noqa: FBT001  # a row of a table
    assert carrier_in(message, 7) is said, sentence


def test_another_interfaces_carrier_is_not_ours() -> None:
    assert carrier_in(UP, 8) is None
