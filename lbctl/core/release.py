"""Letting an address go: the next step, as a pure decision.

First the VirtualIP's service is emptied and every candidate falls silent; then a verifier asks
the LAN. Only when nobody answers is the VirtualIP deleted, and only then is the address free.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lbctl.core.speakers import NodeView
from lbctl.core.virtualips import VirtualIPView


@dataclass(frozen=True, slots=True)
class Begin:
    """PUT under the resourceVersion: no services, a release with this verifier, and its label."""

    verifier: str | None


@dataclass(frozen=True, slots=True)
class Reassign:
    """PUT under the resourceVersion: this verifier and its label; the last one cannot answer."""

    verifier: str


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with uid and resourceVersion as preconditions: the address is free."""


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing to write. The verifier's answer, or another speaker, brings the next step."""

    reason: str


Step = Begin | Reassign | Delete | Await


def begin(virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView]) -> Begin | Delete:
    """The first step, for a VirtualIP whose Service wants it no more."""
    raise NotImplementedError


def proceed(virtual_ip: VirtualIPView, nodes: Mapping[str, NodeView]) -> Step:
    """The next step for a VirtualIP that is being released (`Stage.RELEASING`)."""
    raise NotImplementedError
