"""What to do for a Service: state in, decision out.

`decide` reads the ledger and names one action and what must be released. It never acts: the
reconciler does, in the order that the actions' docstrings give, and decides again when the API
server refuses. A crash between two writes is mended by deciding anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from lbctl.core.addresses import Address, family_of, place
from lbctl.core.demands import demands, dual_stack_notice
from lbctl.core.grants import Refusal, in_order, refusal
from lbctl.core.ledger import Ledger
from lbctl.core.outcomes import Notice, Outcome
from lbctl.core.pools import PoolFinding
from lbctl.core.services import Ownership, ServiceKey, ServiceView
from lbctl.core.virtualips import Stage, VirtualIPView
from lbctl.core.waiting import Want, wants


@dataclass(frozen=True, slots=True)
class Give:
    """Create the VirtualIP, then write the status. On a conflict, read it and decide again."""

    address: Address
    pool: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """Record in the VirtualIP that the address, which the status shows already, is the Service's.

    Create it. When `existing` is given, replace its service instead, under its resourceVersion.
    """

    address: Address
    pool: str | None
    existing: VirtualIPView | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """The VirtualIP names the Service. Write the status if it says anything else."""

    address: Address
    write_status: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing can be given. Take `withdraw` out of the status: addresses of somebody else."""

    outcome: Outcome
    message: str
    withdraw: tuple[Address, ...] = ()
    wants: frozenset[Want] = frozenset()
    """What has to change so that something can be given."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another controller's address is in the status: leave it and give nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The Service is not ours any more: take these addresses out of its status, then release."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do for the Service itself: it is gone, not ours, or on its way out."""


Action = Give | Adopt | Keep | Refuse | Foreign | Withdraw | Leave
"""The closed set of what can be done for a Service."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do for one Service, after which nothing is left to do."""

    action: Action
    release: tuple[VirtualIPView, ...] = ()
    """VirtualIPs that name this Service or its dead namesake and must be released, after the action
    has taken them out of the status (`lbctl.core.release.begin`)."""
    notices: tuple[Notice, ...] = ()
    """What to tell the owner of the Service besides the action itself."""
    wants: frozenset[Want] = frozenset()
    """What the Service waits for: it may get an address when one of these comes about."""


def decide(key: ServiceKey, ledger: Ledger, ownership: Ownership) -> Decision:
    """Decide for the Service of this name, which may be gone.

    Whatever an address of ours already does goes on working: a Service that has one keeps it, even
    when it asks for something now that this version would refuse to a new one.
    """
    service = ledger.service(key)
    named = ledger.virtual_ips_of(key)
    if service is None:
        return Decision(Leave(), release=named)
    own = tuple(v for v in named if v.service == service.ref and not ledger.contested(v))
    if not ownership.ours(service):
        withdrawn = tuple(v.address for v in own if v.address in service.shown)
        return Decision(Withdraw(withdrawn) if withdrawn else Leave(), release=named)
    case = _Case(service, named, own, ledger, ownership)
    return case.keep() if own else case.adopt_or_give()


