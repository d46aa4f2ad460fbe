"""MetalLB itself serves a cluster. The page about migrating is walked, and no client notices."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.bench.outage.asking import Asking
from tests.bench.outage.figures import read
from tests.e2e import solicit
from tests.e2e.conftest import logs_after
from tests.e2e.walking import Walk, commands
from tests.lab import Lab, LabSpec, metallb, own_name
from tests.tour.looking import answering_macs, ask, get, until
from tests.tour.site import IMAGE, QUICKSTART, ROOT, LabSite

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.timeout(1200)]

PAGE = ROOT / "docs" / "migrating-from-metallb.md"
CONNECTION = Path(__file__).with_name("connection.py")
SYSTEM = "metallb-system"
ASK_SECONDS = 0.05
"""How often each address is asked; six of them share two processors with the cluster."""
SHORT_SECONDS = 5.0
"""A limit for what no client should notice. Where all nodes share two processors, MetalLB's
speakers were starved for half a second once, while lbctl's pods started beside them."""

POOL = f"""
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: lan, namespace: {SYSTEM}}}
spec:
  addresses: [172.16.110.140-172.16.110.149, "fd00:110::2:10-fd00:110::2:19"]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {{name: lan, namespace: {SYSTEM}}}
spec: {{ipAddressPools: [lan]}}
"""
SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: four}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: six}
spec:
  type: LoadBalancer
  ipFamilies: [IPv6]
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: both}
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  ipFamilies: [IPv4, IPv6]
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata:
  name: shared
  annotations: {metallb.io/allow-shared-ip: one, metallb.io/loadBalancerIPs: 172.16.110.149}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata:
  name: shared-too
  annotations: {metallb.io/allow-shared-ip: one, metallb.io/loadBalancerIPs: 172.16.110.149}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 8081, targetPort: http}]
"""
SHARED = "172.16.110.149"


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[LabSite]:
    """A cluster of its own where MetalLB serves: lbctl beside it would be the first to answer."""
    if request.config.getoption("--kubeconfig") is not None:
        pytest.skip("no MetalLB is installed into a cluster that is not ours")
    subprocess.run(
        [sys.executable, "-m", "tests.lab.lbctl_image", "--output", str(IMAGE)],
        check=True,
        cwd=ROOT,
    )
    with Lab(LabSpec(name=own_name("metallb"), nodes=3)) as lab:
        for archive in (IMAGE, *metallb.archives()):
            lab.load_image(archive)
        site = LabSite(lab)
        values = (f"--set={value}" for value in metallb.CHART_VALUES)
        # fmt: off
        site.helm("install", "metallb", str(metallb.chart()), "-n", SYSTEM, "--create-namespace",
                  "--wait", "--timeout", "5m", *values)
        # fmt: on
        site.kubectl("apply", "-f", "-", stdin=web_of_both_families())
        site.kubectl("rollout", "status", "deployment/web", "--timeout=180s")
        site.kubectl("delete", "service", "web")
        # Its webhook answers some time after its pods are ready.
        until(lambda: site.kubectl("apply", "-f", "-", stdin=POOL), what="MetalLB takes its pool")
        site.kubectl("apply", "-f", "-", stdin=SERVICES)
        until(lambda: all_answer(site), what="MetalLB answers for every address")
        yield site


@pytest.fixture(autouse=True)
def logs_of_a_failure(request: pytest.FixtureRequest, served: LabSite) -> Iterator[None]:
    """Of this cluster: the session's has no part here."""
    with logs_after(request, served):
        yield


