"""The addresses of the plan, each with its state: feeds the rules and does what they say.

Knows sockets only as `Port`s to send on; the loop gives it plans, frames and the time. A plan is
obeyed in parts, for there may be thousands of addresses in it, and a wire that is busy with them
for as long as a session's detection time is dead to its partners.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from socket import AddressFamily
from typing import Final

from speaker.messages import AddressReport, Entry, Plan, Role, State, Taking
from speaker.wire import holding, watch
from speaker.wire.families import FAMILIES
from speaker.wire.hearing import Hearing
from speaker.wire.journal import Journal
from speaker.wire.kinship import Kinship
from speaker.wire.neighbors import Verdict, family_of, packed, peer_mac, show_mac, unpacked
from speaker.wire.ports import Kept, Line, Port, Totals
from speaker.wire.sockets import PacketSocket
from speaker.wire.speech import POLLS_PER_SECOND, Speech
from speaker.wire.templates import Templates
from speaker.wire.watch import Action, Timings, Watch

TIMERS_PER_TURN: Final = 32
"""A node that takes two thousand addresses must go on telling its peers that it lives."""

ENTRIES_PER_TURN: Final = 32
"""The same of a plan."""


class Keeper:
    """Every address of the plan, and when it is next due."""

    def __init__(
        self,
        templates: Templates,
        timings: Timings,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.totals = Totals()
        self._templates = templates
        self._base = self._timings = timings
        self._plan = Plan()
        self._kinship = Kinship(self._plan)
        self._unobeyed: dict[bytes, Entry] = {}
        """What of the plan is still to be looked at, in its order."""
        self._awaited: set[bytes] = set()
        self._stopping = False
        self._clock = clock
        self._wall_clock = wall_clock
        self._chance = chance
        self._kept: dict[bytes, Kept] = {}
        self._ports: dict[str, Port] = {}
        self._timers: list[tuple[float, bytes]] = []
        self._journal = Journal(clock=clock)
        self._speech = Speech(self.totals, clock=clock)
        self._hearing = Hearing(self._step, self.totals, clock=clock)
        self.frame = self._hearing.frame
        """One received frame."""
        self.frames = self._hearing.frames
        """interface -> frames received, indexed by verdict."""
        self.wanted: frozenset[tuple[str, AddressFamily]] = frozenset()
        """Interfaces that the plan needs, and the families on each."""
        self.changed: set[bytes] = set()
        """Addresses whose state the agent has not heard of."""

    @property
    def ports(self) -> dict[str, Port]:
        return self._ports

    @property
    def addresses(self) -> set[bytes]:
        return set(self._kept)

    @property
    def obeyed(self) -> bool:
        """Whether nothing of the plan is left to be looked at."""
        return not self._unobeyed

    @property
    def awaits_heirs(self) -> bool:
        """Whether, while this process stops, an address is held that another could take."""
        return any(not port.held.keys().isdisjoint(self._awaited) for port in self._ports.values())

    def apply(self, plan: Plan) -> None:
        """Obey a complete plan. An address that it does not name is silent at once.

        The others follow with `run_timers`, turn by turn.
        """
        if self._stopping:
            return
        entries = {packed(entry.address): entry for entry in plan.entries}
        self._hearing.partners = frozenset(peer_mac(peer.mac) for peer in plan.peers)
        self._plan, self._kinship = plan, Kinship(plan)
        self._timings = _stretched(self._base, len(entries))
        self.wanted = frozenset((one.interface, family_of(one.address)) for one in plan.entries)
        for address in self._kept.keys() - entries.keys():
            self._let_go(self._kept.pop(address))
        # What is to be silent comes first.
        silent_first = sorted(entries.items(), key=lambda item: item[1].role is not Role.VERIFY)
        self._unobeyed = dict(silent_first)
        self._obey_some()

    def open(self, packet_socket: PacketSocket) -> Line:
        """A family of an interface is there: its addresses ask first."""
        name, family = packet_socket.name, packet_socket.family
        port = self._ports.setdefault(name, Port(name))
        line = port.lines[family] = Line(FAMILIES[family], packet_socket, port)
        self.frames.setdefault(name, [0] * len(Verdict))
        waiting = {kept.address: kept.entry for kept in self._kept.values() if kept.watch is None}
        self._unobeyed = {**waiting, **self._unobeyed}
        self._obey_some()
        return line

    def close(self, name: str) -> list[PacketSocket]:
        """An interface is gone, or no longer needed: its addresses are not held any more."""
        families = list(self._ports[name].lines)
        return [self.close_line(name, family) for family in families]

    def close_line(self, name: str, family: AddressFamily) -> PacketSocket:
        """The same of one family; the interface goes with the last of them."""
        port = self._ports[name]
        line = port.lines.pop(family)
        for kept in [kept for kept in port.kept.values() if kept.line is line]:
            kept.regain = kept.watch is not None and watch.regains(kept.watch)
            self._let_go(kept)
        if not port.lines:
            del self._ports[name]
        return line.socket

    def due(self) -> float | None:
        """When `run_timers` is to be called next."""
        if self._unobeyed:
            return self._clock()
        return self._timers[0][0] if self._timers else None

    def run_timers(self) -> None:
        """What is due, as much of it as one turn may do."""
        now = self._clock()
        for _ in range(TIMERS_PER_TURN):
            if not self._timers or self._timers[0][0] > now:
                break
            when, address = heapq.heappop(self._timers)
            kept = self._kept.get(address)
            # A timer that was overtaken stays in the heap until its time; here it is recognised.
            if kept is not None and kept.watch is not None and watch.due(kept.watch) == when:
                self._step(kept, self._what_is_due(kept, now))
        self._obey_some()

    def kept_on(self, interface: str) -> list[Kept]:
        """The addresses of the plan on an open interface."""
        port = self._ports.get(interface)
        return list(port.kept.values()) if port is not None else []

    def give(self, address: bytes, event: watch.Event) -> None:
        """Something happened that concerns an address; nothing if the plan has dropped it."""
        kept = self._kept.get(address)
        if kept is None:
            return
        if isinstance(event, watch.Bereaved | watch.Doubted) and not kept.is_held:
            kept.lost_at = event.lost_at
        self._step(kept, event)

    def call(self, interface: str, addresses: Iterable[bytes]) -> bool:
        """Ask hosts for their own addresses, only to hear anything at all.

        Returns:
            Whether all were asked; the silence of one who was not means nothing.
        """
        lines = self._ports[interface].lines
        asked = True
        for address in addresses:
            line = lines.get(family_of(unpacked(address)))
            question = line and line.family.call(self._templates, line.socket, address)
            asked &= bool(line and question and line.socket.send(question))
        return asked

    def stop(self) -> None:
        """This process ends soon: go on answering until others have taken, and take nothing."""
        self._stopping = self._hearing.stopping = True
        self._unobeyed = {}
        for kept in self._kept.values():
            if kept.line is not None and kept.address in kept.line.port.held and kept.heirs:
                self._awaited.add(kept.address)
            self._step(kept, watch.Stopping())

    def stalled(self) -> None:
        """This process stood still: nothing is held until the LAN has been asked again."""
        for kept in self._kept.values():
            self._step(kept, watch.Stalled())
            self._stay_cut_off(kept)

    def report(self, address: bytes) -> AddressReport:
        """The state of one address; `idle` when the plan does not name it."""
        kept = self._kept.get(address)
        if kept is None:
            text = unpacked(address)
            return AddressReport(address=text, state=State.IDLE, since=self._wall_clock())
        by = watch.answered_by(kept.watch) if kept.watch else None
        stranger = watch.intruder(kept.watch) if kept.watch else None
        return AddressReport(
            address=kept.entry.address,
            state=watch.outcome(kept.watch) if kept.watch else State.IDLE,
            generation=kept.entry.generation,
            by_mac=show_mac(by) if by else None,
            interface=kept.entry.interface,
            mac=show_mac(kept.line.socket.mac) if kept.line else None,
            since=kept.since,
            claimed_by=show_mac(stranger.by) if stranger else None,
            claims=stranger.claims if stranger else 0,
        )

    def _obey_some(self) -> None:
        addresses = list(islice(self._unobeyed, ENTRIES_PER_TURN))
        for address in addresses:
            self._obey(address, self._unobeyed.pop(address))

    def _obey(self, address: bytes, entry: Entry) -> None:
        kept = self._kept.get(address)
        if kept is None:
            kept = Kept(address=address, entry=entry, since=self._wall_clock())
            self._kept[address] = kept
            self.changed.add(address)
        if kept.entry.interface != entry.interface:
            self._let_go(kept)
        if kept.entry.generation != entry.generation:
            self.changed.add(address)
        kept.entry, kept.rank = entry, _rank(entry, self._plan)
        kept.timings = _timings(self._timings, entry)
        kept.heirs, kept.kin = self._kinship.heirs(entry), self._kinship.kin(entry)
        kept.before, kept.behind = self._kinship.before(entry), self._kinship.behind(entry)
        planned = watch.Planned(
            role=entry.role,
            generation=entry.generation,
            rank=kept.rank,
            outgoing=self._kinship.outgoing(entry),
            hands_over=self._kinship.hands_over(entry),
            serving=entry.serving,
        )
        if kept.watch is None:
            self._begin(kept, planned)
        elif planned != kept.planned:
            self._step(kept, planned)
            self._stay_cut_off(kept)
        kept.planned = planned

    def _begin(self, kept: Kept, planned: watch.Planned) -> None:
        port = self._ports.get(kept.entry.interface)
        line = port.lines.get(family_of(kept.entry.address)) if port is not None else None
        if line is None or self._stopping:
            return
        mac = line.socket.mac
        kept.line = line
        kept.frames = line.family.frames(self._templates, mac, kept.address)
        line.port.kept[kept.address] = kept
        line.socket.listen_for(kept.address)
        begun, actions = holding.begin(
            mac,
            planned,
            now=self._clock(),
            chance=self._chance(),
            timings=kept.timings,
            regain=kept.regain,
        )
        kept.regain = False
        self._become(kept, begun, actions)
        self._stay_cut_off(kept)

    def _stay_cut_off(self, kept: Kept) -> None:
        # Whatever else has happened: while nothing is heard, silence is no answer.
        if kept.line is not None and kept.line.port.cut_off:
            self._step(kept, watch.CutOff())

    def _what_is_due(self, kept: Kept, now: float) -> watch.Event:
        state = kept.watch.state if kept.watch else None
        if isinstance(state, watch.Succeeding) and self._others_take(kept, now):
            return watch.Busy()
        later = self._speech.turn_of(kept, now)
        return watch.Due() if later is None else watch.Postponed(later)

    def _others_take(self, kept: Kept, now: float) -> bool:
        """Whether one that is earlier in the succession was heard to take something just now."""
        taken_at = kept.line.port.taken_at if kept.line else {}
        return any(now - taken_at.get(mac, -1.0) < kept.timings.turn for mac in kept.before)

    def _step(self, kept: Kept, event: watch.Event) -> None:
        if kept.watch is None:
            return
        after, actions = holding.step(
            kept.watch, event, now=self._clock(), chance=self._chance(), timings=kept.timings
        )
        if isinstance(event, watch.Claimed):
            kept.lost_at = None
            if isinstance(kept.watch.state, watch.Holding):
                self._journal.claim(kept, after, event, defended=bool(actions))
        self._become(kept, after, actions)

    def _become(self, kept: Kept, after: Watch, actions: tuple[Action, ...]) -> None:
        before = kept.watch
        was_held = kept.is_held
        kept.watch = after
        if isinstance(after.state, watch.Holding) and not was_held:
            self.totals.taken[_why_taken(kept, after.state)] += 1
        elif isinstance(after.state, watch.Idle | watch.Silent):
            kept.lost_at = None
        self._set_held(kept)
        if before is None or _told(before) != _told(after):
            if before is None or watch.outcome(before) != watch.outcome(after):
                kept.since = self._wall_clock()
            self._journal.state(kept, after)
            self.changed.add(kept.address)
        when = watch.due(after)
        if when is not None and (before is None or watch.due(before) != when):
            heapq.heappush(self._timers, (when, kept.address))
        for action in actions:
            unsent = self._speech.act(kept, action)
            if unsent is not None:
                self._step(kept, unsent)
            elif action is Action.ANNOUNCE and kept.lost_at is not None:
                self.totals.failovers.observe(self._clock() - kept.lost_at)
                kept.lost_at = None

    def _set_held(self, kept: Kept) -> None:
        if kept.line is None or kept.frames is None or kept.watch is None:
            return
        held = kept.line.port.held
        if isinstance(kept.watch.state, watch.Holding):
            held[kept.address] = kept.frames
        else:
            held.pop(kept.address, None)

    def _let_go(self, kept: Kept) -> None:
        if kept.line is not None:
            port = kept.line.port
            if kept.address in port.held:
                self._journal.let_go(kept, port.name)
            port.held.pop(kept.address, None)
            port.kept.pop(kept.address, None)
            kept.line.socket.ignore(kept.address)
        kept.line = kept.watch = kept.frames = kept.planned = kept.lost_at = None
        kept.since = self._wall_clock()
        self.changed.add(kept.address)


def _rank(entry: Entry, plan: Plan) -> int | None:
    # Without peers nobody can be missed: then only the first of the succession may take.
    stands_by = plan.peers and entry.role is not Role.VERIFY and plan.node in entry.succession
    return entry.succession.index(plan.node) if stands_by else None


def _timings(timings: Timings, entry: Entry) -> Timings:
    """With those that the plan gives for one address."""
    if entry.burst is None and entry.refresh is None:
        return timings
    burst = timings.burst if entry.burst is None else entry.burst
    refresh = timings.refresh if entry.refresh is None else entry.refresh
    return replace(timings, burst=burst, refresh=refresh)


def _stretched(timings: Timings, addresses: int) -> Timings:
    """So many standbys ask less often, and stay within the node's share of the LAN."""
    slowest = max(timings.poll_interval, addresses / POLLS_PER_SECOND)
    return replace(timings, poll_interval=slowest)


def _why_taken(kept: Kept, state: watch.Holding) -> Taking:
    if kept.lost_at is not None:
        return Taking.DEATH
    return Taking.SILENCE if state.giver is None else Taking.HANDED_OVER


def _told(after: Watch) -> tuple[State, bytes | None, bytes | None]:
    stranger = watch.intruder(after)
    return watch.outcome(after), watch.answered_by(after), stranger.by if stranger else None
