"""Names that lbctl puts on Kubernetes objects, in one place, for the operator and the speakers."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

GROUP = "lbctl.io"
"""The API group of lbctl's kinds, and the domain of its labels."""

VERSION = "v1beta1"

DEFAULT_LOAD_BALANCER_CLASS = "lbctl.io/lbctl"

CANDIDATE_PREFIX = "candidate.lbctl.io/"

DRAIN = "lbctl.io/drain"
"""A label of a Node (any value but "false") or the key of a taint: it hands its addresses over."""

EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
"""A label of a Node, whatever its value (KEP-1143): it serves no load balancer."""

ZONE_LABEL = "topology.kubernetes.io/zone"

NETWORK_UNAVAILABLE = "NetworkUnavailable"
"""A condition of a Node, True while its pod network is not set up."""

REBALANCE = "lbctl.io/rebalance"
"""An annotation of an IPAddressPool: its addresses are to move until nodes carry alike. Each new
value is a new request."""

OPERATOR_LEASE = "lbctl-operator"

FAILURES_LEASE = "lbctl-node-failures"
"""Which nodes' pods were marked not ready lately (`fastNodeFailure`); nobody holds it."""

MARKED_NODES = "lbctl.io/marked-nodes"
"""The annotation of that Lease: a JSON object, when (Unix seconds) by node."""

SPEAKER_LEASE_PREFIX = "lbctl-speaker-"

SPEAKER_LABELS = {
    "app.kubernetes.io/name": "lbctl",
    "app.kubernetes.io/component": "speaker",
}
"""The labels of the speakers' Leases: the operator watches no others."""


_NAME_LENGTH = 253
"""Of any object, in characters (RFC 1123 subdomain)."""
_HASH_LENGTH = 16


def candidate_label(node: str) -> str:
    """The label of a VirtualIP that `node` must see.

    A label key holds 63 characters after its prefix, a node's name up to 253: so it is a hash.
    A speaker watches VirtualIPs with this label as its selector, and the API server filters for it.
    """
    return CANDIDATE_PREFIX + _hash(node)


def candidate_labels(nodes: Iterable[str]) -> dict[str, str]:
    """The candidate labels of a VirtualIP that `nodes` must see, and nobody else."""
    return {candidate_label(node): "" for node in nodes}


def speaker_lease(node: str) -> str:
    """The name of the Lease by which the speaker of `node` says that it lives.

    A node's name may have 253 characters, as many as a Lease's: the longest end in a hash instead.
    """
    name = SPEAKER_LEASE_PREFIX + node
    if len(name) <= _NAME_LENGTH:
        return name
    kept = name[: _NAME_LENGTH - _HASH_LENGTH - 1].rstrip(".-")
    return f"{kept}-{_hash(node)}"


@lru_cache(maxsize=4096)  # Asked for with every address, and nodes are few.
def _hash(node: str) -> str:
    return sha256(node.encode()).hexdigest()[:_HASH_LENGTH]
