"""IPv6 on real packets: what is answered, who takes, and what the kernels of others make of it."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from speaker.messages import Role, State
from speaker.wire.loop import STALL_SECONDS, TICK_SECONDS
from speaker.wire.watch import Timings
from tests.wire import frames as arp_frames
from tests.wire import ndp_frames as frames
from tests.wire.network import INTERFACE, Host, Network, enter, inside, run
from tests.wire.tap import PATIENCE, NdpTap
from tests.wire.wires import Wire, entry, peer6, ranked

pytestmark = pytest.mark.root

WireStarter = Callable[[Host], Wire]

VIP, OTHER_VIP, NOBODYS = "fd00:9::100", "fd00:9::101", "fd00:9::1ee"
CLIENT = bytes([2, 0, 0, 0, 0, 1])
NODE = bytes([2, 0, 0, 0, 0, 11])
LINK_LOCAL = "fe80::ff:fe00:b"
"""The node's."""
STRANGER = bytes([2, 0, 0, 0, 0, 77])
ADDRESS, ANOTHER_ADDRESS = "fd00:9::1", "fd00:9::fa"


@pytest.fixture
def client(network: Network, client: Host) -> Host:
    network.speak_ipv6(client)
    return client


@pytest.fixture
def tap(client: Host) -> Iterator[NdpTap]:
    with closing(NdpTap(client)) as opened:
        yield opened


@pytest.fixture
def node(network: Network) -> Callable[[int], Host]:
    """A host that speaks IPv6."""

    def made(number: int) -> Host:
        host = network.host(f"n{number}", 10 + number)
        network.speak_ipv6(host)
        return host

    return made


@pytest.fixture
def wire(node: Callable[[int], Host], start_wire: WireStarter) -> Wire:
    return start_wire(node(1))


def replies_until_barrier(tap: NdpTap) -> list[bytes]:
    """Advertisements that come before the answer to a last question.

    The wire deals with frames in their order, so what it did not send by then it will not send.
    """
    tap.send(frames.request(CLIENT, ANOTHER_ADDRESS, OTHER_VIP))
    last = frames.reply(NODE, OTHER_VIP, CLIENT, ANOTHER_ADDRESS)
    tap.wait_for(lambda frame: frame == last)
    seen, tap.frames = tap.frames[:-1], []
    return seen


def quiet(wire: Wire, tap: NdpTap) -> None:
    """Hold both addresses, and wait until their bursts are over."""
    wire.hold(VIP, OTHER_VIP)
    announcements = [frames.announcement(NODE, address) for address in (VIP, OTHER_VIP)]
    while min(map(tap.frames.count, announcements)) <= len(Timings().burst):
        tap.wait_for(lambda frame: frame in announcements)
    tap.frames = []


ANSWERED = [
    (
        "a question to the group is answered by unicast",
        frames.request(CLIENT, ADDRESS, VIP),
        frames.reply(NODE, VIP, CLIENT, ADDRESS),
    ),
    (
        "a question without the asker's MAC is answered to the frame's",
        frames.solicitation(CLIENT, ADDRESS, VIP),
        frames.reply(NODE, VIP, CLIENT, ADDRESS),
    ),
    (
        "a question to us alone, as a kernel sends to refresh its cache, is answered",
        frames.unicast_request(CLIENT, ADDRESS, VIP, NODE),
        frames.reply(NODE, VIP, CLIENT, ADDRESS),
    ),
    (
        "who probes for the address has none: all nodes are told",
        frames.probe(CLIENT, VIP),
        frames.announcement(NODE, VIP),
    ),
    (
        "a priority tag (VLAN 0) is not a VLAN",
        frames.solicitation(CLIENT, ADDRESS, VIP, told=CLIENT, vlan=0),
        frames.reply(NODE, VIP, CLIENT, ADDRESS),
    ),
]


def test_exactly_one_answer(wire: Wire, tap: NdpTap) -> None:
    quiet(wire, tap)
    for sentence, question, answer in ANSWERED:
        tap.send(question)

        assert replies_until_barrier(tap) == [answer], sentence


@dataclass(frozen=True)
class Ignored:
    sentence: str
    frame: bytes
    verdict: str


