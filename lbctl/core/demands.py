"""What a Service asks for that this version does not do. Nothing that is asked is ignored."""

from lbctl.core.outcomes import Notice, Outcome
from lbctl.core.services import Family, FamilyPolicy, ServiceView, TrafficPolicy


def demands(service: ServiceView) -> tuple[Notice, ...]:
    """The reasons for which the Service gets no new address; empty when it may have one."""
    found: list[Notice] = []
    if _needs_ipv6(service):
        found.append(
            Notice(
                Outcome.IPV6_NOT_SUPPORTED,
                "This version announces IPv4 addresses only. Set spec.ipFamilyPolicy to "
                "PreferDualStack, or make the Service anew with spec.ipFamilies [IPv4] alone.",
            ),
        )
    if service.requested_address:
        found.append(
            Notice(
                Outcome.REQUESTED_ADDRESS_NOT_SUPPORTED,
                f"spec.loadBalancerIP asks for {service.requested_address}, and this version gives "
                "the lowest free address of a pool only. Remove spec.loadBalancerIP.",
            ),
        )
    if service.external_traffic_policy is TrafficPolicy.LOCAL:
        found.append(
            Notice(
                Outcome.LOCAL_TRAFFIC_POLICY_NOT_SUPPORTED,
                "spec.externalTrafficPolicy is Local, and this version does not place addresses "
                "by where the pods are. Set it to Cluster.",
            ),
        )
    return tuple(found)


def dual_stack_notice(service: ServiceView) -> tuple[Notice, ...]:
    """What a Service that would like IPv6 too has to hear, when IPv4 alone satisfies it."""
    if _needs_ipv6(service) or Family.IPV6 not in service.families:
        return ()
    message = "This version announces IPv4 addresses only: the Service has no IPv6 address."
    return (Notice(Outcome.IPV6_NOT_SUPPORTED, message),)


def _needs_ipv6(service: ServiceView) -> bool:
    return (
        service.family_policy is FamilyPolicy.REQUIRE_DUAL_STACK
        or Family.IPV4 not in service.families
    )
