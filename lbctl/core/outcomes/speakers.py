"""The reasons of a Speaker's conditions, and what it says of its partners."""

from enum import StrEnum


class SpeakerReason(StrEnum):
    """The reason of the condition `Ready` of a Speaker."""

    WIRE_RUNNING = "WireRunning"
    """The process that answers on the LAN runs and has an interface."""
    WIRE_DOWN = "WireDown"
    """The process that answers on the LAN gives no sign of life: the node is silent."""
    NO_INTERFACE = "NoInterface"
    """No interface of the node is up, of Ethernet, and has an address."""


class PartnersReason(StrEnum):
    """The reason of the condition `PartnersReachable` of a Speaker."""

    REACHABLE = "Reachable"
    """No partner is known to be cut off from this node alone."""
    BFD_BLOCKED = "BFDBlocked"
    """A partner renews its Lease and yet has no session: a firewall drops the packets."""
    LAN_SILENT = "LANSilent"
    """A partner is alive on one LAN, and on another one not even its own address answers."""


class HandOffReason(StrEnum):
    """The reason of the condition `HandOffReady` of a Speaker."""

    PROXY_HEALTHY = "ProxyHealthy"
    """The proxy says that it is well."""
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


class NodePortReason(StrEnum):
    """The reason of the condition `NodePortReady` of a Speaker."""

    TABLE_IN_PLACE = "TableInPlace"
    """The node's table is as it should be."""
    TABLE_REPAIRED = "TableRepaired"
    """It is in place again: somebody else had changed it."""
    NO_PERMISSION = "NoPermission"
    """The speaker lacks the capability NET_ADMIN."""
    NO_NFTABLES = "NoNftables"
    """The kernel has no nf_tables, or one without what the table needs."""
    NO_NODE_ADDRESS = "NoNodeAddress"
    """An address is of a family that the node itself has no address of."""
    KERNEL_REFUSED = "KernelRefused"
    """The kernel refused the table for another reason, which the message has."""

    @property
    def ready(self) -> bool:
        """What it says about the node."""
        return self in (NodePortReason.TABLE_IN_PLACE, NodePortReason.TABLE_REPAIRED)


class NodeCheckReason(StrEnum):
    """The reason of the conditions of a Speaker that are about its node's settings."""

    GOOD = "Good"
    """Nothing is wrong with this setting."""
    IPVS_WITHOUT_STRICT_ARP = "IPVSWithoutStrictARP"
    """kube-proxy has put all Services' addresses on the node, and the kernel answers for them."""
    ADDRESS_ON_NODE = "AddressOnNode"
    """Somebody has put a Service's address on an interface of the node."""
    STRICT_REVERSE_PATH = "StrictReversePath"
    """rp_filter is 1 on an interface that is not the default route's."""
    FORWARDING_OFF = "ForwardingOff"
    """The kernel does not forward, so what comes to the holder reaches no pod."""
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
    """There was no session yet, which says nothing of the partner's life."""
    UP = "Up"
    """Its packets come."""
    DOWN = "Down"
    """They came, and have stopped."""
    ADMIN_DOWN = "AdminDown"
    """It said that it stops."""
