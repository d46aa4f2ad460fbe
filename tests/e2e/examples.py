"""The numbered examples: how tests apply them and what they look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from lbctl.core.addresses import object_name
from tests.tour.looking import get
from tests.tour.site import ROOT, Site

EXAMPLES = ROOT / "examples"


@contextmanager
def applied(site: Site, example: str, *manifests: str) -> Iterator[None]:
    """An example, or some of its manifests, until the end of the block; then all of it goes."""
    folder = EXAMPLES / example
    for path in [folder / one for one in manifests] or [folder]:
        site.kubectl("apply", "-f", str(path))
    try:
        yield
    finally:
        site.kubectl("delete", "-f", str(folder), "--wait=false", "--ignore-not-found")


def apply(site: Site, example: str, manifest: str) -> None:
    site.kubectl("apply", "-f", str(EXAMPLES / example / manifest))


def delete(site: Site, example: str, manifest: str) -> None:
    site.kubectl("delete", "-f", str(EXAMPLES / example / manifest))


def shown(site: Site, service: str, namespace: str = "default") -> list[str]:
    """The addresses in a Service's status."""
    status = get(site, "service", service, "-n", namespace)["status"]
    return [entry["ip"] for entry in status["loadBalancer"].get("ingress") or []]


def message(site: Site, service: str, namespace: str = "default") -> str:
    """What the Service's condition says."""
    found = get(site, "service", service, "-n", namespace)
    return condition(found, "lbctl.io/AddressAllocated").get("message", "")


def virtual_ip(site: Site, address: str) -> Any:
    return get(site, "virtualip", object_name(ip_address(address)))


def holder(site: Site, address: str) -> str | None:
    found: str | None = (virtual_ip(site, address).get("status") or {}).get("holder")
    return found


def condition(found: Any, kind: str) -> dict[str, str]:
    known = (found.get("status") or {}).get("conditions") or []
    return next((one for one in known if one["type"] == kind), {})


def counts(site: Site, pool: str) -> dict[str, int]:
    """How many IPv4 addresses of a pool are used, free and so on."""
    status = get(site, "ippool", pool).get("status") or {}
    found: dict[str, int] = status.get("ipv4") or {}
    return found


def page(example: str) -> str:
    """What the example's README says, on one line."""
    return " ".join((EXAMPLES / example / "README.md").read_text(encoding="utf-8").split())
