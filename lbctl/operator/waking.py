"""Who waits is told when what they wait for may have come.

`lbctl.core.allocation.waiting` says who waits for what.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from lbctl.core.addresses import Address, family_of
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.waiting import (
    FreeAddress,
    LessUsed,
    NamespaceLabels,
    NewPool,
    PoolChange,
    Sharers,
    ThisAddress,
    Waiting,
    Want,
)
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.services import ServiceKey
from lbctl.core.objects.virtualips import VirtualIPView


class Waking:
    """Turns what happened into what somebody waits for.

    Args:
        ledger: what there is.
        waiting: who waits, and for what.
    """

    def __init__(self, ledger: Ledger, waiting: Waiting) -> None:
        self._ledger = ledger
        self._waiting = waiting

    def tried(self, service: ServiceKey) -> None:
        """A Service was reconciled, well or not. What it left is for the next who waits for it."""
        self._waiting.tried(service, self._is_left)

    def freed(self, addresses: Iterable[Address]) -> None:
        """Each of these is somebody's who waits, one after the other."""
        for address in addresses:
            self._waiting.freed(ThisAddress(address))
            pool = self._ledger.pool_of(address)
            if pool is not None:
                self._waiting.freed(FreeAddress(pool, family_of(address)))

    def taken_otherwise(self, view: VirtualIPView) -> None:
        """Others than these Services have the address, or had it."""
        self._waiting.changed(ThisAddress(view.address))
        if view.sharing_key:
            self._waiting.changed(Sharers(view.sharing_key))
        pool = self._ledger.pool_of(view.address)
        if pool is not None:
            for namespace in {owner.namespace for owner in view.services}:
                self._waiting.freed(LessUsed(pool, namespace))

    def namespace_labelled(self, name: str) -> None:
        """The labels of a namespace are others, which pools may select by."""
        self._waiting.changed(NamespaceLabels(name))

    def pool_judged(self, name: str, old: PoolFinding | None, new: PoolFinding | None) -> None:
        """What is found of a pool is not what it was; None = it is not there."""
        self._waiting.changed(PoolChange(name))
        if new is not None and (old is None or old.giveable != new.giveable):
            self._waiting.changed(NewPool())

    def _is_left(self, want: Want) -> bool:
        """Whether there still is what one waits for, for somebody else."""
        match want:
            case FreeAddress(pool, family):
                known = self._ledger.pool(pool) is not None
                return known and self._ledger.lowest_free(pool, family) is not None
            case ThisAddress(address):
                return self._ledger.why_not_free(address) is None
            case LessUsed(pool, namespace):
                return not self._ledger.quota_reached(pool, namespace)
            case PoolChange() | NewPool() | Sharers() | NamespaceLabels():
                return False
            case _:
                assert_never(want)
