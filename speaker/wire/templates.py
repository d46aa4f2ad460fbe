"""The frames that the wire sends, as templates that scapy built once."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, fields
from typing import Any, Final

from speaker.wire import arp, ndp

VARIABLE: Final = "LBCTL_WIRE_TEMPLATES"
"""Environment variable with the templates, so that a restarted wire need not forge again."""

_MAC, _GROUP = 6, 3
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
class ArpTemplates:
    """Fields: `own_mac`, `address`, `peer_mac`, `peer`."""

    reply: Template
    announce_request: Template
    announce_reply: Template
    probe: Template


@dataclass(frozen=True, slots=True)
class NdpTemplates:
    """Fields: those of ARP, and `group`, the last three octets of a solicited-node address.

    Checksums are those of scapy's own values: a frame that was filled needs a new one.
    """

    advertisement: Template
    """To one who asked."""
    announcement: Template
    """To all: unsolicited, or to one that probes."""
    probe: Template
    """By nobody, to the solicited-node group."""
    solicitation: Template
    """By `peer`, to the solicited-node group."""
    poll: Template
    """By `peer`, to the address itself at `peer_mac`."""


@dataclass(frozen=True, slots=True)
class Templates:
    arp: ArpTemplates
    ndp: NdpTemplates


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
        return Templates(
            arp=ArpTemplates(
                **{each.name: _arp(each.name, parsed["arp"]) for each in fields(ArpTemplates)}
            ),
            ndp=NdpTemplates(
                **{each.name: _ndp(each.name, parsed["ndp"]) for each in fields(NdpTemplates)}
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadTemplateError(f"bad templates: {error}") from error


def from_environment() -> Templates:
    """What the supervisor forged, or a forging of our own."""
    return load(os.environ.get(VARIABLE) or forge())


def _arp(kind: str, parsed: dict[str, Any]) -> Template:
    template = _template(kind, parsed[kind], {"own_mac": _MAC, "peer_mac": _MAC}, address_bytes=4)
    if len(template.frame) != arp.FRAME_BYTES:
        raise BadTemplateError(f"{kind} has {len(template.frame)} bytes")
    if kind == "reply" and not (template.fields["peer_mac"] and template.fields["peer"]):
        raise BadTemplateError("reply names nobody to answer")
    return template


def _ndp(kind: str, parsed: dict[str, Any]) -> Template:
    widths = {"own_mac": _MAC, "peer_mac": _MAC, "group": _GROUP}
    template = _template(kind, parsed[kind], widths, address_bytes=16)
    expected = ndp.FRAME_BYTES if kind == "probe" else ndp.FRAME_BYTES + ndp.OPTION_BYTES
    if len(template.frame) != expected:
        raise BadTemplateError(f"{kind} has {len(template.frame)} bytes")
    if kind == "advertisement" and not (template.fields["peer_mac"] and template.fields["peer"]):
        raise BadTemplateError("advertisement names nobody to answer")
    return template


def _template(
    kind: str, parsed: dict[str, Any], widths: dict[str, int], *, address_bytes: int
) -> Template:
    frame = bytes.fromhex(parsed["frame"])
    places = {name: tuple(parsed["fields"][name]) for name in (*widths, "address", "peer")}
    for name, offsets in places.items():
        width = widths.get(name, address_bytes)
        if any(not 0 <= at <= len(frame) - width for at in offsets):
            raise BadTemplateError(f"{kind}: {name} lies outside the frame")
    if not places["own_mac"] or not places["address"]:
        raise BadTemplateError(f"{kind} names no sender or no address")
    return Template(frame=frame, fields=places)
