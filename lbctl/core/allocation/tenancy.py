"""Moving into an address and out of it: what becomes of its VirtualIP."""

from collections.abc import Iterable
from dataclasses import replace

from lbctl.core.addresses import Address
from lbctl.core.allocation.sharing import terms_of
from lbctl.core.objects.services import ServiceKey, ServiceRef, ServiceView
from lbctl.core.objects.virtualips import Terms, VirtualIPView


def made_for(
    service: ServiceView, address: Address, pool: str | None, *, adopted: bool = False
) -> VirtualIPView:
    """The VirtualIP of an address that had none: the Service, as it is now, is alone there."""
    return VirtualIPView(
        address,
        pool=pool,
        services=(service.ref,),
        terms={service.uid: terms_of(service)},
        sharing_key=service.request.sharing_key,
        adopted=adopted,
    )


def moved_in(view: VirtualIPView, service: ServiceView, pool: str | None) -> VirtualIPView:
    """With the Service, as it is now, in the place of its namesake of before, or else at the end.

    Whoever is alone there decides under which key others may join.
    """
    renamed = [service.ref if ref.key == service.key else ref for ref in view.services]
    services = tuple(dict.fromkeys([*renamed, service.ref]))
    alone = len(services) == 1
    return replace(
        view,
        services=services,
        terms={**_terms(view, services), service.uid: terms_of(service)},
        sharing_key=service.request.sharing_key if alone else view.sharing_key,
        pool=pool or view.pool,
        release=None,
    )


def moved_out(view: VirtualIPView, key: ServiceKey) -> VirtualIPView:
    """Without any Service of this name. Whom it is reserved for, stays so."""
    services = tuple(ref for ref in view.services if ref.key != key)
    return replace(
        view,
        services=services,
        terms=_terms(view, services),
        sharing_key=view.sharing_key if services else "",
        outgoing=view.outgoing if services else None,
    )


def _terms(view: VirtualIPView, services: Iterable[ServiceRef]) -> dict[str, Terms]:
    return {ref.uid: view.terms[ref.uid] for ref in services if ref.uid in view.terms}
