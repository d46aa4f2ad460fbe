"""IPv6 beside IPv4: pools of both, a Service of one, and what an IPv6 VirtualIP is called."""

from collections.abc import Callable

from tests.cluster.operators import Operators
from tests.cluster.oracle import Oracle, eventually
from tests.cluster.speakers import Speakers

IPV6 = {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}
NOBODYS = {"quarantined": 0, "coolingDown": 0, "reserved": 0}
NAME = "fd00-0110-0000-0000-0000-0000-0000-0100"


def test_an_ipv6_service_gets_an_ipv6_address_and_gives_it_back(
    cluster: Oracle, operators: Operators, speakers: Callable[..., Speakers]
) -> None:
    cluster.pool("lab", "172.16.110.100-172.16.110.119", "fd00:110::100-fd00:110::1ff")
    speakers("n1", "n2", "n3")
    operators.start()
    cluster.service("six", **IPV6)
    cluster.service("four")
    cluster.wait_shown("six", "fd00:110::100")
    cluster.wait_shown("four", "172.16.110.100")
    cluster.assert_one_owner_for_an_address()
    vip = eventually(
        lambda: (found := cluster.vips()[NAME]).get("status", {}).get("holder") and found,
        what="a holder",
    )
    assert vip["spec"]["address"] == "fd00:110::100"
    assert set(vip["spec"]["succession"]) == {"n1", "n2", "n3"}
    assert cluster.wait_note("six", "AddressAllocated") == 'fd00:110::100 from pool "lab"'
    cluster.delete_service("six")
    eventually(lambda: NAME not in cluster.vips(), what="the address is free")


def test_an_ipv6_address_without_its_virtual_ip_is_adopted(
    cluster: Oracle, operators: Operators
) -> None:
    cluster.pool("six", "fd00:110::/64")
    cluster.service("restored", **IPV6)
    cluster.show("restored", "fd00:110::2")
    operators.start()
    assert cluster.wait_note("restored", "AddressAdopted") == 'fd00:110::2 of pool "six"'
    cluster.service("new", **IPV6)
    cluster.wait_shown("new", "fd00:110::1")
    cluster.wait_shown("restored", "fd00:110::2")


def test_a_pool_counts_each_family(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("both", "172.16.110.100", "fd00:110::/64")
    operators.start()
    cluster.service("six", **IPV6)
    cluster.wait_shown("six", "fd00:110::1")
    most = 2**53 - 1
    counts = {
        "ipv4": {"total": 1, "used": 0, "free": 1, "excluded": 0, **NOBODYS},
        "ipv6": {"total": most, "used": 1, "free": most, "excluded": 0, **NOBODYS},
    }

    def counted() -> bool:
        status = cluster.objects("ipaddresspools")["both"].get("status", {})
        return {family: status.get(family) for family in counts} == counts

    eventually(counted, what="the counts")
    cluster.change_pool("both", addresses=["172.16.110.100"])
    eventually(
        lambda: "ipv6" not in cluster.objects("ipaddresspools")["both"]["status"],
        what="nothing is said of a family that the pool has no more",
    )
    cluster.wait_shown("six", "fd00:110::1")


def test_both_families(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("six", "fd00:110::100")
    operators.start()
    both = {"ipFamilies": ["IPv6", "IPv4"]}
    cluster.service("strict", ipFamilyPolicy="RequireDualStack", **both)
    assert "IPv4" in cluster.wait_said("strict", "False", "NoFreeAddress")
    cluster.service("easy", ipFamilyPolicy="PreferDualStack", **both)
    cluster.wait_shown("easy", "fd00:110::100")
    assert "IPv4" in cluster.wait_said("easy", "True", "DualStackIncomplete")
    assert cluster.shown("strict") == []
    cluster.pool("four", "172.16.110.100")
    cluster.change_pool("six", addresses=["fd00:110::100-fd00:110::101"])
    cluster.wait_shown("easy", "fd00:110::100", "172.16.110.100")
    cluster.wait_said("easy", "True", "AddressAllocated")
    assert cluster.shown("strict") == [], "one is left, and it needs two"
    cluster.change_pool("four", addresses=["172.16.110.100-172.16.110.101"])
    cluster.wait_shown("strict", "fd00:110::101", "172.16.110.101")


def test_a_second_family_comes_and_goes(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("both", "172.16.110.100", "fd00:110::100")
    operators.start()
    cluster.service("web")
    cluster.wait_shown("web", "172.16.110.100")
    cluster.change_service("web", ipFamilyPolicy="PreferDualStack")
    cluster.wait_shown("web", "172.16.110.100", "fd00:110::100")
    cluster.change_service("web", ipFamilyPolicy="SingleStack")
    cluster.wait_shown("web", "172.16.110.100")
    eventually(lambda: NAME not in cluster.vips(), what="the second one is free")


def test_a_pool_of_the_other_family_gives_nothing(cluster: Oracle, operators: Operators) -> None:
    cluster.pool("lab", "172.16.110.100")
    operators.start()
    cluster.service("six", **IPV6)
    said = cluster.wait_note("six", "NoFreeAddress")
    assert '"lab": has no IPv6 addresses' in said
    cluster.change_pool("lab", addresses=["172.16.110.100", "fd00:110::100"])
    cluster.wait_shown("six", "fd00:110::100")
