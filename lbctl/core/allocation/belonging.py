"""Whether an address that was given is still its pool's to give, and what follows if it is not.

People shrink pools, delete them, narrow what they select, and turn them off. What was given goes on
working; here is what its VirtualIP and its Service say then.
"""

from dataclasses import dataclass

from lbctl.core.addresses import Address, place
from lbctl.core.allocation.grants import address_refusal, narrowed
from lbctl.core.allocation.ledger import Ledger
from lbctl.core.objects.pools import OnRemoval, PoolFinding
from lbctl.core.objects.services import ServiceView
from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import PoolRefusal


@dataclass(frozen=True, slots=True)
class OutOfPool:
    """Why a pool would not give the address to its Service today."""

    pool: str
    """The pool that it was given from; "" when it was adopted from none."""
    reason: PoolRefusal
    message: str
    """A whole sentence."""
    reassign: bool
    """Whether the Service is to get another address (`onRemoval: Reassign`)."""


def home(view: VirtualIPView, ledger: Ledger) -> PoolFinding | None:
    """The pool that has the address today: the one that it was given from, or else another one."""
    given_from = None if view.pool is None else ledger.finding(view.pool)
    if given_from is not None and place(view.address) in given_from.addresses:
        return given_from
    other = ledger.pool_of(view.address)
    return given_from if other is None else ledger.finding(other)


def home_name(view: VirtualIPView, ledger: Ledger) -> str | None:
    """The name of that pool; of the one that it was given from when that is gone too."""
    found = home(view, ledger)
    return view.pool if found is None else found.pool.name


def out_of_pool(view: VirtualIPView, service: ServiceView, ledger: Ledger) -> OutOfPool | None:
    """Why the address would not be given to this Service today; None when it would.

    Whether its pool overlaps another one does not matter: that pool gives nothing new, and has what
    it has.
    """
    if view.reserved_for == service.key:
        return None  # A person gave it, whatever pools say.
    finding = home(view, ledger)
    if finding is None:
        return _homeless(view)
    why = _why(finding, view.address, service, ledger)
    if why is None:
        return None
    reason, message = why
    edited = reason not in _OBSERVED
    reassign = edited and finding.pool.on_removal is OnRemoval.REASSIGN
    if reassign:
        follows = "The Service gets another one as soon as one can be had."
    elif edited:
        follows = "The Service keeps it (onRemoval: Keep)."
    else:
        follows = (
            "The Service keeps it, for nobody edited the pool; if it does not work, exclude it."
        )
    name = finding.pool.name
    said = f"{message} [{reason}]"
    text = f'Pool "{name}" would not give {view.address} to {service.key}: {said}. {follows}'
    return OutOfPool(name, reason, text, reassign)


def _homeless(view: VirtualIPView) -> OutOfPool:
    kept = "The Service keeps it until it goes."
    if view.pool is None:
        text = f"{view.address} is in no pool [{PoolRefusal.NOT_IN_POOL}]. {kept}"
        return OutOfPool("", PoolRefusal.NOT_IN_POOL, text, reassign=False)
    said = f"which is gone [{PoolRefusal.NO_SUCH_POOL}]"
    text = f'{view.address} was given from pool "{view.pool}", {said}. {kept}'
    return OutOfPool(view.pool, PoolRefusal.NO_SUCH_POOL, text, reassign=False)


def _why(
    finding: PoolFinding, address: Address, service: ServiceView, ledger: Ledger
) -> tuple[PoolRefusal, str] | None:
    refused = address_refusal(finding, address)
    if refused is None or refused.reason in _OBSERVED:
        # What somebody wrote counts before what is reported: it alone can move the address.
        if finding.pool.disabled:
            return PoolRefusal.DISABLED, "it is disabled"
        labels = ledger.namespace_labels(service.namespace)
        narrow = None if labels is None else narrowed(finding.pool, service, labels)
        refused = narrow or refused
    if refused is None:
        return None
    about_address = refused.reason in _ABOUT_ADDRESS
    return refused.reason, refused.message if about_address else f"it {refused.message}"


_OBSERVED = frozenset(
    {
        PoolRefusal.NODE_ADDRESS,
        PoolRefusal.GATEWAY,
        PoolRefusal.SUBNET_EDGE,
        PoolRefusal.CLUSTER_RANGE,
    }
)
"""Reasons that speakers and Nodes report. One wrong report must not move an address that works."""

_ABOUT_ADDRESS = _OBSERVED | {PoolRefusal.NOT_IN_POOL, PoolRefusal.EXCLUDED}
"""Reasons whose message names the address; the others' go on about the pool."""
