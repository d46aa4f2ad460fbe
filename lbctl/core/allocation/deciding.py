"""What to do for a Service: state in, decision out.

`decide` reads the ledger and says what must be written. It never acts: the reconciler does, in the
order that `Decision` gives, and decides again when the API server refuses. A crash between two
writes is mended by deciding anew.

A Service has one address of each family that it wants. It keeps what it has: a wish that cannot be
met is told, and takes nothing away.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from lbctl.core.addresses import Address, Family, family_of
from lbctl.core.allocation.adoption import Adoption
from lbctl.core.allocation.belonging import home_name
from lbctl.core.allocation.choosing import Chooser, Denied
from lbctl.core.allocation.decisions import Decision, How, Status, Take, Verdict
from lbctl.core.allocation.holdings import Holdings, given_up
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.waiting import NewPool, Want
from lbctl.core.objects.services import (
    VIP_MODE,
    FamilyPolicy,
    Ingress,
    Ownership,
    ServiceKey,
    ServiceView,
)
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import Notice, Outcome

__all__ = ["Decision", "How", "Status", "Take", "Verdict", "decide"]


_MAY_BE_OURS: frozenset[Want] = frozenset({NewPool()})
"""What an address that nobody can explain waits for: after a restore, Services may be there before
the pools."""


def decide(key: ServiceKey, ledger: Ledger, ownership: Ownership) -> Decision:
    """Decide for the Service of this name, which may be gone."""
    service = ledger.service(key)
    named = ledger.virtual_ips_of(key)
    if service is None:
        return Decision(release=named)
    own = tuple(
        view
        for view in named
        if service.ref in view.services and not given_up(service, view, ledger)
    )
    if not ownership.ours(service):
        return Decision(status=_without(service, own), release=named)
    holdings = Holdings(service, ledger)
    return _Case(service, named, own, ledger, ownership, holdings).decision()


def _without(service: ServiceView, own: Iterable[VirtualIPView]) -> Status | None:
    """The status of a Service that is not ours any more; None when it never was."""
    ours = {view.address for view in own}
    if not ours:
        return None
    left = tuple(entry for entry in service.ingress if entry.address not in ours)
    return Status(None if left == service.ingress else left, None)


class _Slot(NamedTuple):
    """What is decided for one family."""

    family: Family
    address: Address | None = None
    pool: str | None = None
    take: Take | None = None
    coming: Address | None = None
    """The one that it moves to, which no node announces yet."""
    denied: Denied | None = None
    """Why it has none, or not what it asks for."""
    lost: tuple[Notice, ...] = ()


class _Case(NamedTuple):
    """One Service of ours, and what is known about it."""

    service: ServiceView
    named: tuple[VirtualIPView, ...]
    """VirtualIPs that name the Service or a namesake that is gone."""
    own: tuple[VirtualIPView, ...]
    """Those that name this very Service and can be kept. More than one of a family only while it
    moves, or after a race or a crash."""
    ledger: Ledger
    ownership: Ownership
    holdings: Holdings

    def decision(self) -> Decision:
        foreign = self._foreign()
        if foreign is not None and not self.own:
            verdict = Verdict(allocated=False, reason=Outcome.FOREIGN_ADDRESS, message=foreign)
            notice = Notice(Outcome.FOREIGN_ADDRESS, foreign)
            return Decision((), Status(None, verdict), self.named, (notice,), _MAY_BE_OURS)
        frozen = foreign is not None or self.service.deleting
        slots = self._both_or_none(self._slots(frozen=frozen))
        ingress = tuple([_entry(slot.address) for slot in slots if slot.address is not None])
        if self.service.deleting and not ingress:
            return Decision(release=self.named)
        verdict, problems = self._verdict(slots, ingress)
        notices = self._conflicts()
        kept: list[Address | None] = []
        takes: list[Take] = []
        wants: frozenset[Want] = frozenset()
        for slot in slots:
            kept += (slot.address, slot.coming)
            notices += slot.lost
            if slot.take is not None:
                takes.append(slot.take)
            if slot.denied is not None:
                wants |= slot.denied.wants
        notices += problems
        if foreign is not None:
            notices.append(Notice(Outcome.FOREIGN_ADDRESS, foreign))
            wants |= _MAY_BE_OURS
        return Decision(
            takes=tuple(takes),
            status=Status(None if foreign is not None else ingress, verdict),
            # They are few, and comparing addresses is cheaper than hashing them.
            release=tuple([view for view in self.named if view.address not in kept]),
            notices=tuple(notices),
            wants=wants,
        )

    # what it gets of each family

    def _slots(self, *, frozen: bool) -> list[_Slot]:
        slots: list[_Slot] = []
        promised: list[Address] = []
        for family in self._families():
            slot = self._slot(family, promised, frozen=frozen)
            if slot.take is not None:
                promised.append(slot.take.address)
            slots.append(slot)
        return slots

    def _families(self) -> tuple[Family, ...]:
        single = self.service.family_policy is FamilyPolicy.SINGLE_STACK
        return self.service.families[:1] if single else self.service.families

    def _slot(self, family: Family, promised: list[Address], *, frozen: bool) -> _Slot:
        current = self.holdings.best(family, self.own)
        if current is not None:
            shown = self.holdings.still_shown(current, self.own)
            if shown is not None:
                return self._moving(shown, current.address)
            return self._held(current, promised, frozen=frozen)
        adopted, lost = self._adopted(family)
        if adopted is not None:
            return _Slot(family, adopted.address, adopted.pool, adopted)
        if frozen:
            return _Slot(family, lost=lost)
        found = self._new(family, promised)
        if isinstance(found, Take):
            return _Slot(family, found.address, found.pool, found, lost=lost)
        return _Slot(family, denied=found, lost=lost)

    def _adopted(self, family: Family) -> tuple[Take | None, tuple[Notice, ...]]:
        """What becomes of the addresses that it shows and does not have."""
        if not self.service.shown:
            return None, ()
        return Adoption(self.service, self.ledger, self.ownership).find(family)

    def _held(self, view: VirtualIPView, promised: list[Address], *, frozen: bool) -> _Slot:
        """It has an address, and keeps it unless it can have one that is more like its wish."""
        flaw = self.holdings.flaw(view)
        if flaw is None:
            return self._kept(view, None, renew=True)
        told = Denied(flaw.outcome, flaw.message)
        if not flaw.should_leave or frozen:
            return self._kept(view, told, renew=not flaw.should_leave)
        found = self._new(family_of(view.address), promised, view)
        if isinstance(found, Take):
            announced = found.existing is not None and found.existing.holder is not None
            if not announced and self.holdings.may_wait(view, flaw):
                return self._moving(view, found.address, found)
            return _Slot(family_of(view.address), found.address, found.pool, found)
        told = Denied(flaw.outcome, f"{flaw.message} {found.message}".strip(), found.wants)
        if flaw.must_leave:
            return _Slot(family_of(view.address), denied=told)
        return self._kept(view, told, renew=False)

    def _moving(self, view: VirtualIPView, coming: Address, take: Take | None = None) -> _Slot:
        """It has both until the new one works: a foreign host may have that one."""
        told = Denied(
            Outcome.ADDRESS_MOVING,
            f"It moves to {coming} as soon as a node announces that.",
        )
        pool = home_name(view, self.ledger)
        return _Slot(family_of(view.address), view.address, pool, take, coming, told)

    def _new(
        self, family: Family, promised: list[Address], leaving: VirtualIPView | None = None
    ) -> Take | Denied:
        if problems := self.service.request.problems:
            return Denied(problems[0].outcome, " ".join(one.message for one in problems))
        return Chooser(self.service, self.ledger, tuple(promised), leaving).find(family)

    def _kept(self, view: VirtualIPView, denied: Denied | None, *, renew: bool) -> _Slot:
        """It keeps its address.

        What the VirtualIP says of it is brought up to date, unless it does not fit there: then
        those who share go on being judged by what it was let in with.
        """
        pool, family = home_name(view, self.ledger), family_of(view.address)
        due = renew and self.holdings.stale(view)
        take = Take(view.address, pool, How.RENEWED, view) if due else None
        return _Slot(family, view.address, pool, take, denied=denied)

    def _both_or_none(self, slots: list[_Slot]) -> list[_Slot]:
        """RequireDualStack: who can have one family only gets none, and keeps what it shows."""
        strict = self.service.family_policy is FamilyPolicy.REQUIRE_DUAL_STACK
        if not strict or all(slot.address is not None for slot in slots):
            return slots
        shown = {*self.service.shown}
        return [
            slot if slot.address in shown else _Slot(slot.family, denied=slot.denied)
            for slot in slots
        ]

    # what is said

    def _verdict(
        self, slots: list[_Slot], ingress: tuple[Ingress, ...]
    ) -> tuple[Verdict, list[Notice]]:
        """The condition, and what the owner has to hear in any case."""
        denied = [(slot, slot.denied) for slot in slots if slot.denied is not None]
        if not ingress:
            reason = denied[0][1].outcome if denied else Outcome.NO_FREE_ADDRESS
            message = " ".join(dict.fromkeys(why.message for _, why in denied))
            return Verdict(False, reason, message), [Notice(reason, message)]  # noqa: FBT003 - named
        pools = [slot.pool for slot in slots if slot.address is not None]
        has_them = f"{', '.join(map(_from, ingress, pools))}."
        if not denied:
            return Verdict(True, Outcome.ADDRESS_ALLOCATED, has_them), []  # noqa: FBT003 - the first field
        problems = [self._problem(slot, why) for slot, why in denied]
        message = " ".join([has_them, *(problem.message for problem in problems)])
        # Whether an address is its pool's is told with the VirtualIP, which says so too.
        told = [problem for problem in problems if problem.outcome is not Outcome.OUT_OF_POOL]
        return Verdict(True, problems[0].outcome, message), told  # noqa: FBT003 - the first field

    def _problem(self, slot: _Slot, why: Denied) -> Notice:
        """What is not as it asks, though it has an address."""
        if slot.address is None and self.service.family_policy is FamilyPolicy.PREFER_DUAL_STACK:
            return Notice(Outcome.DUAL_STACK_INCOMPLETE, why.message)
        said = {Outcome.OUT_OF_POOL, Outcome.ADDRESS_MOVING}
        if slot.address is None or why.outcome in said:
            return Notice(why.outcome, why.message)
        return Notice(why.outcome, f"{why.message} It keeps {slot.address}.")

    def _conflicts(self) -> list[Notice]:
        """The addresses of the Service that somebody else on the LAN has."""
        return [
            Notice(
                Outcome.ADDRESS_IN_CONFLICT,
                f"{known.conflict.mac} answers for {known.address}, which no node ever held, "
                "and is none of the cluster's. The address is put into quarantine, and the "
                "Service gets another. Find that host, or take the address out of the pool.",
            )
            for known in self.named
            if known.conflict is not None and given_up(self.service, known, self.ledger)
        ]

    def _foreign(self) -> str | None:
        """What another controller wrote into the status, as a sentence; None when all is ours."""
        if not self.service.ingress or self.ownership.explicit(self.service):
            return None
        own = [v.address for v in self.named]
        alien = [
            entry.ip or entry.hostname
            for entry in self.service.ingress
            if (address := entry.address) is None
            or (address not in own and not self._can_be_ours(address))
        ]
        if not alien:
            return None
        return (
            f"The status shows {', '.join(alien)}, which another controller wrote, so it is left "
            "alone. For an address of lbctl, create the Service with spec.loadBalancerClass: "
            f"{self.ownership.load_balancer_class}."
        )

    def _can_be_ours(self, address: Address) -> bool:
        """Whether lbctl may have written an address that no VirtualIP explains."""
        in_a_pool = self.ledger.pool_of(address) is not None
        return in_a_pool and self.ledger.node_known_by(address) is None


@lru_cache(maxsize=1 << 14)  # Said of every address at every look.
def _entry(address: Address) -> Ingress:
    """What the status shows of an address."""
    return Ingress(ip=str(address), ip_mode=VIP_MODE)


def _from(entry: Ingress, pool: str | None) -> str:
    return f'{entry.ip} from pool "{pool}"' if pool else f"{entry.ip} of no pool"