def ask(**fields: object) -> bytes:
    """A good question but for these fields."""
    told = {"src": CLIENT, "source": ADDRESS, "target": VIP, "told": CLIENT, **fields}
    return frames.solicitation(**told)  # type: ignore[arg-type]  # rows vary any field


def broken(at: int) -> bytes:
    frame = bytearray(ask())
    frame[at] ^= 1
    return bytes(frame)


IGNORED = [
    Ignored("for an address that nobody planned", ask(target="fd00:9::1fe"), "not-planned"),
    Ignored("sent to another MAC", ask(dst=STRANGER), "not-for-us"),
    Ignored("a frame of another VLAN", ask(vlan=10), "vlan-tagged"),
    Ignored("our own frame, looped back", ask(src=NODE, told=NODE), "own-frame"),
    Ignored("it may have crossed a router", ask(hlim=64), "bad-hop-limit"),
    Ignored("a bit fell over on the way", broken(70), "bad-checksum"),
    Ignored("an answer would be a broadcast", ask(told=b"\xff" * 6), "bad-sender"),
    Ignored("a probe that names a MAC", ask(source="::"), "bad-source"),
    Ignored(
        "an answer between others",
        frames.reply(CLIENT, "fd00:9::1fe", NODE, "fd00:9::b"),
        "reply",
    ),
]


def test_ignored_for_a_named_reason(wire: Wire, tap: NdpTap) -> None:
    quiet(wire, tap)
    for row in IGNORED:
        before = wire.ask().frames[INTERFACE].get(row.verdict, 0)

        tap.send(row.frame)

        assert replies_until_barrier(tap) == [], row.sentence
        assert wire.ask().frames[INTERFACE].get(row.verdict, 0) == before + 1, row.sentence


def test_other_traffic_does_not_reach_the_wire(wire: Wire, tap: NdpTap, client: Host) -> None:
    quiet(wire, tap)
    before = sum(wire.ask().frames[INTERFACE].values())

    run(*enter(client.namespace, "ping", "-6", "-c3", "-i0.2", wire.host.address6))
    with closing(
        inside(client.namespace, lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    ) as udp:
        for _ in range(200):
            udp.sendto(b"x" * 64, (wire.host.address6, 9))

    # The two kernels may have asked for each other; nothing of the 203 packets was looked at.
    assert sum(wire.ask().frames[INTERFACE].values()) - before < 20


def test_net_raw_is_the_only_capability_it_needs(
    node: Callable[[int], Host], tap: NdpTap, forged: str
) -> None:
    only = ("setpriv", "--no-new-privs", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw")
    with closing(Wire(node(1), forged, *only)) as wire:
        wire.hold(VIP, OTHER_VIP)
        status = Path(f"/proc/{wire.process.pid}/status").read_text()
        tap.send(frames.request(CLIENT, ADDRESS, VIP))

        tap.wait_for(lambda frame: frame == frames.reply(NODE, VIP, CLIENT, ADDRESS))
        assert "CapEff:\t0000000000002000" in status, "CAP_NET_RAW is bit 13"


def test_taking_an_address_byte_for_byte(wire: Wire, tap: NdpTap) -> None:
    wire.plan(entry(wire.host, VIP))

    tap.wait_for(lambda frame: frame == frames.announcement(NODE, VIP))

    asked = [frames.probe(NODE, VIP), frames.request(NODE, LINK_LOCAL, VIP)]
    assert tap.frames == [*asked * Timings().probes, frames.announcement(NODE, VIP)]


def test_nothing_is_answered_while_asking(wire: Wire, tap: NdpTap) -> None:
    wire.plan(entry(wire.host, VIP))
    tap.wait_for(lambda frame: frame == frames.probe(NODE, VIP))

    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.announcement(NODE, VIP))

    assert frames.reply(NODE, VIP, CLIENT, ADDRESS) not in tap.frames
    assert wire.ask().frames[INTERFACE]["not-held"] == 1


def test_what_a_kernel_answers_is_not_taken_until_it_stops(wire: Wire, client: Host) -> None:
    client.ip("address", "add", f"{VIP}/128", "dev", INTERFACE, "nodad")
    wire.plan(entry(wire.host, VIP))

    assert wire.wait_state(State.BLOCKED, VIP).by_mac == CLIENT.hex(":")

    client.ip("address", "delete", f"{VIP}/128", "dev", INTERFACE)
    assert wire.wait_state(State.HOLDING, VIP).mac == NODE.hex(":")


def test_a_kernel_does_not_take_what_is_held(wire: Wire, tap: NdpTap, client: Host) -> None:
    """Duplicate address detection (RFC 4862 section 5.4) hears us."""
    client.set(f"ipv6/conf/{INTERFACE}/accept_dad", "1")
    wire.hold(VIP)

    client.ip("address", "add", f"{VIP}/128", "dev", INTERFACE)
    tap.wait_for(lambda frame: frame[54:55] == b"\x88", patience=PATIENCE)

    wait_until(lambda: "dadfailed" in client.ip("-6", "address", "show", "dev", INTERFACE))
    assert wire.ask().conflicts == 0


def test_two_that_start_at_once_end_with_one(
    node: Callable[[int], Host], start_wire: WireStarter
) -> None:
    wires = [start_wire(node(at)) for at in (1, 2)]

    for wire in wires:
        wire.plan(entry(wire.host, VIP))

    wait_for_one_holder(*wires)


def test_after_a_partition_the_lower_mac_answers_alone(
    network: Network, node: Callable[[int], Host], start_wire: WireStarter, tap: NdpTap
) -> None:
    low, high = (start_wire(node(at)) for at in (1, 2))
    network.part(low.host)
    low.hold(VIP)
    high.hold(VIP)

    network.heal(low.host)
    high.wait_state(State.BLOCKED, VIP)

    assert wait_for_one_holder(low, high) is low
    tap.frames.clear()
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.reply(low.host.mac, VIP, CLIENT, ADDRESS))
    assert frames.reply(high.host.mac, VIP, CLIENT, ADDRESS) not in tap.frames


