"""One BFD session: asynchronous mode, active role (RFC 5880 section 6). Pure.

A session reads no clock, sends nothing and draws no random number: packets, the time and chances
go in, packets and a fate come out. The fate is what the rest of the wire lives by: only a session
that was up and timed out, or whose peer said that it stops, is a death.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from speaker.wire.bfd import Diagnostic, Packet, Phase

SLOW: Final = 1_000_000
"""Microseconds between packets, at least, while a session is not up (RFC 5880 section 6.8.3)."""

MEASURE_SECONDS: Final = 10.0
"""Between two measured round trips of a session that is up, where no change asks for a Poll."""

_MICRO: Final = 1_000_000


class Fate(Enum):
    """What a session says about its peer's life."""

    UNKNOWN = auto()
    """It was never up: a start, a blocked port, a node without a speaker. No death."""
    UP = auto()
    TIMED_OUT = auto()
    """It was up, and nothing came for the detection time."""
    STOPPED = auto()
    """It was up, and the peer said AdminDown."""
    DOUBTFUL = auto()
    """It was up, and the peer took it down (it restarted, or does not hear us), or the peer is
    heard again after it was taken for dead."""

    @property
    def dead(self) -> bool:
        return self in (Fate.TIMED_OUT, Fate.STOPPED)


