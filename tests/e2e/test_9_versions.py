"""Living with it: from the version before to this one, back, in between, away and here again.

A client asks all the time. The version before is built from its archive (tests/previous).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import versions
from tests.e2e.asking import PORT, lost, watching
from tests.e2e.versions import Version
from tests.lab import Lab
from tests.tour import steps
from tests.tour.looking import answering_macs, ask, get, until
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
ON_EACH_NODE = """
spec:
  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}
  template:
    spec:
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector: {matchLabels: {app: web}}
"""
"""For `local`, whose heirs have a pod each: other tests leave the pods where they fell."""
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
    steps.apply_web(site)
    site.kubectl("patch", "deployment", "web", "--patch", ON_EACH_NODE)
    site.kubectl("rollout", "status", "deployment/web", "--timeout=180s")
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


WHERE: list[tuple[str, tuple[str, ...]]] = [
    ("on all three nodes", ()),
    ("on two nodes, each the only heir of the other", ("--set", "speaker.nodeSelector.two=yes")),
]


@pytest.mark.parametrize("where", [row[1] for row in WHERE], ids=[row[0] for row in WHERE])
def test_an_upgrade_keeps_every_address_and_loses_no_request(
    cluster: Site, lab: Lab, where: tuple[str, ...]
) -> None:
    cluster.kubectl("label", "node", "n1", "n2", "two=yes", "--overwrite")
    at(cluster, Version.PREVIOUS, *where)
    given, allocations = versions.given(cluster), versions.allocations(cluster)
    with watching(lab, *asked_for(cluster)) as watched:
        versions.upgrade(cluster, Version.CURRENT, *where)
        all_are(cluster, Version.CURRENT)
        versions.settled(cluster)
    assert lost(f"upgrade {where}", watched) == []
    assert versions.given(cluster) == given
    assert versions.allocations(cluster) == allocations
    assert restarts(cluster) == {}


def test_a_rollback_keeps_every_address_and_loses_no_request(cluster: Site, lab: Lab) -> None:
    at(cluster, Version.PREVIOUS)
    at(cluster, Version.CURRENT)
    given, allocations = versions.given(cluster), versions.allocations(cluster)
    with watching(lab, *asked_for(cluster)) as watched:
        versions.roll_back(cluster)
        all_are(cluster, Version.PREVIOUS)
        versions.settled(cluster)
    assert lost("rollback", watched) == []
    assert versions.given(cluster) == given
    assert versions.allocations(cluster) == allocations
    assert restarts(cluster) == {}


SKEWS = [
    ("the operator is older than all speakers", Version.PREVIOUS, Version.CURRENT, None),
    ("all speakers are older than the operator", Version.CURRENT, Version.PREVIOUS, None),
    ("one speaker is newer: it begins", Version.CURRENT, Version.PREVIOUS, Version.CURRENT),
    ("one speaker is older: it ends", Version.PREVIOUS, Version.CURRENT, Version.PREVIOUS),
]


@pytest.mark.parametrize(
    ("operator", "speakers", "holders"), [row[1:] for row in SKEWS], ids=[row[0] for row in SKEWS]
)
def test_versions_that_differ_work_together(
    cluster: Site, lab: Lab, operator: Version, speakers: Version, holders: Version | None
) -> None:
    at(cluster, Version.CURRENT)
    web, local = asked_for(cluster)
    given = versions.given(cluster)
    versions.run_operator(cluster, operator)
    versions.run_speakers(cluster, speakers)
    if holders is not None:
        versions.run_speaker(cluster, holders, holder(cluster, web))
    versions.settled(cluster)

    with watching(lab, web, local) as watched:
        first = holder(cluster, web)
        hand_over(cluster, web, first)
        hand_over(cluster, web, holder(cluster, web))
        gives_and_takes_back(cluster)
        versions.settled(cluster)
    assert lost(f"operator {operator}, speakers {speakers}, one {holders}", watched) == []

    lab.faults.speaker_killed(holder(cluster, web))
    until(lambda: ask(cluster, f"http://{web}:{PORT}/"), what="another node answers")
    versions.settled(cluster)
    until(lambda: len(answering_macs(cluster, web)) == 1, what="one node answers")
    assert versions.given(cluster) == given


def holder(cluster: Site, address: str) -> str:
    return str(get(cluster, "virtualip", address)["status"]["holder"])


def hand_over(cluster: Site, address: str, node: str) -> None:
    """A drained node's address goes to another one; then the node may hold again."""
    cluster.kubectl("label", "node", node, "lbctl.io/drain=true")
    until(lambda: holder(cluster, address) != node, what=f"{node} hands {address} over")
    cluster.kubectl("label", "node", node, "lbctl.io/drain-")
    versions.settled(cluster)


