"""A node: a machine of its own as far as the kernel lets, with containerd, kubelet and kube-proxy.

It has its own network, mounts, processes and host name. SIGKILL to its init ends all that is on it,
pods included: a power cut. Its /run is a tmpfs of its own, so that what a reboot forgets (pods'
network namespaces, runtime state, address leases) is forgotten here as well.
"""

import json
import os
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab import cgroups
from tests.lab.commands import run
from tests.lab.control_plane import proxy_argv
from tests.lab.errors import LabError
from tests.lab.images import PAUSE
from tests.lab.network import Network
from tests.lab.processes import Record
from tests.lab.site import Site
from tests.lab.spec import Host, pod_cidrs
from tests.lab.waiting import require

SOCKET = "/run/containerd/containerd.sock"


def boot_script(host: Host, directory: Path, pause: Path) -> str:
    """What the node's init does in its fresh namespaces before it becomes the pause program."""
    at = shlex.quote(str(directory))
    return f"""
    mount --make-rprivate /
    # The machine's cgroups under a /sys that shows this node's interfaces.
    mount -t tmpfs -o mode=755 run /run
    mkdir -p /run/lock /run/netns /run/cgroup /run/containerd
    mount --rbind /sys/fs/cgroup /run/cgroup
    mount -t sysfs sys /sys
    mount --rbind /run/cgroup /sys/fs/cgroup
    umount --lazy --recursive /run/cgroup
    rmdir /run/cgroup
    # Writes below /var stay in the node; what the machine has there remains readable.
    mount -t overlay -o lowerdir=/var/lib,upperdir={at}/var-lib,workdir={at}/work var /var/lib
    mkdir -p /var/lib/containerd /var/lib/kubelet
    mount --bind {at}/containerd /var/lib/containerd
    mount --bind {at}/kubelet /var/lib/kubelet
    mount --bind {at}/var-log /var/log
    hostname {host.name}
    # Shared from here on: kubelet makes volumes, and containerd's children must see them.
    mount --make-rshared /
    touch {at}/booted
    exec {shlex.quote(str(pause))}
    """


def cni_config(host: Host) -> dict[str, object]:
    """Pods on a bridge, reached by the static routes of the other hosts; no masquerade."""
    ranges = [[{"subnet": cidr}] for cidr in pod_cidrs(host)]
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni",
        "ranges": ranges,
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "lab", "plugins": [bridge, portmap]}


