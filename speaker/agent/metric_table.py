"""Every metric of the speaker. `docs/metrics.md` is made of this."""

from typing import Final

from lbctl.core.outcomes import ConditionType, HandOffReason, NodeCheckReason, NodePortReason
from lbctl.telemetry import Kind, Label, Metric, Unit
from lbctl.telemetry.shared import SHARED
from speaker.messages import FAILOVER_BOUNDS, ROUND_TRIP_BOUNDS, PeerState, State, Taking
from speaker.netfilter.keeper import Outcome
from speaker.wire import bfd, neighbors
from speaker.wire.liveness import SENT, UNSENT

NODE_PORT: Final = "handOff.nodePort.enabled"
"""The chart's value that lets speakers keep a table."""
PER_ADDRESS: Final = "metrics.perAddress"
"""The one that turns on what has a series for each address."""
DROPPED: Final = "dropped-by-kernel"
CHECKS: Final = (
    ConditionType.HAND_OFF_READY,
    ConditionType.NODE_PORT_READY,
    ConditionType.KERNEL_SILENT,
    ConditionType.REVERSE_PATH_OPEN,
    ConditionType.FORWARDING,
    ConditionType.ROUTER_ADVERTISEMENTS_HEARD,
    ConditionType.INTERFACES_SOUND,
)

