"""The closed vocabulary of lbctl: every reason it can give for doing something or for not doing it.

The same words appear in Events, in conditions, in metrics and in tests. A reason that is not in
this module does not exist: whoever needs one adds it here, with what it means.
"""

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


class PoolReason(StrEnum):
    """Why an IPAddressPool is Ready, or is not. The reason of its condition `Ready`."""

    READY = "Ready"
    ADDRESSES_SKIPPED = "AddressesSkipped"
    """Ready, but some of its addresses are a node's own, a gateway's, the network or broadcast
    address of a subnet, or inside of the cluster: these are never given."""
    DISABLED = "Disabled"
    OVERLAP = "Overlap"
    """It shares addresses with an older pool, or with the cluster's own ranges for pods and
    Services. It gives nothing until that is mended."""
    INVALID_ADDRESSES = "InvalidAddresses"
    """An entry cannot be read. The API server refuses such pools; this one came past it."""
    NOT_ADVERTISED = "NotAdvertised"
    """It gives addresses, but there are L2Advertisements and none is about it."""

    @property
    def gives(self) -> bool:
        """Whether a pool with this reason hands out addresses."""
        return self in {
            PoolReason.READY,
            PoolReason.ADDRESSES_SKIPPED,
            PoolReason.NOT_ADVERTISED,
        }


class PoolRefusal(StrEnum):
    """Why a Service gets no address of a pool, or not this one: `lbctl.core.grants`.

    Part of the message of the Service's condition, one for each pool that was considered.
    """

    NO_SUCH_POOL = "NoSuchPool"
    """It is asked for by name, and not there."""
    INVALID_ADDRESSES = "InvalidAddresses"
    OVERLAP = "Overlap"
    DISABLED = "Disabled"
    NOT_AUTO_ASSIGNED = "NotAutoAssigned"
    """It gives to those only who ask for it by name, or for one of its addresses."""
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    """It is for other namespaces. One whose labels are not known yet is another one."""
    SERVICE_NOT_SELECTED = "ServiceNotSelected"
    """It is for Services with other labels."""
    QUOTA_REACHED = "QuotaReached"
    """The Service's namespace has as many of its addresses as it may have."""
    NO_ADDRESSES_OF_FAMILY = "NoAddressesOfFamily"
    FULL = "Full"
    NOT_IN_POOL = "NotInPool"
    """The address is in no pool, or not in the one that is asked."""
    EXCLUDED = "Excluded"
    """By `spec.exclude`, or by `spec.avoidBuggyIPs`."""
    NODE_ADDRESS = "NodeAddress"
    GATEWAY = "Gateway"
    """A default gateway of nodes."""
    SUBNET_EDGE = "SubnetEdge"
    """The network or broadcast address of a subnet that nodes are in; of an IPv6 one, the address
    that its routers answer for (RFC 4291 section 2.6.1)."""
    CLUSTER_RANGE = "ClusterRange"
    """In a range that the cluster uses for pods or Services."""
    IN_USE = "InUse"
    """Another Service has the address."""
    RESERVED = "Reserved"
    """A VirtualIP without a Service keeps the address."""
    RELEASING = "Releasing"
    """The address is not free yet: its holder may still answer for it."""
    QUARANTINED = "Quarantined"
    """A host that is none of the cluster's answered for the address."""


class RebalancedReason(StrEnum):
    """The reason of the condition `Rebalanced` of an IPAddressPool."""

    MOVING = "Moving"
    """Some addresses are being handed over, or the next ones are about to be."""
    BALANCED = "Balanced"
    """No move would make nodes carry more alike."""
    WITHDRAWN = "Withdrawn"
    """The annotation was removed before that; what is under way ends, and nothing else moves."""


class PoolEvent(StrEnum):
    """The reasons of Events on an IPAddressPool."""

    REBALANCING = "Rebalancing"
    REBALANCED = "Rebalanced"


