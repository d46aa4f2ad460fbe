"""Every metric of the operator. `docs/metrics.md` is made of this."""

from typing import Final

from lbctl.core.outcomes import (
    ConflictReason,
    HandedOnReason,
    LeftOut,
    PoolRefusal,
    Replanned,
    Spared,
    Unheld,
)
from lbctl.kube.queue import Readiness
from lbctl.operator.items import What
from lbctl.telemetry import Kind, Label, Metric, Unit
from lbctl.telemetry.shared import SHARED

PER_ADDRESS: Final = "metrics.perAddress"
"""The chart's value that turns on what has a series for each address."""

_POOL: Final = Label("pool", "the IPAddressPool")
_CONFLICT: Final = Label(
    "reason",
    "of the condition `Conflict`",
    (ConflictReason.ANSWERED_BY_FOREIGN_HOST, ConflictReason.CLAIMED_BY_FOREIGN_HOST),
)
_CHANGED_BY: Final = Label(
    "cause",
    "why a node is left out of it from then on; or `FirstPlan`: there was none; `NodeJoined`: one "
    "was appended; `Reordered`: who comes after the holder was chosen anew; `Preferred` and "
    "`Rebalanced`: it moves though its holder is well",
    (*Replanned, *LeftOut),
)
_REFUSED: Final = [each for each in HandedOnReason if each is not HandedOnReason.AS_ASKED]
_WHY_NOT: Final = Label("reason", "of the condition `lbctl.io/AddressAllocated` of the Services")