@pytest.fixture(scope="module")
def walk(served: LabSite, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    assert served.lab is not None
    return Walk(served.lab, tmp_path_factory.mktemp("walk"))


def web_of_both_families() -> str:
    """The quickstart's web application, listening on its pods' IPv6 addresses as well."""
    text = (QUICKSTART / "web.yaml").read_text()
    assert "listen 80;" in text
    return text.replace("listen 80;", "listen 80; listen [::]:80;")


def shown(site: LabSite) -> dict[str, tuple[str, ...]]:
    """The addresses in each Service's status."""
    return {
        service["metadata"]["name"]: tuple(each["ip"] for each in ingress)
        for service in get(site, "services")["items"]
        if (ingress := service["status"]["loadBalancer"].get("ingress"))
    }


def addresses(site: LabSite) -> set[str]:
    return {address for found in shown(site).values() for address in found}


def url(address: str) -> str:
    return f"http://[{address}]:8080/" if ":" in address else f"http://{address}:8080/"


def all_answer(site: LabSite) -> bool:
    found = shown(site)
    return len(found) == 6 and all(ask(site, url(each)) for each in addresses(site))


def answering_node(site: LabSite, address: str) -> str | None:
    """The one node that answers for it; None while it is not exactly one."""
    lab = site.lab
    assert lab is not None
    four = ip_address(address).version == 4
    macs = answering_macs(site, address) if four else solicit.answering(lab, address)
    nodes = {lab.mac(host.name): host.name for host in lab.spec.node_hosts}
    return nodes.get(*macs) if len(macs) == 1 else None


def settled_nodes(site: LabSite) -> dict[str, str | None]:
    """The one node that answers for each address, the same in two looks at all of them.

    MetalLB's speakers that have just started take addresses from each other until they have met.
    """
    last: dict[str, str | None] = {}

    def same() -> bool:
        before = dict(last)
        last.update({each: answering_node(site, each) for each in addresses(site)})
        return before == last and None not in last.values()

    until(same, what="MetalLB's speakers have shared the addresses out")
    return last


def holders(site: LabSite) -> dict[str, str]:
    """The node that holds each address, of those that are held."""
    return {
        vip["spec"]["address"]: vip["status"]["holder"]
        for vip in get(site, "virtualips")["items"]
        for condition in vip.get("status", {}).get("conditions", [])
        if (condition["type"], condition["reason"]) == ("Announced", "Holding")
    }


@contextmanager
def forgetful(lab: Lab) -> Iterator[None]:
    """Twice a second the client forgets who answers: whoever asks anew must find somebody."""
    forget = "while sleep 0.5; do ip neigh flush dev eth0; done >/dev/null 2>&1"
    with lab.popen("client", "sh", "-c", forget) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def connected(lab: Lab, address: str) -> Iterator[subprocess.Popen[str]]:
    """One connection that stays open."""
    with subprocess.Popen(
        [*lab.enter("client"), sys.executable, "-P", str(CONNECTION), address, "8080"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def clients(lab: Lab, found: set[str]) -> Iterator[dict[str, Asking]]:
    """A client for each address, all of them at work."""
    with ExitStack() as stack:
        asking = {
            each: stack.enter_context(Asking(lab, each, 8080, interval=ASK_SECONDS))
            for each in sorted(found)
        }
        stack.enter_context(forgetful(lab))
        yield asking


def tell(what: str, asking: dict[str, Asking]) -> float:
    """Print what each client had; the longest time that one had no answer, in seconds."""
    gaps = []
    for address, each in asking.items():
        requests = list(each.requests)
        began, until_ = requests[0].end, requests[-1].end
        figures = read(requests, [], holder="", began=began, until=until_)
        gaps.append(figures.gap)
        print(
            f"{what}: {address}: {len(requests)} requests in {until_ - began:.0f} s, "
            f"{figures.failed} failed {figures.outcomes}, longest gap {figures.gap:.2f} s, "
            f"the client overslept {each.latest:.2f} s"
        )
    return max(gaps)


def pods(site: LabSite) -> list[Any]:
    return list(get(site, "pods", "-n", SYSTEM)["items"])


@contextmanager
def watched(
    site: LabSite, what: str, gaps: dict[str, float], *, stays_open: bool = True
) -> Iterator[None]:
    """Clients at work on every address; afterwards no address has changed, and all is answered.

    With `stays_open`, a connection that was open before is open still.
    """
    lab = site.lab
    assert lab is not None
    before = shown(site)
    (four,) = before["four"]
    with clients(lab, addresses(site)) as asking, connected(lab, four) as connection:
        for each in asking.values():
            each.wait_quiet(2, patience=60)
        yield
        for each in asking.values():
            each.wait_quiet(3, patience=60)
            each.stop()
        answers, _ = connection.communicate("")
    gaps[what] = tell(what, asking)
    print(f"{what}: one connection: {answers.splitlines()[-1]}")
    assert shown(site) == before
    assert connection.returncode == 0 or not stays_open, answers


def held(site: LabSite) -> dict[str, str]:
    """Who holds each address, once all are held."""
    wanted = addresses(site)
    return until(
        lambda: now if (now := holders(site)).keys() == wanted else None,
        what="lbctl holds every address",
    )


def take_over(site: LabSite, walk: Walk) -> None:
    page = commands(PAGE, "Steps")
    nodes = settled_nodes(site)
    for number in (1, 2, 3):
        walk.run(page[number])
    assert held(site) == nodes, "each is held where MetalLB answers for it"
    walk.run(page[4])
    walk.run(page[5])
    until(lambda: not pods(site), what="MetalLB is gone")
    assert held(site) == nodes
    assert {each: answering_node(site, each) for each in nodes} == nodes


def test_hardly_anybody_notices_that_lbctl_takes_over(served: LabSite, walk: Walk) -> None:
    before = shown(served)
    assert before["shared"] == before["shared-too"] == (SHARED,)
    assert len(before["both"]) == 2
    gaps: dict[str, float] = {}
    with watched(served, "taking over", gaps):
        take_over(served, walk)
    assert gaps["taking over"] < SHORT_SECONDS


def test_one_can_go_back(served: LabSite, walk: Walk) -> None:
    page = commands(PAGE, "Going back")
    gaps: dict[str, float] = {}
    # MetalLB chooses the nodes anew, and its speakers know nothing of a holder that is kept.
    with watched(served, "going back", gaps, stays_open=False):
        for number in page:
            walk.run(page[number])
        until(lambda: all_answer(served), what="MetalLB answers for every address")
    served.kubectl("create", "service", "loadbalancer", "late", "--tcp=80:80")
    until(lambda: "late" in shown(served), what="MetalLB gives addresses")
    served.kubectl("delete", "service", "late")


def test_metallb_goes_for_good_and_its_pools_are_obeyed_still(served: LabSite, walk: Walk) -> None:
    gaps: dict[str, float] = {}
    with watched(served, "for good", gaps):
        take_over(served, walk)
        walk.run(commands(PAGE, "Steps")[6])
    assert not pods(served)
    served.kubectl("create", "service", "loadbalancer", "late", "--tcp=80:80")
    assert until(lambda: shown(served).get("late"), what="lbctl gives of MetalLB's pool")
    assert gaps["for good"] < SHORT_SECONDS
