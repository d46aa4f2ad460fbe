"""Which nodes have a pod of a Service, by kube-proxy's rules."""

from typing import Any

import pytest

from lbctl.core.addresses import Family
from lbctl.core.objects.endpoints import EndpointBook, local_nodes
from lbctl.core.objects.services import ServiceKey
from lbctl.core.reading.objects import slice_view

WEB = ServiceKey("shop", "web")


def endpoint(node: str | None = None, **conditions: bool) -> dict[str, Any]:
    named = {} if node is None else {"nodeName": node}
    return {"addresses": ["10.244.1.2"], "conditions": conditions, **named}


def slice_of(
    *endpoints: dict[str, Any], service: str | None = "web", kind: str = "IPv4"
) -> dict[str, Any]:
    labels = {} if service is None else {"kubernetes.io/service-name": service}
    meta = {"name": "web-abc", "namespace": "shop", "labels": labels}
    return {"metadata": meta, "addressType": kind, "endpoints": [*endpoints]}


STOPPING = {"ready": False, "serving": True, "terminating": True}


@pytest.mark.parametrize(
    ("rule", "endpoints", "nodes"),
    [
        ("a ready endpoint counts", [endpoint("n1", ready=True)], {"n1"}),
        ("one that is not ready does not", [endpoint("n1", ready=False)], set()),
        ("nothing said is ready", [endpoint("n1")], {"n1"}),
        (
            "one that stops does not while another is ready",
            [endpoint("n1", **STOPPING), endpoint("n2", ready=True)],
            {"n2"},
        ),
        (
            "those that stop and serve do when none is ready",
            [endpoint("n1", **STOPPING), endpoint("n2", ready=False)],
            {"n1"},
        ),
        (
            "one that stops and serves no more never does",
            [endpoint("n1", ready=False, serving=False, terminating=True)],
            set(),
        ),
        ("an endpoint without a node is nowhere", [endpoint(ready=True)], set()),
        ("and harms no other", [endpoint(ready=True), endpoint("n1", ready=True)], {"n1"}),
        ("no endpoints, no node", [], set()),
    ],
)
def test_where_the_pods_are(rule: str, endpoints: list[dict[str, Any]], nodes: set[str]) -> None:
    view = slice_view(slice_of(*endpoints))
    assert view is not None

    assert local_nodes([view], Family.IPV4) == nodes, rule
    assert local_nodes([view], Family.IPV6) == set(), "the other family has slices of its own"


def test_slices_of_names_and_of_nobody_are_none() -> None:
    assert slice_view(slice_of(kind="FQDN")) is None
    assert slice_view(slice_of(service=None)) is None


def test_a_book_knows_when_pods_are_elsewhere() -> None:
    book = EndpointBook()
    on_n1, on_n2 = (slice_view(slice_of(endpoint(node, ready=True))) for node in ("n1", "n2"))

    assert book.put("a", None, on_n1)
    assert book.nodes(WEB, Family.IPV4) is None, "not all slices are known yet"
    book.complete = True
    assert book.nodes(WEB, Family.IPV4) == frozenset({"n1"})
    assert not book.put("b", None, on_n1), "a second pod on the same node"
    assert book.put("b", on_n1, on_n2)
    assert book.nodes(WEB, Family.IPV4) == frozenset({"n1", "n2"})
    assert book.put("a", on_n1, None)
    assert book.put("b", on_n2, None)
    assert book.nodes(WEB, Family.IPV4) == frozenset()
    book.clear()
    assert book.nodes(WEB, Family.IPV4) is None
