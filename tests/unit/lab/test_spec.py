"""Every address, name and MAC of a lab follows from its spec."""

from ipaddress import ip_address, ip_interface, ip_network
from itertools import combinations
from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.spec import FAMILIES, MAX_NODES, POD_CIDRS, LabSpec, pod_cidrs


def test_a_host_carries_one_number_in_all_its_addresses() -> None:
    node = LabSpec(nodes=3, second_lan=True).host("n3")

    assert [node.address(family, lan) for lan in (0, 1) for family in FAMILIES] == [
        "172.16.110.13",
        "fd00:110::13",
        "172.16.120.13",
        "fd00:120::13",
    ]
    assert pod_cidrs(node) == ("10.244.3.0/24", "fd00:244:0:3::/64")


def test_a_mac_is_the_ipv4_address_in_hexadecimal_and_locally_administered() -> None:
    assert LabSpec(nodes=1).host("n1").mac() == "02:00:ac:10:6e:0b"


def test_the_largest_lab_has_no_two_equal_addresses() -> None:
    hosts = LabSpec(nodes=MAX_NODES, clients=9, second_lan=True).hosts

    for family in FAMILIES:
        addresses = [ip_address(h.address(family, i)) for h in hosts for i, _ in enumerate(h.lans)]
        assert len(set(addresses)) == len(addresses)


def test_pod_ranges_lie_in_the_clusters_range_and_apart() -> None:
    nodes = LabSpec(nodes=MAX_NODES).node_hosts
    for position, whole in enumerate(POD_CIDRS):
        ranges = [ip_network(pod_cidrs(node)[position]) for node in nodes]
        assert all(str(r.supernet(new_prefix=ip_network(whole).prefixlen)) == whole for r in ranges)
        assert not any(a.overlaps(b) for a, b in combinations(ranges, 2))


@pytest.mark.parametrize("address", ["172.16.110.96", "172.16.110.119", "172.16.110.199"])
def test_addresses_between_nodes_and_clients_are_free_for_pools(address: str) -> None:
    hosts = LabSpec(nodes=MAX_NODES, clients=9).hosts

    assert address not in {host.address() for host in hosts}
    assert ip_interface(f"{hosts[0].address()}/24").network.overlaps(ip_network(address))


@pytest.mark.parametrize(
    ("namespace", "owned", "rule"),
    [
        ("e2e-n1", True, "a node"),
        ("e2e-n77", True, "a node of a larger lab that had this name before"),
        ("e2e-client2", True, "a second client"),
        ("e2e-sw", True, "the switch"),
        ("e2e-a-n1", False, "a node of lab e2e-a"),
        ("e2e", False, "a namespace that somebody called so"),
        ("e2e-nginx", False, "begins like a node and is none"),
        ("other-n1", False, "another lab's"),
    ],
)
def test_a_lab_clears_its_own_namespaces_only(*, namespace: str, owned: bool, rule: str) -> None:
    assert LabSpec(name="e2e").owns_namespace(namespace) is owned, rule


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "Has-Capitals"}, "lower-case"),
        ({"name": "a/b"}, "lower-case"),
        ({"name": "x" * 21}, "1 to 20"),
        ({"nodes": -1}, "0 to 80"),
        ({"nodes": 81}, "0 to 80"),
        ({"clients": 0}, "1 to 9"),
        ({"proxy": "ipvs"}, "nftables or iptables"),
    ],
)
def test_an_impossible_spec_says_what_is_possible(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(LabError, match=said):
        LabSpec(**arguments)


def test_an_unknown_host_is_answered_with_those_that_exist() -> None:
    with pytest.raises(LabError, match=r"'n4'.*'n1'"):
        LabSpec(nodes=1).host("n4")
