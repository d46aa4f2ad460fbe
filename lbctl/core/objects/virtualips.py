"""What the operator and the speakers know of a VirtualIP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import NamedTuple, assert_never

from lbctl.core.addresses import Address
from lbctl.core.objects.services import Port, ServiceKey, ServiceRef
from lbctl.core.outcomes import ConflictReason


class Stage(StrEnum):
    """Where a VirtualIP is in its life. All of them keep the address from being given."""

    ALLOCATED = auto()
    """It names at least one Service."""
    RELEASING = auto()
    """It names none any more; it goes when the LAN is silent."""
    RESERVED = auto()
    """A person keeps it, for one Service or for later."""


class Terms(NamedTuple):
    """What a Service was let in with at an address that others may share."""

    ports: tuple[Port, ...] = ()
    local_pods: str | None = None
    """With `externalTrafficPolicy: Local` the selector of its pods, for only their nodes serve it;
    None = any node does."""


class Kept(StrEnum):
    """Why an address that no Service has is not given. Each is counted in its pool's status."""

    QUARANTINED = "quarantined"
    """A foreign host answered for it."""
    COOLING_DOWN = "coolingDown"
    """It was let go and rests."""
    RESERVED = "reserved"
    """A person keeps it, or it is kept for its Service, should it come back."""

    @property
    def words(self) -> str:
        """As in "2 of them in quarantine"."""
        match self:
            case Kept.QUARANTINED:
                return "in quarantine"
            case Kept.COOLING_DOWN:
                return "cooling down"
            case Kept.RESERVED:
                return "reserved"
            case _ as never:
                assert_never(never)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """`spec.release.quarantine`: a host that is none of ours answered for a new address."""

    mac: str
    until: str
    """RFC 3339 in UTC, by the seconds: such strings sort by time. Not given before."""


@dataclass(frozen=True, slots=True)
class Retention:
    """`spec.release.retainedFor`: the Service that had the address, should it come back."""

    namespace: str
    name: str
    until: str
    """RFC 3339 in UTC, by the seconds. Kept for it until then."""

    @property
    def key(self) -> ServiceKey:
        return ServiceKey(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Release:
    """`spec.release`: the address has no Service and is to become free."""

    verifier: str | None = None
    """The node whose speaker asks the LAN; None while there is nobody to ask."""
    quarantine: Quarantine | None = None
    cooling_until: str = ""
    """RFC 3339 in UTC, by the seconds: it rests and is not given before. "" = it need not."""
    retained_for: Retention | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """`status.conflict` and the condition `Conflict`, while that is True."""

    mac: str
    reason: ConflictReason
    message: str = ""


@dataclass(frozen=True, slots=True)
class ReleasedCondition:
    """The condition `Released`, written by the verifier."""

    silent: bool
    observed_generation: int
    """The generation of the VirtualIP that the verifier had read. An older one proves nothing."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Timings:
    """`spec.announcement`: when the holder announces unasked; None leaves it to the speaker."""

    burst_milliseconds: tuple[int, ...] | None = None
    """The pauses between the first announcements."""
    refresh_seconds: int | None = None


UNTIMED = Timings()
"""Nobody said anything: the speaker's own."""


class HandOff(StrEnum):
    """Who gives the traffic of an address to the cluster's proxy."""

    CLUSTER_PROXY = "ClusterProxy"
    """The proxy knows the address itself."""
    NODE_PORT = "NodePort"
    """The holder sends the traffic to the Services' nodePorts."""


@dataclass(frozen=True, slots=True)
class VirtualIPView:
    """The part of a VirtualIP that a decision depends on."""

    address: Address
    uid: str = ""
    resource_version: str = ""
    generation: int = 1
    pool: str | None = None
    services: tuple[ServiceRef, ...] = ()
    """The Services that have it, in the order in which they came."""
    terms: Mapping[str, Terms] = field(default_factory=dict)
    """What each of them was let in with, by its uid."""
    sharing_key: str = ""
    """Under which key others may join; empty = nobody may."""
    reserved_for: ServiceKey | None = None
    """Whom a person keeps it for."""
    succession: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    """The interfaces that may announce it; empty = the one in its subnet."""
    outgoing: str | None = None
    """The node that hands it over to the first of the succession."""
    timings: Timings = UNTIMED
    health_check_node_port: int | None = None
    """Where a node says whether it has a pod to hand traffic to."""
    node_ports: Mapping[Port, int] = field(default_factory=dict)
    """Where the holder sends the traffic of each port; empty = the cluster's proxy knows the
    address."""
    node_ports_until: str = ""
    """RFC 3339 in UTC, by the seconds: the address goes back to the proxy, and the nodePorts go
    after this time; "" = they stay."""
    release: Release | None = None
    labels: frozenset[str] = frozenset()
    """The keys of its labels; the candidates among them name the nodes that see it."""
    holder: str | None = None
    """`status.holder`: the node that announced it last."""
    released: ReleasedCondition | None = None
    conflict: Conflict | None = None
    handed_on: HandOff = HandOff.CLUSTER_PROXY
    """`status.handOff`: what its holder does with the traffic."""
    ever_held: bool = False
    """`status.everHeld`: whether any node ever answered for it since it was given."""
    adopted: bool = False
    """Whether a Service showed it before it had a VirtualIP: then clients know it."""
    answered_by: str = ""
    """`status.answeredBy`: the MAC that answers while nobody has taken the address."""
    answered_by_another: str = ""
    """The message of the condition `Announced`, while its reason is `AnsweredByAnother`."""

    @property
    def service(self) -> ServiceRef | None:
        """The first of its Services."""
        return self.services[0] if self.services else None

    @property
    def stage(self) -> Stage:
        if self.services:
            return Stage.ALLOCATED
        return Stage.RESERVED if self.release is None else Stage.RELEASING

    @property
    def kept(self) -> Kept | None:
        """Why nobody gets it; None while a Service has it, or while it is just being released."""
        if self.services:
            return None
        if self.release is None or self.release.retained_for is not None:
            return Kept.RESERVED
        if self.release.quarantine is not None:
            return Kept.QUARANTINED
        return Kept.COOLING_DOWN if self.release.cooling_until else None

    @property
    def was_announced(self) -> bool:
        """Whether any node may answer for it: it was planned, or somebody holds it."""
        return bool(self.succession) or self.holder is not None
