"""What the planner is asked for one address, and how its answer is written into a VirtualIP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lbctl.core import succession
from lbctl.core.addresses import Address, family_of
from lbctl.core.answering import Answering
from lbctl.core.eligibility import Judgement
from lbctl.core.labels import CANDIDATE_PREFIX, candidate_labels
from lbctl.core.rebalancing import AT_A_TIME
from lbctl.core.services import ServiceRef, ServiceView
from lbctl.core.succession import SuccessionPlan
from lbctl.core.virtualips import UNTIMED, Timings, VirtualIPView
from lbctl.kube.objects import Object
from lbctl.operator.world import World

_WRITTEN = ("succession", "interfaces", "outgoing", "announcement", "handOff")
"""The fields of a VirtualIP's spec that a plan writes."""


class Planning:
    """Plans with what the world knows, and remembers why nodes were left out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.wanted: dict[Address, str] = {}
        """The nodes that addresses are to be moved to, until a plan with that is written."""
        self._begun: set[Address] = set()
        """The addresses that a plan moves which is not written yet."""
        self._answering = Answering()
        self._left_out: dict[Address, Counter[str]] = {}

    def plan(self, view: VirtualIPView) -> SuccessionPlan | None:
        """Plan an address; None while that cannot be known, so that the plan stays as it is."""
        known, endpoints = self._endpoints(view)
        if not known:
            return None
        found = succession.plan(
            view.address,
            current=self._answering.order(view, self._world.node_views()),
            holder=view.holder,
            nodes=self._world.node_views(),
            loads=self._world.loads,
            advertisement=self._world.announcing(view),
            endpoints=endpoints,
            outgoing=view.outgoing,
            interfaces=view.interfaces,
            timings=view.timings,
            wanted=self.wanted.get(view.address),
            room=self._has_room(view.address),
            beside=tuple(self._beside(view)),
            now=self._world.now(),
        )
        self._left_out[view.address] = Counter(str(one.reason) for one in found.left_out)
        if found.outgoing is not None and found.outgoing != view.outgoing:
            self._begun.add(view.address)
        return found

    @contextmanager
    def writing(self, address: Address) -> Iterator[None]:
        """While the plan is written. If that fails, it is decided anew."""
        try:
            yield
        finally:
            self._begun.discard(address)
        self.wanted.pop(address, None)

    def judge(self, view: VirtualIPView) -> Judgement | None:
        """Who may announce an address; None when nobody was asked to, or it cannot be known."""
        known, endpoints = self._endpoints(view)
        announcing = self._world.announcing(view)
        if not known or announcing is None:
            return None
        return self._world.node_views().judge(view.address, announcing, endpoints)

    def _endpoints(self, view: VirtualIPView) -> tuple[bool, frozenset[str] | None]:
        """Whether it is known where the pods are, and the nodes when only these may announce."""
        service = self.service(view.service)
        if service is None or not service.local:
            return True, None
        endpoints = self._world.endpoints.nodes(service.key, family_of(view.address))
        return endpoints is not None, endpoints

    def _has_room(self, address: Address) -> bool:
        """Whether the address may begin to move though its holder is well."""
        under_way = self._world.moving | self._begun
        return address in under_way or len(under_way) < AT_A_TIME

    def _beside(self, view: VirtualIPView) -> Iterator[tuple[str, ...]]:
        """The successions of the other addresses of its Services, who holds each first."""
        for ref in view.services:
            for other in self._world.ledger.virtual_ips_of(ref.key):
                if other.address != view.address and ref in other.services:
                    stays = other.holder is not None and other.outgoing is None
                    order = (other.holder, *other.succession) if stays else other.succession
                    yield tuple(node for node in dict.fromkeys(order) if node is not None)

    def service(self, ref: ServiceRef | None) -> ServiceView | None:
        """The very Service that a VirtualIP names, if it exists."""
        known = None if ref is None else self._world.ledger.service(ref.key)
        return known if known is not None and known.ref == ref else None

    def forget(self, address: Address) -> None:
        """The address is not planned any more."""
        self.wanted.pop(address, None)
        self._answering.forget(address)
        self._left_out.pop(address, None)

    def left_out(self) -> Counter[str]:
        """How many times a node is left out of an address's plan, by reason."""
        return sum(self._left_out.values(), Counter[str]())


def stands(view: VirtualIPView, plan: SuccessionPlan, service: ServiceView | None) -> bool:
    """Whether the VirtualIP says already what a plan says."""
    labels = frozenset(label for label in view.labels if label.startswith(CANDIDATE_PREFIX))
    return (
        view.succession == plan.succession
        and view.interfaces == plan.interfaces
        and view.outgoing == plan.outgoing
        and view.timings == plan.announcement
        and view.health_check_node_port == health_check_node_port(service)
        and labels == candidate_labels(seeing(plan)).keys()
    )


def spec_of(spec: Object, plan: SuccessionPlan, service: ServiceView | None) -> Object:
    """A VirtualIP's spec with the plan in it; what is not said is left out."""
    port = health_check_node_port(service)
    said: Object = {
        "succession": [*plan.succession],
        "interfaces": [*plan.interfaces],
        "outgoing": plan.outgoing,
        "announcement": _announcement(plan.announcement),
        "handOff": None if port is None else {"healthCheckNodePort": port},
    }
    kept = {name: value for name, value in spec.items() if name not in _WRITTEN}
    return {
        **kept,
        **{name: value for name, value in said.items() if value or name == "succession"},
    }


def seeing(plan: SuccessionPlan) -> Iterable[str]:
    """The nodes that must see the VirtualIP: who hands over is told too."""
    return (*plan.succession, *(() if plan.outgoing is None else (plan.outgoing,)))


def health_check_node_port(service: ServiceView | None) -> int | None:
    """Where nodes say whether they have a pod of the Service; None when any node will do."""
    return service.health_check_node_port if service is not None and service.local else None


def _announcement(timings: Timings) -> Object | None:
    if timings == UNTIMED:
        return None
    burst, refresh = timings.burst_milliseconds, timings.refresh_seconds
    said = {"burstMilliseconds": None if burst is None else [*burst], "refreshSeconds": refresh}
    return {name: value for name, value in said.items() if value is not None}
