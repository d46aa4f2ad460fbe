"""Which address a Service can newly have, of one family; or every reason why it can have none.

In this order: the one that it asks for by address; one that is kept for it; one that it may share;
the lowest free one. Pools are asked in the order in which the Service names them, else in that of
`lbctl.core.grants.in_order`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from lbctl.core.addresses import Address, Family, family_of, place
from lbctl.core.belonging import home, out_of_pool
from lbctl.core.decisions import How, Take
from lbctl.core.grants import PoolRefusal, Refusal, in_order, refusal
from lbctl.core.ledger import Ledger
from lbctl.core.outcomes import Outcome
from lbctl.core.pools import PoolFinding
from lbctl.core.services import ServiceView
from lbctl.core.sharing import misfit, scope_of
from lbctl.core.virtualips import Stage, VirtualIPView
from lbctl.core.waiting import NewPool, Want, wants

_TOLD = 3
"""So many addresses that cannot be shared are told of."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a Service gets no address, or not the one that it asks for."""

    outcome: Outcome
    message: str
    """Whole sentences."""
    wants: frozenset[Want] = frozenset()


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses for one Service."""

    service: ServiceView
    ledger: Ledger
    promised: list[str | None] = field(default_factory=list)
    """The pools of what the Service gets besides in the same decision: quotas count it."""

    def find(self, family: Family, leaving: str | None = None) -> Take | Denied:
        """Choose an address.

        Args:
            family: of which family.
            leaving: the pool of the address that it gives back in return; a quota counts one less.
        """
        asked = self.service.request.address(family)
        if asked is not None:
            return self._this(asked, leaving)
        if kept := self._kept(family):
            return kept
        return self._of_pools(family, leaving)

    def _this(self, address: Address, leaving: str | None) -> Take | Denied:
        known = self.ledger.virtual_ip(address)
        if known is not None and self._is_kept(known):
            return self._taken(known, How.KEPT_FOR_IT)
        refused = self._pool_refusal(address, leaving)
        if refused is None and known is not None and known.stage is Stage.ALLOCATED:
            obstacle = self._obstacle(known)
            if obstacle is None:
                return self._taken(known, How.JOINED)
            pool = self.ledger.pool_of(address) or ""
            return self._denied(
                address, f"{obstacle}.", Refusal(pool, PoolRefusal.IN_USE, obstacle)
            )
        refused = refused or self.ledger.why_not_free(address)
        if refused is None:
            return Take(address, self.ledger.pool_of(address), How.GIVEN)
        why = f"Of pool {refused}." if refused.pool else f"{refused}."
        return self._denied(address, why, refused)

    def _denied(self, address: Address, why: str, *refusals: Refusal) -> Denied:
        message = f"The Service asks for {address} and cannot have it. {why}"
        found = wants(self.service, refusals)
        return Denied(Outcome.REQUESTED_ADDRESS_UNAVAILABLE, message, found)

    def _pool_refusal(self, address: Address, leaving: str | None) -> Refusal | None:
        """Why the Service can have no address of the pool of this one, whoever has that now."""
        pool = self.ledger.pool_of(address)
        finding = None if pool is None else self.ledger.finding(pool)
        if finding is None:
            found = self.ledger.why_not_free(address)
            return found or Refusal("", PoolRefusal.NOT_IN_POOL, f"{address} is in no pool")
        asked = self.service.request.pools
        if asked and finding.pool.name not in asked:
            message = f"the Service asks for addresses of {', '.join(asked)} only"
            return Refusal(finding.pool.name, PoolRefusal.NOT_IN_POOL, message)
        return self._refusal(finding, leaving, self.ledger.virtual_ip(address), by_name=True)

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
            case Stage.ALLOCATED:
                # Its namesake of before had it. Nobody else can get it in between.
                asked = known.address in self.service.request.addresses
                return (
                    (asked or known.reserved_for == key or self._retained(known))
                    and all(ref.key == key for ref in known.services)
                    and not self.ledger.contested(known)
                )

    def _retained(self, known: VirtualIPView) -> bool:
        """Whether `retainFor` keeps an address whose Service went and came back unseen."""
        pool = self.ledger.pool(known.pool or "")
        keeps = pool is not None and pool.retain_for > 0
        return keeps and self.service.ref not in known.services and self._may_return(known)

    def _may_return(self, known: VirtualIPView) -> bool:
        """Whether the Service may have the address back that it had, by its pool of today."""
        found, asked = home(known, self.ledger), self.service.request.pools
        if found is None or (asked and found.pool.name not in asked):
            return False
        full = not known.services and self.ledger.quota_reached(
            found.pool.name, self.service.namespace
        )
        return not full and out_of_pool(known, self.service, self.ledger) is None

    def _kept(self, family: Family) -> Take | None:
        key = self.service.key
        for known in (*self.ledger.kept_for(key), *self.ledger.virtual_ips_of(key)):
            if family_of(known.address) is family and self._is_kept(known):
                return self._taken(known, How.KEPT_FOR_IT)
        return None

    def _taken(self, known: VirtualIPView, how: How) -> Take:
        pool = self.ledger.pool_of(known.address) or known.pool
        return Take(known.address, pool, how, known)

    def _of_pools(self, family: Family, leaving: str | None) -> Take | Denied:
        refusals: list[Refusal] = []
        asked = self.service.request.pools
        findings = self._findings(refusals)
        if not findings and not refusals:
            message = "There is no IPAddressPool. Create one with addresses of your LAN."
            return Denied(Outcome.NO_POOL, message, frozenset({NewPool()}))
        shared = self._shared(findings, family, leaving)
        if shared is not None:
            return shared
        for finding in findings:
            why_not = self._refusal(finding, leaving, None, by_name=bool(asked))
            name = finding.pool.name
            lowest = self.ledger.lowest_free(name, family) if why_not is None else None
            if lowest is not None:
                return Take(lowest, name, How.GIVEN)
            found = why_not or self.ledger.shortage(name, family)
            if found is not None:
                refusals.append(found)
        outcome = Outcome.REQUESTED_POOL_UNAVAILABLE if asked else Outcome.NO_FREE_ADDRESS
        which = "None of the pools that the Service asks for" if asked else "No pool"
        message = (
            f"{which} gives an {family} address. {'; '.join(map(str, refusals))}. "
            f"Mend one of them, or add {family} addresses or another pool.{self._sharers(family)}"
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

    def _shared(
        self, findings: list[PoolFinding], family: Family, leaving: str | None
    ) -> Take | None:
        """The lowest address that the Service may join, in the first pool that has one."""
        key = self.service.request.sharing_key
        if not key:
            return None
        candidates = [
            known
            for known in self.ledger.joinable(key, self.service.ports)
            if family_of(known.address) is family and self._obstacle(known) is None
        ]
        by_name = bool(self.service.request.pools)
        for finding in findings:
            for known in candidates:
                if (
                    place(known.address) in finding.addresses
                    and self._refusal(finding, leaving, known, by_name=by_name) is None
                ):
                    return self._taken(known, How.JOINED)
        return None

    def _sharers(self, family: Family) -> str:
        """Why the first addresses under its key cannot be shared, as another sentence."""
        key = self.service.request.sharing_key
        known = (one for one in self.ledger.joinable(key, ()) if family_of(one.address) is family)
        found = [why for one in islice(known, _TOLD) if (why := self._obstacle(one)) is not None]
        return f" Of those under its key: {'; '.join(found)}." if found else ""

    def _obstacle(self, known: VirtualIPView) -> str | None:
        """Why the Service cannot join those who have an address; None when it can."""
        if self.ledger.contested(known):
            return f"a host that is none of the cluster's has {known.address}"
        pool = self.ledger.pool_of(known.address) or known.pool
        scope = scope_of(None if pool is None else self.ledger.pool(pool))
        found = misfit(self.service, known, scope)
        return None if found is None else found.message

    @property
    def _labels(self) -> Mapping[str, str] | None:
        return self.ledger.namespace_labels(self.service.namespace)

    def _refusal(
        self,
        finding: PoolFinding,
        leaving: str | None,
        joining: VirtualIPView | None,
        *,
        by_name: bool,
    ) -> Refusal | None:
        """Why the pool gives the Service nothing, whatever is free."""
        name, allocation = finding.pool.name, finding.pool.allocation
        namespace = self.service.namespace
        limited = allocation is not None and allocation.quota_per_namespace is not None
        used = self.ledger.used_by_namespace(name, namespace) if limited else 0
        has_it = joining is not None and any(r.namespace == namespace for r in joining.services)
        more = (0 if has_it or leaving == name else 1) + self.promised.count(name)
        return refusal(finding, self.service, self._labels, used, by_name=by_name, more=more)
