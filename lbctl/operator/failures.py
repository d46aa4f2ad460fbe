"""`fastNodeFailure`: the pods of a dead node leave the EndpointSlices at once, not after a minute.

`lbctl.core.succession.failures` judges; this asks the kubelet, and patches the pods. Every replica
does it, the leader or not, for the leader may have been on the dead node: the patch is idempotent.
A pod is patched once in an incident. A kubelet that says otherwise afterwards lives, and is
believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lbctl.core.outcomes import NodeEvent, Spared
from lbctl.core.succession.failures import Incidents, Suspicion, alive, suspicions
from lbctl.kube import conditions
from lbctl.kube.client import Client, Selection
from lbctl.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from lbctl.kube.events import Note, Recorder, Subject
from lbctl.kube.informer import Change, Informer
from lbctl.kube.objects import NODES, PODS, SPEAKERS, Key, Object, uid_of
from lbctl.operator.marked import MarkedNodes
from lbctl.operator.metrics import Metrics
from lbctl.operator.reachability import Answer, ask
from lbctl.world.world import World

log = logging.getLogger(__name__)

REASON = "NodeFailure"
"""The reason in a pod's condition."""
_BY = "lbctl: "
_LOOK_SECONDS = 1.0
"""While a node is suspect it is looked at so often, and its kubelet asked as often."""
_SUSPECTS = 8
"""So many kubelets are asked at a time; a whole LAN that is down is not asked at all."""
_PATCHES = 32
"""So many pods are patched at a time."""
_KUBELET_PORT = 10250
_TOPIC = "failure"

