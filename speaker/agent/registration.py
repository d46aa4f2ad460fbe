"""The Speaker object of this node: made once, owned by the Node, kept up to date."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from lbctl.core.outcomes import ConditionType, SpeakerReason
from lbctl.kube.client import Client
from lbctl.kube.conditions import Condition, merge
from lbctl.kube.errors import AlreadyExists, Conflict, NotFound
from lbctl.kube.lease import Owner
from lbctl.kube.objects import NODES, SPEAKERS, Key, Object, uid_of, version_of
from speaker.agent.interfaces import Interface
from speaker.agent.partners import reachable, status_rows
from speaker.messages import PeerReport


def speaker_status(interfaces: Iterable[Interface], *, version: str) -> Object:
    """What the status says besides its conditions."""
    return {
        "version": version,
        "interfaces": [
            {
                "name": interface.view.name,
                "mac": interface.view.mac,
                "addresses": [str(own) for own in interface.view.addresses],
                "carrier": interface.view.carrier,
                **_gateways(interface),
            }
            for interface in interfaces
        ],
    }


def _gateways(interface: Interface) -> Object:
    """Absent when there is none, as the API server keeps it: else every look would write again."""
    found = [str(router) for router in interface.view.gateways]
    return {"gateways": found} if found else {}


def ready(interfaces: Iterable[Interface], *, wire_alive: bool, generation: int) -> Condition:
    """Whether this node can announce anything."""
    names = [interface.view.name for interface in interfaces]
    if not wire_alive:
        reason, message = (
            SpeakerReason.WIRE_DOWN,
            "the process that answers on the LAN does not run",
        )
    elif not names:
        reason, message = SpeakerReason.NO_INTERFACE, "no Ethernet interface with an address is up"
    else:
        reason, message = SpeakerReason.WIRE_RUNNING, f"answers on {', '.join(names)}"
    return Condition(
        type=ConditionType.READY,
        status=reason is SpeakerReason.WIRE_RUNNING,
        reason=reason,
        message=message,
        generation=generation,
    )


@dataclass(frozen=True, slots=True)
class PartnersSeen:
    """What the wire says of the partners, and what follows from it."""

    reports: tuple[PeerReport, ...]
    alive: frozenset[str]
    """The partners whose Leases are renewed, as far as anybody looked."""
    port: int
    now: float
    """Seconds since 1970 by this node's clock."""


def status_patch(
    speaker: Object,
    interfaces: tuple[Interface, ...],
    *,
    version: str,
    wire_alive: bool,
    partners: PartnersSeen | None = None,
    checks: Iterable[Condition] = (),
    unchecked: Collection[str] = (),
) -> Object | None:
    """What to merge into the Speaker's status; None when it says all that already.

    Without ``partners`` the status keeps what it says of them: the wire has not spoken yet.
    ``checks`` are conditions that do not depend on the Speaker's spec, of no generation yet. What
    the speaker before this one said of the types in ``unchecked`` nobody stands for any more.
    """
    status = speaker.get("status") or {}
    generation = int(speaker["metadata"].get("generation") or 1)
    wanted = speaker_status(interfaces, version=version)
    conditions = [ready(interfaces, wire_alive=wire_alive, generation=generation)]
    conditions += (replace(check, generation=generation) for check in checks)
    if partners is not None:
        wanted["partners"] = status_rows(partners.reports)
        conditions.append(
            reachable(
                partners.reports,
                partners.alive,
                port=partners.port,
                now=partners.now,
                generation=generation,
            )
        )
    patch: Object = {name: value for name, value in wanted.items() if status.get(name) != value}
    there = status.get("conditions") or ()
    entries = [entry for entry in there if entry.get("type") not in unchecked]
    if len(entries) < len(there):
        patch["conditions"] = entries
    for condition in conditions:
        merged = merge(entries, condition)
        if merged is not None:
            entries = patch["conditions"] = merged
    return patch or None


class Registration:
    """Makes the Speaker and writes its status.

    Args:
        client: an open client.
        node: the name of the Node, and so of the Speaker.
        version: of this program.
        known: the API server's objects, as a watch of this one Speaker mirrors them.
        unchecked: the types of conditions that this speaker, by its settings, does not write.
    """

    def __init__(
        self,
        client: Client,
        *,
        node: str,
        version: str,
        known: Mapping[Key, Object],
        unchecked: Collection[str] = (),
    ) -> None:
        self._client = client
        self._node = node
        self._version = version
        self._known = known
        self._unchecked = unchecked
        self._owner: Owner | None = None
        self._written: Object | None = None
        """The Speaker as it was after our last write, which the watch may not have told of yet."""
        self.registered = False
        """Whether the Speaker has been made and said what is, at least once."""

    async def owner(self) -> Owner:
        """The Node, whose end is the end of everything that belongs to it.

        Raises:
            ApiError: it cannot be read.
        """
        if self._owner is None:
            node = await self._client.get(NODES, self._node)
            self._owner = Owner("v1", "Node", self._node, uid_of(node))
        return self._owner

    async def reconcile(
        self,
        interfaces: tuple[Interface, ...],
        *,
        wire_alive: bool,
        partners: PartnersSeen | None,
        checks: Iterable[Condition] = (),
    ) -> None:
        """Make the Speaker and its status say what is. Raises ApiError."""
        speaker = self._newest() or await self._create()
        patch = status_patch(
            speaker,
            interfaces,
            version=self._version,
            wire_alive=wire_alive,
            partners=partners,
            checks=checks,
            unchecked=self._unchecked,
        )
        version = speaker["metadata"]["resourceVersion"]
        try:
            if patch is not None:
                self._written = await self._client.patch_status(
                    SPEAKERS, self._node, patch, resource_version=version
                )
        except Conflict:
            self._written = None
            raise
        except NotFound:
            # It went away a moment ago; the watch will say so and bring us here again.
            return
        self.registered = True

    def _newest(self) -> Object | None:
        """The Speaker by the watch, or by our own write where that is newer."""
        known, written = self._known.get(Key("", self._node)), self._written
        if known is None or written is None or uid_of(known) != uid_of(written):
            return known
        return max(known, written, key=version_of)

    async def _create(self) -> Object:
        # The Node may have been made anew since the last time, with another uid.
        self._owner = None
        owner = await self.owner()
        metadata = {"name": self._node, "ownerReferences": [owner.reference()]}
        try:
            return await self._client.create(SPEAKERS, {"metadata": metadata})
        except AlreadyExists:
            return await self._client.get(SPEAKERS, self._node)
