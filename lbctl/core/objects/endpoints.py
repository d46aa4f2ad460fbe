"""Where the pods of a Service are, for `externalTrafficPolicy: Local`: by kube-proxy's own rules.

An endpoint that is ready counts. While no endpoint of the whole Service is ready, those that are
being stopped and still serve count (KEP-1669). An endpoint that names no node is on none of ours.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from lbctl.core.addresses import Family
from lbctl.core.objects.services import ServiceKey


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of an EndpointSlice."""

    node: str
    ready: bool
    draining: bool
    """It is being stopped, and still serves."""


@dataclass(frozen=True, slots=True)
class SliceView:
    """The part of an EndpointSlice that a decision depends on."""

    service: ServiceKey
    family: Family
    endpoints: tuple[Endpoint, ...]


def local_nodes(slices: Iterable[SliceView], family: Family) -> frozenset[str]:
    """The nodes that may announce an address of this family of the slices' Service."""
    endpoints = [one for each in slices if each.family is family for one in each.endpoints]
    ready = frozenset(one.node for one in endpoints if one.ready)
    return ready or frozenset(one.node for one in endpoints if one.draining)


class EndpointBook:
    """The slices of all Services, by Service."""

    def __init__(self) -> None:
        self.complete = False
        """Whether all slices are known: before that, absence means nothing."""
        self._slices: dict[ServiceKey, dict[Hashable, SliceView]] = {}

    def put(self, key: Hashable, before: SliceView | None, after: SliceView | None) -> bool:
        """Know a slice, or forget it. Returns whether its Service's pods are on other nodes now."""
        if before is not None and (after is None or before.service != after.service):
            old = self._nodes(before.service)
            slices = self._slices[before.service]
            slices.pop(key, None)
            if not slices:
                del self._slices[before.service]
            if after is None:
                return old != self._nodes(before.service)
        if after is None:
            return False
        old = self._nodes(after.service)
        self._slices.setdefault(after.service, {})[key] = after
        return old != self._nodes(after.service)

    def nodes(self, service: ServiceKey, family: Family) -> frozenset[str] | None:
        """The nodes that may announce the Service's addresses; None while that is not known."""
        return local_nodes(self._of(service), family) if self.complete else None

    def clear(self) -> None:
        """Nobody follows the slices any more."""
        self.complete = False
        self._slices.clear()

    def _of(self, service: ServiceKey) -> Iterable[SliceView]:
        return self._slices.get(service, {}).values()

    def _nodes(self, service: ServiceKey) -> tuple[frozenset[str], ...]:
        return tuple(local_nodes(self._of(service), family) for family in Family)
