"""VirtualIPs: who is to announce an address, and the two steps by which an address is let go.

All writes of a VirtualIP's spec are here, each with the resourceVersion that the decision saw.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from lbctl.core.addresses import Address, family_of, object_name
from lbctl.core.allocation import release
from lbctl.core.allocation.belonging import OutOfPool, home_name, out_of_pool
from lbctl.core.allocation.leaving import rest, wanted
from lbctl.core.allocation.tenancy import made_for, moved_in, moved_out
from lbctl.core.labels import CANDIDATE_PREFIX, candidate_labels
from lbctl.core.objects.services import Ownership, ServiceKey, ServiceRef, ServiceView
from lbctl.core.objects.virtualips import Release, Stage, VirtualIPView
from lbctl.core.outcomes import ConflictReason, Outcome, PlannedReason, PoolRefusal
from lbctl.core.reading.objects import virtual_ip_view
from lbctl.core.succession.causes import begins_a_move, why_replanned
from lbctl.core.succession.handing_on import HandedOn
from lbctl.core.succession.planner import SuccessionPlan
from lbctl.kube import conditions
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition
from lbctl.kube.errors import Conflict, NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.objects import SERVICES, VIRTUAL_IPS, Key, Object
from lbctl.kube.trickle import Trickle
from lbctl.operator import handing_on
from lbctl.operator.handing_on import HandingOn
from lbctl.operator.metrics import Metrics
from lbctl.operator.refresh import refresh
from lbctl.operator.tenants import tenants_spec
from lbctl.operator.vip_conditions import in_pool, planned, reserved, say
from lbctl.world.planning import HandOffSpec, Planning, seeing, spec_of, stands
from lbctl.world.world import World

log = logging.getLogger(__name__)

WORDS_A_SECOND = 50.0
"""So many conditions `Planned` are written whose words alone have changed, when many have."""
WORDS_AT_ONCE = 200

_PLAN = "plan"
_CONFLICT = "conflict"
_HAND_OFF = "hand-off"
_POOL = "pool"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_UNPLANNED = SuccessionPlan((), (), planned=False, message="")
"""A new address of a Service whose endpoints are not known yet."""


class VirtualIPs:
    """Creates, plans and releases VirtualIPs."""

    def __init__(
        self,
        world: World,
        client: Client,
        *,
        recorder: Recorder,
        metrics: Metrics,
        ownership: Ownership,
        again: Callable[[Key, float], None],
    ) -> None:
        self._world = world
        self._client = client
        self._recorder = recorder
        self._metrics = metrics
        self._ownership = ownership
        self.planning = Planning(world)
        self.handing_on = HandingOn(world, self.planning)
        self._again = again
        self._conflicts: dict[Address, ConflictReason] = {}
        self._trickle: Trickle[Address] = Trickle(rate=WORDS_A_SECOND, burst=WORDS_AT_ONCE)
        self.out_of_pool: dict[str, PoolRefusal] = {}
        """The VirtualIPs that Services have and that their pools would not give today."""

    async def reconcile(self, key: Key) -> bool:
        """Enforce the plan, or take the next step of a release.

        Returns:
            False when the VirtualIP names a Service that does not want it: the Service's own
            reconcile has to look, because only that one may release an address.
        """
        obj = self._world.virtual_ips.get(key)
        view = self._world.virtual_ip_views.get(key)
        if view is None or view.stage is not Stage.ALLOCATED:
            self.out_of_pool.pop(key.name, None)
            self.handing_on.forget(key.name)
        if obj is None or view is None:
            return True
        match view.stage:
            case Stage.ALLOCATED:
                self._tell_conflict(view)
                if not wanted(view, self._world.ledger, self._ownership):
                    return False
                await self._plan(obj, view)
            case Stage.RELEASING:
                await self._proceed(obj, view)
            case Stage.RESERVED:
                await self._say(obj, reserved(obj, view, self._world, self._ownership))
            case _ as never:
                assert_never(never)
        return True

    async def create(self, address: Address, pool: str | None, service: ServiceView) -> None:
        """Take an address by creating the object that bears its name.

        Raises:
            AlreadyExists: somebody was faster; the mirror may not know yet.
        """
        shown = bool(self._world.ledger.claimants(address))
        bare = made_for(service, address, pool, adopted=shown)
        plan = self.planning.plan(bare) or _UNPLANNED
        view = replace(bare, succession=plan.succession)
        self._world.expect(view)
        decided = self.handing_on.decide(view, plan.succession)
        body = _new(view, plan, self._hand_off(view, decided))
        try:
            self._world.virtual_ips.put(await self._client.create(VIRTUAL_IPS, body))
        finally:
            # Whether it was created or not, or is gone again: what the mirror says counts.
            self._world.settle(address)

    async def assign(self, view: VirtualIPView, pool: str | None, service: ServiceView) -> None:
        """Name a Service, as it is now, in a VirtualIP that exists."""
        obj = self._world.virtual_ips.get(Key("", object_name(view.address)))
        if obj is None or obj["metadata"]["resourceVersion"] != view.resource_version:
            raise Conflict(f"{view.address} changed meanwhile")
        after = moved_in(view, service, pool)
        await self._replace(obj, tenants_spec(obj["spec"], after), _seeing(view))

    async def release(self, view: VirtualIPView, key: ServiceKey, why: str) -> None:
        """Take a Service out. When it was the last one, the address is reserved again or let go.

        Letting go begins with this: it has no Service any more, and everybody falls silent.

        Args:
            view: the VirtualIP as it was when that was decided.
            key: the Service's name, whatever its uid.
            why: the first words of a sentence that the Service's owner reads.
        """
        obj = self._world.virtual_ips.get(Key("", object_name(view.address)))
        leaving = [ref for ref in view.services if ref.key == key]
        if obj is None or not {*leaving} <= {*virtual_ip_view(obj).services}:
            return  # Decided upon an older state: whatever changed it asked for another look.
        left = moved_out(virtual_ip_view(obj), key)
        if left.services:
            await self._replace(obj, tenants_spec(obj["spec"], left), _seeing(view))
            end = f"it does not share {view.address} any more."
        elif view.reserved_for is not None:
            await self._replace(obj, tenants_spec(obj["spec"], left), _seeing(view))
            self.planning.forget(view.address)
            end = f"{view.address} is given back, and stays reserved for {view.reserved_for}."
        else:
            await self._let_go(obj, view)
            end = f"{view.address} is given back, and free again once nobody answers for it."
        for ref in leaving:
            self._told(ref, Note(Outcome.ADDRESS_RELEASED, f"{why}: {end}"))

    async def _let_go(self, obj: Object, view: VirtualIPView) -> None:
        live = virtual_ip_view(obj)
        keeps = rest(live, self._world.ledger, self._ownership, _later)
        step = release.begin(live, self._world.node_views(), keeps)
        match step:
            case release.Begin(how):
                await self._hand_to_verifier(obj, view, how)
            case release.Delete():
                await self._delete(obj)
            case _:
                assert_never(step)

    async def _proceed(self, obj: Object, view: VirtualIPView) -> None:
        step = release.proceed(view, self._world.node_views(), _now())
        match step:
            case release.Begin(how) | release.Reassign(how):
                await self._hand_to_verifier(obj, view, how)
            case release.Delete():
                await self._delete(obj)
            case release.Await(reason):
                log.debug("%s: %s", view.address, reason)
            case release.Rest(reason, message, until):
                await self._say(obj, planned(obj, reason, message))
                self._again(_key(view), _seconds_until(until))
            case release.Stuck(message):
                await self._say(obj, planned(obj, PlannedReason.NOBODY_TO_ASK, message))
            case _:
                assert_never(step)

    async def _hand_to_verifier(
        self,
        obj: Object,
        view: VirtualIPView,
        how: Release,
    ) -> None:
        verifier = how.verifier
        over = {"outgoing", "sharingKey", "handOff"}
        kept = {name: value for name, value in obj["spec"].items() if name not in over}
        spec = {
            **kept,
            "services": [],
            "release": _release_spec(how),
        }
        seeing = [*view.succession, *([] if verifier is None else [verifier])]
        await self._replace(obj, spec, seeing)
        log.info("%s: released; %s asks the LAN", view.address, verifier or "nobody can ask yet")

    async def _delete(self, obj: Object) -> None:
        meta = obj["metadata"]
        try:
            await self._client.delete(
                VIRTUAL_IPS,
                meta["name"],
                uid=meta["uid"],
                resource_version=meta["resourceVersion"],
            )
        except NotFound:
            log.debug("%s: somebody else deleted it", meta["name"])
        except Conflict:
            await refresh(self._client, self._world.virtual_ips, Key("", meta["name"]))
            raise
        self._world.virtual_ips.remove(obj)
        self.planning.forget(virtual_ip_view(obj).address)
        self._trickle.forget(virtual_ip_view(obj).address)
        log.info("%s: free", meta["name"])

    async def _plan(self, obj: Object, view: VirtualIPView) -> None:
        plan = self.planning.plan(view)
        if plan is None:
            return  # When the endpoints are known, everything is looked at again.
        handed_on = self.handing_on.decide(view, plan.succession)
        hand_off = self._hand_off(view, handed_on)
        with self.planning.writing(view.address):
            written = await self._write_plan(obj, view, plan, hand_off)
        if hand_off.sending.until:
            self._again(_key(view), _seconds_until(hand_off.sending.until))
        if plan.again_in is not None:
            self._again(_key(view), plan.again_in)
        said = [in_pool(written, home_name(view, self._world.ledger), self._outside(view))]
        said += self.handing_on.say(written, view, handed_on)
        if written is not obj or self._may_say(obj, view, plan):
            said.append(planned(written, plan.reason, plan.message))
        await self._say(written, *said)
        news = [] if plan.planned else [_nobody(plan)]
        found = Note(Outcome.SPEAKER_FOUND, plan.message)
        for ref in view.services:
            # A Service has an address of each family, and each has its plan.
            topic = f"{_PLAN} {family_of(view.address)}"
            self._recorder.stand(self._subject(ref), topic, news, mended=found)
            topic = f"{_HAND_OFF} {family_of(view.address)}"
            refused = handing_on.news(handed_on)
            self._recorder.stand(self._subject(ref), topic, refused, mended=handing_on.OVER)

    def _hand_off(self, view: VirtualIPView, decided: HandedOn | None) -> HandOffSpec:
        port = self.planning.health_check_node_port(view)
        return HandOffSpec(port, self.handing_on.sending(view, decided))

    async def _write_plan(
        self, obj: Object, view: VirtualIPView, plan: SuccessionPlan, hand_off: HandOffSpec
    ) -> Object:
        pool = home_name(view, self._world.ledger)
        if pool == view.pool and stands(view, plan, hand_off):
            return obj
        spec = spec_of(obj["spec"], plan, hand_off)
        spec |= {} if pool is None else {"pool": pool}
        rebalanced = view.address in self.planning.wanted
        obj = await self._replace(obj, spec, seeing(plan))
        why = why_replanned(view.succession, view.outgoing, plan, rebalanced=rebalanced)
        if why is not None:
            self._metrics.successions.labels(why).inc()
            if begins_a_move(view.outgoing, plan):
                self._metrics.moves.labels(why).inc()
                log.info("%s: moves. %s", view.address, plan.message)
        return obj

    def _may_say(self, obj: Object, view: VirtualIPView, plan: SuccessionPlan) -> bool:
        """Whether what changed may be written now; when it is words alone, it may have to wait.

        A node that dies is told of in the condition of every address, and most plans stay.
        """
        said = conditions.find((obj.get("status") or {}).get("conditions") or (), "Planned") or {}
        if said.get("reason") != plan.reason or said.get("message") == plan.message:
            self._trickle.forget(view.address)
            return True
        wait = self._trickle.wait(view.address, self._world.now())
        if wait > 0:
            self._again(_key(view), wait)
        return wait <= 0

    async def _say(self, obj: Object, *said: Condition) -> None:
        await say(self._client, self._world, obj, *said)

    async def _replace(self, obj: Object, spec: Object, seeing: Iterable[str]) -> Object:
        """Write spec and candidate labels, if the object is still the one that was read."""
        kept = {
            label: value
            for label, value in (obj["metadata"].get("labels") or {}).items()
            if not label.startswith(CANDIDATE_PREFIX)
        }
        meta = {**obj["metadata"], "labels": {**kept, **candidate_labels(seeing)}}
        try:
            written = await self._client.replace(
                VIRTUAL_IPS, {**obj, "metadata": meta, "spec": spec}
            )
        except (Conflict, NotFound):
            await refresh(self._client, self._world.virtual_ips, Key("", meta["name"]))
            raise
        self._world.virtual_ips.put(written)
        return written

    def _outside(self, view: VirtualIPView) -> OutOfPool | None:
        """Why a Service would not be given its address today; told to each of which it is so."""
        found: OutOfPool | None = None
        for ref in view.services:
            if (service := self.planning.service(ref)) is None:
                continue
            outside = out_of_pool(view, service, self._world.ledger)
            found = found or outside
            notes = []
            if outside is not None:
                notes.append(Note(Outcome.OUT_OF_POOL, outside.message, warning=True))
            over = Note(Outcome.IN_POOL, f"{view.address} is in its pool again.")
            self._recorder.stand(self._subject(ref), f"{_POOL} {view.address}", notes, mended=over)
        if found is None:
            self.out_of_pool.pop(object_name(view.address), None)
        else:
            self.out_of_pool[object_name(view.address)] = found.reason
        return found

    def _tell_conflict(self, view: VirtualIPView) -> None:
        """Tell the Service's owner who else has the address, and count it, when that is news."""
        conflict = view.conflict
        reason = None if conflict is None else conflict.reason
        if reason is not None and reason is not self._conflicts.get(view.address):
            self._metrics.conflicts.labels(reason).inc()
        if reason is None:
            self._conflicts.pop(view.address, None)
        else:
            self._conflicts[view.address] = reason
        over = Note(Outcome.CONFLICT_OVER, f"Nobody else answers for {view.address}.")
        notes = [] if (note := _conflict(view)) is None else [note]
        for ref in view.services:
            topic = f"{_CONFLICT} {family_of(view.address)}"
            self._recorder.stand(self._subject(ref), topic, notes, mended=over)

    def _told(self, ref: ServiceRef, note: Note) -> None:
        self._recorder.say(self._subject(ref), note)

    def _subject(self, ref: ServiceRef) -> Subject:
        return Subject(SERVICES.api_version, SERVICES.kind, ref.namespace, ref.name, ref.uid)


