"""What the planner is asked for one address, and how its answer is written into a VirtualIP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lbctl.core.addresses import Address, family_of
from lbctl.core.labels import CANDIDATE_PREFIX, candidate_labels
from lbctl.core.objects.services import ServiceRef, ServiceView
from lbctl.core.objects.virtualips import UNTIMED, Timings, VirtualIPView
from lbctl.core.succession import planner
from lbctl.core.succession.answering import Answering
from lbctl.core.succession.eligibility import Judgement
from lbctl.core.succession.handing_on import NOT_SENT, Sending
from lbctl.core.succession.planner import SuccessionPlan
from lbctl.core.succession.rebalancing import AT_A_TIME
from lbctl.core.succession.together import Pods, pods_of
from lbctl.kube.objects import Object
from lbctl.world.world import World

_WRITTEN = ("succession", "interfaces", "outgoing", "announcement", "handOff")
"""The fields of a VirtualIP's spec that a plan writes."""


@dataclass(frozen=True, slots=True)
class HandOffSpec:
    """`spec.handOff`."""

    health_check_node_port: int | None = None
    sending: Sending = NOT_SENT


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
        pods = self._pods(view)
        if pods is None:
            return None
        advertisement = self._world.announcing(view)
        if advertisement is not None and pods.remarks:
            remarks = (*advertisement.remarks, *pods.remarks)
            advertisement = replace(advertisement, remarks=remarks)
        found = planner.plan(
            view.address,
            current=self._answering.order(view, self._world.node_views()),
            holder=view.holder,
            nodes=self._world.node_views(),
            loads=self._world.loads,
            advertisement=advertisement,
            endpoints=pods.nodes,
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
        pods = self._pods(view)
        announcing = self._world.announcing(view)
        if pods is None or announcing is None:
            return None
        return self._world.node_views().judge(view.address, announcing, pods.nodes)

    def _pods(self, view: VirtualIPView) -> Pods | None:
        """Where the pods are of Services for which that matters; None while it is not known."""
        each = []
        for ref in view.services:
            service = self.service(ref)
            if service is None or not service.local:
                continue
            nodes = self._world.endpoints.nodes(service.key, family_of(view.address))
            if nodes is None:
                return None
            each.append((service, nodes))
        return pods_of(each)

    def health_check_node_port(self, view: VirtualIPView) -> int | None:
        """Where nodes say whether they have pods for the address; None when any node will do."""
        pods = self._pods(view)
        return view.health_check_node_port if pods is None else pods.health_check_node_port

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


def stands(view: VirtualIPView, plan: SuccessionPlan, hand_off: HandOffSpec) -> bool:
    """Whether the VirtualIP says already what a plan says."""
    labels = frozenset(label for label in view.labels if label.startswith(CANDIDATE_PREFIX))
    return (
        view.succession == plan.succession
        and view.interfaces == plan.interfaces
        and view.outgoing == plan.outgoing
        and view.timings == plan.announcement
        and view.health_check_node_port == hand_off.health_check_node_port
        and Sending(view.node_ports, view.node_ports_until) == hand_off.sending
        and labels == candidate_labels(seeing(plan)).keys()
    )


def spec_of(spec: Object, plan: SuccessionPlan, hand_off: HandOffSpec) -> Object:
    """A VirtualIP's spec with the plan and the hand-off; what is not said is left out."""
    said: Object = {
        "succession": [*plan.succession],
        "interfaces": [*plan.interfaces],
        "outgoing": plan.outgoing,
        "announcement": _announcement(plan.announcement),
        "handOff": _hand_off(hand_off),
    }
    kept = {name: value for name, value in spec.items() if name not in _WRITTEN}
    return {
        **kept,
        **{name: value for name, value in said.items() if value or name == "succession"},
    }


def _hand_off(hand_off: HandOffSpec) -> Object:
    sent = hand_off.sending
    said: Object = {
        "healthCheckNodePort": hand_off.health_check_node_port,
        "nodePorts": [
            {"protocol": port.protocol, "port": port.number, "nodePort": number}
            for port, number in sent.node_ports.items()
        ],
        "nodePortsUntil": sent.until,
    }
    return {name: value for name, value in said.items() if value}


def seeing(plan: SuccessionPlan) -> Iterable[str]:
    """The nodes that must see the VirtualIP: who hands over is told too."""
    return (*plan.succession, *(() if plan.outgoing is None else (plan.outgoing,)))


def _announcement(timings: Timings) -> Object | None:
    if timings == UNTIMED:
        return None
    burst, refresh = timings.burst_milliseconds, timings.refresh_seconds
    said = {"burstMilliseconds": None if burst is None else [*burst], "refreshSeconds": refresh}
    return {name: value for name, value in said.items() if value is not None}
