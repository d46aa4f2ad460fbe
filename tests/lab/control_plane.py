"""The control plane: etcd, the API server, controllers and scheduler, on a host of their own."""

from collections.abc import Callable
from pathlib import Path

from tests.lab.api import Api
from tests.lab.site import Site
from tests.lab.spec import (
    CONTROL_PLANE,
    POD_CIDRS,
    SERVICE_CIDRS,
    Host,
    pod_cidrs,
)
from tests.lab.waiting import require

API_PORT = 6443
ETCD = "http://127.0.0.1:2379"


def etcd_argv(site: Site) -> list[object]:
    """No fsync: the data lives as long as the lab, and the disk is the slowest part of it."""
    return [
        site.binaries["etcd"],
        f"--data-dir={site.state.etcd}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
    ]


def api_server_argv(site: Site) -> list[object]:
    pki = site.state.pki
    return [
        site.binaries["kube-apiserver"],
        f"--etcd-servers={ETCD}",
        f"--advertise-address={site.spec.control_plane.address()}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={','.join(SERVICE_CIDRS)}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'api.crt'}",
        f"--tls-private-key-file={pki / 'api.key'}",
        f"--token-auth-file={pki / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'sa.key'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        # Node names have no DNS here: without this, kubectl logs and exec find no kubelet.
        "--kubelet-preferred-address-types=InternalIP",
        # On SIGTERM leave at once: a fault is to be a fault, not a polite farewell of a minute.
        "--shutdown-delay-duration=0s",
    ]


def controller_manager_argv(site: Site) -> list[object]:
    # The routes of the lab are static, so it says itself which pods' range is whose.
    controllers = ["*", "-node-ipam-controller"]
    if not site.spec.kubelets:
        controllers.append("-node-lifecycle-controller")  # nobody renews the nodes' leases
    return [
        site.binaries["kube-controller-manager"],
        f"--kubeconfig={site.state.kubeconfig_of('kube-controller-manager')}",
        f"--service-account-private-key-file={site.state.pki / 'sa.key'}",
        f"--root-ca-file={site.state.pki / 'ca.crt'}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        f"--node-monitor-grace-period={site.spec.node_grace_seconds}s",
        f"--controllers={','.join(controllers)}",
    ]


def scheduler_argv(site: Site) -> list[object]:
    return [
        site.binaries["kube-scheduler"],
        f"--kubeconfig={site.state.kubeconfig_of('kube-scheduler')}",
        "--leader-elect=false",
    ]


def proxy_argv(site: Site, node: str) -> list[object]:
    return [
        site.binaries["kube-proxy"],
        f"--kubeconfig={site.state.kubeconfig_of('kube-proxy')}",
        f"--proxy-mode={site.spec.proxy}",
        f"--hostname-override={node}",
        f"--cluster-cidr={','.join(POD_CIDRS)}",
        # These set sysctls of the whole machine, which are not the lab's to set.
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
        "--v=2",
    ]


def node_object(node: Host) -> dict[str, object]:
    """A Node as the lab registers it, before its kubelet does: with the ranges of its pods."""
    cidrs = list(pod_cidrs(node))
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs},
    }


def ready_status(node: Host) -> dict[str, object]:
    """The status of a node that has no kubelet to write it."""
    addresses = [
        {"type": "InternalIP", "address": node.address(4)},
        {"type": "InternalIP", "address": node.address(6)},
        {"type": "Hostname", "address": node.name},
    ]
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Lab",
        "message": "a node with no kubelet",
    }
    return {"status": {"addresses": addresses, "conditions": [ready]}}


class ControlPlane:
    """Starts the control plane's daemons and waits for them."""

    def __init__(self, site: Site, kubeconfig: Path) -> None:
        self._site = site
        self._kubeconfig = kubeconfig
        self._enter = site.enter(CONTROL_PLANE)

    def _start(self, name: str, argv: list[object]) -> None:
        self._site.supervisor.start(name, argv, enter=self._enter)

    def start_storage_and_api(self) -> None:
        """Start etcd and the API server, side by side: the latter waits for the former."""
        self._start("etcd", etcd_argv(self._site))
        self.start_api_server()

    def start_api_server(self) -> None:
        self._start("kube-apiserver", api_server_argv(self._site))

    def wait_for_api(self) -> Api:
        """Wait until the API server is ready.

        Raises:
            LabError: it or etcd ended, or it took over 90 s; the message shows the log's end.
        """
        api = Api(self._kubeconfig)
        self.wait_for(api.ready, "kube-apiserver", "etcd", timeout=90)
        return api

    def wait_for(self, condition: Callable[[], bool], *daemons: str, timeout: float) -> None:
        """Wait for a condition, and no longer than the daemons that it depends on live."""
        supervisor = self._site.supervisor

        def ended() -> list[str]:
            return [n for n in daemons if not ((r := supervisor.find(n)) and r.alive())]

        require(
            lambda: condition() or ended(),
            lambda: supervisor.why_ended(daemons[0]),
            timeout=timeout,
            interval=0.1,
        )
        if dead := ended():
            require(condition, lambda: supervisor.why_ended(dead[0]), timeout=1)

    def start_controllers(self) -> None:
        self._start("kube-controller-manager", controller_manager_argv(self._site))
        self._start("kube-scheduler", scheduler_argv(self._site))

    def start_proxy(self) -> None:
        """Let the API server reach webhooks by their ClusterIP.

        kube-proxy wants the name of a node; any will do, as nothing here is a node's own traffic.
        """
        self._start("kube-proxy-cp", proxy_argv(self._site, self._site.spec.node_hosts[0].name))

    def register_nodes(self, api: Api) -> None:
        """Create the Node objects, and their status where no kubelet will."""
        for node in self._site.spec.node_hosts:
            api.post("/api/v1/nodes", node_object(node))
            if not self._site.spec.kubelets:
                api.merge(f"/api/v1/nodes/{node.name}/status", ready_status(node))
