"""Which address a Service can newly have, of one family; or every reason why it can have none.

In this order: the one that it asks for by address; one that is kept for it; one that it may share;
the lowest free one. Pools are asked in the order in which the Service names them, else in that of
`lbctl.core.allocation.grants.in_order`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from lbctl.core.addresses import Address, Family, family_of, place
from lbctl.core.allocation.belonging import home, home_name, out_of_pool
from lbctl.core.allocation.decisions import How, Take
from lbctl.core.allocation.grants import (
    PoolRefusal,
    Refusal,
    address_refusal,
    in_order,
    narrowed,
    over_quota,
    refusal,
)
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.sharing import cannot_share
from lbctl.core.allocation.waiting import NewPool, Want, wants
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.services import ServiceView
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from lbctl.core.outcomes import Outcome

_TOLD = 3
"""So many addresses that cannot be shared are told of."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a Service gets no address, or not the one that it asks for."""

    outcome: Outcome
    message: str
    """Whole sentences."""
    wants: frozenset[Want] = frozenset()


class Chooser(NamedTuple):
    """Chooses for one Service."""

    service: ServiceView
    ledger: Ledger
    promised: tuple[Address, ...] = ()
    """What the Service gets besides in the same decision: quotas count it."""
    leaving: VirtualIPView | None = None
    """The address that it gives back in return: quotas do not count that."""

    def find(self, family: Family) -> Take | Denied:
        """Choose an address of a family."""
        asked = self.service.request.address(family)
        if asked is not None:
            return self._this(asked)
        if kept := self._kept(family):
            return kept
        return self._of_pools(family)

    def _this(self, address: Address) -> Take | Denied:
        known = self.ledger.virtual_ip(address)
        if known is not None and self._is_kept(known):
            return self._taken(known, How.KEPT_FOR_IT)
        refused = self._pool_refusal(address, known)
        if refused is None and known is not None and known.stage is Stage.ALLOCATED:
            obstacle = self._obstacle(known)
            if obstacle is None:
                return self._taken(known, How.KEPT_FOR_IT if self._was_its(known) else How.JOINED)
            pool = home_name(known, self.ledger) or ""
            in_use = Refusal(pool, PoolRefusal.IN_USE, obstacle)
            return self._denied(address, f"{obstacle} [{in_use.reason}].", in_use)
        refused = refused or self.ledger.why_not_free(address)
        if refused is None:
            return Take(address, self.ledger.pool_of(address), How.GIVEN)
        why = f"Of pool {refused}." if refused.pool else f"{refused}."
        return self._denied(address, why, refused)

    def _denied(self, address: Address, why: str, *refusals: Refusal) -> Denied:
        message = f"The Service asks for {address} and cannot have it. {why}"
        found = wants(self.service, refusals)
        return Denied(Outcome.REQUESTED_ADDRESS_UNAVAILABLE, message, found)

    def _pool_refusal(self, address: Address, known: VirtualIPView | None) -> Refusal | None:
        """Why the Service can have no address of the pool of this one, whoever has that now."""
        pool = None if known is None else home_name(known, self.ledger)
        finding = self.ledger.finding(pool or self.ledger.pool_of(address) or "")
        if finding is None:
            found = self.ledger.why_not_free(address)
            return found or Refusal("", PoolRefusal.NOT_IN_POOL, f"{address} is in no pool")
        asked = self.service.request.pools
        if asked and finding.pool.name not in asked:
            message = f"the Service asks for addresses of {', '.join(asked)} only"
            return Refusal(finding.pool.name, PoolRefusal.NOT_IN_POOL, message)
        refused = self._refusal(finding, address, by_name=True)
        return refused or address_refusal(finding, address)

    def _is_kept(self, known: VirtualIPView) -> bool:
        """Whether a VirtualIP is kept for the Service and can be taken now."""
        key = self.service.key
        match known.stage:
            case Stage.RESERVED:
                return known.reserved_for == key
            case Stage.RELEASING:
                release = known.release
                kept = None if release is None else release.retained_for
                return (
                    release is not None
                    and release.quarantine is None
                    and kept is not None
                    and kept.key == key
                    and self._may_return(known)
                )
            case Stage.ALLOCATED if known.reserved_for == key:
                # Whoever it was let in may be there still.
                is_there = self.service.ref in known.services
                return not is_there and self._obstacle(known) is None
            case Stage.ALLOCATED:
                return self._was_its(known) and self._retains(known) and self._may_return(known)

    def _was_its(self, known: VirtualIPView) -> bool:
        """Whether its namesake of before had it, alone. Nobody else can get it in between."""
        key, ref = self.service.key, self.service.ref
        alone = all(one.key == key and one != ref for one in known.services)
        return alone and not self.ledger.contested(known)

    def _retains(self, known: VirtualIPView) -> bool:
        """Whether `retainFor` keeps an address whose Service went and came back unseen."""
        found = home(known, self.ledger)
        return found is not None and found.pool.retain_for > 0

    def _may_return(self, known: VirtualIPView) -> bool:
        """Whether the Service may have the address back that it had, by its pool of today."""
        found, asked = home(known, self.ledger), self.service.request.pools
        if found is None or (asked and found.pool.name not in asked):
            return False
        return (
            narrowed(found.pool, self.service, self._labels) is None
            and out_of_pool(known, self.service, self.ledger) is None
            and over_quota(found.pool, self.service, *self._used(found, known.address)) is None
        )

    def _kept(self, family: Family) -> Take | None:
        key = self.service.key
        for known in (*self.ledger.kept_for(key), *self.ledger.virtual_ips_of(key)):
            if family_of(known.address) is family and self._is_kept(known):
                return self._taken(known, How.KEPT_FOR_IT)
        return None

    def _taken(self, known: VirtualIPView, how: How) -> Take:
        return Take(known.address, home_name(known, self.ledger), how, known)

    def _of_pools(self, family: Family) -> Take | Denied:
        refusals: list[Refusal] = []
        asked = self.service.request.pools
        findings = self._findings(refusals)
        if not findings and not refusals:
            message = "There is no IPAddressPool. Create one with addresses of your LAN."
            return Denied(Outcome.NO_POOL, message, frozenset({NewPool()}))
        shared = self._shared(findings, family)
        if shared is not None:
            return shared
        for finding in findings:
            why_not = self._refusal(finding, None, by_name=bool(asked))
            name = finding.pool.name
            lowest = self.ledger.lowest_free(name, family) if why_not is None else None
            if lowest is not None:
                return Take(lowest, name, How.GIVEN)
            found = why_not or self.ledger.shortage(name, family)
            if found is not None:
                refusals.append(found)
        outcome = Outcome.REQUESTED_POOL_UNAVAILABLE if asked else Outcome.NO_FREE_ADDRESS
        which = "None of the pools that the Service asks for" if asked else "No pool"
        sharers = self._sharers(findings, family)
        message = (
            f"{which} gives an {family} address. {'; '.join(map(str, refusals))}. "
            f"Mend one of them, or add {family} addresses or another pool.{sharers}"
        )
        return Denied(outcome, message, wants(self.service, refusals))

    def _findings(self, refusals: list[Refusal]) -> list[PoolFinding]:
        """The pools to ask, in order; those that are asked for and not there are refusals."""
        asked = self.service.request.pools
        if not asked:
            return in_order(self.ledger.findings(), self.service, self._labels)
        found = []
        for name in asked:
            finding = self.ledger.finding(name)
            if finding is not None:
                found.append(finding)
            else:
                refusals.append(Refusal(name, PoolRefusal.NO_SUCH_POOL, "there is no such pool"))
        return found

    def _shared(self, findings: list[PoolFinding], family: Family) -> Take | None:
        """The lowest address that the Service may join, in the first pool that has one."""
        key = self.service.request.sharing_key
        if not key:
            return None
        # Where its namesake of before is still, its ports are taken by nobody else.
        known = (
            *self.ledger.joinable(key, self.service.ports),
            *self.ledger.virtual_ips_of(self.service.key),
        )
        candidates = [
            one
            for one in sorted(known, key=lambda view: place(view.address))
            if family_of(one.address) is family
            and self._has_others(one)
            and self._obstacle(one) is None
        ]
        homes = {one.address: home(one, self.ledger) for one in candidates}
        by_name = bool(self.service.request.pools)
        for finding in findings:
            for one in candidates:
                if (
                    homes[one.address] is finding
                    and address_refusal(finding, one.address) is None
                    and self._refusal(finding, one.address, by_name=by_name) is None
                ):
                    return self._taken(one, How.JOINED)
        return None

    def _has_others(self, known: VirtualIPView) -> bool:
        """Whether others have an address, and this Service has not."""
        key, ref = self.service.key, self.service.ref
        return ref not in known.services and any(one.key != key for one in known.services)

    def _sharers(self, findings: list[PoolFinding], family: Family) -> str:
        """Why the first addresses under its key cannot be shared, as another sentence."""
        key, asked = self.service.request.sharing_key, {one.pool.name for one in findings}
        known = (
            one
            for one in self.ledger.joinable(key, ())
            if family_of(one.address) is family and home_name(one, self.ledger) in asked
        )
        found = [why for one in islice(known, _TOLD) if (why := self._obstacle(one)) is not None]
        return f" Of those under its key: {'; '.join(found)}." if found else ""

    def _obstacle(self, known: VirtualIPView) -> str | None:
        """Why the Service cannot join those who have an address; None when it can."""
        if self.ledger.contested(known):
            return f"a host that is none of the cluster's has {known.address}"
        found = cannot_share(self.service, known, self.ledger)
        return None if found is None else found.message

    @property
    def _labels(self) -> Mapping[str, str] | None:
        return self.ledger.namespace_labels(self.service.namespace)

    def _refusal(
        self, finding: PoolFinding, address: Address | None, *, by_name: bool
    ) -> Refusal | None:
        """Why the pool gives the Service nothing, or not this address, whatever is free."""
        before, after = self._used(finding, address)
        return refusal(
            finding, self.service, self._labels, before=before, after=after, by_name=by_name
        )

    def _used(self, finding: PoolFinding, address: Address | None) -> tuple[int, int]:
        """How many addresses of the pool the namespace has, and would have.

        Args:
            finding: the pool.
            address: the one that the Service would get; None = one that nobody has.
        """
        allocation, namespace = finding.pool.allocation, self.service.namespace
        if allocation is None or allocation.quota_per_namespace is None:
            return 0, 0
        coming = {*self.promised, *(() if address is None else (address,))}
        more = (address is None) + sum(
            place(one) in finding.addresses and not self.ledger.namespace_has(namespace, one)
            for one in coming
        )
        before = self.ledger.used_by_namespace(finding.pool.name, namespace)
        return before, before + more - self._gives_back(finding)

    def _gives_back(self, finding: PoolFinding) -> bool:
        """Whether the namespace has one address less of the pool when this Service has left."""
        left = self.leaving
        if left is None or place(left.address) not in finding.addresses:
            return False
        others = [ref for ref in left.services if ref != self.service.ref]
        return all(ref.namespace != self.service.namespace for ref in others)
