"""What the queue holds: the kind and the name of something, never what happened to it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from lbctl.kube.objects import Key


class What(StrEnum):
    """The kinds that are reconciled."""

    SERVICE = "service"
    VIRTUAL_IP = "virtualip"
    POOL = "pool"
    REBALANCING = "rebalancing"
    """A pool again: whether its addresses are to move."""
    SPEAKER = "speaker"
    ADVERTISEMENT = "l2advertisement"
    DEATHS = "deaths"
    """What all speakers together say of their partners; it has no key."""


class Item(NamedTuple):
    """One thing to reconcile."""

    what: What
    key: Key

    def __str__(self) -> str:
        return f"{self.what} {self.key}"
