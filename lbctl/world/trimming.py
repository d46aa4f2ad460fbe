"""What of foreign objects is kept in memory: what somebody here reads, and not what owners add.

The API server lets 256 KiB of annotations into each Service, tools write whole manifests there, and
a Node lists the images that it has. Services and Nodes are never written back as a whole.
"""

from __future__ import annotations

from lbctl.kube.objects import Object

_READ_DOMAINS = ("lbctl.io", "metallb.io", "metallb.universe.tf")
"""Whose annotations ask for addresses."""
_UNREAD_OF_NODES = ("images", "volumesInUse", "volumesAttached")


def trim_service(service: Object) -> Object:
    """A Service without the annotations that do not ask for an address."""
    meta = service["metadata"]
    annotations = meta.get("annotations")
    if not annotations:
        return service
    read = {k: v for k, v in annotations.items() if k.partition("/")[0] in _READ_DOMAINS}
    return {**service, "metadata": {**meta, "annotations": read}}


def trim_node(node: Object) -> Object:
    """A Node without annotations, images and volumes."""
    meta = {name: value for name, value in node["metadata"].items() if name != "annotations"}
    status = {k: v for k, v in (node.get("status") or {}).items() if k not in _UNREAD_OF_NODES}
    return {**node, "metadata": meta, "status": status}


def trim_namespace(namespace: Object) -> Object:
    """A Namespace's name and labels. Its annotations can weigh a hundred times that."""
    kept = ("name", "uid", "resourceVersion", "labels")
    meta = {name: value for name, value in namespace["metadata"].items() if name in kept}
    return {"metadata": meta}
