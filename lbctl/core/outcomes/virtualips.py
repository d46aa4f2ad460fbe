"""The reasons of a VirtualIP's conditions."""

from enum import StrEnum


class AnnouncedReason(StrEnum):
    """The reason of the condition `Announced` of a VirtualIP."""

    HOLDING = "Holding"
    """The node that `status.holder` names answers for it."""
    ANSWERED_BY_ANOTHER = "AnsweredByAnother"
    """A host with another MAC answers for it, so the node waits."""
    NOT_HELD = "NotHeld"
    """The node that held it let it go, and no other has said that it holds it."""


class Unheld(StrEnum):
    """Why no node answers for an address that a Service has: a label of metrics."""

    NOT_TAKEN = "NotTaken"
    """Nodes are planned to, and none has taken it."""
    NOBODY_PLANNED = "NobodyPlanned"
    """No node can announce it."""
    ANSWERED_BY_ANOTHER = "AnsweredByAnother"
    """Another host answers for it, so that no node takes it."""


class Replanned(StrEnum):
    """What changed a succession, besides a node that is left out of it: a label of metrics."""

    FIRST_PLAN = "FirstPlan"
    """The address had none."""
    NODE_JOINED = "NodeJoined"
    """A node was appended."""
    REORDERED = "Reordered"
    """Those who are to come after the holder were chosen or ordered anew."""
    PREFERRED = "Preferred"
    """A node that an L2Advertisement prefers is well again, and gets the address back."""
    REBALANCED = "Rebalanced"
    """Its pool was told to rebalance."""


class ConflictReason(StrEnum):
    """The reason of the condition `Conflict` of a VirtualIP."""

    ANSWERED_BY_FOREIGN_HOST = "AnsweredByForeignHost"
    """A host that is none of the cluster's answers for it, so that no node takes it."""
    CLAIMED_BY_FOREIGN_HOST = "ClaimedByForeignHost"
    """A node holds it, and such a host claims it too."""
    NO_CONFLICT = "NoConflict"
    """It is over: nobody hears such a host any more."""


class ReleasedReason(StrEnum):
    """The reason of the condition `Released` of a VirtualIP."""

    SILENT = "Silent"
    """Nobody answers for it any more: it is free."""
    STILL_ANSWERED = "StillAnswered"
    """A host answers for it, so it is not given to anybody yet."""


class PlannedReason(StrEnum):
    """The reason of the condition `Planned` of a VirtualIP."""

    PLANNED = "Planned"
    """It has a succession; the message names it, and each node left out with the reason."""
    RULE_NOT_OBEYED = "RuleNotObeyed"
    """It is planned, and something is not obeyed: what is held against most or all of the nodes at
    once, or what one of several Services needs where it leaves no node to the others."""
    NO_ELIGIBLE_SPEAKER = "NoEligibleSpeaker"
    """No node can announce it. Its plan stays as it was."""
    NOT_ADVERTISED = "NotAdvertised"
    """There are L2Advertisements, and none is about the address: its plan stays as it was."""
    QUARANTINED = "Quarantined"
    """A host that is none of the cluster's answered for it: it is not given for a while."""
    COOLING_DOWN = "CoolingDown"
    """It was let go and rests for the `cooldown` of its pool."""
    RETAINED = "Retained"
    """It was let go and is kept for its Service for the `retainFor` of its pool."""
    NOBODY_TO_ASK = "NobodyToAsk"
    """It is being released, and no speaker can ask whether anybody still answers for it."""


class HandedOnReason(StrEnum):
    """Why an address is sent to NodePorts, or why not though that was asked for."""

    AS_ASKED = "AsAsked"
    """It is as the L2Advertisements say, or as by default."""
    NO_NODE_PORT = "NoNodePort"
    """A port of one of its Services has none."""
    SOURCE_RANGES = "SourceRanges"
    """A Service lets in some clients only, which no proxy looks at for NodePorts."""
    TOO_MANY_PORTS = "TooManyPorts"
    """A VirtualIP cannot name them all."""
    NODE_UNABLE = "NodeUnable"
    """A node that may come to hold it cannot send to NodePorts."""


class InPoolReason(StrEnum):
    """The reason of the condition `InPool` of a VirtualIP that is; else it is a `PoolRefusal`."""

    IN_POOL = "InPool"
    """Its pool would give it to its Services today."""


class ReservedReason(StrEnum):
    """The reason of the condition `Reserved` of a VirtualIP without a Service."""

    FOR_SERVICE = "ForService"
    """The Service that it is reserved for is there, and has not taken it."""
    SERVICE_NOT_FOUND = "ServiceNotFound"
    """The Service that it is reserved for is not there, or is none of lbctl's."""
    FOR_NOBODY = "ForNobody"
    """`spec.reservedFor` is not set: no Service gets it."""