def _conflict(view: VirtualIPView) -> Note | None:
    """What somebody has to do about a host that has the address; None when none has."""
    conflict = view.conflict
    if conflict is not None and conflict.reason is ConflictReason.CLAIMED_BY_FOREIGN_HOST:
        message = conflict.message or f"{conflict.mac} claims {view.address} too."
        return Note(Outcome.CLAIMED_BY_FOREIGN_HOST, message, warning=True)
    message = view.answered_by_another if conflict is None else conflict.message
    if conflict is None and not message:
        return None
    return Note(Outcome.ANSWERED_BY_ANOTHER, f"{view.address}: {message}.", warning=True)


def _key(view: VirtualIPView) -> Key:
    return Key("", object_name(view.address))


def _now() -> str:
    return _later(0)


def _later(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime(_TIME)


def _release_spec(how: Release) -> Object:
    """`spec.release`; what is not said is left out."""
    said: Object = {
        "verifier": how.verifier,
        "quarantine": None if how.quarantine is None else asdict(how.quarantine),
        "coolingUntil": how.cooling_until,
        "retainedFor": None if how.retained_for is None else asdict(how.retained_for),
    }
    return {name: value for name, value in said.items() if value}


def _seconds_until(time: str) -> float:
    """At least a second: clocks are read by the second."""
    return max(1.0, (datetime.fromisoformat(time) - datetime.now(UTC)).total_seconds() + 1)


def _nobody(plan: SuccessionPlan) -> Note:
    return Note(Outcome.NO_ELIGIBLE_SPEAKER, plan.message, warning=True)


def _seeing(view: VirtualIPView) -> Iterable[str]:
    """The nodes that see it, as it is."""
    return (*view.succession, *(() if view.outgoing is None else (view.outgoing,)))


def _new(view: VirtualIPView, plan: SuccessionPlan, hand_off: HandOffSpec) -> Object:
    spec = tenants_spec({"address": str(view.address)}, view)
    if view.adopted:
        spec["adopted"] = True
    labels = candidate_labels(seeing(plan))
    metadata = {"name": object_name(view.address), "labels": labels}
    return {"metadata": metadata, "spec": spec_of(spec, plan, hand_off)}
