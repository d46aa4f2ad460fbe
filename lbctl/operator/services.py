"""Services: give an address, adopt one, keep it, say why there is none, and let it go.

`lbctl.core.allocation.decide` says what to do; this carries it out in the one safe order. The
VirtualIP comes first, the status second: whoever dies between the two leaves an address that is
taken and not shown, which the next reconcile completes. A release goes the other way round.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import assert_never

from lbctl.core.addresses import Address, object_name
from lbctl.core.allocation import (
    Action,
    Adopt,
    Decision,
    Foreign,
    Give,
    Keep,
    Leave,
    Refuse,
    Withdraw,
    decide,
)
from lbctl.core.outcomes import Notice, Outcome
from lbctl.core.services import VIP_MODE, Ownership, ServiceKey, ServiceView
from lbctl.core.virtualips import VirtualIPView
from lbctl.core.waiting import Waiting
from lbctl.kube.client import Client
from lbctl.kube.errors import AlreadyExists, Conflict, NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.objects import SERVICES, Key, Object
from lbctl.operator.metrics import Metrics
from lbctl.operator.refresh import refresh
from lbctl.operator.virtualips import VirtualIPs
from lbctl.operator.world import World

log = logging.getLogger(__name__)

_ALLOCATION = "allocation"
_ATTEMPTS = 20
"""So often a reconcile decides anew at once when somebody was faster, before it backs off."""


class Services:
    """Reconciles Services. ``pending`` holds those that have no address, with the reason."""

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
        decision = self._decide(name)
        if decision.release or isinstance(decision.action, Adopt | Withdraw):
            # A mirror can lag. What takes or moves an address is decided on the live Service.
            await self._look(name)
            decision = self._decide(name)
        service = self._world.ledger.service(name)
        if service is not None:
            await self._act(service, decision.action)
        for virtual_ip in decision.release:
            await self._virtual_ips.release(virtual_ip, _why(virtual_ip, service, decision.action))
        self._tell(name, service, decision)

    def _decide(self, name: ServiceKey) -> Decision:
        return decide(name, self._world.ledger, self._ownership)

    async def _act(self, service: ServiceView, action: Action) -> None:
        match action:
            case Give(address, pool):
                await self._take(service, address, pool)
                self._metrics.allocations.labels(pool).inc()
                self._said(service, Outcome.ADDRESS_ALLOCATED, f'{address} from pool "{pool}"')
                await self._show(service, address)
            case Adopt(address, pool, existing):
                if existing is None:
                    await self._take(service, address, pool)
                else:
                    await self._virtual_ips.assign(existing, service.ref)
                source = f'of pool "{pool}"' if pool else "that no pool names any more"
                self._said(service, Outcome.ADDRESS_ADOPTED, f"{address} {source}")
                if not service.shows_only(address):
                    await self._show(service, address)
            case Keep(address, write_status):
                if write_status:
                    await self._show(service, address)
            case Refuse(withdraw=addresses) | Withdraw(addresses):
                if addresses:
                    await self._withdraw(service, addresses)
            case Foreign() | Leave():
                pass
            case _:
                assert_never(action)

    async def _take(self, service: ServiceView, address: Address, pool: str | None) -> None:
        try:
            await self._virtual_ips.create(address, pool, service.ref)
        except AlreadyExists:
            await refresh(self._client, self._world.virtual_ips, Key("", object_name(address)))
            raise

    async def _show(self, service: ServiceView, address: Address) -> None:
        await self._write_ingress(service, [{"ip": str(address), "ipMode": VIP_MODE}])

    async def _withdraw(self, service: ServiceView, addresses: Iterable[Address]) -> None:
        gone = {str(address) for address in addresses}
        left = [entry for entry in service.ingress if entry.ip not in gone]
        named = ("ip", "hostname", "ipMode")
        values = [dict(zip(named, (e.ip, e.hostname, e.ip_mode), strict=True)) for e in left]
        await self._write_ingress(
            service, [{name: text for name, text in value.items() if text} for value in values]
        )

    async def _write_ingress(self, service: ServiceView, ingress: list[Object]) -> None:
        """Write the status of this very Service as it was when it was decided upon."""
        key = Key(*service.key)
        try:
            written = await self._client.patch_status(
                SERVICES,
                key.name,
                {"loadBalancer": {"ingress": ingress}},
                resource_version=service.resource_version,
                namespace=key.namespace,
            )
        except NotFound as error:
            await self._look(service.key)
            raise Conflict(str(error)) from error
        except Conflict:
            await self._look(service.key)
            raise
        self._know(written)

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
        """Keep the list of those who wait, and say what changed."""
        self._waiting.put(name, decision.wants)
        refused = _refusal(decision.action)
        before = self._pending.pop(name, None)
        if refused is not None:
            self._pending[name] = refused.outcome
            if refused.outcome is not before:
                self._metrics.allocation_failures.labels(refused.outcome).inc()
        if service is not None:
            notices = [*([] if refused is None else [refused]), *decision.notices]
            self._recorder.stand(_subject(service), _ALLOCATION, map(_note, notices))

    def _said(self, service: ServiceView, outcome: Outcome, message: str) -> None:
        log.info("%s: %s: %s", service.key, outcome, message)
        self._recorder.say(_subject(service), _note(Notice(outcome, message)))


def _refusal(action: Action) -> Notice | None:
    """Why the Service has no address; None when it has one or is not ours."""
    match action:
        case Refuse(outcome, message):
            return Notice(outcome, message)
        case Foreign(message):
            return Notice(Outcome.FOREIGN_ADDRESS, message)
        case Give() | Adopt() | Keep() | Withdraw() | Leave():
            return None
        case _:
            assert_never(action)


def _why(virtual_ip: VirtualIPView, service: ServiceView | None, action: Action) -> str:
    """Why the Service that a VirtualIP names loses the address, for its owner."""
    if service is None or virtual_ip.service != service.ref:
        return "The Service is gone"
    other = "another host has the address, and " if virtual_ip.conflict is not None else ""
    match action:
        case Withdraw() | Leave():
            return "The Service is not lbctl's any more"
        case Give(address) | Adopt(address) | Keep(address):
            return _sentence(f"{other}the Service has {address}")
        case Refuse(outcome):
            return _sentence(f"{other}the Service is given nothing ({outcome})")
        case Foreign():
            return "Another controller wrote the Service's status"
        case _:
            assert_never(action)


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
