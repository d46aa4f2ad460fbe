"""An address whose Services go: whether they still have it, and what keeps it after the last one.

The two questions that are asked before `lbctl.core.allocation.release` begins.
"""

from collections.abc import Callable

from lbctl.core.allocation import release
from lbctl.core.allocation.belonging import home
from lbctl.core.allocation.holdings import given_up
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.release import QUARANTINE_SECONDS
from lbctl.core.objects.services import Ownership, ServiceRef
from lbctl.core.objects.virtualips import Quarantine, Release, VirtualIPView


def wanted(view: VirtualIPView, ledger: Ledger, ownership: Ownership) -> bool:
    """Whether each Service that the VirtualIP names exists, is the same one, and is ours.

    And whether it may have the address: a new one that a foreign host has is nobody's.
    """
    return all(
        _lives(ref, ledger, ownership) and _may_keep(ref, view, ledger) for ref in view.services
    )


def rest(
    view: VirtualIPView, ledger: Ledger, ownership: Ownership, later: Callable[[int], str]
) -> Release:
    """What keeps an address that its last Service leaves now, by the rules of its pool.

    Args:
        view: its VirtualIP, which still names that Service.
        ledger: whether that Service is gone, and what the pool says.
        ownership: which Services are ours; one that is not any more is gone.
        later: the time so many seconds from now, RFC 3339 in UTC by the seconds.
    """
    if view.conflict is not None and ledger.contested(view):
        return Release(quarantine=Quarantine(view.conflict.mac, later(QUARANTINE_SECONDS)))
    found, last = home(view, ledger), view.service
    if found is None or last is None:
        return release.AT_ONCE
    return release.resting(
        later,
        cooldown=found.pool.cooldown,
        retain_for=found.pool.retain_for,
        service=None if _lives(last, ledger, ownership) else last.key,
    )


def _may_keep(ref: ServiceRef, view: VirtualIPView, ledger: Ledger) -> bool:
    service = ledger.service(ref.key)
    return service is not None and not given_up(service, view, ledger)


def _lives(ref: ServiceRef, ledger: Ledger, ownership: Ownership) -> bool:
    """Whether the very Service exists, and is ours."""
    service = ledger.service(ref.key)
    return service is not None and service.uid == ref.uid and ownership.ours(service)