POOL_ADDRESSES: Final = Metric(
    "lbctl_pool_addresses",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses of a pool by what became of them.",
    "`free` near 0: add a range to the pool, or another pool, before Services wait. Much "
    "`quarantined`: foreign hosts sit on its addresses; CONFLICT of `kubectl get vips -o wide` has "
    "their MACs.",
    (
        _POOL,
        Label("family", "of the addresses", ("ipv4", "ipv6")),
        Label(
            "state",
            "`quarantined`, `cooling_down` and `reserved` are parts of `used`",
            ("total", "used", "free", "excluded", "quarantined", "cooling_down", "reserved"),
        ),
    ),
)
OUT_OF_POOL: Final = Metric(
    "lbctl_addresses_out_of_pool",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses that Services have and that their pools would not give today.",
    "They go on working. INPOOL of `kubectl get vips -o wide` says which, and the condition InPool "
    "of each why; widen the pool, or let the Services move.",
    (Label("reason", "of the condition `InPool`", tuple(PoolRefusal)),),
)
NOT_AS_ASKED: Final = Metric(
    "lbctl_addresses_not_handed_on_as_asked",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses for which an L2Advertisement asks for handOff: NodePort, and that cannot be.",
    "They work as before. The condition HandedOn of the VirtualIP says what to set; "
    "docs/handoff.md has every reason.",
    (Label("reason", "of the condition `HandedOn`", tuple(_REFUSED)),),
)
WITHOUT_HOLDER: Final = Metric(
    "lbctl_addresses_without_holder",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses that Services have and that no node answers for.",
    "Clients reach nothing there. `kubectl get vips` names them; the conditions Planned and "
    "Announced of each say why.",
    (Label("reason", "who is at fault", tuple(Unheld)),),
)
IN_CONFLICT: Final = Metric(
    "lbctl_addresses_in_conflict",
    Kind.GAUGE,
    Unit.ADDRESSES,
    "Addresses that a host which is none of the cluster's has or claims now.",
    "`kubectl get vips -o wide` names address and MAC. Find that host on the LAN, and take the "
    "address from it or out of the pool.",
    (_CONFLICT,),
)
_OF_ADDRESS: Final = (
    Label("address", "IPv4, or IPv6 in its short form"),
    _POOL,
    Label("service_namespace", "of the Service"),
    Label("service_name", "its name"),
)
ADDRESS_HELD: Final = Metric(
    "lbctl_address_held",
    Kind.GAUGE,
    Unit.TRUTH,
    "1 for each address that a node answers for, and for each Service that has it.",
    "Nothing is wrong; a node that should not hold one: `kubectl describe vip` has its succession "
    "and why.",
    (*_OF_ADDRESS, Label("node", "who answers for it, as it said last")),
    option=PER_ADDRESS,
)
ADDRESS_UNHELD: Final = Metric(
    "lbctl_address_unheld",
    Kind.GAUGE,
    Unit.TRUTH,
    "1 for each address that no node answers for, and for each Service that has it; absent once "
    "one does.",
    "As for lbctl_addresses_without_holder.",
    (
        *_OF_ADDRESS,
        Label("reason", "who is at fault", tuple(Unheld)),
    ),
    option=PER_ADDRESS,
)
ALLOCATIONS: Final = Metric(
    "lbctl_allocations_total",
    Kind.COUNTER,
    Unit.ADDRESSES,
    "Addresses given.",
    "Rising without new Services: something deletes and creates them; the audit log names it.",
    (_POOL,),
)
ALLOCATION_FAILURES: Final = Metric(
    "lbctl_allocation_failures_total",
    Kind.COUNTER,
    Unit.TIMES,
    "Services that were refused an address, counted when the reason changes.",
    "`kubectl describe service` has the Event with what to do.",
    (_WHY_NOT,),
)
SERVICES_PENDING: Final = Metric(
    "lbctl_services_pending",
    Kind.GAUGE,
    Unit.SERVICES,
    "Services that have no address now.",
    "For more than minutes: `kubectl get svc -A` shows those with <pending>, and "
    "`kubectl describe service` says what each waits for.",
    (_WHY_NOT,),
)
SERVICES_UNMET: Final = Metric(
    "lbctl_services_unmet",
    Kind.GAUGE,
    Unit.SERVICES,
    "Services with an address, but not all or not the one that they ask for.",
    "They work. The condition lbctl.io/AddressAllocated of each says what is missing.",
    (_WHY_NOT,),
)
RECONCILE_SECONDS: Final = Metric(
    "lbctl_reconcile_duration_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "How long a reconcile took.",
    "Slow with `retry`: the API server. `error` is a fault of lbctl: the log has its traceback; "
    "please report it.",
    (
        Label("kind", "of the object", tuple(What)),
        Label(
            "outcome",
            "`retry`: the API server said no or nothing; `error`: a fault",
            ("success", "retry", "error"),
        ),
    ),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
QUEUE_DEPTH: Final = Metric(
    "lbctl_queue_depth",
    Kind.GAUGE,
    Unit.ITEMS,
    "Items that wait to be reconciled.",
    "`ready` empties within seconds of a change: see lbctl_queue_oldest_seconds. Many `later` with "
    "`retry` in lbctl_reconcile_duration_seconds: the API server refuses, and each of them pauses.",
    (
        Label("kind", "of the object", tuple(What)),
        Label(
            "state",
            "`later`: it failed and pauses, or is to be looked at when a time has come",
            tuple(Readiness),
        ),
    ),
)
QUEUE_OLDEST: Final = Metric(
    "lbctl_queue_oldest_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "For how long the item has been ready that has waited longest to be reconciled; 0 when none "
    "is.",
    "Above some seconds: the operator cannot keep up. The API server is slow "
    "(lbctl_api_request_duration_seconds), or the operator lacks CPU: raise "
    "`operator.resources.requests.cpu`.",
)
LEFT_OUT: Final = Metric(
    "lbctl_nodes_left_out",
    Kind.GAUGE,
    Unit.TIMES,
    "Pairs of an address and a node that cannot announce it.",
    "The condition Planned of the VirtualIPs names the nodes. What is meant (NotSelected, "
    "Excluded, Draining, NoEndpoint) needs nothing.",
    (Label("reason", "why the node is not in the succession", tuple(LeftOut)),),
)
SPEAKER_UP: Final = Metric(
    "lbctl_node_speaker_up",
    Kind.GAUGE,
    Unit.TRUTH,
    "Whether a node's speaker lives and is ready, of the nodes that have one and are not drained.",
    "0: the node holds no address. `kubectl get speakers` says what it lacks, and "
    "`kubectl -n lbctl-system get pods -o wide` whether its pod runs.",
    (Label("node", "its name"),),
)
SUCCESSION_CHANGES: Final = Metric(
    "lbctl_succession_changes_total",
    Kind.COUNTER,
    Unit.TIMES,
    "Successions written, by what changed them. Most change only who comes next.",
    "Each node that goes or comes changes many, once. Rising all the time: nodes come and go for "
    "the reason that the label says; lbctl_node_speaker_up and `kubectl get events -A` show which.",
    (_CHANGED_BY,),
)
PLANNED_MOVES: Final = Metric(
    "lbctl_planned_moves_total",
    Kind.COUNTER,
    Unit.ADDRESSES,
    "Addresses that a node was told to hand to another.",
    "Rising all the time: a node goes in and out for the reason that the label says; mend that.",
    (
        Label(
            "cause",
            "why the holder is left out of the succession, or why another node comes first",
            (Replanned.PREFERRED, Replanned.REBALANCED, *LeftOut),
        ),
    ),
)
CONFLICTS: Final = Metric(
    "lbctl_conflicts_total",
    Kind.COUNTER,
    Unit.TIMES,
    "Conflicts that began: a host that is none of the cluster's has an address, or claims it.",
    "As for lbctl_addresses_in_conflict.",
    (_CONFLICT,),
)
METALLB_PROBLEMS: Final = Metric(
    "lbctl_metallb_problems",
    Kind.GAUGE,
    Unit.TIMES,
    "What is wrong with objects of MetalLB's.",
    "The Events on these objects say what to change.",
    (Label("reason", "of the Event"),),
    option="compat.metallb",
)
NODE_FAILURES: Final = Metric(
    "lbctl_node_failures_total",
    Kind.COUNTER,
    Unit.NODES,
    "Dead nodes whose pods this replica marked not ready.",
    "The node's Events say who proved it dead.",
    option="fastNodeFailure",
)
NODES_SPARED: Final = Metric(
    "lbctl_node_failures_spared_total",
    Kind.COUNTER,
    Unit.NODES,
    "Nodes that a partner lost and that were not marked, counted when the reason changes.",
    "For OperatorCutOff, KubeletUnknown, TooFewNodes and LimitReached the node may well be dead: "
    "look at it.",
    (Label("reason", "what spoke against it", tuple(Spared)),),
    option="fastNodeFailure",
)
PODS_MARKED: Final = Metric(
    "lbctl_node_failure_pods_total",
    Kind.COUNTER,
    Unit.PODS,
    "Pods that this replica marked not ready.",
    "See the Events of their nodes.",
    option="fastNodeFailure",
)
LEADER: Final = Metric(
    "lbctl_leader",
    Kind.GAUGE,
    Unit.TRUTH,
    "1 while this replica acts, 0 while it stands by.",
    "None is 1: no Service gets an address and no plan changes, while what is held goes on. The "
    "operator's log says what it waits for; `kubectl -n lbctl-system get lease` who leads.",
)

TABLE: Final = (
    POOL_ADDRESSES,
    OUT_OF_POOL,
    NOT_AS_ASKED,
    WITHOUT_HOLDER,
    IN_CONFLICT,
    ADDRESS_HELD,
    ADDRESS_UNHELD,
    ALLOCATIONS,
    ALLOCATION_FAILURES,
    SERVICES_PENDING,
    SERVICES_UNMET,
    RECONCILE_SECONDS,
    QUEUE_DEPTH,
    QUEUE_OLDEST,
    LEFT_OUT,
    SPEAKER_UP,
    SUCCESSION_CHANGES,
    PLANNED_MOVES,
    CONFLICTS,
    METALLB_PROBLEMS,
    NODE_FAILURES,
    NODES_SPARED,
    PODS_MARKED,
    LEADER,
    *SHARED,
)
