"""Everything that is sent for one address from one interface: templates with its values.

What is sent often is filled once. An answer is patched in place, for one who asks must not wait.
"""

from dataclasses import dataclass
from typing import Protocol, Self

from speaker.wire import ndp
from speaker.wire.neighbors import NOBODY
from speaker.wire.templates import ArpTemplates, NdpTemplates

_MAC_BYTES = 6


class Frames(Protocol):
    """What either family has for one address."""

    @property
    def probe(self) -> bytes:
        """Asks everybody for the address, and says nothing about who asks."""

    @property
    def announcements(self) -> tuple[bytes, ...]:
        """Tell everybody that the address is here; all of them are sent."""

    def questions(self, source: bytes) -> tuple[bytes | bytearray, ...]:
        """Ask everybody for the address; all of them are sent.

        Args:
            source: as for `poll`.
        """

    def poll(self, mac: bytes, source: bytes) -> bytes | bytearray:
        """The question to one MAC alone, so that nobody else is troubled (RFC 1122, 2.3.2.1).

        Args:
            mac: who is believed to hold the address.
            source: our own address for such questions; empty when there is none.
        """

    def answer(self, mac: bytes, address: bytes) -> bytes | bytearray:
        """The answer to one who asked. It is good until the next call."""


@dataclass(frozen=True, slots=True)
class ArpFrames:
    """IPv4."""

    probe: bytes
    announcements: tuple[bytes, ...]
    """Request form and reply form: some equipment honours only one of them."""
    reply: bytearray
    peer_mac_at: tuple[int, ...]
    peer_at: int

    @classmethod
    def fill(cls, templates: ArpTemplates, *, own_mac: bytes, address: bytes) -> Self:
        """Fill in what does not change while an address stays on an interface."""
        fixed = {"own_mac": own_mac, "address": address}
        return cls(
            probe=bytes(templates.probe.fill(**fixed)),
            announcements=(
                bytes(templates.announce_request.fill(**fixed)),
                bytes(templates.announce_reply.fill(**fixed)),
            ),
            reply=templates.reply.fill(**fixed),
            peer_mac_at=templates.reply.fields["peer_mac"],
            peer_at=templates.reply.fields["peer"][0],
        )

    def questions(self, source: bytes) -> tuple[bytes, ...]:
        del source  # a probe names none
        return (self.probe,)

    def poll(self, mac: bytes, source: bytes) -> bytes:
        del source  # a probe names none
        return mac + self.probe[_MAC_BYTES:]

    def answer(self, mac: bytes, address: bytes) -> bytearray:
        frame = self.reply
        for offset in self.peer_mac_at:
            frame[offset : offset + _MAC_BYTES] = mac
        frame[self.peer_at : self.peer_at + 4] = address
        return frame


@dataclass(frozen=True, slots=True)
class NdpFrames:
    """IPv6."""

    probe: bytes
    announcements: tuple[bytes, ...]
    advertisement: bytearray
    peer_at: int
    unsealed: int
    """The sum of the advertisement without the peer: the checksum is two additions away."""
    solicitation: bytearray
    """By our own address, to the group; source and checksum are patched, as in `question`."""
    question: bytearray
    """The unicast solicitation; source, destination's MAC and checksum are patched."""
    source_at: int
    """Where both have it."""

    @classmethod
    def fill(cls, templates: NdpTemplates, *, own_mac: bytes, address: bytes) -> Self:
        """Fill in what does not change while an address stays on an interface."""
        fixed = {"own_mac": own_mac, "address": address}
        group = address[13:]
        probe = templates.probe.fill(**fixed, group=group)
        announcement = templates.announcement.fill(**fixed)
        ndp.seal(probe)
        ndp.seal(announcement)
        advertisement = templates.advertisement.fill(**fixed)
        peer_at = templates.advertisement.fields["peer"][0]
        return cls(
            probe=bytes(probe),
            announcements=(bytes(announcement),),
            advertisement=advertisement,
            peer_at=peer_at,
            unsealed=ndp.unsealed_sum(advertisement, without=slice(peer_at, peer_at + 16)),
            solicitation=templates.solicitation.fill(**fixed, group=group),
            question=templates.poll.fill(**fixed),
            source_at=templates.poll.fields["peer"][0],
        )

    def questions(self, source: bytes) -> tuple[bytes | bytearray, ...]:
        """By nobody, and by ourselves: speakers that are not ours answer only who tells its MAC.

        MetalLB is one (RFC 4861 section 7.2.4 would have it tell all nodes). Who asks for the
        address as well has to hear the first, and a kernel answers both.
        """
        if not source:
            return (self.probe,)
        return self.probe, self._from(self.solicitation, source)

    def poll(self, mac: bytes, source: bytes) -> bytes | bytearray:
        if not source:
            # Answered to everybody, but answered. RFC 6085: a group may be sent to one MAC.
            return mac + self.probe[_MAC_BYTES:]
        self.question[:_MAC_BYTES] = mac
        return self._from(self.question, source)

    def answer(self, mac: bytes, address: bytes) -> bytes | bytearray:
        if address in NOBODY:
            # Who probes has no address yet: all nodes are told (RFC 4861 section 7.2.4).
            return self.announcements[0]
        frame, at = self.advertisement, self.peer_at
        frame[:_MAC_BYTES] = mac
        frame[at : at + 16] = address
        ndp.write_checksum(frame, self.unsealed + int.from_bytes(address, "big"))
        return frame

    def _from(self, frame: bytearray, source: bytes) -> bytearray:
        frame[self.source_at : self.source_at + 16] = source
        ndp.seal(frame)
        return frame


def solicitation(
    templates: NdpTemplates, *, own_mac: bytes, source: bytes, address: bytes
) -> bytes | None:
    """A question for any host's own address, only to hear it; None without an address of ours.

    A question by nobody will not do: it fails an address that its host is about to take.
    """
    if not source:
        return None
    frame = templates.solicitation.fill(
        own_mac=own_mac, peer=source, address=address, group=address[13:]
    )
    ndp.seal(frame)
    return bytes(frame)
