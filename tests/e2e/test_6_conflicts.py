"""A host that is none of the cluster's has an address, before lbctl does or later."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.lab import Lab
from tests.lab.errors import LabError
from tests.tour import steps
from tests.tour.looking import ask, get, until
from tests.tour.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

CONTESTED = """
apiVersion: v1
kind: Service
metadata: {name: contested, namespace: default}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
"""
SAYS = ("arping", "-U", "-P", "-c", "3", "-w", "4", "-i", "eth0")
"""A gratuitous ARP reply, three times."""


@contextmanager
def has(lab: Lab, address: str) -> Iterator[str]:
    """The client has the address meanwhile, and says so to the LAN; its MAC."""
    lab.exec("client", "ip", "address", "add", f"{address}/32", "dev", "eth0")
    try:
        with suppress(LabError):  # Nobody need answer.
            lab.exec("client", *SAYS, "-S", address, address)
        yield lab.mac("client")
    finally:
        lab.exec("client", "ip", "address", "del", f"{address}/32", "dev", "eth0")


def notes(site: Site, service: str) -> dict[str, str]:
    """The Events of a Service: the message by reason."""
    field = f"involvedObject.kind=Service,involvedObject.name={service}"
    events = get(site, "events", "--field-selector", field)["items"]
    return {event["reason"]: event["message"] for event in events}


@pytest.fixture
def next_address(installed: Site, address: str) -> str:
    """The address that the next Service would get."""

    def settled() -> set[str] | None:
        vips = get(installed, "virtualips")["items"]
        leaving = [
            vip for vip in vips if "quarantine" not in vip["spec"].get("release", {"quarantine": 0})
        ]
        return None if leaving else {vip["metadata"]["name"] for vip in vips}

    used = until(settled, what="no other address is about to be free")
    net, _, host = address.rpartition(".")
    return next(f"{net}.{n}" for n in range(int(host), 256) if f"{net}.{n}" not in used)


def test_a_new_address_that_a_stranger_has_is_changed_for_another(
    installed: Site, lab: Lab, next_address: str
) -> None:
    with has(lab, next_address) as stranger:
        installed.kubectl("apply", "-f", "-", stdin=CONTESTED)
        try:
            other = until(
                lambda: (
                    (found := steps.service_address(installed, "contested")) != next_address
                    and found
                ),
                what="the Service gets another address",
            )
            said = until(
                lambda: notes(installed, "contested").get("AddressInConflict"), what="an Event"
            )
            assert next_address in said
            assert stranger in said.lower()
            until(
                lambda: (
                    get(installed, "virtualip", next_address)["spec"]["release"]["quarantine"][
                        "mac"
                    ].lower()
                    == stranger
                ),
                what="the VirtualIP is in quarantine",
            )
            until(
                lambda: (
                    get(installed, "ipaddresspool", "lan")["status"]["ipv4"].get("quarantined") == 1
                ),
                what="the pool counts it",
            )
            until(lambda: ask(installed, f"http://{other}:8080/"), what="the other address answers")
        finally:
            installed.kubectl("delete", "service", "contested")
    assert "holder" not in get(installed, "virtualip", next_address).get("status", {})


def test_a_held_address_that_a_stranger_claims_is_kept_and_named(
    installed: Site, lab: Lab, address: str
) -> None:
    """The frames that defend it, and the end of it, are the matter of tests/wire."""
    _, holder = steps.holder(installed, address)
    with has(lab, address) as stranger:
        vip = until(
            lambda: (
                (found := get(installed, "virtualip", address))["status"].get("conflict") and found
            ),
            what="the VirtualIP names the stranger",
        )
        assert vip["status"]["conflict"]["mac"].lower() == stranger
        assert vip["status"]["holder"] == holder, "its users know it: it is kept"
        said = until(lambda: notes(installed, "web").get("ClaimedByForeignHost"), what="an Event")
        assert stranger in said.lower()
