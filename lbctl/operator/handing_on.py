"""How the traffic of each address is handed on: what is asked, what can be, and what is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lbctl.core.addresses import family_of, object_name
from lbctl.core.objects.services import PROXY_MODE, ServiceView
from lbctl.core.objects.virtualips import HandOff, VirtualIPView
from lbctl.core.outcomes import ConditionType, HandedOnReason, Outcome
from lbctl.core.succession.handing_on import (
    NOT_SENT,
    PROXIES_LEARN_SECONDS,
    HandedOn,
    Sending,
    hand_on,
    sending,
    unable_to,
)
from lbctl.kube import conditions
from lbctl.kube.conditions import Condition
from lbctl.kube.events import Note
from lbctl.kube.objects import Object
from lbctl.world.planning import Planning
from lbctl.world.world import World

_TIME = "%Y-%m-%dT%H:%M:%SZ"


class HandingOn:
    """Decides with what the world knows, and remembers where it is not as it was asked."""

    def __init__(self, world: World, planning: Planning) -> None:
        self._world = world
        self._planning = planning
        self.not_as_asked: dict[str, HandedOnReason] = {}
        """The VirtualIPs whose traffic is not handed on as an L2Advertisement asks."""

    def decide(self, view: VirtualIPView, succession: tuple[str, ...]) -> HandedOn | None:
        """How an address with this succession is handed on.

        None when nobody ever asked for anything, or what can be is not known.
        """
        announcing = self._world.announcing(view)
        services = self._services(view)
        if announcing is None or len(services) < len(view.services):
            return None
        asked = announcing.hand_off
        if not view.node_ports and (asked is HandOff.CLUSTER_PROXY or not succession):
            return None
        unable = unable_to(succession, self._world.node_views(), family_of(view.address))
        already = bool(view.node_ports) and not view.node_ports_until
        return hand_on(asked, services, succession, unable=unable, already=already)

    def sending(self, view: VirtualIPView, decided: HandedOn | None) -> Sending:
        """The next step to what was decided."""
        if decided is None:
            return Sending(view.node_ports, view.node_ports_until) if view.node_ports else NOT_SENT
        services = self._services(view)
        relied_on = any(
            entry.address == view.address and entry.ip_mode == PROXY_MODE
            for service in services
            for entry in service.ingress
        )
        now = datetime.now(UTC)
        end = now + timedelta(seconds=PROXIES_LEARN_SECONDS)
        return sending(
            decided,
            view,
            services,
            relied_on=relied_on,
            now=now.strftime(_TIME),
            end=end.strftime(_TIME),
        )

    def say(self, obj: Object, view: VirtualIPView, decided: HandedOn | None) -> list[Condition]:
        """The condition `HandedOn`, where there is anything to say. It is counted."""
        name = object_name(view.address)
        self.not_as_asked.pop(name, None)
        if decided is None:
            known = (obj.get("status") or {}).get("conditions") or []
            if view.node_ports or conditions.find(known, ConditionType.HANDED_ON) is None:
                return []
            decided = HandedOn(HandedOnReason.AS_ASKED, "The cluster's proxy serves the address.")
        so = decided.reason is HandedOnReason.AS_ASKED
        if not so:
            self.not_as_asked[name] = decided.reason
        generation = int(obj["metadata"]["generation"])
        return [Condition(ConditionType.HANDED_ON, so, decided.reason, decided.message, generation)]

    def forget(self, name: str) -> None:
        """No Service has this address."""
        self.not_as_asked.pop(name, None)

    def _services(self, view: VirtualIPView) -> list[ServiceView]:
        """The Services that have the address, as far as they are known."""
        found = (self._planning.service(ref) for ref in view.services)
        return [one for one in found if one is not None]


def news(decided: HandedOn | None) -> list[Note]:
    """What the owner of a Service hears, while it is so."""
    if decided is None or decided.reason is HandedOnReason.AS_ASKED:
        return []
    return [Note(Outcome.HAND_OFF_NOT_AS_ASKED, decided.message, warning=True)]


OVER = Note(Outcome.HAND_OFF_AS_ASKED, "The traffic is handed on as the L2Advertisement asks.")
"""What they hear when it is not so any more."""
