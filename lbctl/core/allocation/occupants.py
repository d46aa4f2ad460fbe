"""Why a used address is not free, in the words that who asks for it reads."""

from typing import assert_never

from lbctl.core.allocation.grants import Refusal
from lbctl.core.objects.virtualips import Kept, Stage, VirtualIPView
from lbctl.core.outcomes import PoolRefusal


def occupied(pool: str, view: VirtualIPView) -> Refusal:
    """Why nobody new can have an address that has a VirtualIP.

    Args:
        pool: the pool that the address is asked of.
        view: its VirtualIP.
    """
    address = view.address
    match view.stage:
        case Stage.ALLOCATED:
            owner = "another Service" if view.service is None else str(view.service.key)
            return Refusal(pool, PoolRefusal.IN_USE, f"{address} belongs to {owner}")
        case Stage.RESERVED:
            message = f"{address} is reserved by a VirtualIP without a Service"
            return Refusal(pool, PoolRefusal.RESERVED, message)
        case Stage.RELEASING if view.kept is Kept.QUARANTINED:
            message = f"{address} is in quarantine: a foreign host answered for it"
            return Refusal(pool, PoolRefusal.QUARANTINED, message)
        case Stage.RELEASING:
            return Refusal(pool, PoolRefusal.RELEASING, f"{address} {_rests(view)}")
        case _ as never:
            assert_never(never)


def _rests(view: VirtualIPView) -> str:
    release = view.release
    if release is not None and release.retained_for is not None:
        return f"is kept for {release.retained_for.key} until {release.retained_for.until}"
    if release is not None and release.cooling_until:
        return f"is cooling down until {release.cooling_until}"
    return "is being released"
