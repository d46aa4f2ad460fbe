"""Who may have one address together."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from lbctl.core.allocation.sharing import MAX_PORTS, MAX_SERVICES, misfit, terms_of
from lbctl.core.objects.pools import SharingScope
from lbctl.core.objects.requests import Request
from lbctl.core.objects.services import Port, ServiceView, TrafficPolicy
from lbctl.core.objects.virtualips import Terms, VirtualIPView
from tests.unit.core.builders import ip, ref, service, shared

HTTP, HTTPS, DNS = Port("TCP", 80), Port("TCP", 443), Port("UDP", 53)
EDGE = Request(sharing_key="edge")
LOCAL = TrafficPolicy.LOCAL
PODS = {"app": "web", "tier": "gold"}


def web(*ports: Port, **fields: Any) -> ServiceView:
    return service("web", ports=ports or (HTTPS,), **{"request": EDGE, **fields})


def other(*ports: Port, name: str = "other", **fields: Any) -> ServiceView:
    return service(name, ports=ports or (HTTP,), **{"request": EDGE, **fields})


@dataclass(frozen=True)
class Row:
    rule: str
    service: ServiceView
    there: VirtualIPView
    why_not: str | None
    scope: SharingScope = SharingScope.WITHIN_NAMESPACE
    takes_a_port: bool = False


@pytest.mark.parametrize(
    "row",
    [
        Row("other ports under the same key", web(), shared(".9", other()), None),
        Row("one number of two protocols", web(Port("UDP", 80)), shared(".9", other()), None),
        Row("who is alone fits", web(request=Request()), shared(".9", web()), None),
        Row("so does who comes after its namesake", web(), shared(".9", web(uid="before")), None),
        Row("no key of one's own", web(request=Request()), shared(".9", other()),
            "10.0.0.9 belongs to default/other"),
        Row("another key", web(request=Request(sharing_key="b")), shared(".9", other()),
            "shares it under another key"),
        Row("who is there shares with nobody", web(), shared(".9", other(), sharing_key=""),
            "under another key"),
        Row("a port that is taken", web(HTTPS, HTTP), shared(".9", other()),
            "default/other has TCP 80 at 10.0.0.9", takes_a_port=True),
        Row("by the third of those who are there", web(DNS),
            shared(".9", other(), web(HTTPS), other(DNS, name="dns")),
            "default/dns has UDP 53", takes_a_port=True),
        Row("ports that are not known yet", web(),
            replace(shared(".9", other()), terms={}), "the ports of default/other"),
        Row("another namespace", web(), shared(".9", replace(other(), namespace="shop")),
            "its pool lets Services of one namespace share"),
        Row("another namespace, where the pool lets them", web(),
            shared(".9", replace(other(), namespace="shop")), None,
            SharingScope.ACROSS_NAMESPACES),
        Row("Local of the same pods", web(external_traffic_policy=LOCAL, selector=PODS),
            shared(".9", other(external_traffic_policy=LOCAL, selector=PODS)), None),
        Row("Local of other pods", web(external_traffic_policy=LOCAL, selector=PODS),
            shared(".9", other(external_traffic_policy=LOCAL, selector={"app": "web"})),
            "only Services of the same pods share"),
        Row("Local beside Cluster", web(external_traffic_policy=LOCAL, selector=PODS),
            shared(".9", other(selector=PODS)), "only Services of the same pods share"),
        Row("Cluster beside Local", web(selector=PODS),
            shared(".9", other(external_traffic_policy=LOCAL, selector=PODS)),
            "only Services of the same pods share"),
        Row("Local without a selector: nobody knows whose pods they are",
            web(external_traffic_policy=LOCAL), shared(".9", other(external_traffic_policy=LOCAL)),
            "only Services of the same pods share"),
        Row("the same selector in another namespace selects other pods",
            web(external_traffic_policy=LOCAL, selector=PODS),
            shared(".9", replace(
                other(external_traffic_policy=LOCAL, selector=PODS), namespace="shop")),
            "only Services of the same pods share", SharingScope.ACROSS_NAMESPACES),
        Row("one too many", web(),
            shared(".9", *(other(Port("TCP", n), name=f"s{n}") for n in range(MAX_SERVICES))),
            "64 Services share 10.0.0.9 already"),
        Row("too many ports", web(*(Port("TCP", 1000 + n) for n in range(MAX_PORTS + 1))),
            shared(".9", other()), "more than 256 ports"),
    ],
    ids=lambda row: row.rule,
)  # fmt: skip
def test_sharing(row: Row) -> None:
    found = misfit(row.service, row.there, row.scope)
    assert (found is None) == (row.why_not is None), found
    assert row.why_not is None or (found is not None and row.why_not in found.message)
    assert (found is not None and found.takes_a_port) == row.takes_a_port


@pytest.mark.parametrize(
    ("rule", "now"),
    [
        ("it lost its key", web(HTTP, request=Request())),
        ("it became Local", web(HTTP, external_traffic_policy=LOCAL)),
    ],
)
def test_of_all_that_is_wrong_with_who_is_there_the_port_comes_first(
    rule: str, now: ServiceView
) -> None:
    """It alone harms the others."""
    found = misfit(now, shared(".9", other(), web()), SharingScope.WITHIN_NAMESPACE)
    assert found is not None, rule
    assert found.takes_a_port


def test_the_terms_of_a_service() -> None:
    seen = web(HTTPS, HTTP, HTTPS, external_traffic_policy=LOCAL, selector={"b": "2", "a": "1"})
    assert terms_of(seen) == Terms((HTTPS, HTTP), "a=1,b=2")
    assert terms_of(web(selector=PODS)) == Terms((HTTPS,))
    many = tuple(Port("TCP", n) for n in range(1, 1000))
    assert len(terms_of(web(*many)).ports) == MAX_PORTS


def test_a_selector_too_long_to_be_written_down_is_written_as_its_hash() -> None:
    one = terms_of(web(external_traffic_policy=LOCAL, selector={"a": "x" * 2000})).local_pods
    two = terms_of(web(external_traffic_policy=LOCAL, selector={"a": "y" * 2000})).local_pods
    assert one is not None
    assert one.startswith("sha256:")
    assert one != two


def test_a_virtual_ip_without_terms_is_one_of_an_older_version() -> None:
    bare = VirtualIPView(ip(".9"), services=(ref("other"),), sharing_key="edge")
    assert misfit(web(), bare, SharingScope.WITHIN_NAMESPACE) is not None
