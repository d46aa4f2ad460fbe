"""Pings to addresses that are held: the answer, byte for byte, and why there is none."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether

from speaker.wire import echo
from speaker.wire.neighbors import PACKET_OTHERHOST, Verdict, packed

NODE, CLIENT = "02:00:00:00:00:0b", "02:00:00:00:00:01"
OWN = bytes.fromhex(NODE.replace(":", ""))
VIP, ASKING = {4: "192.0.2.100", 6: "2001:db8::64"}, {4: "198.51.100.1", 6: "2001:db8:1::1"}
LAYOUTS = {4: echo.IPV4, 6: echo.IPV6}
FAMILIES = (4, 6)


def request(
    family: int, payload: bytes = b"abc", *, src: str = "", dst: str = "",
    by: str = CLIENT, to: str = NODE,
) -> bytes:  # fmt: skip
    frame = Ether(src=by, dst=to)
    ends = {"src": src or ASKING[family], "dst": dst or VIP[family]}
    if family == 4:
        header = IP(**ends, ttl=7, tos=0x28, id=99)
        return bytes(frame / header / ICMP(type=8, id=7, seq=9) / payload)
    header = IPv6(**ends, hlim=7, tc=0x28, fl=0x12345)
    return bytes(frame / header / ICMPv6EchoRequest(id=7, seq=9, data=payload))


def reply(family: int, payload: bytes) -> bytes:
    frame = Ether(src=NODE, dst=CLIENT)
    ends = {"src": VIP[family], "dst": ASKING[family]}
    if family == 4:
        header = IP(**ends, ttl=64, tos=0x28, id=0, flags="DF")
        return bytes(frame / header / ICMP(type=0, id=7, seq=9) / payload)
    header = IPv6(**ends, hlim=64, tc=0x28, fl=0)
    return bytes(frame / header / ICMPv6EchoReply(id=7, seq=9, data=payload))


def answer(frame: bytes, family: int, packet_type: int = 0) -> Any:
    buffer = bytearray(frame + bytes(100))
    is_held = {packed(VIP[family])}.__contains__
    made = echo.answer(
        LAYOUTS[family], buffer, len(frame), packet_type, own_mac=OWN, answers=is_held
    )
    return made if isinstance(made, Verdict) else bytes(made)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("payload", [b"", b"a", b"\xff\xff", bytes(range(56)), bytes(8972)])
def test_the_answer_is_what_a_kernel_would_say(family: int, payload: bytes) -> None:
    assert answer(request(family, payload), family) == reply(family, payload)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("data", range(0, 65_536, 4_369))
def test_a_checksum_comes_right_whatever_it_was(family: int, data: int) -> None:
    payload = data.to_bytes(2, "big")
    assert answer(request(family, payload), family) == reply(family, payload)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_is_not_sent_back(family: int) -> None:
    assert answer(request(family, b"a") + bytes(17), family) == reply(family, b"a")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("rule", "change", "verdict"),
    [
        ("other addresses are the kernel's", {"dst": "other"}, Verdict.ECHO_FOR_OTHERS),
        ("another host's", {"to": "02:00:00:00:00:0c"}, Verdict.NOT_FOR_US),
        ("a broadcast is answered by nobody", {"to": "ff:ff:ff:ff:ff:ff"},
         Verdict.NOT_FOR_US),
        ("a MAC that no host has", {"by": "01:00:5e:00:00:01"}, Verdict.BAD_SENDER),
        ("nobody asks", {"src": "nobody"}, Verdict.BAD_SOURCE),
        ("a group asks", {"src": "group"}, Verdict.BAD_SOURCE),
        ("it asks itself", {"src": "vip"}, Verdict.BAD_SOURCE),
    ],
)  # fmt: skip
def test_what_is_not_answered(
    family: int, rule: str, change: dict[str, str], verdict: Verdict
) -> None:
    names = {
        4: {"other": "192.0.2.1", "nobody": "0.0.0.0", "group": "224.0.0.1", "vip": VIP[4]},
        6: {"other": "2001:db8::1", "nobody": "::", "group": "ff02::1", "vip": VIP[6]},
    }
    given: dict[str, Any] = {name: names[family].get(one, one) for name, one in change.items()}
    assert answer(request(family, **given), family) is verdict, rule


@pytest.mark.parametrize("family", FAMILIES)
def test_another_lan_on_the_same_cable_is_not_answered(family: int) -> None:
    assert answer(request(family), family, PACKET_OTHERHOST) is Verdict.VLAN_TAGGED


@pytest.mark.parametrize("family", FAMILIES)
def test_no_cut_of_a_frame_is_answered(family: int) -> None:
    whole = request(family)
    for length in range(len(whole)):
        assert answer(whole[:length], family) is Verdict.TOO_SHORT or length < 14
