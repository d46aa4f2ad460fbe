"""What is answered, with which bytes, and why the rest is not."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.wire import frames
from tests.wire.network import Network
from tests.wire.tap import Tap
from tests.wire.wires import OTHER_VIP, VIP, Wire

pytestmark = pytest.mark.root

CLIENT = bytes([2, 0, 0, 0, 0, 1])
NODE = bytes([2, 0, 0, 0, 0, 11])
STRANGER = bytes([2, 0, 0, 0, 0, 77])
ADDRESS = "172.31.9.1"


def replies_until_barrier(tap: Tap) -> list[bytes]:
    """Unicast frames that come before the answer to a last question.

    The wire deals with frames in their order, so what it did not send by then it will not send.
    """
    tap.send(frames.request(CLIENT, "172.31.9.250", OTHER_VIP))
    last = frames.reply(NODE, OTHER_VIP, CLIENT, "172.31.9.250")
    tap.wait_for(lambda frame: frame == last)
    seen, tap.frames = tap.frames[:-1], []
    return [frame for frame in seen if frame[:6] != frames.BROADCAST]


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "a broadcast request is answered by unicast",
            frames.request(CLIENT, ADDRESS, VIP),
            frames.reply(NODE, VIP, CLIENT, ADDRESS),
        ),
        (
            "a unicast request, as a kernel sends to refresh its cache, is answered",
            frames.request(CLIENT, ADDRESS, VIP, dst=NODE),
            frames.reply(NODE, VIP, CLIENT, ADDRESS),
        ),
        (
            "an RFC 5227 probe is answered: the address is taken",
            frames.probe(CLIENT, VIP),
            frames.reply(NODE, VIP, CLIENT, "0.0.0.0"),
        ),
        (
            "a priority tag (VLAN 0) is not a VLAN",
            frames.arp(op=1, src=CLIENT, psrc=ADDRESS, pdst=VIP, vlan=0),
            frames.reply(NODE, VIP, CLIENT, ADDRESS),
        ),
    ],
)
def test_exactly_one_reply(
    wire: Wire, tap: Tap, sentence: str, question: bytes, answer: bytes
) -> None:
    wire.hold(VIP, OTHER_VIP)

    tap.send(question)

    assert replies_until_barrier(tap) == [answer], sentence


def test_the_fields_as_scapy_reads_them(wire: Wire, tap: Tap) -> None:
    wire.hold(VIP, OTHER_VIP)

    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    (answer,) = replies_until_barrier(tap)

    ether, arp = frames.dissect(answer)
    assert (ether.src, ether.dst) == (NODE.hex(":"), CLIENT.hex(":"))
    assert (arp.op, arp.hwsrc, arp.psrc) == (2, NODE.hex(":"), VIP)
    assert (arp.hwdst, arp.pdst) == (CLIENT.hex(":"), ADDRESS)


@dataclass(frozen=True)
class Ignored:
    sentence: str
    frame: bytes
    verdict: str


def ask(**fields: object) -> bytes:
    """A good request but for these fields."""
    return frames.arp(**{"op": 1, "src": CLIENT, "psrc": ADDRESS, "pdst": VIP, **fields})  # type: ignore[arg-type]  # rows vary any field


IGNORED = [
    Ignored("a request for an address that nobody planned", ask(pdst="172.31.9.9"), "not-planned"),
    Ignored("a request sent to another MAC", ask(dst=STRANGER), "not-for-us"),
    Ignored("a request sent to a multicast group", ask(dst=b"\x01\0\x5e\0\0\1"), "not-for-us"),
    Ignored("a frame of another VLAN", ask(vlan=10), "vlan-tagged"),
    Ignored("our own frame, looped back", ask(src=NODE, psrc=VIP), "own-frame"),
    Ignored("cut off in the middle", ask()[:30], "too-short"),
    Ignored("ARP for another protocol", ask(ptype=0x86DD), "not-ethernet-ipv4"),
    Ignored("ARP for another kind of hardware", ask(hwtype=6), "not-ethernet-ipv4"),
    Ignored("ARP with addresses of another length", ask(plen=16), "not-ethernet-ipv4"),
    Ignored("an operation that is neither", ask(op=8), "unknown-operation"),
    Ignored("an answer would be a broadcast", ask(hwsrc="ff:ff:ff:ff:ff:ff"), "bad-sender"),
    Ignored("an answer would go nowhere", ask(hwsrc="00:00:00:00:00:00"), "bad-sender"),
    Ignored("an answer between others", ask(op=2, pdst="172.31.9.9"), "reply"),
    Ignored("a reply that names our address as its target", ask(op=2), "reply"),
]


@pytest.mark.parametrize("row", IGNORED, ids=lambda row: row.sentence)
def test_ignored_for_a_named_reason(wire: Wire, tap: Tap, row: Ignored) -> None:
    wire.hold(VIP, OTHER_VIP)
    before = wire.ask().frames["lan0"].get(row.verdict, 0)

    tap.send(row.frame)

    assert replies_until_barrier(tap) == []
    assert wire.ask().frames["lan0"].get(row.verdict, 0) == before + 1


def test_net_raw_is_the_only_capability_it_needs(network: Network, tap: Tap, forged: str) -> None:
    only = ("setpriv", "--no-new-privs", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw")
    with closing(Wire(network.host("node", 11), forged, *only)) as wire:
        wire.hold(VIP, OTHER_VIP)
        status = Path(f"/proc/{wire.process.pid}/status").read_text()
        tap.send(frames.request(CLIENT, ADDRESS, VIP))

        assert replies_until_barrier(tap) == [frames.reply(NODE, VIP, CLIENT, ADDRESS)]
        assert "CapEff:\t0000000000002000" in status, "CAP_NET_RAW is bit 13"


def test_it_gives_up_every_other_capability(wire: Wire) -> None:
    """The container may have NET_ADMIN for the agent's table; this one here has all there are."""
    wire.hold(VIP)
    status = Path(f"/proc/{wire.process.pid}/status").read_text()
    for kind in ("CapEff", "CapPrm"):
        assert f"{kind}:\t0000000000002000" in status, "CAP_NET_RAW is bit 13"


def test_an_address_that_left_the_plan_is_silent(wire: Wire, tap: Tap) -> None:
    wire.hold(VIP, OTHER_VIP)
    wire.hold(OTHER_VIP)
    wire.ask()

    tap.send(frames.request(CLIENT, ADDRESS, VIP))

    assert replies_until_barrier(tap) == []


def test_a_claim_by_a_higher_mac_is_met_by_a_new_burst(wire: Wire, tap: Tap) -> None:
    wire.hold(VIP, OTHER_VIP)

    tap.send(frames.announcement(STRANGER, VIP))

    tap.wait_for(lambda frame: frame == frames.announcement(NODE, VIP))
    tap.wait_for(lambda frame: frame == frames.gratuitous_reply(NODE, VIP))
    assert wire.ask().conflicts == 1
