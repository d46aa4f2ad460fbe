"""Planned moves and where traffic lands: what a client on the LAN sees of them."""

from collections.abc import Iterator

import pytest

from tests.e2e.asking import lost, watching
from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import ask, get, until
from tests.tour.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

LOCAL = """
apiVersion: v1
kind: Service
metadata: {name: local, namespace: default}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
"""


def wait_moved(site: Site, address: str, before: str) -> str:
    def moved() -> str | None:
        status = get(site, "virtualip", address).get("status", {})
        now = status.get("holder")
        over = "outgoing" not in get(site, "virtualip", address)["spec"]
        return str(now) if now not in {None, before} and over else None

    return until(moved, what=f"{address} moves away from {before}")


def test_a_drained_node_hands_over_and_no_request_is_lost(
    installed: Site, address: str, lab: Lab
) -> None:
    _, node = steps.holder(installed, address)
    try:
        with watching(lab, address) as watched:
            installed.kubectl("label", "node", node, "lbctl.io/drain=true")
            wait_moved(installed, address, node)
    finally:
        installed.kubectl("label", "node", node, "lbctl.io/drain-")
    assert lost("drain", watched) == []


@pytest.fixture
def local(installed: Site) -> Iterator[str]:
    """The address of a Service whose traffic stays on the node that gets it."""
    try:
        installed.kubectl("apply", "-f", "-", stdin=LOCAL)
        yield until(
            lambda: steps.service_address(installed, "local"), what="an address for `local`"
        )
    finally:
        installed.kubectl("delete", "service", "--ignore-not-found", "local")


def test_with_local_the_pod_sees_the_client_and_only_nodes_with_pods_hold(
    installed: Site, local: str, lab: Lab
) -> None:
    until(lambda: ask(installed, f"http://{local}:8080/"), what=f"{local} answers")
    seen = installed.outside("curl", "--silent", f"http://{local}:8080/").splitlines()
    assert seen[1] == f"client {lab.spec.host('client').address()}"

    _, holder = steps.holder(installed, local)
    installed.kubectl("cordon", holder)
    try:
        installed.kubectl(
            "delete", "pod", "-l", "app=web", f"--field-selector=spec.nodeName={holder}"
        )
        after = wait_moved(installed, local, holder)
        nodes = {
            pod["spec"]["nodeName"]
            for pod in get(installed, "pods", "-l", "app=web")["items"]
            if "deletionTimestamp" not in pod["metadata"]
        }
        assert after in nodes
        until(
            lambda: holder not in get(installed, "virtualip", local)["spec"]["succession"],
            what=f"{holder}, which has no endpoint, is not in the succession",
        )
        until(lambda: ask(installed, f"http://{local}:8080/"), what=f"{local} answers from {after}")
    finally:
        installed.kubectl("uncordon", holder)
        installed.kubectl("rollout", "restart", "deployment/web")
        installed.kubectl("rollout", "status", "deployment/web", "--timeout=180s")
