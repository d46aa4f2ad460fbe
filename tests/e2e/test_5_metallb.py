"""A Service that MetalLB served, in a whole cluster: lbctl takes it over and loses no request."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab import Lab
from tests.tour.looking import answering_macs, ask, get, node_of_mac, until
from tests.tour.site import CHART, NAMESPACE, ROOT, Site

pytestmark = [pytest.mark.lab, pytest.mark.root]

SYSTEM = "metallb-system"
ADDRESS = "172.16.110.140"
URL = f"http://{ADDRESS}:8080/"
OTHER_SPEAKER = ROOT / "tests" / "wire" / "other_speaker.py"
METALLB = f"""
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: moved, namespace: {SYSTEM}}}
spec:
  addresses: [172.16.110.140 - 172.16.110.149]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {{name: moved, namespace: {SYSTEM}}}
---
apiVersion: v1
kind: Service
metadata: {{name: moved}}
spec:
  type: LoadBalancer
  selector: {{app: web}}
  ports: [{{port: 8080, targetPort: http}}]
"""


def compat(site: Site, values: list[str], *, on: bool) -> None:
    chart = ("upgrade", "lbctl", str(CHART), "-n", NAMESPACE, "--wait", "--timeout", "5m")
    site.helm(*chart, *values, "--set", f"compat.metallb={json.dumps(on)}")


def operators(site: Site, replicas: int) -> None:
    """So many operators, and no other."""
    part = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator")
    site.kubectl("scale", "deployment", *part, f"--replicas={replicas}")
    until(lambda: len(get(site, "pods", *part)["items"]) == replicas, what="they are there")


@pytest.fixture
def served_by_metallb(
    installed: Site, address: str, lab: Lab, values: list[str]
) -> Iterator[subprocess.Popen[str]]:
    """A Service with an address in its status for which a node's other speaker answers."""
    del address  # the web application is there
    compat(installed, values, on=True)
    try:
        installed.kubectl("create", "namespace", SYSTEM)
        operators(installed, 0)
        installed.kubectl("apply", "-f", "-", stdin=METALLB)
        status = {"status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}}
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps(status))
        installed.kubectl("patch", "service", "moved", *patch)
        with lab.popen("n2", sys.executable, OTHER_SPEAKER, "eth0", ADDRESS) as speaker:
            yield speaker
            speaker.kill()
    finally:
        operators(installed, 2)
        installed.kubectl("delete", "service", "--ignore-not-found", "moved")
        until(lambda: not gone_on(installed), what="the address is free")
        installed.kubectl("delete", "namespace", "--ignore-not-found", SYSTEM)
        compat(installed, values, on=False)


def gone_on(site: Site) -> list[str]:
    found = get(site, "virtualips")["items"]
    return [vip["metadata"]["name"] for vip in found if vip["metadata"]["name"] == ADDRESS]


def test_no_request_is_lost_while_lbctl_takes_over(
    installed: Site, served_by_metallb: subprocess.Popen[str]
) -> None:
    until(lambda: ask(installed, URL), what="MetalLB's speaker answers")
    (before,) = answering_macs(installed, ADDRESS)
    assert node_of_mac(installed, before) == "n2"

    operators(installed, 2)
    held = until(
        lambda: asked(installed) and get(installed, "virtualip", ADDRESS)["status"].get("holder"),
        what="a node holds it",
    )
    assert held == "n2", "the node that answers already"
    served_by_metallb.kill()
    for _ in range(20):
        assert asked(installed)
    assert answering_macs(installed, ADDRESS) == {before}
    service = get(installed, "service", "moved")
    assert [each["ip"] for each in service["status"]["loadBalancer"]["ingress"]] == [ADDRESS]


def asked(site: Site) -> bool:
    """One request, asked by a client that has forgotten who answers. It must not be lost."""
    site.outside("ip", "neigh", "flush", "to", ADDRESS)
    assert ask(site, URL) is not None, "a request was lost"
    return True
