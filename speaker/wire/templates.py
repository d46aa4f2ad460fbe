"""The frames that the wire sends: templates that scapy built once, patched with bytes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final

from speaker.wire.arp import FRAME_BYTES

VARIABLE: Final = "LBCTL_WIRE_TEMPLATES"
"""Environment variable with the templates, so that a restarted wire need not forge again."""

_WIDTHS: Final = {"own_mac": 6, "peer_mac": 6, "address": 4, "peer": 4}
_KINDS: Final = ("reply", "announce_request", "announce_reply", "probe")
_FORGING_SECONDS: Final = 60


class BadTemplateError(ValueError):
    """The text is no set of templates."""


@dataclass(frozen=True, slots=True)
class Template:
    """One frame, and where its fields are."""

    frame: bytes
    fields: dict[str, tuple[int, ...]]

    def fill(self, **values: bytes) -> bytearray:
        """A new frame with these fields set; the others keep what scapy put there."""
        frame = bytearray(self.frame)
        for name, value in values.items():
            for offset in self.fields[name]:
                frame[offset : offset + len(value)] = value
        return frame


@dataclass(frozen=True, slots=True)
class Templates:
    reply: Template
    announce_request: Template
    announce_reply: Template
    probe: Template


@dataclass(frozen=True, slots=True)
class Frames:
    """Everything that is sent for one address from one interface."""

    probe: bytes
    announcements: tuple[bytes, bytes]
    """Request form and reply form: some equipment honours only one of them."""
    reply: bytearray
    """The fields of the one who asked are patched in place: see `answer`."""
    peer_mac_at: tuple[int, ...]
    peer_at: int

    def poll(self, mac: bytes) -> bytes:
        """The probe, to one MAC only: a poll that troubles nobody else (RFC 1122, 2.3.2.1)."""
        return mac + self.probe[len(mac) :]

    def answer(self, peer_mac: bytes, peer: bytes) -> bytearray:
        """The reply to one who asked. The same buffer each time: send it before the next call."""
        frame = self.reply
        for offset in self.peer_mac_at:
            frame[offset : offset + 6] = peer_mac
        frame[self.peer_at : self.peer_at + 4] = peer
        return frame


def frames_for(templates: Templates, *, own_mac: bytes, address: bytes) -> Frames:
    """Fill in what does not change while an address stays on an interface."""
    fixed = {"own_mac": own_mac, "address": address}
    return Frames(
        probe=bytes(templates.probe.fill(**fixed)),
        announcements=(
            bytes(templates.announce_request.fill(**fixed)),
            bytes(templates.announce_reply.fill(**fixed)),
        ),
        reply=templates.reply.fill(**fixed),
        peer_mac_at=templates.reply.fields["peer_mac"],
        peer_at=templates.reply.fields["peer"][0],
    )


def forge() -> str:
    """Let scapy build the templates in a process of its own; takes a few hundred milliseconds.

    Raises:
        subprocess.SubprocessError: it failed or took too long.
    """
    command = [sys.executable, "-m", "speaker.wire.forge"]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=_FORGING_SECONDS
    ).stdout.strip()


def load(text: str) -> Templates:
    """Templates from what `forge` printed.

    Raises:
        BadTemplateError: something is missing or out of bounds.
    """
    try:
        parsed: dict[str, Any] = json.loads(text)
        return Templates(**{kind: _template(kind, parsed[kind]) for kind in _KINDS})
    except (KeyError, TypeError, ValueError) as error:
        raise BadTemplateError(f"bad templates: {error}") from error


def from_environment() -> Templates:
    """What the supervisor forged, or a forging of our own."""
    return load(os.environ.get(VARIABLE) or forge())


def _template(kind: str, parsed: dict[str, Any]) -> Template:
    frame = bytes.fromhex(parsed["frame"])
    fields = {name: tuple(parsed["fields"][name]) for name in _WIDTHS}
    if len(frame) != FRAME_BYTES:
        raise BadTemplateError(f"{kind} has {len(frame)} bytes")
    for name, offsets in fields.items():
        if any(not 0 <= at <= len(frame) - _WIDTHS[name] for at in offsets):
            raise BadTemplateError(f"{kind}: {name} lies outside the frame")
    if not fields["own_mac"] or not fields["address"]:
        raise BadTemplateError(f"{kind} names no sender or no address")
    if kind == "reply" and not (fields["peer_mac"] and fields["peer"]):
        raise BadTemplateError("reply names nobody to answer")
    return Template(frame=frame, fields=fields)
