"""What becomes of a Service, as it is said in its Events and its condition."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a Service. The value is the reason of the Event on the Service."""

    ADDRESS_ALLOCATED = "AddressAllocated"
    """An address was taken for the Service by creating its VirtualIP."""
    ADDRESS_ADOPTED = "AddressAdopted"
    """The Service showed an address of ours whose VirtualIP was missing or knew an older uid."""
    ADDRESS_RELEASED = "AddressReleased"
    """The address is no longer the Service's: its holder is told to stop."""
    ADDRESS_IN_CONFLICT = "AddressInConflict"
    """A host that is none of the cluster's has the new address: the Service gets another."""
    ANSWERED_BY_ANOTHER = "AnsweredByAnother"
    """The address is the Service's, and no node takes it because somebody answers for it."""
    CLAIMED_BY_FOREIGN_HOST = "ClaimedByForeignHost"
    """A host that is none of the cluster's claims the address, which a node holds and defends."""
    CONFLICT_OVER = "ConflictOver"
    """Nobody else answers for the address any more."""
    ADDRESS_TAKEN = "AddressTaken"
    """The address that the Service showed belongs to another Service, so it needs a new one."""
    NO_POOL = "NoPool"
    """There is no IPAddressPool at all."""
    NO_FREE_ADDRESS = "NoFreeAddress"
    """Every pool was considered, and each had a reason to give nothing."""
    INVALID_REQUEST = "InvalidRequest"
    """An annotation of the Service, or `spec.loadBalancerIP`, cannot be read."""
    REQUESTED_ADDRESS_UNAVAILABLE = "RequestedAddressUnavailable"
    """It asks for an address that it cannot have. If it has another one, it keeps that."""
    REQUESTED_POOL_UNAVAILABLE = "RequestedPoolUnavailable"
    """None of the pools that it asks for gives it one. If it has another one, it keeps that."""
    ADDRESS_MOVING = "AddressMoving"
    """It has the address that it asks for, and shows the old one until a node announces that."""
    SHARING_NOT_POSSIBLE = "SharingNotPossible"
    """It changed, and does not fit those with whom it shares its address."""
    DUAL_STACK_INCOMPLETE = "DualStackIncomplete"
    """It prefers both families, and has an address of one; the other is added when it can be."""
    FOREIGN_ADDRESS = "ForeignAddress"
    """The Service's status was written by another controller. It is left as it is."""
    NO_ELIGIBLE_SPEAKER = "NoEligibleSpeaker"
    """The Service has its address, but no node can announce it."""
    SPEAKER_FOUND = "SpeakerFound"
    """A node can announce the Service's address again, after none could."""
    OUT_OF_POOL = "OutOfPool"
    """The Service has an address that its pool would not give it any more; it goes on working."""
    IN_POOL = "InPool"
    """After that: its pool would give it again, or it has another one."""
    HAND_OFF_NOT_AS_ASKED = "HandOffNotAsAsked"
    """An L2Advertisement asks for handOff: NodePort, and that cannot be: it works as before."""
    HAND_OFF_AS_ASKED = "HandOffAsAsked"
    """After that: its traffic is handed on as the L2Advertisement asks."""

    @property
    def is_warning(self) -> bool:
        """Whether the Event is of type Warning: somebody has to do something about it."""
        return self not in _GOOD_NEWS


_GOOD_NEWS = frozenset(
    {
        Outcome.ADDRESS_ALLOCATED,
        Outcome.ADDRESS_ADOPTED,
        Outcome.ADDRESS_RELEASED,
        Outcome.SPEAKER_FOUND,
        Outcome.CONFLICT_OVER,
        Outcome.IN_POOL,
        Outcome.HAND_OFF_AS_ASKED,
        Outcome.DUAL_STACK_INCOMPLETE,
        Outcome.ADDRESS_MOVING,
    },
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the owner of a Service should hear: an Event, told once per change."""

    outcome: Outcome
    message: str
    """A whole sentence, with what to do when something is to be done."""
