"""A node whose proxy has stopped hands its addresses over, and gets none back when it is mended."""

import pytest

from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import get, until
from tests.tour.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.root]


def hand_off(site: Site, node: str) -> tuple[str, str]:
    """Status and reason of the condition."""
    conditions = get(site, "speaker", node)["status"]["conditions"]
    said: dict[str, str] = next((each for each in conditions if each["type"] == "HandOffReady"), {})
    return said.get("status", ""), said.get("reason", "")


def test_an_address_leaves_a_node_whose_proxy_has_stopped(
    installed: Site, address: str, lab: Lab
) -> None:
    _, holder = steps.holder(installed, address)
    until(
        lambda: hand_off(installed, holder) == ("True", "ProxyHealthy"),
        what=f"the proxy of {holder} was seen well",
    )

    lab.faults.proxy_stopped(holder)
    try:
        _, other = steps.another_holder(installed, address, holder)
        assert hand_off(installed, holder) == ("False", "ProxySilent")
        until(
            lambda: hand_off(installed, other) == ("True", "ProxyHealthy"),
            what=f"the proxy of {other} was seen well",
        )
    finally:
        lab.faults.proxy_started(holder)
    until(
        lambda: hand_off(installed, holder) == ("True", "ProxyHealthy"),
        what=f"the proxy of {holder} is well again",
    )

    # A plan that took it back would be written now: until every node is a candidate again.
    until(
        lambda: holder in get(installed, "virtualip", address)["spec"]["succession"],
        what=f"{holder} may hold again",
    )
    _, again = steps.holder(installed, address)
    assert again == other, "whoever holds, keeps"
