"""What goes wrong: each fault, how it is caused, how it is undone, and what is promised of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from tests.bench.outage.cluster import Cluster

DRAIN_LABEL = "lbctl.io/drain"


class Fault(StrEnum):
    """In the order of the table."""

    STOPPED = "stopped"
    """The speaker is told to stop, as kubelet does when its pod is deleted: SIGTERM."""
    DRAINED = "drained"
    """The node gets the label lbctl.io/drain."""
    KILLED = "killed"
    """SIGKILL to all processes of the speaker."""
    FROZEN = "frozen"
    """SIGSTOP to them."""
    ALONE = "alone"
    """Killed while there is no operator and no API server."""
    CABLE = "cable"
    """The node's carrier goes down."""
    PORT = "port"
    """The switch forwards nothing for the node; the carrier stays up."""
    POWER = "power"
    """The node ends between two packets. Every third one carries the active operator."""

    @property
    def words(self) -> str:
        """For a person."""
        return _WORDS[self]

    @property
    def trials(self) -> int:
        """How many make a result."""
        many = self in {Fault.KILLED, Fault.FROZEN, Fault.PORT, Fault.POWER}
        return 30 if many else 10

    @property
    def takes_the_node(self) -> bool:
        """Whether the pods on the node cannot be reached either."""
        return self in {Fault.CABLE, Fault.PORT, Fault.POWER}


_WORDS = {
    Fault.STOPPED: "speaker stopped gracefully",
    Fault.DRAINED: "node drained",
    Fault.KILLED: "speaker killed",
    Fault.FROZEN: "speaker frozen",
    Fault.ALONE: "speaker killed, operator and API server away",
    Fault.CABLE: "cable pulled",
    Fault.PORT: "switch port dead, carrier up",
    Fault.POWER: "node powered off",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """What is promised, in seconds; None promises nothing."""

    moved: float
    moved_median: float | None = None
    gap: float | None = None
    failed: int | None = None
    last_failure: float | None = None


def goal(fault: Fault) -> Goal:
    """The promise for a fault, as docs/performance.md has it."""
    if fault in {Fault.STOPPED, Fault.DRAINED}:
        return Goal(moved=0.1, failed=0)
    if fault.takes_the_node:
        return Goal(moved=0.5, moved_median=0.3, gap=0.8, last_failure=1.0)
    return Goal(moved=0.5, moved_median=0.3, failed=0)


def prepare(cluster: Cluster, fault: Fault) -> None:
    """What must be so before the fault, and harms nobody yet."""
    if fault is Fault.ALONE:
        cluster.dismiss_operators()
        cluster.lab.faults.api_server_stopped()


def cause(cluster: Cluster, fault: Fault, node: str) -> None:
    """Make it happen to a node; returns when it has."""
    faults = cluster.lab.faults
    match fault:
        case Fault.STOPPED:
            faults.speaker_terminated(node)
        case Fault.DRAINED:
            cluster.label_node(node, DRAIN_LABEL, "true")
        case Fault.KILLED | Fault.ALONE:
            faults.speaker_killed(node)
        case Fault.FROZEN:
            faults.speaker_stopped(node)
        case Fault.CABLE:
            faults.cable_pulled(node)
        case Fault.PORT:
            faults.switch_port_dead(node)
        case Fault.POWER:
            faults.power_cut(node)
        case _:
            assert_never(fault)


def undo(cluster: Cluster, fault: Fault, node: str) -> None:
    """Make it good again. The cluster is not whole yet when this returns."""
    faults = cluster.lab.faults
    match fault:
        case Fault.STOPPED | Fault.KILLED:
            # A container that ends again and again is started ever later; a new pod's is not.
            cluster.renew_speaker(node)
        case Fault.DRAINED:
            cluster.label_node(node, DRAIN_LABEL, None)
        case Fault.ALONE:
            faults.api_server_started()
            cluster.recall_operators()
            cluster.renew_speaker(node)
        case Fault.FROZEN:
            faults.speaker_continued(node)
        case Fault.CABLE:
            faults.cable_plugged(node)
        case Fault.PORT:
            faults.switch_port_alive(node)
        case Fault.POWER:
            faults.power_on(node)
        case _:
            assert_never(fault)
