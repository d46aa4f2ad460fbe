"""What to do for a Service: state in, decision out.

`decide` reads the ledger and names one action and what must be released. It never acts: the
reconciler does, in the order that the actions' docstrings give, and decides again when the API
server refuses. A crash between two writes is mended by deciding anew.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address

from lbctl.core.ledger import Ledger
from lbctl.core.outcomes import Notice, Outcome
from lbctl.core.services import Ownership, ServiceKey
from lbctl.core.virtualips import VirtualIPView


@dataclass(frozen=True, slots=True)
class Give:
    """Create the VirtualIP, then write the status. On a conflict, read it and decide again."""

    address: IPv4Address
    pool: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """Record in the VirtualIP that the address, which the status shows already, is the Service's.

    Create it. When `existing` is given, replace its service instead, under its resourceVersion.
    """

    address: IPv4Address
    pool: str | None
    existing: VirtualIPView | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """The VirtualIP names the Service. Write the status if it says anything else."""

    address: IPv4Address
    write_status: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing can be given. Take `withdraw` out of the status: addresses of somebody else."""

    outcome: Outcome
    message: str
    withdraw: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another controller's address is in the status: leave it and give nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The Service is not ours any more: take these addresses out of its status, then release."""

    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do for the Service itself: it is gone, not ours, or on its way out."""


Action = Give | Adopt | Keep | Refuse | Foreign | Withdraw | Leave
"""The closed set of what can be done for a Service."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do for one Service, after which nothing is left to do."""

    action: Action
    release: tuple[VirtualIPView, ...] = ()
    """VirtualIPs that name this Service or its dead namesake and must be released, after the action
    has taken them out of the status (`lbctl.core.release.begin`)."""
    notices: tuple[Notice, ...] = ()
    """What to tell the owner of the Service besides the action itself."""


def decide(key: ServiceKey, ledger: Ledger, ownership: Ownership) -> Decision:
    """Decide for the Service of this name, which may be gone.

    Whatever an address of ours already does goes on working: a Service that has one keeps it, even
    when it asks for something now that this version would refuse to a new one.
    """
    raise NotImplementedError
