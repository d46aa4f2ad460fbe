"""The planner: which nodes may hold an address, and in which order they are to take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from lbctl.core.speakers import Exclusion, NodeView

LENGTH = 4
"""How many nodes a succession names, when there are so many. Each of them watches the address."""


@dataclass(frozen=True, slots=True)
class SuccessionPlan:
    """The succession of one address, and why it is so."""

    succession: tuple[str, ...]
    left_out: tuple[Exclusion, ...]
    """Every node that cannot announce the address, by name."""
    planned: bool
    """False when no node is eligible: then the succession is what it was (fail static)."""
    message: str
    """A sentence for the condition `Planned`."""


class Loads:
    """How often each node is first, and how often it follows each other node, in all successions.

    `put` replaces what was counted for the address, `drop` forgets it; both may be repeated.
    """

    def put(self, address: IPv4Address, succession: tuple[str, ...]) -> None:
        raise NotImplementedError

    def drop(self, address: IPv4Address) -> None:
        raise NotImplementedError


def plan(
    address: IPv4Address,
    *,
    current: tuple[str, ...],
    holder: str | None,
    nodes: Mapping[str, NodeView],
    loads: Loads,
) -> SuccessionPlan:
    """Plan one address.

    Survivors keep their order, the holder is never dropped while it is eligible, and new nodes are
    appended: nothing here moves an address that works.

    Args:
        address: the address to plan.
        current: its succession so far.
        holder: the node that announces it, as its status says.
        nodes: every node of the cluster, by name.
        loads: what the nodes carry already; this address's own share is not counted.
    """
    raise NotImplementedError