@dataclass(slots=True)
class Session:
    """The variables of RFC 5880 section 6.8.1, and when something is due.

    Args:
        discriminator: ours, not zero, unique on this node.
        interval: microseconds wanted between packets, both ways, once up.
        multiplier: so many intervals without a packet are the peer's detection time.
        now: seconds by any clock that never goes back; the first packet is due at once.
    """

    discriminator: int
    interval: int
    multiplier: int
    now: float

    phase: Phase = Phase.DOWN
    diagnostic: Diagnostic = Diagnostic.NONE
    fate: Fate = Fate.UNKNOWN
    heard: Packet | None = None
    """The last packet of the peer."""
    polling: bool = False
    polled_at: float | None = None
    """When the first Poll of the present sequence was sent."""
    round_trip: float | None = None
    """Seconds from that to the peer's Final, until somebody has read it."""
    last_sent: float = 0.0
    expires: float | None = None
    """When the detection time ends."""
    goodbyes: int = 0
    """Packets left to send before a retired session may be dropped."""
    retired: bool = False
    _your_discriminator: int = 0
    _desired_tx: int = SLOW
    _required_rx: int = SLOW
    # What is in force: a change for the slower waits for the end of its poll sequence (6.8.3).
    _tx_in_force: int = SLOW
    _rx_in_force: int = SLOW
    _next_send: float = 0.0
    _measure_at: float = 0.0
    _overtaken: bool = False
    """A Poll is out that asked with older values: the next Final may answer that one."""

    def __post_init__(self) -> None:
        self._next_send = self.last_sent = self.now
        self._want(max(SLOW, self.interval))

    @property
    def over(self) -> bool:
        """Whether a retired session has said goodbye."""
        return self.retired and self.goodbyes == 0

    @property
    def detection(self) -> float:
        """Seconds without a packet after which the peer is down (6.8.4)."""
        if self.heard is None:
            return 0.0
        interval = max(self._rx_in_force, self.heard.desired_min_tx)
        return self.heard.multiplier * interval / _MICRO

    @property
    def patience_of_peer(self) -> float:
        """Seconds without a packet of ours after which the peer takes us for dead."""
        return self.multiplier * self._transmit_interval() / _MICRO

    def due(self) -> float | None:
        """When `run` is to be called next."""
        if self.over or self.phase is Phase.ADMIN_DOWN:
            return None
        return self._next_send if self.expires is None else min(self._next_send, self.expires)

    def receive(self, packet: Packet, *, now: float, chance: float) -> Packet | None:
        """A valid packet of this session has arrived; what is to be sent at once."""
        if self.phase is Phase.ADMIN_DOWN or self.retired:
            return None
        before, interval = self.phase, self._transmit_interval()
        self.heard = packet
        self._your_discriminator = packet.my_discriminator
        if packet.final and self.polled_at is not None:
            self.round_trip = now - self.polled_at
            self._end_poll()
        self._advance(packet)
        self.expires = now + self.detection
        if self._transmit_interval() < interval:
            # What was planned for a slow interval must not outlast it.
            self._next_send = min(self._next_send, self.last_sent + self._jittered(chance))
        if packet.poll:
            return self._send(now, chance, final=True)
        return self._send(now, chance) if self.phase is not before else None

    def run(self, *, now: float, chance: float, drained: bool = True) -> Packet | None:
        """What the time brings: the next packet, when it is due.

        Args:
            now: the time.
            chance: as for `receive`.
            drained: nothing waits that has not been received. Else the peer is not judged.
        """
        if drained and self.expires is not None and now >= self.expires:
            self._expire()
            self._next_send = min(self._next_send, now)
        if now < self._next_send or self.over or self.phase is Phase.ADMIN_DOWN:
            return None
        if self.retired:
            self.goodbyes -= 1
        if self.heard is not None and self.heard.required_min_rx == 0:
            # The peer does not want periodic packets (6.8.7), and so does not miss them.
            self.last_sent, self._next_send = now, now + self._jittered(chance)
            return None
        return self._send(now, chance)

    def change(self, *, interval: int, multiplier: int) -> None:
        """Other settings; an established session negotiates them by a poll sequence."""
        if (interval, multiplier) == (self.interval, self.multiplier):
            return
        self.interval, self.multiplier = interval, multiplier
        self._want(interval if self.phase is Phase.UP else max(SLOW, interval))

    def excuse(self, seconds: float) -> None:
        """This process stood still for so long: the peer is given that time on top."""
        if self.expires is not None:
            self.expires += seconds

    def stop(self) -> Packet:
        """This node stops on purpose: the packet says AdminDown, and none will follow."""
        self.phase, self.diagnostic = Phase.ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN
        return self._packet()

    def retire(self, now: float) -> None:
        """The plan does not name the peer any more, though both nodes live.

        AdminDown or plain silence would be a death to the peer, which may still have the older
        plan. Down is a doubt: it asks the LAN, and we answer there. Said as often as it takes for
        the peer to miss us, at the interval that it is used to.
        """
        if self.phase is Phase.UP:
            self.goodbyes = self.multiplier
        self.phase, self.diagnostic = Phase.DOWN, Diagnostic.PATH_DOWN
        self.retired, self.expires, self._next_send = True, None, now
        self.polling, self.polled_at = False, None

    def _advance(self, packet: Packet) -> None:
        """The state machine (6.2 and 6.8.6), and what it says about the peer's life."""
        if packet.phase is not Phase.ADMIN_DOWN and self.fate.dead:
            self.fate = Fate.DOUBTFUL
        match self.phase, packet.phase:
            case ((Phase.INIT | Phase.UP), Phase.ADMIN_DOWN):
                self._fall(Diagnostic.NEIGHBOR_SIGNALED_SESSION_DOWN, Fate.STOPPED)
            case Phase.UP, Phase.DOWN:
                self._fall(Diagnostic.NEIGHBOR_SIGNALED_SESSION_DOWN, Fate.DOUBTFUL)
            case Phase.DOWN, Phase.DOWN:
                self.phase = Phase.INIT
            case (Phase.DOWN, Phase.INIT) | (Phase.INIT, (Phase.INIT | Phase.UP)):
                self.phase, self.diagnostic, self.fate = Phase.UP, Diagnostic.NONE, Fate.UP
                self._want(self.interval)
            case Phase.DOWN, Phase.ADMIN_DOWN if self.fate is Fate.DOUBTFUL:
                self.fate = Fate.STOPPED
            case _:
                pass

    def _expire(self) -> None:
        self.expires, self._your_discriminator = None, 0
        if self.phase in (Phase.INIT, Phase.UP):
            self._fall(Diagnostic.CONTROL_DETECTION_TIME_EXPIRED, Fate.TIMED_OUT)

    def _fall(self, diagnostic: Diagnostic, fate: Fate) -> None:
        if self.fate is not Fate.UNKNOWN and (self.phase is Phase.UP or fate is Fate.STOPPED):
            self.fate = fate
        self.phase, self.diagnostic = Phase.DOWN, diagnostic
        self.polling, self.polled_at, self._overtaken = False, None, False
        self._want(max(SLOW, self.interval))

    def _want(self, desired_tx: int) -> None:
        self._desired_tx, self._required_rx = desired_tx, self.interval
        if self.phase is not Phase.UP:
            self._tx_in_force, self._rx_in_force = desired_tx, self.interval
            return
        self._overtaken = self.polled_at is not None
        self.polling = True
        self._tx_in_force = min(self._tx_in_force, desired_tx)
        self._rx_in_force = max(self._rx_in_force, self.interval)

    def _end_poll(self) -> None:
        self.polled_at = None
        if self._overtaken:
            self._overtaken = False
            return
        self.polling = False
        self._tx_in_force, self._rx_in_force = self._desired_tx, self._required_rx

    def _transmit_interval(self) -> int:
        return max(self._tx_in_force, self.heard.required_min_rx if self.heard else 1)

    def _jittered(self, chance: float) -> float:
        """Seconds to the next packet: 75 to 100 % of the interval (6.8.7).

        75 to 90 % where a single lost packet is the end.
        """
        span = 0.15 if self.multiplier == 1 else 0.25
        interval = self.interval if self.retired else self._transmit_interval()
        return interval * (0.75 + span * chance) / _MICRO

    def _send(self, now: float, chance: float, *, final: bool = False) -> Packet:
        self.last_sent = now
        self._next_send = now + self._jittered(chance)
        if final:
            return replace(self._packet(), final=True, poll=False)
        if self.phase is Phase.UP and now >= self._measure_at:
            # A Poll changes nothing by itself (6.5): the packet was due, and one more answers it.
            self.polling, self._measure_at = True, now + MEASURE_SECONDS
        if self.polling and self.polled_at is None:
            self.polled_at = now
        return self._packet()

    def _packet(self) -> Packet:
        return Packet(
            phase=self.phase,
            my_discriminator=self.discriminator,
            your_discriminator=self._your_discriminator,
            desired_min_tx=self._desired_tx,
            required_min_rx=self._required_rx,
            multiplier=self.multiplier,
            diagnostic=self.diagnostic,
            poll=self.polling,
        )
