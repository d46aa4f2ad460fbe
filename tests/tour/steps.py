"""The quickstart's steps. Each looks at the cluster and says what it saw, or raises."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.tour.looking import answering_macs, ask, get, node_of_mac, until, who_answers
from tests.tour.site import CHART, NAMESPACE, QUICKSTART, Site

NODE_PORT = 30642
PODS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of the closing table."""

    what: str
    how: str


def install(site: Site, *values: str) -> Seen:
    """Install the chart as the documentation says, and wait for its pods."""
    # fmt: off
    site.helm("install", "lbctl", str(CHART), "-n", NAMESPACE, "--create-namespace",
              "--wait", "--timeout", "5m", *values)
    # fmt: on
    pods = get(site, "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=lbctl")["items"]
    roles = [pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods]
    speakers = until(
        lambda: len(get(site, "speakers")["items"]) == roles.count("speaker"),
        what="a Speaker object for each speaker pod",
    )
    assert speakers
    return Seen(
        "helm install", f"{roles.count('operator')} operators, {roles.count('speaker')} speakers"
    )


def apply_pool(site: Site) -> Seen:
    site.kubectl("apply", "-f", str(QUICKSTART / "pool.yaml"))

    def ready() -> str | None:
        (pool,) = get(site, "ipaddresspools")["items"]
        status = pool.get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        if conditions.get("Ready") != "True":
            return None
        return f"{pool['spec']['addresses'][0]}, {status['ipv4']['free']} free"

    return Seen("IPAddressPool", until(ready, what="the pool is Ready"))


def apply_web(site: Site) -> Seen:
    site.kubectl("apply", "-f", str(QUICKSTART / "web.yaml"))
    site.kubectl("rollout", "status", "deployment/web", "--timeout=180s")
    return Seen("Deployment web", f"{len(pod_names(site))} pods ready")


def pod_names(site: Site) -> set[str]:
    """The web pods that are Ready and on a node that is up."""
    return {
        pod["metadata"]["name"]
        for pod in get(site, "pods", "-l", "app=web")["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])
    }


def endpoints(site: Site) -> Seen:
    """The selector made endpoints: one for each pod."""

    def addresses() -> set[str]:
        slices = get(site, "endpointslices", "-l", "kubernetes.io/service-name=web")["items"]
        return {
            address
            for endpoint_slice in slices
            if endpoint_slice["addressType"] == "IPv4"
            for endpoint in endpoint_slice.get("endpoints") or []
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
        }

    until(lambda: len(addresses()) == PODS, what="three ready endpoints")
    return Seen("Endpoints by selector", ", ".join(sorted(addresses())))


def cluster_ip(site: Site) -> Seen:
    """The ClusterIP answers inside the cluster, from all pods."""
    service = get(site, "service", "web-internal")
    url = f"http://{service['spec']['clusterIP']}:8080/"
    return Seen("ClusterIP from inside", _inside(site, url))


def node_port_inside(site: Site) -> Seen:
    return _each_node(site, "NodePort from inside", lambda url: _inside(site, url))


def node_port_outside(site: Site) -> Seen:
    return _each_node(site, "NodePort from outside", lambda url: _outside(site, url))


def external_ip(site: Site) -> tuple[Seen, str]:
    """The EXTERNAL-IP: the address that `kubectl get svc` shows, answered by all pods."""
    address = until(lambda: service_address(site, "web"), what="the Service has an EXTERNAL-IP")
    how = _outside(site, f"http://{address}:8080/")
    return Seen("EXTERNAL-IP from outside", f"{address}: {how}"), address


def holder(site: Site, address: str) -> tuple[Seen, str]:
    """Exactly one MAC answers for the address; the node it belongs to."""
    mac = until(lambda: _only(answering_macs(site, address)), what=f"one MAC answers for {address}")
    node = until(lambda: node_of_mac(site, mac), what=f"a Speaker has the MAC {mac}")
    return Seen("Answered by", f"{node}, {mac}"), node


def another_holder(site: Site, address: str, dead: str) -> tuple[Seen, str]:
    """After a node died: the address answers from another, and HTTP works."""

    def moved() -> str | None:
        mac = _only(answering_macs(site, address))
        node = node_of_mac(site, mac) if mac else None
        return node if node != dead else None

    node = until(moved, what=f"a node other than {dead} answers for {address}")
    until(lambda: ask(site, f"http://{address}:8080/"), what="the web application answers again")
    return Seen(f"{dead} powered off", f"{node} answers for {address}"), node


def service_address(site: Site, name: str, namespace: str = "default") -> str | None:
    """The address in a Service's status, or None while it is pending."""
    status = get(site, "service", name, "-n", namespace)["status"]
    ingress = status.get("loadBalancer", {}).get("ingress") or []
    return str(ingress[0]["ip"]) if ingress else None


def node_addresses(site: Site) -> dict[str, str]:
    """Each Ready node's IPv4 InternalIP."""
    return {
        node["metadata"]["name"]: address["address"]
        for node in get(site, "nodes")["items"]
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP" and ":" not in address["address"]
    }


def _only(found: set[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None


def _each_node(site: Site, what: str, look: Callable[[str], str]) -> Seen:
    nodes = node_addresses(site)
    for address in nodes.values():
        look(f"http://{address}:{NODE_PORT}/")
    return Seen(what, f"all pods, through each of {', '.join(sorted(nodes))}")


def _outside(site: Site, url: str) -> str:
    return _spread(who_answers(lambda: ask(site, url), wanted=pod_names(site)))


def _inside(site: Site, url: str) -> str:
    wanted = pod_names(site)
    pod = min(wanted)

    def request() -> str | None:
        curl = ("curl", "--silent", "--fail", "--max-time", "2", url)
        return site.kubectl("exec", pod, "--", *curl).splitlines()[0].strip()

    return _spread(who_answers(request, wanted=wanted))


def _spread(seen: dict[str, int]) -> str:
    return ", ".join(f"{pod.rsplit('-', 1)[-1]} {count}x" for pod, count in sorted(seen.items()))
