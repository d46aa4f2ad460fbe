"""MetalLB's L2Advertisements as lbctl's: the same nodes, interfaces, pools and Services.

What differs, by lbctl's own rules: an address is announced on one interface of a node, the one in
its subnet, of those that are named; and a preferred node takes nothing back by itself.
"""

from typing import Final

from lbctl.core.metallb.reading import Fields, Problem
from lbctl.core.objects.advertisements import Admission, AdvertisementView, Preference
from lbctl.core.reading.objects import Json

_SPEC: Final = frozenset(
    {
        "ipAddressPools",
        "ipAddressPoolSelectors",
        "nodeSelectors",
        "interfaces",
        "serviceSelectors",
        "preferredNodeSelectors",
    }
)
_PREFERENCE: Final = frozenset({"weight", "preference"})


def metallb_advertisement_name(namespace: str, name: str) -> str:
    """What it is called in messages. The slash keeps it from being an L2Advertisement of ours."""
    return f"{namespace}/{name}"


def metallb_advertisement_view(obj: Json) -> tuple[AdvertisementView, tuple[Problem, ...]]:
    """Read an L2Advertisement of MetalLB's, and what of it cannot be read."""
    meta, fields = obj["metadata"], Fields()
    spec = fields.part("spec", obj.get("spec"), _SPEC)
    view = AdvertisementView(
        name=metallb_advertisement_name(meta["namespace"], meta["name"]),
        created=meta.get("creationTimestamp") or "",
        pools=fields.texts("spec.ipAddressPools", spec.get("ipAddressPools")),
        pool_selectors=fields.selectors(
            "spec.ipAddressPoolSelectors", spec.get("ipAddressPoolSelectors")
        ),
        service_selectors=fields.selectors("spec.serviceSelectors", spec.get("serviceSelectors")),
        admission=Admission(fields.selectors("spec.nodeSelectors", spec.get("nodeSelectors"))),
        interfaces=fields.texts("spec.interfaces", spec.get("interfaces")),
        preferences=tuple(_preferences(fields, spec)),
        generation=meta.get("generation") or 1,
        uid=meta.get("uid") or "",
        resource_version=meta.get("resourceVersion") or "",
    )
    return view, tuple(fields.problems)


def _preferences(fields: Fields, spec: Json) -> list[Preference]:
    path = "spec.preferredNodeSelectors"
    return [
        Preference(
            fields.number(f"{at}.weight", entry.get("weight")) or 0,
            fields.selector(f"{at}.preference", entry.get("preference")),
        )
        for at, entry in fields.items(path, spec.get("preferredNodeSelectors"), _PREFERENCE)
    ]
