"""What a person can set for the operator; the command line fills it in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lbctl.core.objects.services import Ownership


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings. Times are seconds."""

    namespace: str
    """Where the Leases of the operator and of the speakers are."""
    identity: str
    """Who we are in the election. Two processes must never share it."""
    ownership: Ownership
    """Which Services are ours."""
    listen_host: str = "0.0.0.0"  # noqa: S104 - probes come from outside of the pod
    listen_port: int = 8080
    """Where /healthz, /readyz and /metrics are served."""
    lease_duration: float = 15.0
    """A Lease that did not change for this long is stale: the leader's and the speakers'."""
    resync: float = 300.0
    """Between two sweeping lists, which heal what a watch lost."""
    leader_election: bool = True
    """Without it this process acts at once, beside any other that does."""
    fast_node_failure: bool = False
    """Whether the pods of a node that is proved dead are marked not ready at once."""
    metallb_namespace: str = ""
    """Where IPAddressPools and L2Advertisements of MetalLB's are read, and its annotations on
    Services obeyed; empty = nowhere."""
    metrics_per_address: bool = False
    """Whether there are metrics with a series for each address."""
    kubeconfig: Path | None = None
    """None: the pod's service account, else the user's own kubeconfig."""
    workers: int = 16
    """So many keys are worked on at once."""
