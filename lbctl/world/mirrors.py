"""The kinds that the operator mirrors: which objects of each, and what of them is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lbctl.core.reading.objects import named_after_address
from lbctl.kube.client import Selection
from lbctl.kube.objects import (
    L2_ADVERTISEMENTS,
    NAMESPACES,
    NODES,
    POOLS,
    SERVICES,
    SPEAKERS,
    VIRTUAL_IPS,
    Kind,
    Object,
)
from lbctl.kube.store import Store
from lbctl.world.trimming import trim_namespace, trim_node, trim_service

SELECTIONS: Mapping[Kind, Selection] = {
    SERVICES: Selection(fields="spec.type=LoadBalancer"),
    NAMESPACES: Selection(),
    NODES: Selection(),
    POOLS: Selection(),
    L2_ADVERTISEMENTS: Selection(),
    VIRTUAL_IPS: Selection(),
    SPEAKERS: Selection(),
}
"""The kinds, and which objects of them; the API server filters."""


def mirrors() -> Mapping[Kind, Store]:
    """An empty mirror of each kind."""
    return {
        kind: Store(kind, accepts=_ACCEPTED.get(kind, _all), trim=_TRIMS.get(kind, _whole))
        for kind in SELECTIONS
    }


def _all(_: Object) -> bool:
    return True


def _whole(obj: Object) -> Object:
    return obj


_ACCEPTED = {VIRTUAL_IPS: named_after_address}
_TRIMS: Mapping[Kind, Callable[[Object], Object]] = {
    SERVICES: trim_service,
    NODES: trim_node,
    NAMESPACES: trim_namespace,
}
