"""Who has an address, as the spec of its VirtualIP says it."""

from __future__ import annotations

from lbctl.core.objects.services import ServiceRef
from lbctl.core.objects.virtualips import Terms, VirtualIPView
from lbctl.kube.objects import Object

_WRITTEN = ("services", "sharingKey", "pool", "outgoing", "release")


def tenants_spec(spec: Object, view: VirtualIPView) -> Object:
    """A spec with the Services that the view has, and what follows from them; not released."""
    said: Object = {
        "services": [_row(ref, view.terms.get(ref.uid, Terms())) for ref in view.services],
        "sharingKey": view.sharing_key,
        "pool": view.pool,
        "outgoing": view.outgoing,
    }
    # What nodes are to do with its traffic is nobody's without a Service.
    over = _WRITTEN if view.services else (*_WRITTEN, "handOff")
    kept = {name: value for name, value in spec.items() if name not in over}
    return {**kept, **{k: value for k, value in said.items() if value or k == "services"}}


def _row(ref: ServiceRef, terms: Terms) -> Object:
    ports = [{"protocol": port.protocol, "port": port.number} for port in terms.ports]
    row: Object = {**ref.key._asdict(), "uid": ref.uid, "ports": ports}
    return row if terms.local_pods is None else {**row, "localPods": terms.local_pods}
