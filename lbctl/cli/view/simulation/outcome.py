"""What would be other than now, if something happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lbctl.core.addresses import Address
from lbctl.core.objects.virtualips import VirtualIPView


@dataclass(frozen=True, slots=True)
class Move:
    """An address that another node would announce."""

    address: str
    services: tuple[str, ...]
    before: str | None
    after: str | None
    """None: nobody would announce it."""
    how: str
    succession: tuple[str, ...]
    """The one that would be planned then."""


@dataclass(frozen=True, slots=True)
class Given:
    """A Service whose addresses, or whose verdict, would be others."""

    service: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Stock:
    """A pool of which something would be other than now."""

    pool: str
    before: str
    after: str
    """The reasons of its condition Ready; "" = it is not there."""
    message: str
    free_before: int
    free_after: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would be other than now."""

    what: str
    harmless: bool
    """Nobody would be without an address or an announcement who has one now."""
    moves: tuple[Move, ...] = ()
    given: tuple[Given, ...] = ()
    pools: tuple[Stock, ...] = ()
    out_of_pool: tuple[str, ...] = ()
    """What Services would be told whose pool would not give them their address any more."""
    replanned: int = 0
    """Addresses that stay where they are, and whose next nodes would be others."""
    unchanged: int = 0
    """Addresses of which nothing would change."""
    notes: tuple[str, ...] = ()


def move(before: VirtualIPView, then: VirtualIPView, to: str | None, how: str) -> Move:
    """An address goes to a node, or to nobody; `then` is how it would be planned."""
    return Move(
        address=str(before.address),
        services=tuple(str(ref.key) for ref in before.services),
        before=before.holder,
        after=to,
        how=how,
        succession=then.succession,
    )


def summed_up(
    what: str,
    before: dict[Address, VirtualIPView],
    after: dict[Address, VirtualIPView],
    moves: Iterable[Move],
    notes: Iterable[str],
) -> Simulation:
    """What moves, what else is planned anew, and what stays as it is."""
    found = tuple(sorted(moves, key=lambda one: (one.after is not None, one.address)))
    moving = {one.address for one in found}
    stays = [one for one in before if str(one) not in moving and one in after]
    replanned = sum(before[one].succession != after[one].succession for one in stays)
    return Simulation(
        what=what,
        harmless=all(one.after is not None for one in found),
        moves=found,
        replanned=replanned,
        unchanged=len(stays) - replanned,
        notes=tuple(notes),
    )
