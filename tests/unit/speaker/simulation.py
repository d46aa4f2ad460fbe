"""Whole wires (all but the system calls) on a simulated LAN, in simulated time.

The frames are bytes, built by the real templates; keeper, heirs, liveness and sessions are the ones
that run on a node. What is simulated is the kernel: sockets, queues, and its own ARP answers.
"""

import heapq
import itertools
import random
import socket
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from speaker.messages import Entry, Peer, Plan, Role, State
from speaker.wire import templates
from speaker.wire.arp import BROADCAST, NO_ADDRESS
from speaker.wire.bfd import TTL
from speaker.wire.datagrams import Receiver, Sender
from speaker.wire.heirs import Heirs
from speaker.wire.keeper import Keeper
from speaker.wire.liveness import Liveness
from speaker.wire.loop import FRAMES_PER_TURN, LEAVE_SECONDS, STALL_SECONDS, TICK_SECONDS
from speaker.wire.sockets import PacketSocket
from speaker.wire.watch import Timings

VIP = "10.9.0.100"
DELAY = 0.0005
INTERFACE = "lan0"
_NO_SOCKET = cast("socket.socket", None)
TEMPLATES = templates.load(templates.forge())


class Cable(PacketSocket):
    """Puts frames on the simulated LAN."""

    def __init__(self, node: "Node") -> None:
        super().__init__(_NO_SOCKET, INTERFACE, 1, node.mac)
        self._node = node

    def send(self, frame: bytes | bytearray) -> bool:
        if not self._node.carrier:
            return False
        self._node.lan.frame(self._node, bytes(frame))
        return True


class Inbox(Receiver):
    """What the simulated kernel has queued for BFD."""

    def __init__(self, node: "Node") -> None:
        super().__init__(_NO_SOCKET, INTERFACE)
        self._node = node

    def receive(self) -> tuple[bytes, int, str] | None:
        return self._node.datagrams.popleft() if self._node.datagrams else None

    def close(self) -> None:
        pass


class Outbox(Sender):
    """Sends datagrams over the simulated LAN."""

    def __init__(self, node: "Node", address: str) -> None:
        super().__init__(_NO_SOCKET, (address, 0))
        self._node, self._address = node, address

    def send(self, data: bytes) -> bool:
        self._node.lan.datagram(self._node, self._address, data)
        return True

    def close(self) -> None:
        pass


