"""Faults, each with its undoing: the calls return once the fault is there, or is gone."""

import itertools
import os
import signal
from pathlib import Path

from tests.lab import images
from tests.lab.api import Api
from tests.lab.boot import start_bare_proxy, wait_until_ready
from tests.lab.commands import run
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import LabError
from tests.lab.network import NETNS, Network, enter
from tests.lab.node import Node
from tests.lab.processes import parent, start_time
from tests.lab.site import Site
from tests.lab.spec import SWITCH
from tests.lab.waiting import require

API_SERVER = "kube-apiserver"


def loss_table(port: str) -> str:
    """The nftables name of a port's loss."""
    return f"loss_{port.replace('-', '_')}"


def loss_ruleset(port: str, percent: int) -> str:
    """An nft script that drops frames on a switch port, in both directions, and does nothing else.

    It sits on the cable's end at the switch: a packet socket in the node sees a frame before the
    node's own ingress hook could drop it, and so would be deaf to a loss made there. numgen is
    random, so that a retry is not lost in step with its first try. The percentage is 1 to 100.
    """
    drop = f"numgen random mod 100 <= {percent - 1} counter drop"
    return f"""
table netdev {loss_table(port)} {{
  chain from_host {{ type filter hook ingress device "{port}" priority 0; policy accept; {drop}; }}
  chain to_host {{ type filter hook egress device "{port}" priority 0; policy accept; {drop}; }}
}}
"""


def is_speaker(argv: list[str]) -> bool:
    """Whether a command line is one of the speaker's processes: `python3 -m speaker...`.

    It begins with Python: `nsenter ... python3 -m speaker` is somebody who starts one.
    """
    return Path(argv[0] if argv else "").name.startswith("python") and any(
        flag == "-m" and name.split(".")[0] == "speaker" for flag, name in itertools.pairwise(argv)
    )


class Faults:
    """What can go wrong with a lab's hosts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._network = Network(site.spec)

    def power_cut(self, node: str) -> None:
        """Take a node away between two packets: nothing on it says goodbye."""
        self._node(node).cut_power()

    def power_on(self, node: str) -> None:
        """Boot a node after a power cut; returns when it is Ready again.

        Its Ready condition may be that from before the cut, which the controllers have not yet
        noticed. So wait for its kubelet to renew the node's Lease first.
        """
        machine = self._node(node)
        if machine.init():
            raise LabError(f"{node} is powered on")
        api = Api(self._site.state.kubeconfig)
        lease = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}"
        machine.plug_in()
        if self._site.spec.kubelets:
            machine.boot()
            before = api.get(lease)["spec"]["renewTime"]
            for name, archive in images.node_archives(self._site.binaries).items():
                machine.load(name, archive)
            machine.start_kubelet()
            machine.wait_for_daemons()
            require(
                lambda: api.get(lease)["spec"]["renewTime"] != before,
                f"the kubelet of {node} renews its Lease",
                interval=0.2,
            )
        else:
            start_bare_proxy(self._site, machine.host)
        wait_until_ready(api, [machine.host])

    def switch_port_dead(self, host: str) -> None:
        """The switch forwards nothing to or from a host's port, whose carrier stays up."""
        self._network.port(self._site.spec.host(host), "nomaster")

    def switch_port_alive(self, host: str) -> None:
        """Undo switch_port_dead."""
        target = self._site.spec.host(host)
        self._network.port(target, "master", target.lans[0].bridge)

    def cable_pulled(self, host: str) -> None:
        """A host loses its carrier, and knows it."""
        self._network.port(self._site.spec.host(host), "down")

    def cable_plugged(self, host: str) -> None:
        """Undo cable_pulled."""
        self._network.port(self._site.spec.host(host), "up")

    def packet_loss(self, host: str, percent: int) -> None:
        """Drop this share of the frames of a host's first LAN, in each direction.

        Raises:
            LabError: not a percentage.
        """
        if not 0 <= percent <= 100:
            raise LabError(f"a loss of {percent} percent: choose 0 to 100")
        self.no_loss(host)
        if percent:
            self._nft(loss_ruleset(self._site.spec.host(host).port(), percent))

    def no_loss(self, host: str) -> None:
        """Undo packet_loss. Idempotent."""
        table = f"table netdev {loss_table(self._site.spec.host(host).port())}"
        # Declared first, so that deleting it is no error when it was not there.
        self._nft(f"{table} {{}}\ndelete {table}\n")

    def speaker_processes(self, node: str) -> list[int]:
        """The pids, on this machine, of the speaker's processes on a node."""
        namespace = (NETNS / self._site.spec.namespace(self._node(node).host.name)).stat().st_ino
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                mine = (entry / "ns" / "net").stat().st_ino == namespace
                argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if mine and is_speaker(argv):
                found.append(int(entry.name))
        return found

    def speaker_terminated(self, node: str) -> None:
        """SIGTERM to the speaker's first process, as kubelet does; kubelet starts it again."""
        pids = set(self.speaker_processes(node))
        roots = [pid for pid in pids if parent(pid) not in pids]
        if not roots:
            raise LabError(f"no speaker runs on {node}")
        for pid in roots:
            os.kill(pid, signal.SIGTERM)

    def speaker_killed(self, node: str) -> None:
        """SIGKILL to every process of a node's speaker; kubelet starts it again."""
        self._signal_speaker(node, signal.SIGKILL)

    def speaker_stopped(self, node: str) -> None:
        """SIGSTOP: it is there, and does nothing."""
        self._signal_speaker(node, signal.SIGSTOP)

    def speaker_continued(self, node: str) -> None:
        """Undo speaker_stopped."""
        self._signal_speaker(node, signal.SIGCONT)

    def proxy_stopped(self, node: str) -> None:
        """A node's kube-proxy is gone; what it wrote into the kernel stays there."""
        self._site.supervisor.stop(f"kube-proxy-{self._node(node).host.name}", grace=0)

    def proxy_started(self, node: str) -> None:
        """Undo proxy_stopped; returns when it is healthy again."""
        machine = self._node(node)
        if self._site.spec.kubelets:
            machine.start_proxy()
            machine.wait_for_daemons()
        else:
            start_bare_proxy(self._site, machine.host)

    def api_server_stopped(self) -> None:
        """The API server is gone; etcd and all else go on."""
        self._site.supervisor.stop(API_SERVER, grace=0)

    def api_server_started(self) -> None:
        """Undo api_server_stopped; returns when it is ready."""
        control_plane = ControlPlane(self._site, self._site.state.kubeconfig)
        control_plane.start_api_server()
        control_plane.wait_for_api()

    def _node(self, name: str) -> Node:
        host = self._site.spec.host(name)
        if host not in self._site.spec.node_hosts:
            raise LabError(f"{name} is no node: {[n.name for n in self._site.spec.node_hosts]}")
        return Node(self._site, host)

    def _signal_speaker(self, node: str, number: signal.Signals) -> None:
        if not (pids := self.speaker_processes(node)):
            raise LabError(f"no speaker runs on {node}")
        # The whole tree stops before any of it is waited for: a parent would mourn its child.
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if number == signal.SIGKILL:
            require(lambda: not _any_alive(pids), f"the speaker of {node} is gone", timeout=10)

    def _nft(self, script: str) -> None:
        run(*enter(self._site.spec.namespace(SWITCH)), "nft", "-f", "-", stdin=script)


def _any_alive(pids: list[int]) -> bool:
    return any(start_time(pid) is not None for pid in pids)
