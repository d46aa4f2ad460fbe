"""What must be so of Services and their addresses, whoever brought it about: asked of the model."""

from dataclasses import dataclass, field, replace

from lbctl.core.addresses import Address, Family
from lbctl.core.allocation.decisions import How, Take
from lbctl.core.objects.services import FamilyPolicy, Ownership, ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from tests.property.naive import Naive, families, family_of

OWNERSHIP = Ownership()


@dataclass
class Judge:
    """Compares what is with what the model says. The model knows all that there is."""

    model: Naive = field(default_factory=Naive)

    def its(self, service: ServiceView) -> list[Address]:
        views = self.model.virtual_ips.values()
        return [view.address for view in views if service.ref in view.services]

    def gives_rightly(self, take: Take, service: ServiceView) -> None:
        """At the moment when an address becomes a Service's."""
        family = family_of(take.address)
        assert family in families(service), f"{service.key} wants no {take.address}"
        if take.how is How.ADOPTED:
            assert take.address in service.shown
            view = self.model.virtual_ips.get(take.address)
            assert view is None or self.model.fits(service, view), f"{take.address} is another's"
            return
        has = [one for one in self.its(service) if family_of(one) is family]
        leaves = [one for one in has if self.model.should_leave(service, one)]
        assert leaves or not has, f"{service.key} moves from {has} to {take.address} for nothing"
        each: list[Address | None] = [*leaves] or [None]
        due = [self.model.due(service, family, one) for one in each]
        right = {address for one in due for address in one.addresses}
        assert take.address in right, f"{service.key} is given {take.address}, not {due}"

    def takes_nothing_away(
        self, before: ServiceView, after: ServiceView, had: dict[Address, VirtualIPView]
    ) -> None:
        """A Service that is ours and had an address of a family has one."""
        shown = {family_of(address) for address in after.shown}
        for address in before.shown:
            view = had.get(address)
            if view is not None and after.ref in view.services:
                assert (
                    family_of(address) in shown
                    or family_of(address) not in families(after)
                    or self.model.takes_a_port(after, view)
                ), f"{after.key} lost {address}"

    def gives_both_or_none(self, before: ServiceView, after: ServiceView) -> None:
        """RequireDualStack."""
        if after.family_policy is FamilyPolicy.REQUIRE_DUAL_STACK:
            got = {*after.shown} - {*before.shown}
            both = {family_of(address) for address in after.shown} == {*Family}
            assert both or not got, f"{after.key} got {got} alone"

    def is_at_rest(self, service: ServiceView, *, moving: bool = False) -> None:
        """When all is quiet: of each address that the Service has, and of each that it has not.

        Args:
            service: one of ours.
            moving: whether it may have two for one, because no node announces the new one.
        """
        its = self.its(service)
        alone: list[Family] = []
        for family in families(service):
            mine = [address for address in its if family_of(address) is family]
            if not mine:
                alone.append(family)
            elif len(mine) > 1:
                assert moving, f"{service.key} has {mine}"
            elif self.model.should_leave(service, mine[0]):
                due = self.model.due(service, family, mine[0])
                assert not due, f"{service.key} stays at {mine[0]}, due: {due}"
        self._waits_rightly(service, alone)

    def _waits_rightly(self, service: ServiceView, alone: list[Family]) -> None:
        """Nobody waits while what fits is free."""
        strict = service.family_policy is FamilyPolicy.REQUIRE_DUAL_STACK
        model = replace(self.model)
        for family in alone:
            due = model.due(service, family)
            if not due and strict:
                return
            if due and strict and family is not alone[-1]:
                model.suppose(service, next(iter(due.addresses)))
                continue
            assert not due, f"{service.key} waits for nothing, due: {due}"

    def shows_what_it_has(self, service: ServiceView) -> None:
        wanted, its = families(service), self.its(service)
        shown = [family_of(address) for address in service.shown]
        assert shown == [one for one in wanted if one in shown], "in the order of its families"
        assert {*service.shown} <= {*its}, f"{service.key} shows what it has not"
        assert {family_of(address) for address in its} <= {*wanted}

    def shares_rightly(self, view: VirtualIPView) -> None:
        services = [self.model.services[ref.key] for ref in view.services]
        assert [one.ref for one in services] == [*view.services], "whoever is gone has nothing"
        every = [port for one in services for port in one.ports]
        assert len(every) == len({*every}), f"two have a port at {view.address}"

    def is_foreign(self, service: ServiceView) -> bool:
        """Nobody can tell any more who wrote an address: no VirtualIP, no pool, no class."""
        has = self.its(service)
        pools = self.model.pools.values()
        own = {address for each in self.model.own.values() for address in each}
        return not OWNERSHIP.explicit(service) and any(
            one not in has and (one in own or all(one not in self.model.content(p) for p in pools))
            for one in service.shown
        )