ADDRESSES: Final = Metric(
    "lbctl_speaker_addresses",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses of this node's plan by what the node does with them.",
    "`blocked` for long is a node that would hold and hears another host answer; "
    "the condition Announced of the VirtualIP names that one.",
    (
        Label(
            "state",
            "`holding`: it answers; `asking`: it asks the LAN first; `blocked`: another host "
            "answers; `idle`: another node's to hold; `silent` and `answered`: what the LAN says "
            "of an address that is being released",
            tuple(State),
        ),
    ),
)
NOT_SERVING: Final = Metric(
    "lbctl_speaker_addresses_not_serving",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses that are not taken here, for their Service has no endpoint on this node.",
    "Meant, for Services with externalTrafficPolicy Local. Where pods are: the proxy's health "
    "check of the Service says otherwise; see HANDOFF of `kubectl get speakers`.",
)
CHECK: Final = Metric(
    "lbctl_speaker_check",
    Kind.GAUGE,
    Unit.TRUTH,
    "What is checked on the node: 1 for good, 0 for bad.",
    "`kubectl describe speaker` has the condition's message, which says what to set. HandOffReady: "
    "the proxy of the node is ill, and the node is planned around.",
    (
        Label("check", "the condition of the Speaker", CHECKS),
        Label("reason", "of the condition", (*HandOffReason, *NodePortReason, *NodeCheckReason)),
    ),
)
FRAMES_RECEIVED: Final = Metric(
    "lbctl_speaker_frames_received_total",
    Kind.COUNTER,
    Unit.FRAMES,
    "ARP, neighbour discovery and ping frames received, by what became of them.",
    f"`{DROPPED}` and `stale` rise: the node is short of CPU, or somebody floods the LAN. A `bad-` "
    "or `too-short` verdict: a host sends broken frames; tcpdump on the interface shows which.",
    (
        Label("interface", "of the node"),
        Label(
            "verdict",
            "answered, noted, or why it was ignored",
            (*(one.label for one in neighbors.Verdict), DROPPED),
        ),
    ),
)
FRAMES_SENT: Final = Metric(
    "lbctl_speaker_frames_sent_total",
    Kind.COUNTER,
    Unit.FRAMES,
    "ARP and neighbour discovery frames sent.",
    "`announcement`: gratuitous ARP and unsolicited advertisements, a burst for each address that "
    "is taken. Many without a move: two hosts fight for an address; see "
    "lbctl_speaker_conflicts_total.",
    (
        Label(
            "kind",
            "`question`: ARP requests and solicitations: before an address is taken, and of "
            "standbys whether it is still held",
            ("announcement", "reply", "question"),
        ),
    ),
)
FRAMES_UNSENT: Final = Metric(
    "lbctl_speaker_frames_unsent_total",
    Kind.COUNTER,
    Unit.FRAMES,
    "Frames that the kernel refused.",
    "The interface is down or its queue is full; `ip -s link` on the node shows drops.",
)
CONFLICTS: Final = Metric(
    "lbctl_speaker_conflicts_total",
    Kind.COUNTER,
    Unit.TIMES,
    "Claims of others for an address that is held here.",
    "Once at a move is normal. Again and again: `kubectl get vips -o wide` names the MAC that "
    "claims.",
)
TAKEN: Final = Metric(
    "lbctl_speaker_addresses_taken_total",
    Kind.COUNTER,
    Unit.ADDRESSES,
    "Addresses that this node has taken, by why.",
    "`death` without a dead node: partners lose each other; see "
    "lbctl_speaker_bfd_sessions_lost_total.",
    (
        Label(
            "cause",
            "`death`: the holder's session ended; `handed-over`: it offered the address, as the "
            "plan wanted; `silence`: the LAN was asked and nobody answered",
            tuple(Taking),
        ),
    ),
)
FAILOVER_SECONDS: Final = Metric(
    "lbctl_speaker_failover_duration_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "From the end of the holder's BFD session to the first announcement from here, for each "
    "address, measured by the process that sends it.",
    "The time until the death is noticed comes before (`bfd.intervalMilliseconds` times "
    "`bfd.detectMultiplier`). Above 0.5 s: the node that took over lacks CPU, or those before it "
    "in the succession had their turns and did not take it.",
    buckets=FAILOVER_BOUNDS,
)
STALLS: Final = Metric(
    "lbctl_speaker_stalls_total",
    Kind.COUNTER,
    Unit.TIMES,
    "Times that the process that answers the LAN got no CPU for so long that others may have taken "
    "its addresses; it asks the LAN before it answers again.",
    "The node lacks CPU: raise `speaker.resources.requests.cpu`, or look for what takes it. A "
    "machine that was suspended counts once.",
)
BFD_SESSIONS: Final = Metric(
    "lbctl_speaker_bfd_sessions",
    Kind.GAUGE,
    Unit.SESSIONS,
    "BFD sessions with partners by state.",
    "`never-up`: UDP port `bfd.port` does not pass between the nodes; PARTNERS of "
    "`kubectl get speakers` says where.",
    (
        Label(
            "state",
            "`never-up`: not once heard, which is no death; `admin-down`: it said that it stops",
            tuple(PeerState),
        ),
    ),
)
BFD_UP: Final = Metric(
    "lbctl_speaker_bfd_session_up",
    Kind.GAUGE,
    Unit.TRUTH,
    "Whether the BFD session with a partner on an interface is up.",
    "0 while the partner's node is well: a firewall, or a LAN that does not pass between the two.",
    (Label("peer", "the partner's node"), Label("interface", "of this node")),
)
BFD_LOST: Final = Metric(
    "lbctl_speaker_bfd_sessions_lost_total",
    Kind.COUNTER,
    Unit.SESSIONS,
    "BFD sessions that were up and timed out.",
    "Without a death: the peer or this node lacks CPU (raise `speaker.resources.requests.cpu` or "
    "`bfd.detectMultiplier`), or the LAN loses packets.",
    (Label("peer", "the partner's node"),),
)
BFD_PACKETS: Final = Metric(
    "lbctl_speaker_bfd_packets_total",
    Kind.COUNTER,
    Unit.PACKETS,
    "BFD packets by what became of them.",
    "`unknown-peer` and `wrong-discriminator`: another BFD daemon on the same port; move "
    "`bfd.port`. `bad-ttl`: somebody beyond a router sends them.",
    (
        Label(
            "verdict",
            "`accepted`, or why one that came was ignored; `sent`, or `unsent`: the kernel refused",
            (*bfd.Verdict, SENT, UNSENT),
        ),
    ),
)
BFD_ROUND_TRIP: Final = Metric(
    "lbctl_speaker_bfd_round_trip_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "From the first BFD Poll to the peer's Final (RFC 5880 section 6.5): each session measures one "
    "every 10 s. A lost packet counts as the time until the next was answered.",
    "Near the detection time: the LAN or the peer is slow, and will be taken for dead. Both "
    "speakers' delays are in it.",
    buckets=ROUND_TRIP_BOUNDS,
)
TABLE_LOOKS: Final = Metric(
    "lbctl_speaker_table_looks_total",
    Kind.COUNTER,
    Unit.TIMES,
    "Looks at the node's nftables table, by what came of them.",
    "`repaired` rises: something on the node flushes all tables; the condition NodePortReady of "
    "its Speaker says so too. Let it flush its own tables by name.",
    (Label("outcome", "`repaired`: somebody else had changed it", tuple(Outcome)),),
    option=NODE_PORT,
)
_ADDRESS: Final = (
    Label("address", "that had traffic on this node"),
    Label("direction", "seen from the node", ("received", "sent")),
)
ADDRESS_PACKETS: Final = Metric(
    "lbctl_speaker_address_packets_total",
    Kind.COUNTER,
    Unit.PACKETS,
    "Packets to and from an address on this node.",
    "`received` without `sent`: the Service has no pod that answers, or a NetworkPolicy drops.",
    _ADDRESS,
    option=PER_ADDRESS,
)
ADDRESS_BYTES: Final = Metric(
    "lbctl_speaker_address_bytes_total",
    Kind.COUNTER,
    Unit.BYTES,
    "Bytes to and from an address on this node.",
    "Much on one node: its uplink is the limit of all its addresses; another pool address or "
    "Service spreads them.",
    _ADDRESS,
    option=PER_ADDRESS,
)
RESTARTS: Final = Metric(
    "lbctl_speaker_restarts_total",
    Kind.COUNTER,
    Unit.PROCESSES,
    "Processes that were started again.",
    "The speaker's log has the reason, just before `ended after`.",
    (
        Label(
            "process",
            "`wire` answers the LAN, `agent` speaks to the API server",
            ("wire", "agent"),
        ),
    ),
)

TABLE: Final = (
    ADDRESSES,
    NOT_SERVING,
    CHECK,
    FRAMES_RECEIVED,
    FRAMES_SENT,
    FRAMES_UNSENT,
    CONFLICTS,
    TAKEN,
    FAILOVER_SECONDS,
    STALLS,
    BFD_SESSIONS,
    BFD_UP,
    BFD_LOST,
    BFD_PACKETS,
    BFD_ROUND_TRIP,
    TABLE_LOOKS,
    ADDRESS_PACKETS,
    ADDRESS_BYTES,
    RESTARTS,
    *SHARED,
)
