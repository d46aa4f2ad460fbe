"""The types of those fields of Kubernetes' own objects that are read here, as schemas."""

from __future__ import annotations

from typing import Final

_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_META = {"name": _TEXT, "namespace": _TEXT, "labels": _TEXTS, "annotations": _TEXTS}
OBJECT: Final = {
    "properties": {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "metadata": {"type": "object", "properties": _META},
    }
}
"""What every object has in common."""
_FAMILIES = {"type": "string", "enum": ["IPv4", "IPv6"]}
_SERVICE_SPEC = {
    "type": {"type": "string", "enum": ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]},
    "loadBalancerClass": _TEXT,
    "loadBalancerIP": _TEXT,
    "externalTrafficPolicy": {"type": "string", "enum": ["Cluster", "Local"]},
    "ipFamilies": {"type": "array", "items": _FAMILIES, "maxItems": 2},
    "ipFamilyPolicy": {
        "type": "string",
        "enum": ["PreferDualStack", "RequireDualStack", "SingleStack"],
    },
    "ports": {"type": "array", "items": {"type": "object"}},
    "selector": _TEXTS,
}
SERVICE: Final = {"properties": {"spec": {"type": "object", "properties": _SERVICE_SPEC}}}
"""What of a Service has to do with its addresses."""
