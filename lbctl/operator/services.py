"""Services: give an address, adopt one, keep it, say why there is none, and let it go.

`lbctl.core.allocation.deciding.decide` says what to do; this carries it out in the one safe order.
The VirtualIPs come first, the status second: whoever dies between the two leaves an address that is
taken and not shown, which the next reconcile completes. A release goes the other way round: out of
the status, then out of the VirtualIP. So a Service that moves has its new address before it shows
it, and shows it before the old one is let go; who shares an address does not lose it with another.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, assert_never

from lbctl.core.addresses import Address, object_name
from lbctl.core.allocation.deciding import decide
from lbctl.core.allocation.decisions import Decision, How, Status, Take
from lbctl.core.allocation.waiting import Waiting
from lbctl.core.objects.services import Ingress, Ownership, ServiceKey, ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import ConditionType, Notice, Outcome
from lbctl.core.succession.handing_on import ip_mode
from lbctl.kube import conditions
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import AlreadyExists, Conflict, NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.objects import SERVICES, Key, Object
from lbctl.operator.metrics import Metrics
from lbctl.operator.refresh import refresh
from lbctl.operator.virtualips import VirtualIPs
from lbctl.world.world import World

log = logging.getLogger(__name__)

_ALLOCATION = "allocation"
_ATTEMPTS = 20
"""So often a reconcile decides anew at once when somebody was faster, before it backs off."""


class Services:
    """Reconciles Services."""

    def __init__(
        self,
        world: World,
        client: Client,
        *,
        recorder: Recorder,
        metrics: Metrics,
        ownership: Ownership,
        virtual_ips: VirtualIPs,
        waiting: Waiting,
    ) -> None:
        self._pending: dict[ServiceKey, Outcome] = {}
        self._unmet: dict[ServiceKey, Outcome] = {}
        self._world = world
        self._client = client
        self._recorder = recorder
        self._metrics = metrics
        self._ownership = ownership
        self._virtual_ips = virtual_ips
        self._waiting = waiting

    @property
    def pending(self) -> Mapping[ServiceKey, Outcome]:
        """The Services that wait for an address, and why they have none."""
        return self._pending

    @property
    def unmet(self) -> Mapping[ServiceKey, Outcome]:
        """The Services that have an address, but not all or not the one that they ask for."""
        return self._unmet

    async def reconcile(self, key: Key) -> None:
        """Bring one Service to where it should be, whether it exists or not."""
        name = ServiceKey(*key)
        try:
            for attempt in range(_ATTEMPTS):
                try:
                    await self._once(name)
                except (AlreadyExists, Conflict) as error:
                    log.debug("%s: %s; deciding anew", name, error)
                    if attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return
        finally:
            if key not in self._world.services:
                self._world.settle_service(name)

    async def _once(self, name: ServiceKey) -> None:
        """One decision and its enforcement."""
        await self._know_namespace(name)
        decision = self._decide(name)
        dropped = self._dropped(name, decision)
        if dropped or decision.release or any(one.existing is not None for one in decision.takes):
            # A mirror can lag. What takes or moves an address is decided on the live Service, and
            # what an address is called another's for on its live VirtualIP: one that is only about
            # to be created here says nothing of whose it is.
            await self._look(name)
            for address in dropped:
                key = Key("", object_name(address))
                await refresh(self._client, self._world.virtual_ips, key)
            decision = self._decide(name)
        service = self._world.ledger.service(name)
        if service is not None:
            for take in decision.takes:
                await self._take(service, take)
            if decision.status is not None:
                await self._write(service, decision.status)
        for virtual_ip in decision.release:
            why = _why(virtual_ip, service, decision)
            await self._virtual_ips.release(virtual_ip, name, why)
        self._tell(name, service, decision)

    def _dropped(self, name: ServiceKey, decision: Decision) -> list[Address]:
        """The addresses that the Service shows and would show no more."""
        service, status = self._world.ledger.service(name), decision.status
        if service is None or status is None or status.ingress is None:
            return []
        left = {entry.address for entry in status.ingress}
        return [address for address in service.shown if address not in left]

    def _decide(self, name: ServiceKey) -> Decision:
        return decide(name, self._world.ledger, self._ownership)

    async def _take(self, service: ServiceView, take: Take) -> None:
        if take.existing is None:
            try:
                await self._virtual_ips.create(take.address, take.pool, service)
            except AlreadyExists:
                key = Key("", object_name(take.address))
                await refresh(self._client, self._world.virtual_ips, key)
                raise
        else:
            await self._virtual_ips.assign(take.existing, take.pool, service)
        match take.how:
            case How.GIVEN | How.JOINED | How.KEPT_FOR_IT:
                self._metrics.allocations.labels(take.pool or "").inc()
                self._said(service, Outcome.ADDRESS_ALLOCATED, _described(take, service))
            case How.ADOPTED:
                self._said(service, Outcome.ADDRESS_ADOPTED, _described(take, service))
            case How.RENEWED:
                log.info("%s: what its VirtualIP %s says is renewed", service.key, take.address)
            case _:
                assert_never(take.how)

    async def _write(self, service: ServiceView, status: Status) -> None:
        """Write ingress and condition of this very Service, as it was when it was decided upon.

        Both in one patch, and only if one of them says anything else.
        """
        key = Key(*service.key)
        changed: Object = {}
        ingress = None if status.ingress is None else self._with_modes(service, status.ingress)
        if ingress is not None and ingress != service.ingress:
            changed["loadBalancer"] = {"ingress": [_entry(one) for one in ingress]}
        said = _conditions(service, status)
        if said is not None:
            changed["conditions"] = said
        annotations = self._annotations(service, status)
        if not changed and not annotations:
            return
        try:
            written = await self._client.patch_status(
                SERVICES,
                key.name,
                changed,
                resource_version=service.resource_version,
                namespace=key.namespace,
                annotations=annotations,
            )
        except NotFound as error:
            await self._look(service.key)
            raise Conflict(str(error)) from error
        except Conflict:
            await self._look(service.key)
            raise
        self._know(written)

    def _with_modes(
        self, service: ServiceView, ingress: tuple[Ingress, ...]
    ) -> tuple[Ingress, ...]:
        """Whether proxies are to know each address, by what its VirtualIP says by now."""
        shown = {one.ip: one.ip_mode for one in service.ingress}
        return tuple(
            one._replace(ip_mode=ip_mode(self._virtual_ip(one), shown.get(one.ip, "")))
            for one in ingress
        )

    def _virtual_ip(self, entry: Ingress) -> VirtualIPView | None:
        return None if entry.address is None else self._world.ledger.virtual_ip(entry.address)

    def _annotations(self, service: ServiceView, status: Status) -> dict[str, str | None]:
        """What to write on the Service besides its status: whence its address is, if at all."""
        name = self._world.dialect.granted_from
        shown = service.ingress if status.ingress is None else status.ingress
        pool = self._world.ledger.granted_from(service) if shown else ""
        return {name: pool or None} if name and pool != service.granted_from else {}

    async def _know_namespace(self, name: ServiceKey) -> None:
        """Read the labels of a new namespace, by which pools may select it.

        Watches are not ordered among each other: the first Service of a namespace that was made
        with it can be known earlier, and would get an address of a pool that is for others.
        """
        ledger = self._world.ledger
        if ledger.service(name) is not None and ledger.namespace_labels(name.namespace) is None:
            await refresh(self._client, self._world.namespaces, Key("", name.namespace))

    async def _look(self, name: ServiceKey) -> None:
        """Read the Service as it is now, also when it is no LoadBalancer any more."""
        try:
            found = await self._client.get(SERVICES, name.name, namespace=name.namespace)
        except NotFound:
            if (known := self._world.services.get(Key(*name))) is not None:
                self._world.services.remove(known)
            self._world.settle_service(name)
        else:
            self._know(found)

    def _know(self, found: Object) -> None:
        if (found.get("spec") or {}).get("type") == "LoadBalancer":
            self._world.services.put(found)
        else:
            self._world.services.remove(found)
        self._world.keep_service(found)

    def _tell(self, name: ServiceKey, service: ServiceView | None, decision: Decision) -> None:
        """Keep the lists of those who wait, and say what changed."""
        self._waiting.put(name, decision.wants)
        verdict = decision.verdict
        before = self._pending.pop(name, None)
        self._unmet.pop(name, None)
        if verdict is not None and not verdict.allocated:
            self._pending[name] = verdict.reason
            if verdict.reason is not before:
                self._metrics.allocation_failures.labels(verdict.reason).inc()
        elif verdict is not None and verdict.reason is not Outcome.ADDRESS_ALLOCATED:
            self._unmet[name] = verdict.reason
        if service is not None:
            self._recorder.stand(_subject(service), _ALLOCATION, map(_note, decision.notices))

    def _said(self, service: ServiceView, outcome: Outcome, message: str) -> None:
        log.info("%s: %s: %s", service.key, outcome, message)
        self._recorder.say(_subject(service), _note(Notice(outcome, message)))


def _conditions(service: ServiceView, status: Status) -> list[dict[str, Any]] | None:
    """All conditions of the Service with ours as it is to be; None when they are so already."""
    kind = ConditionType.ADDRESS_ALLOCATED
    if status.verdict is None:
        left = [dict(one) for one in service.conditions if one.get("type") != kind]
        return None if len(left) == len(service.conditions) else left
    said = status.verdict
    condition = Condition(kind, said.allocated, said.reason, said.message, service.generation)
    return conditions.merge(service.conditions, condition)


def _entry(one: Ingress) -> Object:
    said = {"ip": one.ip, "hostname": one.hostname, "ipMode": one.ip_mode}
    return {name: text for name, text in said.items() if text}


def _described(take: Take, service: ServiceView) -> str:
    """What the owner of the Service reads about an address that became the Service's."""
    named = f'"{take.pool}"' if take.pool else ""
    match take.how:
        case How.ADOPTED:
            return f"{take.address} " + (
                f"of pool {named}" if named else "that no pool names any more"
            )
        case How.JOINED if take.existing is not None:
            others = [str(ref.key) for ref in take.existing.services if ref.key != service.key]
            return f"{take.address} from pool {named}, shared with {', '.join(others)}"
        case How.KEPT_FOR_IT:
            return f"{take.address}, which was kept for it"
        case _:
            return f"{take.address} from pool {named}"


def _why(view: VirtualIPView, service: ServiceView | None, decision: Decision) -> str:
    """Why the Service that a VirtualIP names loses the address, for its owner."""
    if service is None or service.ref not in view.services:
        return "The Service is gone"
    other = "another host has the address, and " if view.conflict is not None else ""
    verdict = decision.verdict
    if verdict is None:
        return "The Service is not lbctl's any more"
    if verdict.reason is Outcome.FOREIGN_ADDRESS:
        return "Another controller wrote the Service's status"
    if not verdict.allocated:
        return _sentence(f"{other}the Service is given nothing ({verdict.reason})")
    shown = () if decision.status is None else decision.status.ingress or ()
    return _sentence(f"{other}the Service has {' and '.join(one.ip for one in shown)}")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _note(notice: Notice) -> Note:
    return Note(notice.outcome, notice.message, warning=notice.outcome.is_warning)


def _subject(service: ServiceView) -> Subject:
    return Subject(
        SERVICES.api_version,
        SERVICES.kind,
        service.namespace,
        service.name,
        service.uid,
        service.resource_version,
    )