def test_a_release_is_confirmed_by_silence(wire: Wire) -> None:
    wire.hold(VIP)

    wire.plan(entry(wire.host, VIP, role=Role.VERIFY, generation=2))

    assert wire.wait_state(State.SILENT, VIP).generation == 2


def test_a_wire_that_stood_still_asks_before_it_answers(wire: Wire, tap: NdpTap) -> None:
    wire.hold(VIP)
    tap.frames.clear()

    wire.signal(signal.SIGSTOP)
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    time.sleep(STALL_SECONDS + 2 * TICK_SECONDS)  # the stall itself is what happens here
    wire.signal(signal.SIGCONT)
    tap.wait_for(lambda frame: frame == frames.probe(NODE, VIP))
    tap.wait_for(lambda frame: frame == frames.announcement(NODE, VIP))

    assert frames.reply(NODE, VIP, CLIENT, ADDRESS) not in tap.frames
    assert wire.ask().frames[INTERFACE]["stale"] >= 1


def test_groups_are_joined_again_when_an_interface_returns(
    network: Network, wire: Wire, tap: NdpTap
) -> None:
    wire.hold(VIP)
    assert in_group(wire.host, VIP)

    network.unplug(wire.host)
    wire.wait_state(State.IDLE, VIP)
    tap.frames.clear()
    network.plug(wire.host)
    network.speak_ipv6(wire.host)
    wire.wait_state(State.HOLDING, VIP)

    assert in_group(wire.host, VIP)
    wire.plan()
    wire.ask()
    assert not in_group(wire.host, VIP), "left with the address"


def test_a_thousand_groups_are_joined(wire: Wire) -> None:
    addresses = [f"fd00:9::1:{number:x}" for number in range(1000)]

    wire.plan(*(entry(wire.host, address) for address in addresses))
    wire.ask()

    assert all(in_group(wire.host, address) for address in addresses)