class Node:
    """One machine: its kernel answers for its own address as long as there is power."""

    def __init__(self, lan: "Lan", number: int) -> None:
        self.lan = lan
        self.name = f"n{number}"
        self.mac = bytes([2, 0, 0, 0, 0, number])
        self.address = f"10.9.0.{number}"
        self.side = 0
        self.carrier = True
        self.frames: deque[bytes] = deque()
        self.datagrams: deque[tuple[bytes, int, str]] = deque()
        self.running = self.frozen = False
        self.leaves_at: float | None = None
        """Of a wire that was told to stop: the latest time."""
        self.plan = Plan()
        self.another_answers = False
        """Another controller's speaker on this machine answers for the address, with its MAC."""
        self.slowness = 0.0
        """Seconds that each frame costs, in or out: a turn takes that long, and the next waits."""
        self._busy_until = 0.0
        self._wake: float | None = None

    def start(self) -> None:
        """A new wire process, with the plan that the agent has."""
        clock, chance = lambda: self.lan.now, self.lan.dice.random
        self.keeper = Keeper(TEMPLATES, Timings(), clock=clock, wall_clock=clock, chance=chance)
        self.liveness = Liveness(
            clock=clock, wall_clock=clock, chance=chance,
            listen=lambda _, __, ___: Inbox(self), reach=lambda to, _: Outbox(self, to.address),
        )  # fmt: skip
        self.heirs = Heirs(self.keeper, self.liveness, clock=clock)
        self.frames.clear()
        self.datagrams.clear()
        self.running, self.frozen, self.leaves_at = True, False, None
        self.last_turn = self.lan.now
        self.keeper.open(Cable(self))
        self.look_at_carrier()
        self.obey(self.plan)

    def obey(self, plan: Plan) -> None:
        self.plan = plan
        if self.running and not self.frozen:
            self.liveness.apply(plan)
            self.liveness.open(INTERFACE)
            self.heirs.apply(plan)
            self.keeper.apply(plan)
            self.turn()

    def plug(self, *, carrier: bool) -> None:
        """The cable. The kernel may keep the news to itself for up to a second."""
        self.carrier = carrier
        self.lan.at(self.lan.now + self.lan.dice.random(), self.look_at_carrier)

    def look_at_carrier(self) -> None:
        if self.running and not self.frozen:
            self.heirs.carrier(INTERFACE, present=self.carrier)
            self._sleep()

    def stop(self) -> None:
        """SIGTERM."""
        if self.running and not self.frozen and self.leaves_at is None:
            self.leaves_at = self.lan.now + LEAVE_SECONDS
            self.liveness.farewell()
            self.keeper.stop()
            self.turn()

    def kill(self) -> None:
        self.running, self.leaves_at = False, None

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            self.look_at_carrier()
            self.obey(self.plan)

    @property
    def holds(self) -> bool:
        """Whether it would answer right now."""
        if not self.running or self.frozen:
            return False
        return self.keeper.report(socket.inet_aton(VIP)).state is State.HOLDING

    @property
    def leaves(self) -> bool:
        """Whether it is to let the address go as soon as another one has it."""
        kept = next(iter(self.keeper.kept_on(INTERFACE)), None)
        return kept is not None and kept.watch is not None and kept.watch.leaves

    def turn(self) -> None:
        """What the loop does when it wakes."""
        if not self.running or self.frozen:
            return
        if self.lan.now < self._busy_until:
            self._sleep()
            return
        before = self._work()
        self._take_turn()
        self._busy_until = self.lan.now + self.slowness * (self._work() - before)
        self._sleep()

    def _work(self) -> int:
        totals = self.keeper.totals
        heard = sum(self.keeper.frames[INTERFACE])
        return totals.gratuitous + totals.probes + totals.replies + heard

    def _take_turn(self) -> None:
        now, gap = self.lan.now, self.lan.now - self.last_turn
        self.last_turn = now
        missed = self.liveness.missed_by_peers(now)
        if missed or gap > TICK_SECONDS + STALL_SECONDS:
            self.liveness.excuse(gap)
            self._read_peers()
            self.frames.clear()
            self.heirs.stalled()
            self.keeper.stalled()
        else:
            self._read_peers()
        (line,) = self.keeper.ports[INTERFACE].lines.values()
        for _ in range(min(FRAMES_PER_TURN, len(self.frames))):
            frame = self.frames.popleft()
            self.keeper.frame(line, bytearray(frame), len(frame), 0)
            self.heirs.heard(INTERFACE)
        self.liveness.run_timers(now)
        self._learn()
        self.heirs.run()
        self.keeper.run_timers()
        if self.leaves_at is not None and (now >= self.leaves_at or not self.keeper.awaits_heirs):
            self.kill()

    def wake(self, when: float) -> None:
        if self._wake == when:
            self.turn()

    def _read_peers(self) -> None:
        if self.liveness.receive(INTERFACE):
            self.heirs.heard(INTERFACE)
        self._learn()

    def _learn(self) -> None:
        while self.liveness.news:
            self.heirs.learn(self.liveness.news.popleft())

    def _sleep(self) -> None:
        times = (self.keeper.due(), self.liveness.due(), self.heirs.due())
        due = min((when for when in times if when is not None), default=self.lan.now + TICK_SECONDS)
        when = min(max(due, self.lan.now), self.lan.now + TICK_SECONDS)
        if self.frames:
            when = self.lan.now
        when = max(when, self._busy_until)
        self._wake = when
        self.lan.at(when, lambda: self.wake(when))


