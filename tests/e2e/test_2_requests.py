"""The examples of what a Service can ask for: both families, and one address for two Services."""

from collections.abc import Iterator

import pytest

from tests.e2e.examples import applied, holder, shown
from tests.tour.looking import ask, get, until
from tests.tour.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def both(installed: Site) -> Iterator[None]:
    with applied(installed, "04-dual-stack"):
        installed.kubectl("rollout", "status", "deployment/both", "--timeout=180s")
        yield


@pytest.fixture(scope="module")
def shop(installed: Site) -> Iterator[None]:
    with applied(installed, "05-shared-address"):
        installed.kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
        yield


def pair(site: Site) -> tuple[str, str] | None:
    """Both addresses of the dual-stack Service; None while there are not two."""
    found = shown(site, "both")
    return (found[0], found[1]) if len(found) == 2 else None


@pytest.mark.usefixtures("both")
def test_a_service_has_an_address_of_each_family(installed: Site) -> None:
    four, six = until(lambda: pair(installed), what="two addresses")
    assert ":" not in four
    until(lambda: ask(installed, f"http://{four}:8090/"), what="HTTP over IPv4")
    until(lambda: ask(installed, f"http://[{six}]:8090/"), what="HTTP over IPv6")
    until(lambda: holder(installed, four), what="a holder")
    until(
        lambda: holder(installed, six) == holder(installed, four),
        what="one node holds both, for all nodes are alike",
    )


@pytest.mark.usefixtures("both")
def test_a_family_comes_and_goes_and_the_other_stays(installed: Site) -> None:
    four, _ = until(lambda: pair(installed), what="two addresses")

    def change(policy: str, *families: str) -> None:
        spec = {"ipFamilyPolicy": policy, "ipFamilies": [*families]}
        patch = str({"spec": spec}).replace("'", '"')
        installed.kubectl("patch", "service", "both", "--type=merge", "-p", patch)

    change("SingleStack", "IPv4")
    until(lambda: shown(installed, "both") == [four], what="IPv4 alone")
    until(lambda: ask(installed, f"http://{four}:8090/"), what="which works on")
    change("PreferDualStack", "IPv4", "IPv6")
    again = until(lambda: pair(installed), what="IPv6 beside it")
    assert again[0] == four


@pytest.mark.usefixtures("shop")
def test_two_services_share_one_address_until_the_last_one_goes(installed: Site) -> None:
    (address,) = until(lambda: shown(installed, "shop"), what="an address")
    until(lambda: shown(installed, "shop-staff") == [address], what="the other one shares it")
    until(lambda: ask(installed, f"http://{address}:8091/"), what="HTTP for customers")
    until(lambda: ask(installed, f"http://{address}:8092/"), what="HTTP for the staff")
    before = until(lambda: holder(installed, address), what="the API names the node that answers")
    installed.kubectl("delete", "service", "shop")

    def tenants() -> list[str]:
        spec = get(installed, "virtualip", address)["spec"]
        return [row["name"] for row in spec["services"]]

    until(lambda: tenants() == ["shop-staff"], what="one row goes")
    until(lambda: ask(installed, f"http://{address}:8092/"), what="the other one works on")
    assert holder(installed, address) == before
    installed.kubectl("delete", "service", "shop-staff")
    until(
        lambda: address not in {vip["metadata"]["name"] for vip in get(installed, "vips")["items"]},
        what="the address is free",
    )
