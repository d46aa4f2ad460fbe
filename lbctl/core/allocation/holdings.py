"""The addresses that a Service has by its VirtualIPs, and what is wrong with each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lbctl.core.addresses import Family, family_of, place
from lbctl.core.allocation.belonging import home_name, out_of_pool
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.sharing import cannot_share, terms_of
from lbctl.core.objects.services import ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an address that a Service has is not what it asks for, or may have."""

    outcome: Outcome
    message: str = ""
    """Whole sentences."""
    should_leave: bool = True
    """Another address is given if one can be had."""
    must_leave: bool = False
    """And if none can be had, it has none."""


def given_up(service: ServiceView, view: VirtualIPView, ledger: Ledger) -> bool:
    """Whether the Service gets another address, because a foreign host has this new one.

    Not when it asks for this very one, or a person reserved it: then they must mend the LAN.
    """
    wished = view.address in service.request.addresses or view.reserved_for == service.key
    return not wished and ledger.contested(view)


class Holdings(NamedTuple):
    """What one Service has, among all that the ledger knows."""

    service: ServiceView
    ledger: Ledger

    def best(self, family: Family, own: Iterable[VirtualIPView]) -> VirtualIPView | None:
        """The one that it keeps, of a family.

        Of several the one that is as the Service asks. Two operators that raced agree on the one
        that is shown, because a status has one writer at a time, or else on the lowest.
        """
        of_family = [view for view in own if family_of(view.address) is family]
        if len(of_family) > 1:
            return min(of_family, key=self._rank)
        return of_family[0] if of_family else None

    def still_shown(
        self, coming: VirtualIPView, own: Collection[VirtualIPView]
    ) -> VirtualIPView | None:
        """The announced address that clients use until the one that replaces it is announced."""
        if coming.holder is not None or len(own) == 1:
            return None
        family = family_of(coming.address)
        return next(
            (
                view
                for view in own
                if view.address != coming.address
                and family_of(view.address) is family
                and self.may_wait(view, self.flaw(view))
            ),
            None,
        )

    def may_wait(self, view: VirtualIPView, flaw: Flaw | None) -> bool:
        """Whether the Service goes on showing an address that it is to leave, because it works."""
        works = view.holder is not None and view.address in self.service.shown
        return works and not (flaw is not None and flaw.must_leave)

    def _rank(self, view: VirtualIPView) -> tuple[bool, bool, int]:
        flaw = self.flaw(view)
        wrong = flaw is not None and flaw.should_leave
        return wrong, view.address not in self.service.shown, place(view.address)

    def flaw(self, view: VirtualIPView) -> Flaw | None:
        """What is wrong with an address that the Service has."""
        request = self.service.request
        unfit = None if self._is_alone(view) else cannot_share(self.service, view, self.ledger)
        if unfit is not None:
            message = f"The Service cannot share its address any more: {unfit.message}."
            return Flaw(Outcome.SHARING_NOT_POSSIBLE, message, must_leave=unfit.takes_a_port)
        if request.problems:
            said = " ".join(problem.message for problem in request.problems)
            return Flaw(request.problems[0].outcome, said, should_leave=False)
        asked = request.address(family_of(view.address))
        if asked is not None and asked != view.address:
            return Flaw(Outcome.REQUESTED_ADDRESS_UNAVAILABLE)
        elsewhere = request.pools and home_name(view, self.ledger) not in request.pools
        if asked is None and elsewhere and view.reserved_for != self.service.key:
            return Flaw(Outcome.REQUESTED_POOL_UNAVAILABLE)
        return self._out_of_pool(view)

    def _is_alone(self, view: VirtualIPView) -> bool:
        """Whether this very Service has the address for itself, as most have."""
        return view.services == (self.service.ref,)

    def _out_of_pool(self, view: VirtualIPView) -> Flaw | None:
        """Whether its pool would not give it the address any more."""
        found = out_of_pool(view, self.service, self.ledger)
        if found is None:
            return None
        return Flaw(Outcome.OUT_OF_POOL, found.message, should_leave=found.reassign)

    def stale(self, view: VirtualIPView) -> bool:
        """Whether the VirtualIP says something of the Service that is not so any more."""
        request, own = self.service.request, self.service.ref
        alone = self._is_alone(view)
        if not alone and [ref for ref in view.services if ref.key == own.key] != [own]:
            return True  # Its namesake of before is there, or it is not.
        return view.terms.get(own.uid) != terms_of(self.service) or (
            alone and not request.problems and view.sharing_key != request.sharing_key
        )
