"""The examples of pools, requests, reservations and removing a pool do what their pages say."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.examples import (
    applied,
    apply,
    condition,
    counts,
    delete,
    holder,
    message,
    page,
    shown,
    virtual_ip,
)
from tests.lab import images
from tests.tour import steps
from tests.tour.looking import ask, get, until
from tests.tour.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

TEAMS, REQUESTS, DNS = "06-pools-for-teams", "07-requests", "08-dns"
RESERVATIONS, REMOVING = "09-reservations", "10-removing-a-pool"

NAME_SERVER = "172.16.110.175"
QUERY = """
import socket
import sys

address, protocol = sys.argv[1:]
name = b"".join(bytes([len(part)]) + part for part in (b"www", b"example", b"test"))
asked = b"\\x12\\x34\\x01\\x00" + b"\\0\\1" + bytes(6) + name + b"\\0" + b"\\0\\1\\0\\1"
kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
with socket.socket(socket.AF_INET, kind) as link:
    link.settimeout(2)
    link.connect((address, 53))
    link.sendall((len(asked).to_bytes(2, "big") if protocol == "TCP" else b"") + asked)
    print(socket.inet_ntoa(link.recv(600)[-4:]))
"""
"""A query for the address of www.example.test (RFC 1035), and what the answer ends with."""


COUNTS = {"team-a": (8, 1, 5), "team-b": (2, 1, 1), "spare": (4, 1, 3)}


def counted(site: Site) -> dict[str, tuple[int | None, ...]]:
    """Total, used and free addresses of the pools, as the page shows them."""
    return {
        pool: tuple(counts(site, pool).get(what) for what in ("total", "used", "free"))
        for pool in COUNTS
    }


def refusal(site: Site, service: str, namespace: str = "default") -> str:
    """What a Service is told that does not get what it asks for."""

    def told() -> str | None:
        now = message(site, service, namespace)
        return now if "It keeps" in now else None

    return until(told, what=f"{service} is told why not")


def test_pools_are_for_teams(installed: Site) -> None:
    with applied(installed, TEAMS, "pools.yaml"):
        for pool in COUNTS:
            until(partial(counts, installed, pool), what=f"{pool} is known")
        apply(installed, TEAMS, "teams.yaml")
        until(lambda: shown(installed, "web", "team-a") == ["172.16.110.162"], what="team A's pool")
        until(lambda: shown(installed, "web", "team-b") == ["172.16.110.168"], what="team B's pool")
        apply(installed, TEAMS, "second.yaml")
        until(
            lambda: shown(installed, "second", "team-b") == ["172.16.110.170"],
            what="beyond the quota the pool for everybody is next",
        )
        until(lambda: counted(installed) == COUNTS, what="the pools count them")
        installed.kubectl(
            *("annotate", "service", "-n", "team-b", "second", "lbctl.io/pools=team-a")
        )
        assert refusal(installed, "second", "team-b") in page(TEAMS)


def test_an_address_and_pools_are_asked_for(installed: Site) -> None:
    with applied(installed, REQUESTS, "pools.yaml", "services.yaml"):
        installed.kubectl(
            *("wait", "service/door", "service/shop", "--timeout=60s"),
            "--for=condition=lbctl.io/AddressAllocated",
        )
        assert shown(installed, "door") == ["172.16.110.186"]
        assert shown(installed, "shop") == ["172.16.110.180"]
        wish = "lbctl.io/addresses=172.16.110.180"
        installed.kubectl("annotate", "service", "door", wish, "--overwrite")
        assert refusal(installed, "door") in page(REQUESTS)
        installed.kubectl("annotate", "service", "shop", "lbctl.io/pools=silver", "--overwrite")
        until(lambda: shown(installed, "shop") == ["172.16.110.181"], what="shop moves")
        until(lambda: shown(installed, "door") == ["172.16.110.180"], what="and door gets its wish")


@pytest.fixture
def name_server(site: Site) -> None:
    """The image is on the lab's nodes; elsewhere kubelet fetches it."""
    if site.lab is not None:
        site.lab.load_image(images.archive("knot"))


@pytest.mark.usefixtures("name_server")
def test_dns_is_answered_over_udp_and_tcp_at_one_address(installed: Site) -> None:
    with applied(installed, DNS):
        installed.kubectl("rollout", "status", "deployment/dns", "--timeout=180s")
        for service in ("dns-udp", "dns-tcp"):
            until(partial(same, installed, service, NAME_SERVER), what=f"{service} has the address")
        for protocol in ("UDP", "TCP"):
            until(partial(answered, installed, protocol), what=f"{protocol} is answered")