Asker = Callable[[Iterable[str], int], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the kubelets said, and when that was."""

    spared: Spared | None
    at: float


class NodeFailures:
    """Follows the Speakers by a watch of its own, and acts on the first news of a death.

    Args:
        world: what is known of nodes and speakers.
        client: an open client.
        recorder: tells Events on Nodes.
        metrics: counts.
        marked: what all replicas have done lately.
        asker: asks a host by TCP.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        world: World,
        client: Client,
        *,
        recorder: Recorder,
        metrics: Metrics,
        marked: MarkedNodes,
        asker: Asker = ask,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._world = world
        self._client = client
        self._recorder = recorder
        self._metrics = metrics
        self._ask = asker
        self._clock = clock
        self._incidents = Incidents()
        self._marked = marked
        self._found: dict[str, _Found] = {}
        self._spared: dict[str, Spared] = {}
        self._wake = asyncio.Event()
        # A watch of its own: tenths of a second count here, and kopf makes a task for each object.
        self._speakers = Informer(client, SPEAKERS, self._seen)

    async def run(self) -> None:
        """Look whenever a speaker says something, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._speakers.run())
            group.create_task(self._marked.run())
            await self._marked.synced.wait()
            group.create_task(self._follow())

    async def _follow(self) -> None:
        suspect = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS if suspect else None):
                    await self._wake.wait()
            self._wake.clear()
            try:
                suspect = await self.look()
            except ApiError as error:
                log.warning("failures: %s; again in %.0f s", error, _LOOK_SECONDS)
                suspect = True

    async def look(self) -> bool:
        """Judge every node that somebody lost, and act. True when another look is needed soon."""
        if not self._world.synced:
            return True
        self._end_incidents()
        suspects = self._suspects()
        await asyncio.gather(*(self._look_at_kubelet(one) for one in suspects))
        waiting = False
        for suspicion in self._suspects():
            spared = suspicion.spared or self._spare(suspicion) or await self._mark(suspicion)
            self._count(suspicion, spared)
            waiting |= spared is not None
        return waiting

    def _seen(self, change: Change) -> None:
        if change.new is None:
            self._world.speakers.remove(change.old or {})
        else:
            self._world.speakers.put(change.new)
        self._wake.set()

    def _suspects(self) -> list[Suspicion]:
        """Those who may be dead and are not done with, the surest first."""
        found = suspicions(self._world.node_views()).values()
        for name in self._spared.keys() - {one.node for one in found}:
            del self._spared[name]
        for one in found:
            if not one.open:
                self._count(one, one.spared)
        left = [one for one in found if one.open and not self._incidents.is_done(one.node)]
        return sorted(left, key=lambda one: (-len(one.words), one.node))[:_SUSPECTS]

    def _end_incidents(self) -> None:
        views = self._world.node_views()
        for name in self._incidents.nodes():
            if name not in views or alive(name, views):
                self._incidents.over(name)
                if (node := self._world.nodes.get(Key("", name))) is not None:
                    returned = Note(NodeEvent.NODE_RETURNED, f"The speakers see {name} again.")
                    self._recorder.stand(_subject(node), _TOPIC, [], mended=returned)

    async def _look_at_kubelet(self, suspicion: Suspicion) -> None:
        """Ask its kubelet and, to know whether we hear anybody, one of those who lost it."""
        known = self._found.get(suspicion.node)
        if known is not None and self._clock() - known.at < _LOOK_SECONDS:
            return
        witnesses = list(suspicion.words or self._partners(suspicion.node))[:3]
        accused, *others = await asyncio.gather(
            *(self._kubelet(name) for name in (suspicion.node, *witnesses))
        )
        self._found[suspicion.node] = _Found(_heard(accused, others), self._clock())

    def _partners(self, node: str) -> list[str]:
        return [partner.node for partner in self._world.partnerships().get(node, ())]

    async def _kubelet(self, name: str) -> Answer:
        node = self._world.nodes.get(Key("", name))
        if node is None:
            return Answer.NOT_ASKED
        status = node.get("status") or {}
        endpoint = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
        addresses = [
            entry["address"]
            for entry in status.get("addresses") or ()
            if entry.get("type") == "InternalIP"
        ]
        return await self._ask(addresses, int(endpoint.get("Port") or _KUBELET_PORT))

    def _spare(self, suspicion: Suspicion) -> Spared | None:
        """Why a node that is dead for its partners is not marked; None: it is."""
        found = self._found.get(suspicion.node)
        if found is None:
            return Spared.KUBELET_UNKNOWN
        return found.spared or self._admit(suspicion.node)

    def _admit(self, node: str) -> Spared | None:
        """Which limit forbids to mark the node, by what all replicas are known to have done."""
        speakers = sum(view.speaker is not None for view in self._world.node_views().values())
        return self._incidents.admit(
            node, nodes=speakers, marked=self._marked.nodes(), now=self._marked.now()
        )

    def _count(self, suspicion: Suspicion, spared: Spared | None) -> None:
        """Count and tell why a node is spared, when the reason changes."""
        before = self._spared.get(suspicion.node)
        if spared is None:
            self._spared.pop(suspicion.node, None)
        elif spared is not before:
            self._spared[suspicion.node] = spared
            self._metrics.nodes_spared.labels(spared).inc()
            log.info("%s: lost by a partner, not marked: %s", suspicion.node, spared)
            node = self._world.nodes.get(Key("", suspicion.node))
            if spared.is_limit and node is not None:
                note = Note(NodeEvent.NODE_FAILURE_HELD_BACK, _held_back(spared), warning=True)
                self._recorder.stand(_subject(node), _TOPIC, [note])

    async def _mark(self, suspicion: Suspicion) -> Spared | None:
        """Patch the node's ready pods. Raises ApiError; what is not done then is done next time.

        Returns:
            What forbids it after all: another replica took another node.
        """
        name, begun = suspicion.node, self._clock()
        listing = await self._client.list(PODS, Selection(fields=f"spec.nodeName={name}"))
        known = self._incidents.pods(name)
        ready = [pod for pod in listing.items if _is_ready(pod) and uid_of(pod) not in known]
        if ready and (spared := await self._claim(name)) is not None:
            return spared
        done = self._incidents.begin(name)
        message = _dead(suspicion)
        limit = asyncio.Semaphore(_PATCHES)
        results = await asyncio.gather(
            *(self._patch(pod, message, limit) for pod in ready), return_exceptions=True
        )
        failed = [found for found in results if isinstance(found, BaseException)]
        patched = [pod for pod, found in zip(ready, results, strict=True) if found is True]
        done.update(map(uid_of, patched))
        if patched:
            self._metrics.pods_marked.inc(len(patched))
            self._tell(name, message, len(patched), begun)
        for error in failed:
            raise error
        self._incidents.done(name)
        return None

    async def _claim(self, node: str) -> Spared | None:
        """Write down that the node's pods are marked, before any is; or say what forbids it.

        The resourceVersion of the record decides between replicas that want several nodes at once.
        """
        while (spared := self._admit(node)) is None and not self._marked.just_now(node):
            try:
                await self._marked.add(node)
            except (AlreadyExists, Conflict):
                await self._marked.refresh()
        return spared

    async def _patch(self, pod: Object, message: str, limit: asyncio.Semaphore) -> bool:
        """Mark one pod not ready, if it is still as it was. False when it is gone or was changed.

        What was changed meanwhile is left to the next look, which reads it again.
        """
        meta = pod["metadata"]
        said = {
            "status": "False",
            "reason": REASON,
            "message": message,
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        entries = [
            {**entry, **said} if entry["type"] == "Ready" else entry
            for entry in pod["status"]["conditions"]
        ]
        patch = {
            "metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
            "status": {"conditions": entries},
        }
        async with limit:
            try:
                await self._client.patch(
                    PODS, meta["name"], patch, namespace=meta["namespace"], subresource="status"
                )
            except NotFound:
                return False
            except Conflict:
                self._wake.set()
                raise
        return True

    def _tell(self, name: str, message: str, pods: int, begun: float) -> None:
        self._metrics.nodes_marked.inc()
        seconds = self._clock() - begun
        log.warning("%s; %d pods marked not ready in %.3f s", message, pods, seconds)
        node = self._world.nodes.get(Key("", name))
        if node is not None:
            note = Note(NodeEvent.NODE_FAILURE, f"{message}. Its pods are not ready.", warning=True)
            self._recorder.stand(_subject(node), _TOPIC, [note])


def _heard(accused: Answer, others: list[Answer]) -> Spared | None:
    if accused is Answer.ANSWERED:
        return Spared.KUBELET_ANSWERS
    if accused is Answer.NOT_ASKED:
        return Spared.KUBELET_UNKNOWN
    return None if Answer.ANSWERED in others else Spared.OPERATOR_CUT_OFF


def _is_ready(pod: Object) -> bool:
    found = conditions.find((pod.get("status") or {}).get("conditions") or (), "Ready")
    return found is not None and found.get("status") == "True"


def _dead(suspicion: Suspicion) -> str:
    words = ", ".join(suspicion.words)
    return (
        f"{_BY}node {suspicion.node} is dead: the speakers of {words} lost it, and neither its "
        "address nor its kubelet answers"
    )


def _held_back(spared: Spared) -> str:
    match spared:
        case Spared.LIMIT_REACHED:
            why = "a fifth of the nodes was marked within five minutes already"
        case Spared.TOO_FEW_NODES:
            why = "fewer than three nodes have a speaker"
        case Spared.OPERATOR_CUT_OFF:
            why = "the operator reaches no other kubelet either: let it reach the nodes' TCP 10250"
        case _:
            why = "its Node names no InternalIP at which its kubelet could be asked"
    said = f"{why} [{spared}]"
    return f"Its partners and its kubelet's silence say that it is dead; its pods stay: {said}."


def _subject(node: Object) -> Subject:
    return Subject.of(NODES, node)