def gives_and_takes_back(cluster: Site) -> None:
    """A new Service gets an address that answers; when it goes, the address is free again."""
    create_service(cluster, "fresh")
    address = until(lambda: steps.service_address(cluster, "fresh"), what="an address for `fresh`")
    until(lambda: ask(cluster, f"http://{address}:{PORT}/"), what=f"{address} answers")
    cluster.kubectl("delete", "service", "fresh", "--timeout=30s")
    until(lambda: address not in versions.allocations(cluster), what=f"{address} is free again")


def create_service(cluster: Site, name: str) -> None:
    ports: list[dict[str, Any]] = [{"port": PORT, "targetPort": "http"}]
    cluster.kubectl(
        "apply",
        "-f",
        "-",
        stdin=f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec: {{type: LoadBalancer, selector: {{app: web}}, ports: {ports}}}
""",
    )


def test_what_an_uninstall_leaves_is_taken_up_by_the_next_install(cluster: Site, lab: Lab) -> None:
    at(cluster, Version.PREVIOUS)
    create_service(cluster, "leaving")
    leaving = until(lambda: steps.service_address(cluster, "leaving"), what="its address")
    versions.settled(cluster)
    given, allocations = versions.given(cluster), versions.allocations(cluster)
    web, _ = asked_for(cluster)

    with watching(lab, web) as (client,):
        versions.uninstall(cluster)
        until(lambda: not answering_macs(cluster, web), what="nobody answers")
        assert versions.given(cluster) == given, "Services keep the address in their status"
        assert versions.allocations(cluster) == allocations
        crds = get(cluster, "crds")["items"]
        assert {*versions.CRDS} <= {crd["metadata"]["name"] for crd in crds}
        assert finalizers(cluster) == []
        # Nobody is there who could remove a finalizer: these must not hang.
        cluster.kubectl("delete", "service", "leaving", "--timeout=30s")
        cluster.kubectl("delete", "virtualip", web, "--timeout=30s")
        create_service(cluster, "arriving")

        versions.upgrade(cluster, Version.CURRENT)
        client.asking.wait_quiet(1.0, patience=120)
        client.begin()
        versions.settled(cluster)
        until(lambda: steps.service_address(cluster, "arriving"), what="an address for `arriving`")
    assert lost("after the install", [client]) == [], "once it answers, it goes on"

    after = versions.given(cluster)
    arriving = after.pop("arriving")
    del given["leaving"]
    assert after == given
    until(
        lambda: leaving not in versions.allocations(cluster) or [leaving] == arriving,
        what="the address of the Service that left is free",
    )
    now = versions.allocations(cluster)
    kept = {address: uid for address, uid in allocations.items() if address not in {web, leaving}}
    assert kept.items() <= now.items(), "the others were not given anew"
    cluster.kubectl("delete", "service", "arriving", "--timeout=30s")


def finalizers(cluster: Site) -> list[str]:
    """Objects whose deletion would wait for somebody."""
    found = get(cluster, f"services,{','.join(versions.KINDS)}")["items"]
    return [o["metadata"]["name"] for o in found if o["metadata"].get("finalizers")]


def test_without_its_crds_nothing_hangs_either(cluster: Site) -> None:
    at(cluster, Version.CURRENT)
    given = versions.given(cluster)
    cluster.kubectl("delete", "crd", "--timeout=60s", *versions.CRDS)
    cluster.kubectl("delete", "service", "shared-2", "--timeout=30s")
    versions.purge(cluster)
    del given["shared-2"]
    assert versions.given(cluster) == given, "whoever removes all of it loses no Service's status"

    versions.upgrade(cluster, Version.CURRENT)
    steps.apply_pool(cluster)
    cluster.kubectl("apply", "-f", "-", stdin=BESIDE_WEB)
    cluster.kubectl("apply", "-f", "-", stdin=RESERVATION)
    versions.settled(cluster)
    until(lambda: versions.given(cluster).get("shared-2"), what="it gets an address again")
    given["shared-2"] = given["shared-1"]
    assert versions.given(cluster) == given, "what Services show is adopted"
