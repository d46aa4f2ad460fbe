"""L2Advertisements, from the JSON of the API server to the view that decisions read."""

from collections.abc import Iterable

from lbctl.core.objects.advertisements import (
    HOLD_OFF,
    Admission,
    AdvertisementView,
    AvoidedTaint,
    Preference,
)
from lbctl.core.reading.objects import Json, hand_off_of, timings
from lbctl.core.selectors import Operator, Requirement, Selector


def advertisement_view(obj: Json) -> AdvertisementView:
    """Read an L2Advertisement."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    hold_off = spec.get("holdOffSeconds")
    fails_back = spec.get("failback") == "AfterHoldOff"
    return AdvertisementView(
        name=meta["name"],
        created=meta.get("creationTimestamp") or "",
        pools=tuple(spec.get("ipAddressPools") or ()),
        pool_selectors=selectors(spec.get("ipAddressPoolSelectors")),
        service_selectors=selectors(spec.get("serviceSelectors")),
        admission=Admission(
            selectors(spec.get("nodeSelectors")),
            tuple(
                AvoidedTaint(entry["key"], entry.get("value"), entry.get("effect"))
                for entry in spec.get("avoidedTaints") or ()
            ),
        ),
        interfaces=tuple(spec.get("interfaces") or ()),
        preferences=tuple(
            Preference(entry["weight"], selector(entry.get("nodeSelector") or {}))
            for entry in spec.get("preferredNodes") or ()
        ),
        timings=timings(spec.get("announcement")),
        hand_off=hand_off_of(spec),
        fail_back_after=(HOLD_OFF if hold_off is None else hold_off) if fails_back else None,
        generation=meta.get("generation") or 1,
        uid=meta.get("uid") or "",
        resource_version=meta.get("resourceVersion") or "",
    )


def selector(obj: Json) -> Selector:
    """Read a LabelSelector. An operator of a newer version selects nothing."""
    labels: Json = obj.get("matchLabels") or {}
    equal = [Requirement(key, Operator.IN, (value,)) for key, value in labels.items()]
    return Selector((*equal, *map(_requirement, obj.get("matchExpressions") or ())))


def _requirement(entry: Json) -> Requirement:
    try:
        operator = Operator(entry["operator"])
    except ValueError:
        return Requirement(entry["key"], Operator.IN)
    return Requirement(entry["key"], operator, tuple(entry.get("values") or ()))


def selectors(entries: Iterable[Json] | None) -> tuple[Selector, ...]:
    """Read a list of LabelSelectors."""
    return tuple(selector(entry) for entry in entries or ())
