"""The BFD control packet, as bytes (RFC 5880 section 4.1). Pure.

`read` names the reason for every packet that is refused; the reasons are counted and become
metrics. Authentication and demand mode are not spoken here: who can forge a packet with TTL 255 on
this LAN can forge ARP as well, and a demand-mode session does not show who lives.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

PACKET_BYTES: Final = 24
"""Without authentication."""

TTL: Final = 255
"""Sent, and required of what arrives: nothing from beyond a router has it (RFC 5881 section 5)."""

SOURCE_PORTS: Final = range(49152, 65536)
"""RFC 5881 section 4."""

_LAYOUT: Final = struct.Struct("!BBBB II III")
_VERSION: Final = 1
_POLL, _FINAL, _AUTHENTICATED, _DEMAND, _MULTIPOINT = 0x20, 0x10, 0x04, 0x02, 0x01


class Phase(IntEnum):
    """The state of a session, `Sta` (RFC 5880 section 4.1)."""

    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Diagnostic(IntEnum):
    """Why the sender's session went down last, `Diag` (RFC 5880 section 4.1)."""

    NONE = 0
    CONTROL_DETECTION_TIME_EXPIRED = 1
    ECHO_FUNCTION_FAILED = 2
    NEIGHBOR_SIGNALED_SESSION_DOWN = 3
    FORWARDING_PLANE_RESET = 4
    PATH_DOWN = 5
    CONCATENATED_PATH_DOWN = 6
    ADMINISTRATIVELY_DOWN = 7
    REVERSE_CONCATENATED_PATH_DOWN = 8

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Verdict(StrEnum):
    """What became of a packet that arrived: accepted, or refused for a reason."""

    ACCEPTED = "accepted"
    """It is a partner's, for a session with us."""
    BAD_TTL = "bad-ttl"
    """It may have crossed a router."""
    TOO_SHORT = "too-short"
    """It ends before the header does."""
    BAD_VERSION = "bad-version"
    """Not version 1, the only one that RFC 5880 defines."""
    BAD_LENGTH = "bad-length"
    """It says that it is shorter than the header, or longer than the datagram."""
    AUTHENTICATED = "authenticated"
    """We share no key with anybody."""
    MULTIPOINT = "multipoint"
    """The multipoint bit is set, which is to be zero (RFC 5880 section 6.8.6)."""
    DEMAND_MODE = "demand-mode"
    """The sender wants to hear nothing while all is well; a death could not be noticed so."""
    ZERO_MULTIPLIER = "zero-multiplier"
    """It gives no time after which the sender is taken for dead (RFC 5880 section 6.8.6)."""
    ZERO_DISCRIMINATOR = "zero-discriminator"
    """The sender names no session of its own."""
    NO_DISCRIMINATOR = "no-discriminator"
    """It names no session of ours, though its state says that it must know one."""
    UNKNOWN_PEER = "unknown-peer"
    """The plan does not name the sender."""
    WRONG_DISCRIMINATOR = "wrong-discriminator"
    """It names a session that the sender does not have with us: a restart, or another daemon."""
    SESSION_STOPPED = "session-stopped"
    """Our side has ended the session and listens no more."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A control packet; intervals in microseconds."""

    phase: Phase
    my_discriminator: int
    your_discriminator: int = 0
    desired_min_tx: int = 1_000_000
    required_min_rx: int = 1_000_000
    multiplier: int = 3
    diagnostic: Diagnostic = Diagnostic.NONE
    poll: bool = False
    final: bool = False
    required_min_echo_rx: int = 0
    """Zero: echo packets are not looped back."""


def write(packet: Packet) -> bytes:
    """The packet as it goes into a UDP datagram."""
    flags = packet.phase << 6 | _POLL * packet.poll | _FINAL * packet.final
    return _LAYOUT.pack(
        _VERSION << 5 | packet.diagnostic,
        flags,
        packet.multiplier,
        PACKET_BYTES,
        packet.my_discriminator,
        packet.your_discriminator,
        packet.desired_min_tx,
        packet.required_min_rx,
        packet.required_min_echo_rx,
    )


def read(datagram: bytes) -> Packet | Verdict:
    """The packet in a datagram, or why it is refused (RFC 5880 section 6.8.6).

    The TTL is the caller's to check, and whether there is such a session.
    """
    if len(datagram) < PACKET_BYTES:
        return Verdict.TOO_SHORT
    first, flags, multiplier, length, mine, yours, min_tx, min_rx, min_echo = _LAYOUT.unpack_from(
        datagram
    )
    phase = Phase(flags >> 6)
    refusals = (
        (first >> 5 != _VERSION, Verdict.BAD_VERSION),
        (not PACKET_BYTES <= length <= len(datagram), Verdict.BAD_LENGTH),
        (flags & _AUTHENTICATED, Verdict.AUTHENTICATED),
        (multiplier == 0, Verdict.ZERO_MULTIPLIER),
        (flags & _MULTIPOINT, Verdict.MULTIPOINT),
        (flags & _DEMAND, Verdict.DEMAND_MODE),
        (mine == 0, Verdict.ZERO_DISCRIMINATOR),
        (yours == 0 and phase in (Phase.INIT, Phase.UP), Verdict.NO_DISCRIMINATOR),
    )
    for applies, verdict in refusals:
        if applies:
            return verdict
    code = first & 0x1F
    return Packet(
        phase=phase,
        my_discriminator=mine,
        your_discriminator=yours,
        desired_min_tx=min_tx,
        required_min_rx=min_rx,
        multiplier=multiplier,
        # Codes above the last one are reserved: why it is down is not worth a refusal.
        diagnostic=Diagnostic(code) if code <= max(Diagnostic) else Diagnostic.NONE,
        poll=bool(flags & _POLL),
        final=bool(flags & _FINAL),
        required_min_echo_rx=min_echo,
    )
