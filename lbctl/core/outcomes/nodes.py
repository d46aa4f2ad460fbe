"""Why a node announces nothing, and what its death comes to."""

from enum import StrEnum


class Liveness(StrEnum):
    """What a speaker's Lease says, by an age that was measured locally."""

    FRESH = "Fresh"
    """Renewed within the lease duration."""
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
    """Its speaker gave its Lease back when it was told to stop."""
    SPEAKER_SILENT = "SpeakerSilent"
    """Its Lease is stale or missing."""
    REPORTED_DOWN = "ReportedDown"
    """Its Lease is fresh yet, but its partners on the LAN saw it die."""
    SPEAKER_NOT_READY = "SpeakerNotReady"
    """The speaker lives, but says that it cannot send or receive frames."""
    NO_INTERFACE_IN_SUBNET = "NoInterfaceInSubnet"
    """No interface of the node has an address in a subnet that holds this one."""
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


class Spared(StrEnum):
    """Why a node that a partner lost is not taken for dead (`fastNodeFailure`)."""

    TOO_FEW_WORDS = "TooFewWords"
    """Fewer than two partners have lost it and found its own address silent."""
    SEEN_ALIVE = "SeenAlive"
    """A partner sees it alive."""
    ADDRESS_ANSWERS = "AddressAnswers"
    """A partner found that its own address answers: it lost its speaker only."""
    KUBELET_ANSWERS = "KubeletAnswers"
    """The operator reached its kubelet over TCP: the node lives."""
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
    """A speaker sees it again, after its pods were marked."""