def test_a_family_that_the_plan_needs_no_more_is_not_listened_for(wire: Wire, tap: NdpTap) -> None:
    before = "172.31.9.100"
    wire.hold(before, VIP)
    wire.hold(VIP)
    wire.wait_state(State.IDLE, before)
    heard = wire.ask().frames[INTERFACE].get("not-planned", 0)

    tap.send(arp_frames.request(CLIENT, "172.31.9.1", before))
    tap.send(frames.request(CLIENT, ADDRESS, VIP))
    tap.wait_for(lambda frame: frame[:6] == CLIENT)

    assert wire.ask().frames[INTERFACE].get("not-planned", 0) == heard
    wire.hold(before, VIP)


def test_questions_come_through_a_switch_that_snoops(
    network: Network, wire: Wire, tap: NdpTap
) -> None:
    network.snoop()
    wire.hold(VIP)
    with closing(NdpTap(wire.host)) as ear:

        def snoops() -> bool:
            """Whether the switch keeps a question for a group that nobody is in to itself."""
            ear.frames.clear()
            tap.send(frames.request(CLIENT, ADDRESS, NOBODYS))
            tap.send(frames.unicast_request(CLIENT, ADDRESS, VIP, NODE))
            ear.wait_for(lambda frame: frame[:6] == NODE)
            return frames.request(CLIENT, ADDRESS, NOBODYS) not in ear.frames

        wait_until(snoops)
        tap.drain()
        tap.frames.clear()
        tap.send(frames.request(CLIENT, ANOTHER_ADDRESS, VIP))

        tap.wait_for(lambda frame: frame == frames.reply(NODE, VIP, CLIENT, ANOTHER_ADDRESS))


