"""L2Advertisements: which nodes announce an address, on which interfaces, and who goes first."""

from collections.abc import Mapping
from dataclasses import dataclass

from lbctl.core.selectors import Selector
from lbctl.core.virtualips import UNTIMED, Timings


@dataclass(frozen=True, slots=True)
class AvoidedTaint:
    """A taint that keeps a node from announcing; "" stands for any value or effect."""

    key: str
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """Nodes that are to come first: the more weight, the sooner."""

    weight: int
    selector: Selector


@dataclass(frozen=True, slots=True)
class Admission:
    """The nodes that one L2Advertisement lets announce."""

    selectors: tuple[Selector, ...] = ()
    """One of them must match; without any, every node is let in."""
    avoided: tuple[AvoidedTaint, ...] = ()


@dataclass(frozen=True, slots=True)
class Announcing:
    """How one address is announced: all L2Advertisements that match it, combined."""

    names: tuple[str, ...] = ()
    """The advertisements, the oldest first."""
    admissions: tuple[Admission, ...] = ()
    """A node that one of them lets in announces; without any, every node does."""
    interfaces: tuple[str, ...] = ()
    """Those that may be used; empty = the one whose subnet holds the address."""
    preferences: tuple[Preference, ...] = ()
    """A node's weight is the sum of those that select it."""
    timings: Timings = UNTIMED
    fail_back_after: float | None = None
    """Seconds for which a preferred node must have been well to get an address back; None = it
    does not get it back."""

    def weight(self, labels: Mapping[str, str]) -> int:
        """How much a node with these labels is preferred."""
        return sum(one.weight for one in self.preferences if one.selector.matches(labels))


EVERYWHERE = Announcing()
"""Without any L2Advertisement: every node, on its interface in the subnet of the address."""
