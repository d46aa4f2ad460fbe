"""What can be decided for a Service: what to write, and in which order.

Named tuples: each of them is made for every Service at every look, and a frozen dataclass costs
three times as much to make. So are, for the same reason, those who decide.
"""

from enum import Enum, auto
from typing import NamedTuple

from lbctl.core.addresses import Address
from lbctl.core.allocation.waiting import Want
from lbctl.core.objects.services import Ingress
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import Notice, Outcome


class How(Enum):
    """How a Service comes to an address."""

    GIVEN = auto()
    """Nobody had it."""
    JOINED = auto()
    """Others have it, and share it."""
    KEPT_FOR_IT = auto()
    """A person reserved it for the Service, or its pool kept it for when the Service comes back."""
    ADOPTED = auto()
    """The Service shows it already; its VirtualIP is missing or knows an older uid."""
    RENEWED = auto()
    """The Service has it, and what the VirtualIP says of it changes."""


class Take(NamedTuple):
    """Name the Service in the VirtualIP of an address, beside those who share it.

    Without `existing` create it; on a conflict read it and decide again. With it replace it under
    its resourceVersion.
    """

    address: Address
    pool: str | None
    how: How
    existing: VirtualIPView | None = None


class Verdict(NamedTuple):
    """The condition `lbctl.io/AddressAllocated` of the Service."""

    allocated: bool
    reason: Outcome
    message: str


class Status(NamedTuple):
    """What the Service's status is to say; written in one patch, and only if it says else."""

    ingress: tuple[Ingress, ...] | None
    """The whole of `status.loadBalancer.ingress`; None = as it is."""
    verdict: Verdict | None
    """None = without our condition."""


class Decision(NamedTuple):
    """What to do for one Service: takes, then the status, then releases. Nothing is left then.

    Whoever dies in between leaves an address that is taken and not shown, or not shown and not
    released: deciding anew completes it.
    """

    takes: tuple[Take, ...] = ()
    status: Status | None = None
    """None = leave it alone."""
    release: tuple[VirtualIPView, ...] = ()
    """VirtualIPs that name this Service, or its dead namesake, and must do so no more."""
    notices: tuple[Notice, ...] = ()
    """What to tell the owner of the Service besides."""
    wants: frozenset[Want] = frozenset()
    """What it waits for: it may get more, or what it asked for, when one of these comes about."""

    @property
    def verdict(self) -> Verdict | None:
        """What the condition says; None for a Service that is not ours or gone."""
        return None if self.status is None else self.status.verdict
