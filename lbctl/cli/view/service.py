"""The whole way from a Service to the LAN: whose it is, what it asks, who could give, who gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from lbctl.cli.exits import NotAllowed, NotThere
from lbctl.cli.snapshot import not_allowed
from lbctl.cli.state import State, addresses_of
from lbctl.cli.view.address import Story, story
from lbctl.core.addresses import Family
from lbctl.core.allocation.grants import Refusal, in_order, refusal
from lbctl.core.objects.pools import PoolFinding
from lbctl.core.objects.services import FamilyPolicy, ServiceKey, ServiceView
from lbctl.core.outcomes import ConditionType, PoolRefusal
from lbctl.core.reading.objects import condition
from lbctl.kube.objects import SERVICES


@dataclass(frozen=True, slots=True)
class Considered:
    """A pool that was asked, in this order."""

    pool: str
    family: str
    gives: bool
    """Whether the Service can have an address of it, or has one."""
    reason: str
    """Why not, as `PoolRefusal` has it."""
    message: str
    address: str | None = None
    """The one that it has, or would get next."""


@dataclass(frozen=True, slots=True)
class ServiceStory:
    """Everything about a Service that has to do with its addresses."""

    service: str
    ours: bool
    """Whether this lbctl serves it."""
    whose: str
    """Why, or why not."""
    asks: tuple[str, ...]
    """What it asks for."""
    allocated: bool
    reason: str
    """The reason of the condition lbctl.io/AddressAllocated, as of now."""
    message: str
    told: str | None
    """What the operator has written, where that is something else."""
    shown: tuple[str, ...]
    """What its status shows."""
    pools: tuple[Considered, ...]
    addresses: tuple[Story, ...]


def find(state: State, namespace: str, name: str) -> ServiceView:
    """Find a Service of type LoadBalancer. Raises NotThere, which names others; NotAllowed."""
    found = state.ledger.service(ServiceKey(namespace, name))
    if found is not None:
        return found
    lacking = [right for right in state.snapshot.missing if right.kind is SERVICES]
    if lacking and SERVICES not in state.snapshot.objects:
        raise NotAllowed(not_allowed(lacking))
    keys = [ServiceKey(*key) for key in state.world.services]
    elsewhere = sorted(key.namespace for key in keys if key.name == name)
    here = [key.name for key in keys if key.namespace == namespace]
    hint = ""
    if elsewhere:
        hint = f" There is one in namespace {elsewhere[0]}: -n {elsewhere[0]}."
    elif near := get_close_matches(name, here, n=3):
        hint = f" Did you mean {' or '.join(near)}?"
    raise NotThere(
        f"there is no Service {name} of type LoadBalancer in namespace {namespace}.{hint}"
    )


def explain(state: State, namespace: str, name: str) -> ServiceStory:
    """Explain a Service. Raises NotThere, NotAllowed."""
    service = find(state, namespace, name)
    ours = state.ownership.ours(service)
    verdict = state.decide(service.key).verdict
    told = _told(state, service)
    reason = "" if verdict is None else str(verdict.reason)
    message = "" if verdict is None else verdict.message
    return ServiceStory(
        service=str(service.key),
        ours=ours,
        whose=_whose(state, service),
        asks=tuple(_asks(service)),
        allocated=verdict is not None and verdict.allocated,
        reason=reason,
        message=message,
        told=told if told != f"{reason}: {message}" else None,
        shown=tuple(map(str, service.shown)),
        pools=tuple(considered(state, service)) if ours else (),
        addresses=tuple(story(state, view) for view in addresses_of(state, service)),
    )


def _whose(state: State, service: ServiceView) -> str:
    own, named = state.ownership.load_balancer_class, service.load_balancer_class
    if state.ownership.explicit(service):
        return f"lbctl's: it names spec.loadBalancerClass {own}."
    if named is not None:
        return f"Not lbctl's: it names spec.loadBalancerClass {named}, and lbctl serves {own}."
    if state.ownership.default_class:
        return "lbctl's: it names no spec.loadBalancerClass, and lbctl is the default."
    return (
        "Not lbctl's: it names no spec.loadBalancerClass, and lbctl is not the default "
        f"(defaultClass: false). Create it with spec.loadBalancerClass: {own}."
    )


def _asks(service: ServiceView) -> Iterator[str]:
    request = service.request
    for problem in request.problems:
        yield f"something that cannot be read: {problem.message}"
    if request.addresses:
        yield f"address {', '.join(map(str, request.addresses))}"
    if request.pools:
        yield f"pools {', '.join(request.pools)}"
    if request.sharing_key:
        yield f"to share its address under the key {request.sharing_key}"
    if service.family_policy is not FamilyPolicy.SINGLE_STACK or service.families != (Family.IPV4,):
        yield f"families {', '.join(service.families)} ({service.family_policy})"
    if service.local:
        yield "externalTrafficPolicy Local"


def _told(state: State, service: ServiceView) -> str | None:
    obj = state.snapshot.find(SERVICES, service.name, service.namespace) or {}
    found = condition(obj, ConditionType.ADDRESS_ALLOCATED)
    return None if found is None else f"{found.get('reason')}: {found.get('message')}"


def considered(state: State, service: ServiceView) -> Iterator[Considered]:
    """Each pool in the order in which it is asked, for each family that the Service wants."""
    ledger, asked = state.ledger, service.request.pools
    labels = ledger.namespace_labels(service.namespace)
    found: list[PoolFinding | str] = [*in_order(ledger.findings(), service, labels)]
    if asked:
        found = [ledger.finding(name) or name for name in asked]
    single = service.family_policy is FamilyPolicy.SINGLE_STACK
    for family in service.families[:1] if single else service.families:
        for one in found:
            if isinstance(one, str):
                text = "there is no such pool"
                yield Considered(one, family, False, PoolRefusal.NO_SUCH_POOL, text)  # noqa: FBT003
            else:
                yield _considered(state, service, one, family)


def _considered(
    state: State, service: ServiceView, finding: PoolFinding, family: Family
) -> Considered:
    name, ledger = finding.pool.name, state.ledger
    had = [view for view in addresses_of(state, service) if view.pool == name]
    own = next((view.address for view in had if f"IPv{view.address.version}" == family), None)
    if own is not None:
        return Considered(name, family, True, "", "it has an address of it", str(own))  # noqa: FBT003
    # What `Chooser` counts: a new address is one more, unless it is of a pool that it leaves.
    by_name = bool(service.request.pools) or any(
        ledger.pool_of(address) == name for address in service.request.addresses
    )
    used = ledger.used_by_namespace(name, service.namespace)
    labels = ledger.namespace_labels(service.namespace)
    refused: Refusal | None = refusal(
        finding, service, labels, before=used, after=used + 1, by_name=by_name
    )
    refused = refused or ledger.shortage(name, family)
    if refused is not None:
        return Considered(name, family, False, refused.reason, refused.message)  # noqa: FBT003
    lowest = ledger.lowest_free(name, family)
    return Considered(name, family, True, "", "could give", str(lowest))  # noqa: FBT003
