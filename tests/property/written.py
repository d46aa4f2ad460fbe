"""What people write, as the JSON of the API server: the inverse of `lbctl.core.reading.objects`."""

from lbctl.core.objects.pools import Allocation, PoolView
from lbctl.core.objects.services import ServiceView
from lbctl.core.selectors import Selector
from lbctl.kube.objects import Object


def service(view: ServiceView) -> Object:
    """A Service, without the status."""
    request = view.request
    annotations = {
        "lbctl.io/addresses": ", ".join(map(str, request.addresses)),
        "lbctl.io/pools": ", ".join(request.pools),
        "lbctl.io/allow-shared-ip": request.sharing_key,
    }
    if request.problems:
        annotations["lbctl.io/addresses"] = "nonsense"
    return {
        "metadata": {
            "namespace": view.namespace,
            "name": view.name,
            "labels": {**view.labels},
            "annotations": annotations,
        },
        "spec": {
            "type": "LoadBalancer" if view.is_load_balancer else "ClusterIP",
            "loadBalancerClass": view.load_balancer_class,
            "ipFamilies": [str(family) for family in view.families],
            "ipFamilyPolicy": str(view.family_policy),
            "ports": [{"protocol": port.protocol, "port": port.number} for port in view.ports],
            "selector": {**view.selector},
            "externalTrafficPolicy": str(view.external_traffic_policy),
        },
    }


def pool(view: PoolView) -> Object:
    """An IPAddressPool, without the status."""
    spec = {
        "addresses": [*view.entries],
        "exclude": [*view.exclude],
        "disabled": view.disabled,
        "autoAssign": view.auto_assign,
        "avoidBuggyIPs": view.avoid_buggy_ips,
        "allowSubnetEdges": view.allow_subnet_edges,
        "onRemoval": str(view.on_removal),
        "allocation": None if view.allocation is None else _allocation(view.allocation),
    }
    return {"metadata": {"name": view.name}, "spec": spec}


def _allocation(said: Allocation) -> Object:
    return {
        "priority": said.priority,
        "namespaces": [*said.namespaces],
        "namespaceSelectors": _selectors(said.namespace_selectors),
        "serviceSelectors": _selectors(said.service_selectors),
        "quotaPerNamespace": said.quota_per_namespace,
        "sharing": str(said.sharing),
    }


def _selectors(selectors: tuple[Selector, ...]) -> list[Object]:
    """The tests select by one label alone."""
    return [
        {"matchLabels": {one.key: one.values[0] for one in selector.requirements}}
        for selector in selectors
    ]
