"""Addresses that a Service shows and no VirtualIP explains: after a restore, or a deletion by hand.

What works goes on working: they are made the Service's before anything new is given.
"""

from typing import NamedTuple, assert_never

from lbctl.core.addresses import Address, Family, family_of
from lbctl.core.allocation.belonging import home_name
from lbctl.core.allocation.decisions import How, Take
from lbctl.core.allocation.holdings import given_up
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.sharing import cannot_share, terms_of
from lbctl.core.objects.services import Ownership, ServiceView
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import Notice, Outcome


class Adoption(NamedTuple):
    """Adopts for one Service."""

    service: ServiceView
    ledger: Ledger
    ownership: Ownership

    def find(self, family: Family) -> tuple[Take | None, tuple[Notice, ...]]:
        """The shown address of a family that becomes the Service's, or why each is lost."""
        lost: list[Notice] = []
        for address in self.service.shown:
            if family_of(address) is not family or self._gave_up(address):
                continue
            obstacle = self._obstacle(address)
            if obstacle is None:
                known = self.ledger.virtual_ip(address)
                return Take(address, self._pool_of(address, known), How.ADOPTED, known), ()
            lost.append(Notice(Outcome.ADDRESS_TAKEN, obstacle))
        return None, tuple(lost)

    def _gave_up(self, address: Address) -> bool:
        """Whether it shows the address and must not keep it."""
        named = self.ledger.virtual_ips_of(self.service.key)
        return any(v.address == address and given_up(self.service, v, self.ledger) for v in named)

    def _pool_of(self, address: Address, known: VirtualIPView | None) -> str | None:
        return self.ledger.pool_of(address) if known is None else home_name(known, self.ledger)

    def _obstacle(self, address: Address) -> str | None:
        """Why the address cannot be adopted; None when it can."""
        if address.is_multicast or address.is_loopback or address.is_unspecified:
            return f"{address} is no unicast address of a LAN."
        known = self.ledger.virtual_ip(address)
        if known is not None:
            return self._occupant(known)
        node = self.ledger.node_known_by(address)
        if node is not None:
            return f"{address} is the address of node {node} itself."
        return self._elder(address)

    def _occupant(self, known: VirtualIPView) -> str | None:
        """Why the Service cannot have an address that has a VirtualIP."""
        key = self.service.key
        match known.stage:
            case Stage.RELEASING:
                kept = None if known.release is None else known.release.retained_for
                if kept is not None and kept.key == key:
                    return None
                return f"{known.address} is being released and cannot be kept."
            case Stage.RESERVED:
                if known.reserved_for == key:
                    return None
                whom = known.reserved_for or "nobody yet"
                return f"{known.address} is reserved, for {whom}."
            case Stage.ALLOCATED:
                unfit = cannot_share(self.service, known, self.ledger)
                return None if unfit is None else f"{unfit.message}."
            case _ as never:
                assert_never(never)

    def _elder(self, address: Address) -> str | None:
        """Of those who show an address without a VirtualIP, the oldest one adopts it.

        And whoever may share it with that one.
        """
        for other in self.ledger.claimants(address):
            if other.uid == self.service.uid:
                return None
            if self._contends(other) and not self._shares(address, other):
                return f"{address} is kept by the older Service {other.key}, which shows it too."
        return None

    def _contends(self, other: ServiceView) -> bool:
        """Whether `other` could adopt an address: it is ours, and it has no VirtualIP yet."""
        return self.ownership.ours(other) and not any(
            other.ref in v.services for v in self.ledger.virtual_ips_of(other.key)
        )

    def _shares(self, address: Address, other: ServiceView) -> bool:
        """Whether the Service can have an address beside another one, which has it as it is now."""
        its = VirtualIPView(
            address,
            services=(other.ref,),
            terms={other.uid: terms_of(other)},
            sharing_key=other.request.sharing_key,
        )
        return cannot_share(self.service, its, self.ledger) is None
