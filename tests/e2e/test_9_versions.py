"""Living with it: from the version before to this one.

A client asks all the time. The version before is built from its archive (tests/previous).
"""

from collections.abc import Iterator

import pytest

from tests.e2e import versions
from tests.e2e.asking import lost, watching
from tests.e2e.versions import Version
from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import until
from tests.tour.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.timeout(1500)]

BESIDE_WEB = """
apiVersion: lbctl.io/v1beta1
kind: IPAddressPool
metadata: {name: lan6}
spec: {addresses: ["fd00:110::100-fd00:110::11f"]}
---
apiVersion: v1
kind: Service
metadata: {name: local, namespace: default}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: both, namespace: default}
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: shared-1, namespace: default, annotations: {lbctl.io/allow-shared-ip: pair}}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 81, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: shared-2, namespace: default, annotations: {lbctl.io/allow-shared-ip: pair}}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 82, targetPort: http}]
"""
"""What an upgrade can get wrong: both policies, both families, an address of two Services."""
SERVICES = ("web", "local", "both", "shared-1", "shared-2")
RESERVED = "172.16.110.119"
RESERVATION = f"""
apiVersion: lbctl.io/v1beta1
kind: VirtualIP
metadata: {{name: {RESERVED}}}
spec: {{address: {RESERVED}, reservedFor: {{namespace: default, name: later}}}}
"""


@pytest.fixture(scope="module")
def cluster(site: Site) -> Iterator[Site]:
    """A cluster that began with the version before, and has this one when the tests are over."""
    if site.lab is None:
        pytest.skip("nobody gives the image of the version before to a cluster of yours")
    versions.load_previous(site.lab)
    versions.purge(site)
    versions.upgrade(site, Version.PREVIOUS)
    steps.apply_pool(site)
    site.kubectl("apply", "-f", "-", stdin=BESIDE_WEB)
    site.kubectl("apply", "-f", "-", stdin=RESERVATION)
    steps.apply_web(site)
    until(lambda: all(versions.given(site).get(name) for name in SERVICES), what="all addresses")
    yield site
    site.kubectl("delete", "service", "--wait=false", *SERVICES[1:])
    site.kubectl("delete", "ippool", "lan6")
    site.kubectl("delete", "vip", RESERVED)


def at(cluster: Site, version: Version, *values: str) -> None:
    """Have all parts be of a version, and all quiet, whatever the test before left."""
    versions.upgrade(cluster, version, *values)
    all_are(cluster, version)
    versions.settled(cluster)


def all_are(cluster: Site, version: Version) -> None:
    until(
        lambda: all(found == {version.image} for found in versions.versions(cluster).values()),
        what=f"all pods are of {version}",
    )


def restarts(cluster: Site) -> dict[str, int]:
    """How often containers ended by themselves, where any did."""
    counts = {
        pod["metadata"]["name"]: sum(s["restartCount"] for s in pod["status"]["containerStatuses"])
        for pod in versions.pods(cluster)
    }
    return {name: count for name, count in counts.items() if count}


def asked_for(cluster: Site) -> tuple[str, str]:
    """The addresses of `web` and of `local`, which is only served by nodes with a pod."""
    given = versions.given(cluster)
    return given["web"][0], given["local"][0]


def test_an_upgrade_keeps_every_address_and_loses_no_request(cluster: Site, lab: Lab) -> None:
    at(cluster, Version.PREVIOUS)
    given, allocations = versions.given(cluster), versions.allocations(cluster)
    with watching(lab, *asked_for(cluster)) as watched:
        versions.upgrade(cluster, Version.CURRENT)
        all_are(cluster, Version.CURRENT)
        versions.settled(cluster)
    assert lost("upgrade", watched) == []
    assert versions.given(cluster) == given
    assert versions.allocations(cluster) == allocations
    assert restarts(cluster) == {}