@dataclass(frozen=True, slots=True)
class _Case:
    """One Service of ours, and what is known about it."""

    service: ServiceView
    named: tuple[VirtualIPView, ...]
    """VirtualIPs that name the Service or a namesake that is gone."""
    own: tuple[VirtualIPView, ...]
    """Those that name this very Service and can be kept. More than one only after a race or a
    crash."""
    ledger: Ledger
    ownership: Ownership

    def keep(self) -> Decision:
        # Two operators that raced must agree on which of two addresses stays: the status decides,
        # because it has one writer at a time; without it, the lower address.
        kept = min(self.own, key=lambda v: (v.address not in self.service.shown, place(v.address)))
        foreign = self._foreign()
        write = foreign is None and not self.service.shows_only(kept.address)
        notices = [*self._conflicts(), *demands(self.service), *dual_stack_notice(self.service)]
        if foreign is not None:
            notices.append(Notice(Outcome.FOREIGN_ADDRESS, foreign))
        return Decision(
            Keep(kept.address, write_status=write),
            release=self._all_but(kept),
            notices=tuple(notices),
        )

    def adopt_or_give(self) -> Decision:
        foreign = self._foreign()
        if foreign is not None:
            return Decision(Foreign(foreign), release=self.named)
        lost = [*self._conflicts()]
        contested = {v.address for v in self.named if self.ledger.contested(v)}
        for address in (shown for shown in self.service.shown if shown not in contested):
            obstacle = self._obstacle(address)
            if obstacle is None:
                return self._adopt(address)
            lost.append(Notice(Outcome.ADDRESS_TAKEN, obstacle))
        if self.service.deleting:
            return Decision(Leave(), release=self.named)
        action = self._give()
        return Decision(
            action,
            release=self.named,
            wants=action.wants if isinstance(action, Refuse) else frozenset(),
            notices=(*lost, *(dual_stack_notice(self.service) if isinstance(action, Give) else ())),
        )

    def _conflicts(self) -> Iterator[Notice]:
        """The addresses of the Service that somebody else on the LAN has."""
        for known in self.named:
            if known.conflict is not None and self.ledger.contested(known):
                yield Notice(
                    Outcome.ADDRESS_IN_CONFLICT,
                    f"{known.conflict.mac} answers for {known.address}, which no node ever held, "
                    "and is none of the cluster's. The address is put into quarantine, and the "
                    "Service gets another. Find that host, or take the address out of the pool.",
                )

    def _adopt(self, address: Address) -> Decision:
        existing = self.ledger.virtual_ip(address)
        return Decision(
            Adopt(address, self.ledger.pool_of(address), existing),
            release=self._all_but(existing),
            notices=(*demands(self.service), *dual_stack_notice(self.service)),
        )

    def _obstacle(self, address: Address) -> str | None:
        """Why the address that the status shows cannot be adopted; None when it can."""
        if address.is_multicast or address.is_loopback or address.is_unspecified:
            return f"{address} is no unicast address of a LAN."
        if family_of(address) not in self.service.families:
            return f"{address} is {family_of(address)}, which is not in spec.ipFamilies."
        known = self.ledger.virtual_ip(address)
        if known in self.named:
            return None
        node = self.ledger.node_known_by(address)
        if node is not None:
            return f"{address} is the address of node {node} itself."
        return self._elder(address) if known is None else _occupant(known)

    def _elder(self, address: Address) -> str | None:
        """Of the Services that show an address without a VirtualIP, the oldest one adopts it."""
        elder = next(s for s in self.ledger.claimants(address) if self._contends(s))
        if elder.uid == self.service.uid:
            return None
        return f"{address} is kept by the older Service {elder.key}, which shows it too."

    def _contends(self, other: ServiceView) -> bool:
        """Whether `other` could adopt an address: it is ours, and it has no VirtualIP yet."""
        return self.ownership.ours(other) and not any(
            v.service == other.ref for v in self.ledger.virtual_ips_of(other.key)
        )

    def _give(self) -> Give | Refuse:
        refused = demands(self.service)
        if refused:
            return self._refuse(refused[0].outcome, " ".join(n.message for n in refused))
        findings = self.ledger.findings()
        if not findings:
            return self._refuse(
                Outcome.NO_POOL,
                "There is no IPAddressPool. Create one with addresses of your LAN.",
            )
        family = self.service.family
        labels = self.ledger.namespace_labels(self.service.namespace)
        considered: list[Refusal] = []
        for finding in in_order(findings, self.service, labels):
            name = finding.pool.name
            why_not = self._refusal(finding, labels)
            lowest = self.ledger.lowest_free(name, family) if why_not is None else None
            if lowest is not None:
                return Give(lowest, name)
            refused_by = why_not or self.ledger.shortage(name, family)
            considered += [] if refused_by is None else [refused_by]
        return self._refuse(
            Outcome.NO_FREE_ADDRESS,
            f"No pool gives an {family} address. {'; '.join(map(str, considered))}. "
            f"Mend one of them, or add {family} addresses or another pool.",
            considered,
        )

    def _refusal(self, finding: PoolFinding, labels: Mapping[str, str] | None) -> Refusal | None:
        """Why a pool gives nothing to this Service, which asks for none by name."""
        name, allocation = finding.pool.name, finding.pool.allocation
        limited = allocation is not None and allocation.quota_per_namespace is not None
        used = self.ledger.used_by_namespace(name, self.service.namespace) if limited else 0
        return refusal(finding, self.service, labels, used, by_name=False)

    def _refuse(self, outcome: Outcome, message: str, why: Iterable[Refusal] = ()) -> Refuse:
        return Refuse(outcome, message, self.service.shown, wants(self.service, why))

    def _foreign(self) -> str | None:
        """What another controller wrote into the status, as a sentence; None when all is ours."""
        if self.ownership.explicit(self.service):
            return None
        own = {v.address for v in self.named}
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

    def _all_but(self, kept: VirtualIPView | None) -> tuple[VirtualIPView, ...]:
        return tuple(v for v in self.named if kept is None or v.address != kept.address)


def _occupant(known: VirtualIPView) -> str:
    match known.stage:
        case Stage.RELEASING:
            return f"{known.address} is being released and cannot be kept."
        case Stage.RESERVED:
            return f"{known.address} is reserved by a VirtualIP without a Service."
        case Stage.ALLOCATED:
            owner = known.service.key if known.service is not None else "another Service"
            return f"{known.address} belongs to {owner}."
        case _ as never:
            assert_never(never)