class Liveness(StrEnum):
    """What a speaker's Lease says, by an age that was measured locally."""

    FRESH = "Fresh"
    STALE = "Stale"
    """Not renewed for a whole lease duration: the speaker, its node or its network is gone."""
    RELEASED = "Released"
    """The speaker stopped in good order and said so."""
    MISSING = "Missing"
    """There has never been a Lease, or somebody deleted it."""


class LeftOut(StrEnum):
    """Why a node is not in a succession."""

    NO_SPEAKER = "NoSpeaker"
    """No speaker has registered on the node."""
    SPEAKER_STOPPED = "SpeakerStopped"
    SPEAKER_SILENT = "SpeakerSilent"
    """Its Lease is stale or missing."""
    REPORTED_DOWN = "ReportedDown"
    """Its Lease is fresh yet, but its partners on the LAN saw it die."""
    SPEAKER_NOT_READY = "SpeakerNotReady"
    """The speaker lives, but says that it cannot send or receive frames."""
    NO_INTERFACE_IN_SUBNET = "NoInterfaceInSubnet"
    NO_CARRIER = "NoCarrier"
    """An interface is in the subnet, but its cable is unplugged or its link is down."""
    NODE_NOT_READY = "NodeNotReady"
    """The Node's condition `Ready` is False or Unknown: its kubelet is ill or silent."""
    NETWORK_UNAVAILABLE = "NetworkUnavailable"
    """The Node says that its pod network is not set up."""
    EXCLUDED = "Excluded"
    """Labelled `node.kubernetes.io/exclude-from-external-load-balancers`."""
    DRAINING = "Draining"
    """Labelled or tainted `lbctl.io/drain`."""
    NOT_SELECTED = "NotSelected"
    """No `nodeSelectors` of the L2Advertisements that match the address select it."""
    TAINTED = "Tainted"
    """It has a taint that the L2Advertisements that match the address avoid."""
    HAND_OFF_NOT_READY = "HandOffNotReady"
    """Its proxy cannot hand traffic on to the pods."""
    NO_SUCH_INTERFACE = "NoSuchInterface"
    """None of the interfaces that the L2Advertisements name is there."""
    NO_ENDPOINT = "NoEndpoint"
    """`externalTrafficPolicy: Local`, and a Service has no ready endpoint on the node."""


class AdvertisementReason(StrEnum):
    """Why an L2Advertisement is Ready, or is not. The reason of its condition `Ready`."""

    READY = "Ready"
    POOL_NOT_FOUND = "PoolNotFound"
    """Ready, but one of the pools that it names is not there."""
    TIMINGS_OVERRIDDEN = "TimingsOverridden"
    """Ready, but an older one is about the same pool and sets other timings, which are used."""
    SELECTS_NO_POOL = "SelectsNoPool"
    SELECTS_NO_NODE = "SelectsNoNode"
    INTERFACE_NOT_FOUND = "InterfaceNotFound"
    """It names interfaces, and no node that it selects has one of them."""

    @property
    def announces(self) -> bool:
        """Whether addresses can be announced by an L2Advertisement with this reason."""
        return self in {
            AdvertisementReason.READY,
            AdvertisementReason.POOL_NOT_FOUND,
            AdvertisementReason.TIMINGS_OVERRIDDEN,
        }


class CompatReason(StrEnum):
    """What is to be said of an object of MetalLB's. The reason of the Event on it."""

    FIELD_NOT_READ = "FieldNotRead"
    """A field cannot be read, and selects or gives nothing."""
    FIELD_NOT_SUPPORTED = "FieldNotSupported"
    """A field that lbctl does not know: it has no effect."""
    READ = "Read"
    """After one of the others: nothing is wrong with it any more."""
    REPLACED_BY_NAMESAKE = "ReplacedByNamesake"
    """An IPAddressPool of lbctl.io has the same name: that one counts, and this one does not."""