def containerd_config(directory: Path) -> str:
    return f"""\
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
]
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
  # Containers and virtual machines of CI often lack CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  enable_cdi = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{directory}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def kubelet_config(directory: Path, ca: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(ca)}},
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        # The nodes share the machine's cgroups, so kubelet sets no limits in them: neither for
        # pods nor for itself.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        # Says that kubelet may be unable to set some sysctls and limits; it then goes on.
        "featureGates": {"KubeletInUserNamespace": True},
        # No registry could give an image back, so none is ever thrown away.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        "nodeStatusUpdateFrequency": "5s",
        "nodeLeaseDurationSeconds": 20,
        "resolvConf": str(directory / "resolv.conf"),
    }


class Node:
    """One node with kubelet: boots, loads images, loses its power."""

    def __init__(self, site: Site, host: Host) -> None:
        self.host = host
        self._site = site
        self._directory = site.state.node(host.name)
        self._network = Network(site.spec)

    @property
    def _init(self) -> str:
        return f"init-{self.host.name}"

    def init(self) -> Record | None:
        """The node's PID 1, if it is powered on."""
        record = self._site.supervisor.find(self._init)
        return record if record and record.alive() else None

    def enter(self) -> list[str]:
        """The words before a command that run it on this node.

        Raises:
            LabError: it is powered off.
        """
        if (record := self.init()) is None:
            raise LabError(f"{self.host.name} is powered off")
        [init] = Path(f"/proc/{record.pid}/task/{record.pid}/children").read_text().split()
        return ["nsenter", f"--target={init}", "--net", "--mount", "--pid", "--uts", "--"]

    def boot(self) -> None:
        """Bring up the machine and containerd; its network is there already."""
        self._write_files()
        booted = self._directory / "booted"
        booted.unlink(missing_ok=True)
        supervisor = self._site.supervisor
        script = boot_script(self.host, self._directory, self._site.binaries["pause"])
        supervisor.start(
            self._init,
            [
                *("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"),
                *("--mount-proc", "sh", "-ec", script),
            ],
            enter=self._site.enter(self.host.name),
        )
        self._wait(booted.exists, self._init)
        programs = {
            self._site.binaries[p].parent for p in ("containerd", "containerd-shim-runc-v2")
        }
        path = ":".join([*(str(p) for p in programs), os.environ["PATH"], "/usr/sbin", "/sbin"])
        config = self._directory / "containerd.toml"
        name = f"containerd-{self.host.name}"
        argv = [self._site.binaries["containerd"], f"--config={config}"]
        supervisor.start(name, argv, enter=self.enter(), env={"PATH": path})
        self._wait(lambda: self._ctr("version", check=False) == 0, name)

    def start_kubelet(self) -> None:
        """Start kubelet and kube-proxy; they want the API server and the node's object."""
        node = self.host.name
        supervisor = self._site.supervisor
        argv = [
            self._site.binaries["kubelet"],
            f"--config={self._directory / 'kubelet.json'}",
            f"--kubeconfig={self._site.state.kubeconfig_of(f'kubelet-{node}')}",
            f"--hostname-override={node}",
            f"--node-ip={self.host.address(4)},{self.host.address(6)}",
            "--v=2",
        ]
        supervisor.start(f"kubelet-{node}", argv, enter=self.enter())
        self.start_proxy()

    def start_proxy(self) -> None:
        """Start kube-proxy."""
        argv = proxy_argv(self._site, self.host.name)
        self._site.supervisor.start(f"kube-proxy-{self.host.name}", argv, enter=self.enter())

    def wait_for_daemons(self) -> None:
        """Wait until kubelet and kube-proxy call themselves healthy.

        Raises:
            LabError: one ended or took too long; the message shows the log's end.
        """
        for name, port in (("kubelet", 10248), ("kube-proxy", 10256)):
            ask = ["curl", "--silent", "--fail", f"http://localhost:{port}/healthz"]
            self._wait(partial(self._succeeds, ask), f"{name}-{self.host.name}")

    def _succeeds(self, argv: list[str]) -> bool:
        return run(*self.enter(), *argv, check=False).returncode == 0

    def load(self, name: str, archive: Path) -> None:
        """Import an image if containerd has none of that name."""
        listed = run(*self._ctr_argv("images", "list", "--quiet", f'name=="{name}"')).stdout
        if name not in listed.split():
            self.load_archive(archive)

    def load_archive(self, archive: Path) -> None:
        """Import all images of an OCI archive, also over older ones of the same name."""
        self._ctr("images", "import", "--local", archive, check=True)

    def cut_power(self) -> None:
        """End it as a power cut does: first the cable, so that nothing says goodbye."""
        self._network.detach(self.host)
        mine = [r for r in self._site.supervisor.all() if r.name.endswith(f"-{self.host.name}")]
        self._site.supervisor.stop_all(mine, grace=0)
        cgroups.remove(self._directory / "containerd")

    def plug_in(self) -> None:
        """Give it back the network that cut_power took."""
        self._network.attach(self.host)

    def _ctr_argv(self, *words: object) -> list[object]:
        ctr = self._site.binaries["ctr"]
        return [*self.enter(), ctr, f"--address={SOCKET}", "--namespace=k8s.io", *words]

    def _ctr(self, *words: object, check: bool) -> int:
        return run(*self._ctr_argv(*words), check=check, timeout=300).returncode

    def _wait(self, condition: Callable[[], bool], daemon: str) -> None:
        supervisor = self._site.supervisor

        def ended() -> bool:
            return not ((record := supervisor.find(daemon)) and record.alive())

        require(lambda: ended() or condition(), lambda: supervisor.why_ended(daemon), interval=0.1)
        if ended():
            raise LabError(supervisor.why_ended(daemon))

    def _write_files(self) -> None:
        at = self._directory
        for name in ("cni", "containerd", "kubelet", "var-lib", "var-log", "work"):
            (at / name).mkdir(parents=True, exist_ok=True)
        (at / "cni" / "10-lab.conflist").write_text(json.dumps(cni_config(self.host), indent=1))
        (at / "containerd.toml").write_text(containerd_config(at))
        config = kubelet_config(at, self._site.state.pki / "ca.crt")
        (at / "kubelet.json").write_text(json.dumps(config, indent=1))
        # There is no DNS; the router refuses at once where a missing server would time out.
        (at / "resolv.conf").write_text(f"nameserver {self._site.spec.router.address()}\n")
