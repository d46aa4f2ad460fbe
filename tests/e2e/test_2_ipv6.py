"""A Service of IPv6 alone: one node answers neighbour solicitations, and the next takes over."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from lbctl.core.addresses import object_name
from tests.e2e.solicit import answering
from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import ask, get, node_of_mac, until
from tests.tour.site import NAMESPACE, ROOT, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

EXAMPLE = ROOT / "examples" / "02-ipv6"


@pytest.fixture(scope="module")
def web6(installed: Site) -> Iterator[str]:
    """The example, applied; the address that its Service got."""
    try:
        installed.kubectl("apply", "-f", str(EXAMPLE))
        installed.kubectl("rollout", "status", "deployment/web6", "--timeout=180s")
        yield until(
            lambda: steps.service_address(installed, "web6"), what="web6 has an EXTERNAL-IP"
        )
    finally:
        installed.kubectl("delete", "--ignore-not-found", "-f", str(EXAMPLE), "--wait=false")


def holder(site: Site, lab: Lab, address: str) -> str | None:
    """The one node that answers; None while it is not exactly one."""
    macs = answering(lab, address)
    return node_of_mac(site, *macs) if len(macs) == 1 else None


def test_one_node_answers_for_an_ipv6_address(installed: Site, lab: Lab, web6: str) -> None:
    node = until(lambda: holder(installed, lab, web6), what="one node answers solicitations")
    assert until(lambda: ask(installed, f"http://[{web6}]:8080/"), what="HTTP over IPv6")
    vip = get(installed, "virtualip", object_name(ip_address(web6)))
    assert vip["spec"]["address"] == web6
    until(
        lambda: get(installed, "virtualip", vip["metadata"]["name"])["status"]["holder"] == node,
        what="the API names the node that answers",
    )


def test_the_pool_counts_what_is_used_of_it(installed: Site, web6: str) -> None:
    status = until(
        lambda: (told := get(installed, "ippool", "lan6")["status"])["ipv6"]["used"] and told,
        what="the pool counts the address; a Service shows its own before its pool is looked at",
    )
    assert "ipv4" not in status
    assert status["ipv6"]["total"] == 2**16 - 1, "all but the routers' address"
    assert (web6, status["ipv6"]["used"]) == ("fd00:110::1:1", 1)


def test_a_node_is_powered_off_and_another_takes_its_ipv6_address(
    installed: Site, lab: Lab, web6: str
) -> None:
    dead = until(lambda: holder(installed, lab, web6), what="one node answers")
    lab.faults.power_cut(dead)
    try:
        node = until(
            lambda: (now := holder(installed, lab, web6)) != dead and now,
            what=f"another node than {dead} answers",
        )
        until(lambda: ask(installed, f"http://[{web6}]:8080/"), what="HTTP answers again")
    finally:
        lab.faults.power_on(dead)
    until(
        lambda: dead in steps.node_addresses(installed), what=f"{dead} is Ready again", seconds=240
    )
    until(
        lambda: any(
            lease["metadata"]["name"] == f"lbctl-speaker-{dead}"
            and lease["spec"].get("holderIdentity") == dead
            for lease in get(installed, "leases", "-n", NAMESPACE)["items"]
        ),
        what=f"the speaker of {dead} renews its Lease",
    )
    again = until(lambda: holder(installed, lab, web6), what="one node answers")
    assert again == node, "no fail-back: who holds, keeps"
