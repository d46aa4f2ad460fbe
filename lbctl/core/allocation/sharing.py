"""Which Services may have one address together, and what each is let in with.

An address has one holder, so all who share it are served by one node. That is why traffic policies
must fit: with `externalTrafficPolicy: Cluster` any node will do; with `Local` only nodes with a pod
do, so those who share need the same pods: the same namespace and the same `spec.selector`. `Local`
beside `Cluster` is not let in either: the address would follow the pods of the one, and the other
would lose it with them though any node could serve it.

Who asks to join is judged by what is written in the VirtualIP of those who are there, not by what
they say now: that is written under the VirtualIP's resourceVersion, and so two who come at once, or
one who changes, cannot both have a port. Who was there first keeps it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from lbctl.core.addresses import Address
from lbctl.core.allocation.belonging import home
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.objects.pools import PoolView, SharingScope
from lbctl.core.objects.services import Port, ServiceRef, ServiceView
from lbctl.core.objects.virtualips import Terms, VirtualIPView

MAX_SERVICES = 64
"""So many Services have one address at most (`maxItems` of `spec.services`)."""
MAX_PORTS = 256
"""Who has more shares with nobody: all ports are written into the VirtualIP."""
_MAX_SELECTOR = 1024


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a Service cannot have an address together with those who have it."""

    message: str
    """A sentence without its full stop."""
    takes_a_port: bool = False
    """It has a port that is another's there: then it cannot stay either."""


def terms_of(service: ServiceView) -> Terms:
    """What a Service is let in with, as it is now."""
    ports = tuple(dict.fromkeys(service.ports))[:MAX_PORTS]
    return Terms(ports, _selector(service.selector) if service.local else None)


def _selector(labels: Mapping[str, str]) -> str:
    text = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
    return text if len(text) <= _MAX_SELECTOR else f"sha256:{sha256(text.encode()).hexdigest()}"


def cannot_share(service: ServiceView, view: VirtualIPView, ledger: Ledger) -> Misfit | None:
    """Why the Service cannot have the address beside those who have it; None when it can.

    One pool says across which namespaces, to who comes and to who is there: the one that gave the
    address, while it has it. With one for those and another for these, who is let in would have to
    leave.
    """
    found = home(view, ledger)
    return misfit(service, view, _scope(None if found is None else found.pool))


def _scope(pool: PoolView | None) -> SharingScope:
    """Which Services a pool lets share its addresses."""
    if pool is None or pool.allocation is None:
        return SharingScope.WITHIN_NAMESPACE
    return pool.allocation.sharing


def misfit(service: ServiceView, view: VirtualIPView, scope: SharingScope) -> Misfit | None:
    """Why the Service cannot have the address, or go on having it; None when it can.

    Whoever is alone there can.
    """
    others = [ref for ref in view.services if ref.key != service.key]
    if not others:
        return None
    is_there = len(others) < len(view.services)
    return (
        (_ports(service, view, others) if is_there else None)
        or _key(service, view, others[0])
        or _ports(service, view, others)
        or _number(service, view, others)
        or _namespaces(service, view.address, others, scope)
        or _pods(service, view, others)
    )


def _ports(
    service: ServiceView, view: VirtualIPView, others: Iterable[ServiceRef]
) -> Misfit | None:
    own = {*service.ports}
    for other in others:
        theirs = view.terms.get(other.uid, Terms()).ports
        if not theirs:
            return Misfit(f"the ports of {other.key} at {view.address} are not known yet")
        taken: list[Port] = sorted(own.intersection(theirs))
        if taken:
            return Misfit(f"{other.key} has {taken[0]} at {view.address}", takes_a_port=True)
    return None


def _key(service: ServiceView, view: VirtualIPView, other: ServiceRef) -> Misfit | None:
    key = service.request.sharing_key
    if not key:
        return Misfit(f"{view.address} belongs to {other.key}")
    if key != view.sharing_key:
        return Misfit(f"{view.address} belongs to {other.key}, which shares it under another key")
    return None


def _number(service: ServiceView, view: VirtualIPView, others: list[ServiceRef]) -> Misfit | None:
    if len(others) >= MAX_SERVICES:
        return Misfit(f"{MAX_SERVICES} Services share {view.address} already")
    if len({*service.ports}) > MAX_PORTS:
        return Misfit(f"a Service with more than {MAX_PORTS} ports shares with nobody")
    return None


def _namespaces(
    service: ServiceView, address: Address, others: list[ServiceRef], scope: SharingScope
) -> Misfit | None:
    foreign = next((one for one in others if one.namespace != service.namespace), None)
    if foreign is None or scope is SharingScope.ACROSS_NAMESPACES:
        return None
    return Misfit(
        f"{address} belongs to {foreign.key}, and its pool lets Services of one namespace share "
        "(allocation.sharing: WithinNamespace)"
    )


def _pods(service: ServiceView, view: VirtualIPView, others: list[ServiceRef]) -> Misfit | None:
    own = terms_of(service).local_pods
    for other in others:
        theirs = view.terms.get(other.uid, Terms()).local_pods
        if own is None and theirs is None:
            continue
        if not own or own != theirs or other.namespace != service.namespace:
            return Misfit(
                f"{view.address} belongs to {other.key}, and with externalTrafficPolicy Local only "
                "Services of the same pods share (the same namespace and spec.selector, and "
                "Local all of them)"
            )
    return None
