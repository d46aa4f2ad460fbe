"""What is found of an IPAddressPool, and why it gives nothing."""

from enum import StrEnum


class PoolReason(StrEnum):
    """Why an IPAddressPool is Ready, or is not. The reason of its condition `Ready`."""

    READY = "Ready"
    """It gives addresses, and none of them had to be skipped."""
    ADDRESSES_SKIPPED = "AddressesSkipped"
    """Ready, but some of its addresses are a node's own, a gateway's, the network or broadcast
    address of a subnet, or inside of the cluster: these are never given."""
    DISABLED = "Disabled"
    """`spec.disabled` is true: it gives nothing new, and what is given stays."""
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
    """Why a Service gets no address of a pool, or not this one: `lbctl.core.allocation.grants`.

    Part of the message of the Service's condition, one for each pool that was considered.
    """

    NO_SUCH_POOL = "NoSuchPool"
    """It is asked for by name, and not there."""
    INVALID_ADDRESSES = "InvalidAddresses"
    """An entry of the pool cannot be read, so it gives nothing."""
    OVERLAP = "Overlap"
    """The pool shares addresses with an older one or with a range of the cluster."""
    DISABLED = "Disabled"
    """`spec.disabled` of the pool is true."""
    NOT_AUTO_ASSIGNED = "NotAutoAssigned"
    """It gives to those only who ask for it by name, or for one of its addresses."""
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    """It is for other namespaces. One whose labels are not known yet is another one."""
    SERVICE_NOT_SELECTED = "ServiceNotSelected"
    """It is for Services with other labels."""
    QUOTA_REACHED = "QuotaReached"
    """The Service's namespace has as many of its addresses as it may have."""
    NO_ADDRESSES_OF_FAMILY = "NoAddressesOfFamily"
    """It has no addresses of the family that the Service needs."""
    FULL = "Full"
    """Each address is used, resting, in quarantine, or never given."""
    NOT_IN_POOL = "NotInPool"
    """The address is in no pool, or not in the one that is asked."""
    EXCLUDED = "Excluded"
    """By `spec.exclude`, or by `spec.avoidBuggyIPs`."""
    NODE_ADDRESS = "NodeAddress"
    """A node has the address itself."""
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
    """Somebody asked for it by the annotation `lbctl.io/rebalance`, and it has begun."""
    REBALANCED = "Rebalanced"
    """What was asked for is done: no move would make nodes carry more alike."""
