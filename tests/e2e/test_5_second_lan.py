"""Nodes on two LANs: an address is announced on the LAN that its L2Advertisement names."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab import Lab, LabSpec, own_name
from tests.tour import steps
from tests.tour.looking import ask, get, until
from tests.tour.site import IMAGE, ROOT, LabSite

pytestmark = [pytest.mark.lab, pytest.mark.root]

POOLS = """
apiVersion: lbctl.io/v1beta1
kind: IPAddressPool
metadata: {name: second}
spec: {addresses: [172.16.120.100-172.16.120.109]}
---
apiVersion: lbctl.io/v1beta1
kind: L2Advertisement
metadata: {name: second}
spec: {ipAddressPools: [second], interfaces: [eth1]}
---
apiVersion: lbctl.io/v1beta1
kind: L2Advertisement
metadata: {name: guests}
spec: {ipAddressPools: [guests], interfaces: [eth1]}
"""
GUESTS = """
apiVersion: lbctl.io/v1beta1
kind: IPAddressPool
metadata: {name: guests}
spec: {addresses: [172.16.110.150-172.16.110.159]}
"""


@pytest.fixture(scope="module")
def two_lans(request: pytest.FixtureRequest) -> Iterator[LabSite]:
    if request.config.getoption("--kubeconfig") is not None:
        pytest.skip("this cluster's LANs are not ours")
    subprocess.run(
        [sys.executable, "-m", "tests.lab.lbctl_image", "--output", str(IMAGE)],
        check=True,
        cwd=ROOT,
    )
    with Lab(LabSpec(name=own_name("lans"), nodes=2, second_lan=True)) as lab:
        lab.load_image(IMAGE)
        site = LabSite(lab)
        steps.install(site)
        yield site


def answering(site: LabSite, interface: str, address: str) -> set[str]:
    """The MACs that answer the client on one of its LANs."""
    out = site.outside("arping", "-c", "2", "-w", "3", "-I", interface, address, check=False)
    words = (word.strip("[]()").lower() for word in out.split())
    return {word for word in words if word.count(":") == 5}


def macs(site: LabSite, interface: str) -> dict[str, str]:
    """Each node's MAC on an interface, as its Speaker says."""
    return {
        speaker["metadata"]["name"]: each["mac"]
        for speaker in get(site, "speakers")["items"]
        for each in speaker["status"]["interfaces"]
        if each["name"] == interface
    }


def held_on(site: LabSite, address: str) -> str:
    """The node that holds an address on eth1, and answers there alone."""

    def holder() -> str | None:
        status = get(site, "virtualip", address).get("status", {})
        node, where = status.get("holder"), status.get("interface")
        found = answering(site, "eth1", address)
        return node if where == "eth1" and found == {macs(site, "eth1").get(node)} else None

    node = until(holder, what=f"{address} is held on eth1, and answers there")
    assert answering(site, "eth0", address) == set(), "the other LAN hears nothing of it"
    return node


def test_an_address_of_the_second_lan_answers_there_and_moves_when_its_node_dies(
    two_lans: LabSite,
) -> None:
    site, lab = two_lans, two_lans.lab
    assert lab is not None
    site.kubectl("apply", "-f", "-", stdin=POOLS)
    steps.apply_web(site)
    address = until(lambda: steps.service_address(site, "web"), what="web has an EXTERNAL-IP")
    assert address.startswith("172.16.120.")

    dead = held_on(site, address)
    until(lambda: ask(site, f"http://{address}:8080/"), what="HTTP on the second LAN")
    lab.faults.power_cut(dead)
    try:
        until(lambda: held_on(site, address) != dead, what="the other node answers on eth1")
        until(lambda: ask(site, f"http://{address}:8080/"), what="HTTP after the death")
    finally:
        lab.faults.power_on(dead)


def test_a_named_interface_is_used_though_the_subnet_is_on_another(two_lans: LabSite) -> None:
    site = two_lans
    site.kubectl("delete", "ipaddresspool", "second", "--ignore-not-found")
    site.kubectl("apply", "-f", "-", stdin=GUESTS)
    site.kubectl("create", "service", "loadbalancer", "guests", "--tcp=8080:80")
    address = until(lambda: steps.service_address(site, "guests"), what="guests has an address")

    assert address.startswith("172.16.110.")
    assert held_on(site, address) in {"n1", "n2"}