@dataclass
class Neighbor:
    """What the client's kernel believes of the address."""

    host: Host

    @property
    def entry(self) -> str:
        return self.host.ip("-6", "neighbour", "show", "dev", INTERFACE, "to", VIP)

    def use(self) -> None:
        """Send something there, whatever becomes of it."""
        with closing(
            inside(self.host.namespace, lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        ) as udp:
            udp.sendto(b"?", (VIP, 9))

    def wait(self, mac: bytes, *states: str) -> None:
        def so() -> bool:
            entry = self.entry
            return mac.hex(":") in entry and any(state in entry for state in states)

        wait_until(so)


def test_a_kernel_finds_the_address_and_sees_that_it_still_answers(
    wire: Wire, client: Host
) -> None:
    for setting in ("base_reachable_time_ms", "retrans_time_ms"):
        client.set(f"ipv6/neigh/{INTERFACE}/{setting}", "500")
    client.set(f"ipv6/neigh/{INTERFACE}/delay_first_probe_time", "1")
    wire.hold(VIP)
    neighbor = Neighbor(client)

    with closing(NdpTap(wire.host)) as ear:
        neighbor.use()
        neighbor.wait(NODE, "REACHABLE")

        # Time passes; the kernel asks this MAC alone, and every answer is good for a while.
        for _ in range(3):
            ear.wait_for(lambda frame: frame[:6] == NODE and frame[54:55] == b"\x87")
            neighbor.wait(NODE, "REACHABLE")
            neighbor.use()


@dataclass
class Succession:
    """Two wires that see each other; the first holds, the second knows it."""

    first: Wire
    second: Wire

    @property
    def hosts(self) -> list[Host]:
        return [self.first.host, self.second.host]

    def plan(self, wire: Wire) -> None:
        wire.plan(ranked(wire.host, self.hosts, VIP), peers=[peer6(host) for host in self.hosts])


@pytest.fixture
def succession(node: Callable[[int], Host], start_wire: WireStarter) -> Succession:
    made = Succession(start_wire(node(1)), start_wire(node(2)))
    for wire in (made.first, made.second):
        made.plan(wire)
    made.first.wait_peer(made.second.host)
    made.second.wait_peer(made.first.host)
    made.first.wait_state(State.HOLDING, VIP)
    wait_until(lambda: knows(made.second, made.first.host))
    return made


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_takeover_is_in_the_caches_at_once(
    succession: Succession, tap: NdpTap, client: Host, number: signal.Signals
) -> None:
    first, second = succession.hosts
    neighbor = Neighbor(client)
    neighbor.use()
    neighbor.wait(first.mac, "REACHABLE")
    tap.drain()
    tap.frames.clear()

    succession.first.signal(number)
    neighbor.wait(second.mac, "STALE", "REACHABLE", "DELAY")

    tap.drain()
    announced = tap.frames.index(frames.announcement(second.mac, VIP))
    assert frames.probe(second.mac, VIP) not in tap.frames[:announced], "it did not ask first"


def test_who_ends_answers_clients_and_leaves_the_next_to_take(
    succession: Succession, tap: NdpTap
) -> None:
    """A standby asks in its own name too: an answer would make it wait for who is gone then."""
    first, second = succession.hosts
    succession.second.signal(signal.SIGSTOP)
    asked, last = 0, ""

    succession.first.signal(signal.SIGTERM)
    while True:
        asked += 1
        last, asker = f"fd00:9::e:{asked:x}", f"fd00:9::f:{asked:x}"
        tap.send(frames.request(second.mac, last, VIP))
        tap.send(frames.request(CLIENT, asker, VIP))
        to_client = frames.reply(first.mac, VIP, CLIENT, asker)
        tap.wait_for(lambda frame, wanted=to_client: frame == wanted)  # type: ignore[misc]  # bound now
        if frames.reply(first.mac, VIP, second.mac, last) not in tap.frames:
            break
    succession.second.signal(signal.SIGCONT)


def test_who_starts_again_does_not_take_back(
    succession: Succession, start_wire: WireStarter, tap: NdpTap, client: Host
) -> None:
    first, second = succession.hosts
    # A third host that has asked: it tells a dead partner from the own dead cable.
    Neighbor(client).use()
    succession.first.signal(signal.SIGKILL)
    succession.second.wait_state(State.HOLDING, VIP)

    again = start_wire(first)
    succession.plan(again)

    assert again.wait_state(State.BLOCKED, VIP).by_mac == second.mac.hex(":")
    tap.drain()
    tap.frames.clear()
    tap.send(frames.request(CLIENT, ANOTHER_ADDRESS, VIP))
    tap.wait_for(lambda frame: frame == frames.reply(second.mac, VIP, CLIENT, ANOTHER_ADDRESS))
    assert frames.reply(first.mac, VIP, CLIENT, ANOTHER_ADDRESS) not in tap.frames


def test_a_planned_move_leaves_no_question_without_an_answer(
    succession: Succession, tap: NdpTap
) -> None:
    first, second = succession.hosts
    peers = [peer6(host) for host in succession.hosts]
    taken = frames.announcement(second.mac, VIP)
    asked = 0

    for wire in (succession.second, succession.first):
        entry = ranked(wire.host, [second, first], VIP)
        wire.plan(replace(entry, outgoing=first.name), peers=peers)
    tap.frames.clear()
    while taken not in tap.frames:
        asked += 1
        asker = f"fd00:9::f:{asked:x}"
        tap.send(frames.request(CLIENT, asker, VIP))
        answers = [frames.reply(host.mac, VIP, CLIENT, asker) for host in succession.hosts]
        tap.wait_for(lambda frame, answers=answers: frame in answers)  # type: ignore[misc]  # bound now

    succession.first.wait_state(State.IDLE, VIP)
    assert frames.probe(first.mac, VIP) not in tap.frames, "nobody asks everybody"


def knows(wire: Wire, holder: Host) -> bool:
    wire.ask()
    return wire.reports[VIP].by_mac == holder.mac.hex(":")


def in_group(host: Host, address: str) -> bool:
    packed = socket.inet_pton(socket.AF_INET6, frames.group(address)).hex()
    listed = inside(host.namespace, Path("/proc/thread-self/net/igmp6").read_text)
    return packed in listed


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def wait_for_one_holder(*wires: Wire) -> Wire:
    """Until all have made up their minds, and one of them holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for wire in wires:
            wire.ask()
        holding = [wire for wire in wires if wire.reports[VIP].state is State.HOLDING]
        asking = [wire for wire in wires if wire.reports[VIP].state is State.ASKING]
        if len(holding) == 1 and not asking:
            return holding[0]
        wires[0].wait_for(lambda _: True)  # its counters come regularly
    raise AssertionError([wire.states for wire in wires])