class ConditionType(StrEnum):
    """The types of the conditions that lbctl writes."""

    READY = "Ready"
    """On IPAddressPool, L2Advertisement and Speaker."""
    REBALANCED = "Rebalanced"
    """On IPAddressPool, once somebody asked for it."""
    ANNOUNCED = "Announced"
    """On VirtualIP, by the speaker that holds it."""
    RELEASED = "Released"
    """On VirtualIP, by the speaker that verifies that nobody answers for it any more."""
    PLANNED = "Planned"
    """On VirtualIP, by the operator."""
    IN_POOL = "InPool"
    """On VirtualIP, by the operator: whether its pool would give it to its Services today."""
    RESERVED = "Reserved"
    """On VirtualIP, by the operator: whether a person keeps it, and for whom."""
    CONFLICT = "Conflict"
    """On VirtualIP, by the speaker that hears a host which is none of the cluster's."""
    PARTNERS_REACHABLE = "PartnersReachable"
    """On Speaker, by itself."""
    HAND_OFF_READY = "HandOffReady"
    """On Speaker, by itself: whether the node's proxy can take the traffic from the holder."""
    KERNEL_SILENT = "KernelSilent"
    """On Speaker, by itself: whether the node's kernel leaves the answering to the speaker."""
    REVERSE_PATH_OPEN = "ReversePathOpen"
    """On Speaker, by itself: whether what clients behind routers send is let in."""
    FORWARDING = "Forwarding"
    """On Speaker, by itself: whether the node forwards to pods."""
    ROUTER_ADVERTISEMENTS_HEARD = "RouterAdvertisementsHeard"
    """On Speaker, by itself: whether IPv6 addresses that routers gave stay."""
    INTERFACES_SOUND = "InterfacesSound"
    """On Speaker, by itself: whether bridges and bonds let addresses be announced."""
    ADDRESS_ALLOCATED = "lbctl.io/AddressAllocated"
    """On Service, by the operator; its reason is an `Outcome`."""


class AnnouncedReason(StrEnum):
    """The reason of the condition `Announced` of a VirtualIP."""

    HOLDING = "Holding"
    ANSWERED_BY_ANOTHER = "AnsweredByAnother"
    NOT_HELD = "NotHeld"


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
    STILL_ANSWERED = "StillAnswered"


class PlannedReason(StrEnum):
    """The reason of the condition `Planned` of a VirtualIP."""

    PLANNED = "Planned"
    RULE_NOT_OBEYED = "RuleNotObeyed"
    """It is planned, and something is not obeyed: what is held against most or all of the nodes at
    once, or what one of several Services needs where it leaves no node to the others."""
    NO_ELIGIBLE_SPEAKER = "NoEligibleSpeaker"
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


class InPoolReason(StrEnum):
    """The reason of the condition `InPool` of a VirtualIP that is; else it is a `PoolRefusal`."""

    IN_POOL = "InPool"


class ReservedReason(StrEnum):
    """The reason of the condition `Reserved` of a VirtualIP without a Service."""

    FOR_SERVICE = "ForService"
    """The Service that it is reserved for is there, and has not taken it."""
    SERVICE_NOT_FOUND = "ServiceNotFound"
    """The Service that it is reserved for is not there, or is none of lbctl's."""
    FOR_NOBODY = "ForNobody"
    """`spec.reservedFor` is not set: no Service gets it."""


class SpeakerReason(StrEnum):
    """The reason of the condition `Ready` of a Speaker."""

    WIRE_RUNNING = "WireRunning"
    WIRE_DOWN = "WireDown"
    NO_INTERFACE = "NoInterface"


class PartnersReason(StrEnum):
    """The reason of the condition `PartnersReachable` of a Speaker."""

    REACHABLE = "Reachable"
    BFD_BLOCKED = "BFDBlocked"
    """A partner renews its Lease and yet has no session: a firewall drops the packets."""
    LAN_SILENT = "LANSilent"
    """A partner is alive on one LAN, and on another one not even its own address answers."""