def answered(site: Site, protocol: str) -> bool:
    query = ("python3", "-c", QUERY, NAME_SERVER, protocol)
    return site.outside(*query, check=False).strip() == "192.0.2.80"


def same(site: Site, service: str, address: str) -> bool:
    return shown(site, service) == [address]


def reserved(site: Site, address: str, reason: str) -> str | None:
    """What is said of an address that is kept, once it is for this reason."""
    found = virtual_ip(site, address)
    said = condition(found, "Reserved")
    free = not found["spec"].get("services")
    return said["message"] if free and said.get("reason") == reason else None


def test_an_address_is_kept_for_a_service(installed: Site) -> None:
    kept, nobodys = "172.16.110.190", "172.16.110.191"
    with applied(installed, RESERVATIONS, "reservations.yaml"):
        for address, reason in ((kept, "ServiceNotFound"), (nobodys, "ForNobody")):
            said = until(partial(reserved, installed, address, reason), what=reason)
            assert f"{reason} {said}" in page(RESERVATIONS)
        for _ in range(2):
            apply(installed, RESERVATIONS, "mail.yaml")
            until(lambda: shown(installed, "mail") == [kept], what="its Service gets it")
            until(lambda: holder(installed, kept), what="and it is announced")
            delete(installed, RESERVATIONS, "mail.yaml")
            until(lambda: reserved(installed, kept, "ServiceNotFound"), what="it is kept on")
        assert not virtual_ip(installed, nobodys)["spec"].get("services")


@pytest.fixture
def front(installed: Site) -> Iterator[str]:
    """The Service of the last example, at an address of the old pool; that address."""
    with applied(installed, REMOVING, "old-pool.yaml"):
        until(lambda: counts(installed, "old"), what="the pool is known")
        apply(installed, REMOVING, "front.yaml")
        yield until(lambda: steps.service_address(installed, "front"), what="front has an address")


def planned(site: Site, address: str) -> str | None:
    return condition(virtual_ip(site, address), "Planned").get("reason")


def vips(site: Site) -> set[str]:
    return {vip["metadata"]["name"] for vip in get(site, "vips")["items"]}


def test_a_pool_is_removed_and_its_service_goes_on(installed: Site, front: str) -> None:
    assert front == "172.16.110.195"
    until(lambda: ask(installed, f"http://{front}:8095/"), what="HTTP")

    delete(installed, REMOVING, "front.yaml")
    until(lambda: planned(installed, front) == "Retained", what="it is kept for its Service")
    apply(installed, REMOVING, "front.yaml")
    until(lambda: shown(installed, "front") == [front], what="which comes back to it")
    until(lambda: ask(installed, f"http://{front}:8095/"), what="HTTP again")

    apply(installed, REMOVING, "new-pool.yaml")
    until(lambda: counts(installed, "new"), what="its successor is known")
    leaving = '{"spec": {"disabled": true, "onRemoval": "Reassign"}}'
    installed.kubectl("patch", "ippool", "old", "--type=merge", "-p", leaving)
    until(lambda: shown(installed, "front") == ["172.16.110.197"], what="it moves")
    assert holder(installed, "172.16.110.197"), "to an address that a node announces"
    until(lambda: ask(installed, "http://172.16.110.197:8095/"), what="and the traffic follows")
    steps.holder(installed, "172.16.110.197")

    until(lambda: planned(installed, front) == "CoolingDown", what="the old address rests")
    until(lambda: counts(installed, "old").get("coolingDown") == 1, what="and is counted")
    until(lambda: front not in vips(installed), what="for its time")
    until(lambda: counts(installed, "old")["used"] == 0, what="the pool is empty")
    installed.kubectl("delete", "ippool", "old")
    assert shown(installed, "front") == ["172.16.110.197"]


def test_a_freed_address_is_nobodys_while_it_rests(installed: Site, front: str) -> None:
    """It would be the lowest free one; the next Service gets another, and it after its rest."""
    installed.kubectl("patch", "ippool", "old", "--type=merge", "-p", '{"spec":{"retainFor":"0s"}}')
    delete(installed, REMOVING, "front.yaml")
    until(lambda: planned(installed, front) == "CoolingDown", what="it rests")
    rested = virtual_ip(installed, front)["spec"]["release"]["coolingUntil"]
    apply(installed, REMOVING, "front.yaml")
    until(lambda: shown(installed, "front") == ["172.16.110.196"], what="another one is given")
    until(lambda: front not in vips(installed), what="it has rested")
    wish = "lbctl.io/addresses=172.16.110.195"
    installed.kubectl("annotate", "service", "front", wish)
    until(lambda: shown(installed, "front") == [front], what="and can be had again")
    assert virtual_ip(installed, front)["metadata"]["creationTimestamp"] >= rested