class Lan:
    """Frames reach everybody on the same side, unless they are lost or go the wrong way."""

    def __init__(self, count: int, seed: int, loss: float = 0.0) -> None:
        self.dice = random.Random(seed)  # noqa: S311  # replayable
        self.loss = loss
        self.now = 1000.0
        self.mute: set[tuple[str, str]] = set()
        """(from, to): one-way links."""
        self.deaf_to_bfd = False
        """A firewall that came later."""
        self.takes_while_held = 0
        self.silent_for = 0.0
        """Seconds in which nobody answered, since somebody did first."""
        self._silent_since: float | None = None
        self.takers: list[Node] = []
        """Who took the address, in their order."""
        self._holding: set[str] = set()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.nodes = [Node(self, at + 1) for at in range(count)]
        for node in self.nodes:
            node.plan = self.plan_for(node, self.nodes)
            node.start()

    def plan_for(
        self,
        node: Node,
        succession: Sequence[Node],
        *,
        outgoing: Node | None = None,
        serving: bool = True,
    ) -> Plan:
        peers = tuple(
            Peer(each.name, each.address, each.mac.hex(":"), INTERFACE)
            for each in self.nodes
            if each is not node
        )
        names = tuple(each.name for each in succession)
        role = Role.CLAIM if succession[0] is node else Role.KEEP
        entry = Entry(
            VIP, INTERFACE, 1, node.mac.hex(":"), role, 1, names,
            outgoing=outgoing.name if outgoing else None,
            serving=serving,
        )  # fmt: skip
        entries = (entry,) if node in succession or node is outgoing else ()
        return Plan(entries, node=node.name, peers=peers)

    @property
    def holders(self) -> list[Node]:
        return [node for node in self.nodes if node.holds]

    def heal(self) -> None:
        self.mute.clear()
        self.loss = 0.0
        for node in self.nodes:
            node.side = 0
            if not node.carrier:
                node.plug(carrier=True)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, act = heapq.heappop(self._events)
            act()
            self._watch()
        self.now = end

    def at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), act))

    def frame(self, sender: Node, frame: bytes) -> None:
        for node in self._reached(sender):
            if frame[:6] in (BROADCAST, node.mac):
                self.at(self.now + DELAY, partial(self._arrive, node, frame))

    def foreign(self, frame: bytes) -> None:
        """A frame of a host that is no speaker."""
        for node in self.nodes:
            self.at(self.now + DELAY, partial(self._arrive, node, frame))

    def datagram(self, sender: Node, address: str, data: bytes) -> None:
        for node in self._reached(sender):
            if node.address == address and not self.deaf_to_bfd:
                packet = (data, TTL, sender.address)
                self.at(self.now + DELAY, partial(self._receive, node, packet))

    def _arrive(self, node: Node, frame: bytes) -> None:
        answered = {node.address, VIP} if node.another_answers else {node.address}
        if frame[20:22] == b"\0\1" and socket.inet_ntoa(frame[38:42]) in answered:
            answer = TEMPLATES.arp.reply.fill(
                own_mac=node.mac, address=frame[38:42], peer_mac=frame[22:28], peer=NO_ADDRESS
            )
            self.frame(node, bytes(answer))
        if node.running:
            node.frames.append(frame)
            node.turn()

    def _receive(self, node: Node, packet: tuple[bytes, int, str]) -> None:
        if node.running:
            node.datagrams.append(packet)
            node.turn()

    def _reached(self, sender: Node) -> list[Node]:
        return [
            node
            for node in self.nodes
            if node is not sender
            and sender.carrier
            and node.carrier
            and node.side == sender.side
            and (sender.name, node.name) not in self.mute
            and self.dice.random() >= self.loss
        ]

    def _watch(self) -> None:
        if self.holders:
            self.silent_for += self.now - (self._silent_since or self.now)
            self._silent_since = None
        elif self._holding and self._silent_since is None:
            self._silent_since = self.now
        # One that is to hand over holds until the next one does: that is no fight.
        holding = {node.name for node in self.holders if not node.leaves}
        self.takers += [node for node in self.nodes if node.name in holding - self._holding]
        if self._holding and holding - self._holding and holding & self._holding:
            self.takes_while_held += 1
        self._holding = holding
