"""Several Services at one address: on which nodes all of them are served.

An address has one holder. So what the L2Advertisements of one Service say, and with
`externalTrafficPolicy: Local` where its pods are, holds for all who share the address. Where that
would leave no node, who was there first goes first: what one who came later needs is not obeyed,
and told.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from lbctl.core.objects.advertisements import AdvertisementView, Announcing, announcing, combine
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import ServiceKey, ServiceView
from lbctl.core.objects.speakers import NodeView

Labels = Mapping[str, str]


def announcing_all(
    advertisements: Collection[AdvertisementView],
    pool: PoolView | None,
    services: Mapping[ServiceKey, Labels],
    nodes: Collection[NodeView],
) -> Announcing | None:
    """How an address is announced that Services have; None when no advertisement is about any.

    Args:
        advertisements: all of them.
        pool: the address's pool; None when that is gone.
        services: the labels of each Service that has it, in the order in which they came.
        nodes: every node.
    """
    if len(services) <= 1:
        return announcing(advertisements, pool, next(iter(services.values()), {}))
    each = {
        service: announcing(advertisements, pool, labels) for service, labels in services.items()
    }
    different = [*dict.fromkeys(each.values())]
    if len(different) == 1:
        return different[0]
    obeyed = _obeyed([one for one in different if one is not None], nodes)
    remarks = tuple(_not_obeyed(service, one) for service, one in each.items() if one not in obeyed)
    if len(obeyed) == 1:
        return replace(obeyed[0], remarks=remarks)
    matching = {name for one in obeyed for name in one.names}
    made = combine(one for one in advertisements if one.name in matching)
    interfaces = _common(obeyed) or ()
    return replace(made, each=tuple(obeyed), interfaces=interfaces, remarks=remarks)


def _obeyed(each: Iterable[Announcing], nodes: Collection[NodeView]) -> list[Announcing]:
    """Those that leave a node and an interface to all of them; first come, first served.

    One that lets no node in, for itself alone, comes last: nobody is served by it.
    """
    found: list[Announcing] = []
    for one in sorted(each, key=lambda one: not _leave_a_node([one], nodes)):
        more = [*found, one]
        if not found or (_common(more) is not None and _leave_a_node(more, nodes)):
            found = more
    return found


def _leave_a_node(each: Iterable[Announcing], nodes: Collection[NodeView]) -> bool:
    return any(all(one.exclusion(node) is None for one in each) for node in nodes)


def _common(each: Iterable[Announcing]) -> tuple[str, ...] | None:
    """The interfaces that all of them name; empty = none names any; None = they have none alike."""
    named = [one.interfaces for one in each if one.interfaces]
    if not named:
        return ()
    return tuple(i for i in named[0] if all(i in others for others in named)) or None


def _not_obeyed(service: ServiceKey, one: Announcing | None) -> str:
    if one is None:
        return f"No L2Advertisement is about {service}, which is announced with the others."
    return (
        f"L2Advertisement {', '.join(one.names)} is not obeyed for {service}: it leaves no node to "
        "those with whom it shares the address."
    )


@dataclass(frozen=True, slots=True)
class Pods:
    """Where the pods are that the traffic of an address must meet on its holder."""

    nodes: frozenset[str] | None = None
    """The nodes that have them; None = it may be any node."""
    health_check_node_port: int | None = None
    """Where a node says whether it has them: the port of the first Service that has any pod."""
    remarks: tuple[str, ...] = ()
    """Which Services have none on these nodes though others do, in sentences."""


ANYWHERE = Pods()
"""No Service at the address has `externalTrafficPolicy: Local`."""


def pods_of(each: Collection[tuple[ServiceView, frozenset[str]]]) -> Pods:
    """Where all of them are served.

    Args:
        each: the Services at an address with `externalTrafficPolicy: Local`, in the order in which
            they came, and the nodes with their pods.
    """
    if not each:
        return ANYWHERE
    found = serving(nodes for _, nodes in each)
    asked = next((service for service, nodes in each if nodes), next(iter(each))[0])
    unserved = [service for service, nodes in each if found and not found & nodes]
    return Pods(found, asked.health_check_node_port, tuple(map(_unserved, unserved)))


def serving(each: Iterable[frozenset[str]]) -> frozenset[str]:
    """The nodes with pods of all Services.

    One whose pods are on none of the nodes that those before it leave is passed over.
    """
    found: frozenset[str] = frozenset()
    for nodes in each:
        found = (found & nodes or found) if found else nodes
    return found


def _unserved(service: ServiceView) -> str:
    return (
        f"{service.key} has no ready endpoint on the nodes of those with whom it shares the "
        "address, and gets no traffic there (externalTrafficPolicy: Local)."
    )
