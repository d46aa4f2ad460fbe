"""What a Service asks for that this version does not do. Nothing that is asked is ignored."""

from lbctl.core.addresses import Family
from lbctl.core.outcomes import Notice, Outcome
from lbctl.core.services import FamilyPolicy, ServiceView

_AN = {Family.IPV4: "an IPv4", Family.IPV6: "an IPv6"}


def demands(service: ServiceView) -> tuple[Notice, ...]:
    """The reasons for which the Service gets no new address; empty when it may have one."""
    found: list[Notice] = []
    if service.family_policy is FamilyPolicy.REQUIRE_DUAL_STACK:
        found.append(
            Notice(
                Outcome.DUAL_STACK_NOT_SUPPORTED,
                "This version gives a Service one address. Set spec.ipFamilyPolicy to "
                f"PreferDualStack, and it gets {_AN[service.family]} one.",
            ),
        )
    asked = service.request
    found.extend(asked.problems)
    if asked.addresses:
        addresses = " and ".join(map(str, asked.addresses))
        found.append(
            Notice(
                Outcome.REQUESTED_ADDRESS_NOT_SUPPORTED,
                f"The Service asks for {addresses}, and this version gives the lowest free address "
                "of a pool only. Remove spec.loadBalancerIP.",
            ),
        )
    return tuple(found)


def dual_stack_notice(service: ServiceView) -> tuple[Notice, ...]:
    """What a Service that would like both families has to hear, when one satisfies it."""
    prefers = service.family_policy is FamilyPolicy.PREFER_DUAL_STACK
    if not prefers or len(service.families) == 1:
        return ()
    message = (
        "This version gives a Service one address: it has one of its first family, "
        f"{service.family}, and no {service.families[1]} address."
    )
    return (Notice(Outcome.DUAL_STACK_NOT_SUPPORTED, message),)
