"""The order in which a lab comes up: what can, side by side."""

import json
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.lab import forwarder, images
from tests.lab.api import Api
from tests.lab.commands import run
from tests.lab.control_plane import API_PORT, ControlPlane, proxy_argv
from tests.lab.forwarder import listen
from tests.lab.layout import REPOSITORY
from tests.lab.network import NETNS, Network
from tests.lab.node import Node
from tests.lab.pki import make_certificates, make_credentials, make_outside_kubeconfig
from tests.lab.site import Site
from tests.lab.spec import CONTROL_PLANE, Host
from tests.lab.waiting import require

FORWARDER = "forwarder"


def boot(site: Site) -> None:
    """Boot a lab of which nothing is there yet.

    Raises:
        LabError: a part did not start; the message names it and shows the end of its log.
    """
    spec, state = site.spec, site.state
    state.root.mkdir(parents=True, mode=0o755)
    state.spec.write_text(json.dumps(asdict(spec)))
    archives = images.node_archives(site.binaries) if spec.nodes and spec.kubelets else {}
    make_certificates(spec, state.pki)
    make_credentials(spec, state)
    Network(spec).up()
    control_plane = ControlPlane(site, state.kubeconfig)
    control_plane.start_storage_and_api()
    start_forwarder(site)
    nodes = [Node(site, host) for host in spec.node_hosts] if spec.kubelets else []
    with ThreadPoolExecutor(max(1, len(nodes))) as side_by_side:
        try:
            machines = [side_by_side.submit(_boot_machine, node, archives) for node in nodes]
            api = control_plane.wait_for_api()
            control_plane.register_nodes(api)
            control_plane.start_controllers()
            _all(machines)
            _start_nodes(site, nodes, control_plane)
            _all([side_by_side.submit(node.wait_for_daemons) for node in nodes])
        except BaseException:
            # Leaving this block waits for its threads: without daemons they give up at once.
            side_by_side.shutdown(wait=False, cancel_futures=True)
            site.supervisor.stop_all(site.supervisor.all(), grace=0)
            raise
    wait_until_ready(api, spec.node_hosts)


def _all(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()


def _start_nodes(site: Site, nodes: list[Node], control_plane: ControlPlane) -> None:
    for node in nodes:
        node.start_kubelet()
    if not site.spec.kubelets:
        for host in site.spec.node_hosts:
            start_bare_proxy(site, host)
    if site.spec.nodes:
        control_plane.start_proxy()


def _boot_machine(node: Node, archives: dict[str, Path]) -> None:
    node.boot()
    for name, archive in archives.items():
        node.load(name, archive)


def start_bare_proxy(site: Site, host: Host) -> None:
    """kube-proxy on a node that has no kubelet, and so is a network namespace alone."""
    argv = proxy_argv(site, host.name)
    site.supervisor.start(f"kube-proxy-{host.name}", argv, enter=site.enter(host.name))
    ask = ["curl", "--silent", "--fail", "http://localhost:10256/healthz"]
    enter = site.enter(host.name)
    require(
        lambda: run(*enter, *ask, check=False).returncode == 0,
        lambda: site.supervisor.why_ended(f"kube-proxy-{host.name}"),
    )


def start_forwarder(site: Site) -> None:
    """Open the machine's door to the API server, and write the kubeconfig that leads through it."""
    with listen() as listener:
        port = listener.getsockname()[1]
        make_outside_kubeconfig(site.state, site.state.kubeconfig, port)
        site.supervisor.start(
            FORWARDER,
            [
                # As a file: with -m it warns that its package has imported it already.
                *(sys.executable, "-P", forwarder.__file__, listener.fileno()),
                *(NETNS / site.spec.namespace(CONTROL_PLANE), *api_address(site)),
            ],
            env={"PYTHONPATH": str(REPOSITORY)},
            inherit=[listener.fileno()],
        )


def api_address(site: Site) -> tuple[str, int]:
    """Where the API server listens, inside."""
    return site.spec.control_plane.address(), API_PORT


def ready_nodes(api: Api) -> set[str]:
    """The names of the nodes that the API server calls Ready."""
    return {
        node["metadata"]["name"]
        for node in api.get("/api/v1/nodes")["items"]
        for condition in node["status"].get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def wait_until_ready(api: Api, hosts: Iterable[Host]) -> None:
    """Wait until the API server calls all of these nodes Ready.

    Raises:
        LabError: after two minutes; the message names those that are not.
    """
    wanted = {host.name for host in hosts}
    require(
        lambda: wanted <= ready_nodes(api),
        lambda: f"not Ready: {sorted(wanted - ready_nodes(api))}; see their kubelets' logs",
        timeout=120,
        interval=0.2,
    )
