"""Short words for the objects of a story: a test names what matters in it and nothing else."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_interface
from typing import Any

from lbctl.core.addresses import Address
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.allocation.sharing import terms_of
from lbctl.core.objects.pools import PoolView
from lbctl.core.objects.services import (
    VIP_MODE,
    Ingress,
    Ownership,
    ServiceKey,
    ServiceRef,
    ServiceView,
)
from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.objects.virtualips import (
    Quarantine,
    Release,
    ReleasedCondition,
    Terms,
    VirtualIPView,
)
from lbctl.core.outcomes import Liveness

OLD, MIDDLE, NEW = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
OURS = Ownership()
CLASS = OURS.load_balancer_class


def ip(text: str) -> Address:
    """An address; `.7` is short for 10.0.0.7."""
    return ip_address(f"10.0.0{text}" if text.startswith(".") else text)


def ingress(*texts: str) -> tuple[Ingress, ...]:
    """What lbctl writes into a status."""
    return tuple(Ingress(ip=str(ip(text)), ip_mode=VIP_MODE) for text in texts)


def service(name: str = "web", *shown: str, uid: str = "", **fields: Any) -> ServiceView:
    """The Service default/`name`, whose status shows these addresses."""
    fields.setdefault("created", MIDDLE)
    fields.setdefault("ingress", ingress(*shown))
    return ServiceView(namespace="default", name=name, uid=uid or f"uid-{name}", **fields)


def key(name: str = "web") -> ServiceKey:
    return ServiceKey("default", name)


def ref(name: str = "web", uid: str = "") -> ServiceRef:
    return ServiceRef(ServiceKey("default", name), uid or f"uid-{name}")


def pool(name: str, *entries: str, created: str = OLD, **fields: Any) -> PoolView:
    return PoolView(name, created, entries, **fields)


def allocated(address: str, name: str = "web", uid: str = "", **fields: Any) -> VirtualIPView:
    """The VirtualIP of a Service that has its address."""
    own = ref(name, uid)
    fields.setdefault("pool", "lab")
    fields.setdefault("terms", {own.uid: Terms(fields.pop("ports", ()))})
    return VirtualIPView(ip(address), services=(own,), **fields)


def releasing(
    address: str = ".10",
    verifier: str | None = None,
    released: ReleasedCondition | None = None,
    quarantine: Quarantine | None = None,
    **fields: Any,
) -> VirtualIPView:
    release = Release(verifier, quarantine)
    return VirtualIPView(ip(address), release=release, released=released, **fields)


def reserved(address: str, name: str | None = None) -> VirtualIPView:
    return VirtualIPView(ip(address), reserved_for=None if name is None else key(name))


def shared(
    address: str, *services: ServiceView, sharing_key: str = "edge", **fields: Any
) -> VirtualIPView:
    """The VirtualIP of several Services, each let in with what it says now."""
    return VirtualIPView(
        ip(address),
        services=tuple(one.ref for one in services),
        terms={one.uid: terms_of(one) for one in services},
        sharing_key=sharing_key,
        **{"pool": "lab", **fields},
    )


def ledger(
    *objects: PoolView | ServiceView | VirtualIPView,
    identities: Mapping[str, str] | None = None,
    **nodes: str,
) -> Ledger:
    """A ledger that knows these objects, and each node with this address.

    `nodes` have it on an interface, `identities` are known by it.
    """
    known = Ledger()
    for thing in objects:
        match thing:
            case PoolView():
                known.put_pool(thing)
            case ServiceView():
                known.put_service(thing)
            case VirtualIPView():
                known.put_virtual_ip(thing)
    for node, address in nodes.items():
        known.put_node(node, frozenset({ip(address)}))
    for node, address in (identities or {}).items():
        known.put_node(node, frozenset({ip(address)}), frozenset({ip(address)}))
    return known


def node(
    name: str,
    *addresses: str,
    liveness: Liveness = Liveness.FRESH,
    carrier: bool = True,
    ready: bool = True,
    message: str = "",
) -> NodeView:
    """A node with a speaker; on the LAN 10.0.0.0/24 unless told otherwise."""
    own = tuple(ip_interface(text) for text in addresses or ("10.0.0.201/24",))
    interface = InterfaceView("eth0", "02:00:00:00:00:01", own, carrier=carrier)
    return NodeView(name, SpeakerView(name, (interface,), ready=ready, message=message), liveness)


def nodes(*views: NodeView | str) -> dict[str, NodeView]:
    """Nodes by name; a bare name is a node that can announce."""
    built = (node(view) if isinstance(view, str) else view for view in views)
    return {view.name: view for view in built}