class HandOffReason(StrEnum):
    """The reason of the condition `HandOffReady` of a Speaker."""

    PROXY_HEALTHY = "ProxyHealthy"
    PROXY_UNHEALTHY = "ProxyUnhealthy"
    """The proxy answers, and says that it does not keep up with Services and endpoints."""
    PROXY_SILENT = "ProxySilent"
    """The proxy answered before, and does not now."""
    NODE_LEAVING = "NodeLeaving"
    """The proxy is well and says that its node is being deleted: new traffic should go elsewhere
    (KEP-3836)."""
    NO_PROXY_HEALTH = "NoProxyHealth"
    """Nobody has ever answered: this proxy has no such health check, and nothing is concluded."""
    NOT_CHECKED = "NotChecked"
    """The check is turned off."""

    @property
    def ready(self) -> bool | None:
        """What it says about the hand-off; None when it says nothing."""
        match self:
            case HandOffReason.PROXY_HEALTHY:
                return True
            case HandOffReason.NO_PROXY_HEALTH | HandOffReason.NOT_CHECKED:
                return None
            case (
                HandOffReason.PROXY_UNHEALTHY
                | HandOffReason.PROXY_SILENT
                | HandOffReason.NODE_LEAVING
            ):
                return False


class NodeCheckReason(StrEnum):
    """The reason of the conditions of a Speaker that are about its node's settings."""

    GOOD = "Good"
    IPVS_WITHOUT_STRICT_ARP = "IPVSWithoutStrictARP"
    """kube-proxy has put all Services' addresses on the node, and the kernel answers for them."""
    ADDRESS_ON_NODE = "AddressOnNode"
    """Somebody has put a Service's address on an interface of the node."""
    STRICT_REVERSE_PATH = "StrictReversePath"
    """rp_filter is 1 on an interface that is not the default route's."""
    FORWARDING_OFF = "ForwardingOff"
    ROUTER_ADVERTISEMENTS_IGNORED = "RouterAdvertisementsIgnored"
    """accept_ra is 1 on an interface that forwards: the kernel then takes itself for a router."""
    ADDRESS_ON_MEMBER = "AddressOnMember"
    """A member of a bridge or bond has an address, which is the whole's to have."""
    BOND_REWRITES_ARP = "BondRewritesARP"
    """A bond in mode balance-alb changes the MACs in ARP replies."""
    UNREADABLE = "Unreadable"
    """The kernel did not say: nothing is concluded."""


class PartnerState(StrEnum):
    """What a speaker says of a partner, in `status.partners`."""

    NEVER_UP = "NeverUp"
    UP = "Up"
    DOWN = "Down"
    ADMIN_DOWN = "AdminDown"


class Spared(StrEnum):
    """Why a node that a partner lost is not taken for dead (`fastNodeFailure`)."""

    TOO_FEW_WORDS = "TooFewWords"
    """Fewer than two partners have lost it and found its own address silent."""
    SEEN_ALIVE = "SeenAlive"
    """A partner sees it alive."""
    ADDRESS_ANSWERS = "AddressAnswers"
    """A partner found that its own address answers: it lost its speaker only."""
    KUBELET_ANSWERS = "KubeletAnswers"
    OPERATOR_CUT_OFF = "OperatorCutOff"
    """The operator reaches the kubelets of those who lost it no more than its own: who is deaf
    accuses nobody."""
    KUBELET_UNKNOWN = "KubeletUnknown"
    """The Node names no address at which its kubelet could be asked."""
    TOO_FEW_NODES = "TooFewNodes"
    """Fewer than three nodes have a speaker."""
    ONE_AT_A_TIME = "OneAtATime"
    """The pods of another dead node are being marked."""
    LIMIT_REACHED = "LimitReached"
    """A fifth of the nodes was marked within five minutes."""

    @property
    def is_limit(self) -> bool:
        """Whether the node may well be dead, and a limit alone protects it: somebody must look."""
        return self in {
            Spared.OPERATOR_CUT_OFF,
            Spared.KUBELET_UNKNOWN,
            Spared.TOO_FEW_NODES,
            Spared.LIMIT_REACHED,
        }


class NodeEvent(StrEnum):
    """The reasons of Events on a Node."""

    NODE_FAILURE = "NodeFailure"
    """It is dead, and its pods were marked not ready."""
    NODE_FAILURE_HELD_BACK = "NodeFailureHeldBack"
    """It seems dead, and a limit forbids to mark its pods."""
    NODE_RETURNED = "NodeReturned"
