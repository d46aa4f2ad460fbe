"""A stand-in for the speakers' agents: writes to the API server what they write, sends no frame.

It shares no code with the real agent. What it takes from the contract: the Lease, the Speaker, who
holds, and the verifier's answer.
"""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from kubernetes import client

from tests.cluster.oracle import GROUP, SYSTEM, Oracle

LABELS = {"app.kubernetes.io/name": "lbctl", "app.kubernetes.io/component": "speaker"}


class Speakers:
    """Agents of several nodes, in one thread.

    ``alive`` are the nodes whose agents do anything at all. ``answered`` are addresses for which
    somebody on the LAN goes on answering after their release.
    """

    def __init__(self, kubeconfig: Path, nodes: Iterable[str]) -> None:
        self.alive = set(nodes)
        self.answered: set[str] = set()
        self.foreign: dict[str, str] = {}
        """Addresses that a host outside of the cluster has, with its MAC: nobody takes them."""
        self.hold_on = False
        """Nobody hands over to another one who is to have an address: the frames are lost."""
        self.slow_tables = False
        """Nobody has put into its table what it is to send to NodePorts."""
        self.elsewhere: dict[str, str] = {}
        """Addresses that another controller's speaker answers for, with its node: only that node's
        own speaker does not hear it, and takes them."""
        self._oracle = Oracle(kubeconfig)
        self._round = 0
        self._numbers = count(11)
        for node in sorted(self.alive):
            self._register(node, next(self._numbers))
            self._renew(node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def die(self, node: str) -> None:
        """Like a power cut: nothing is written any more."""
        self.alive.discard(node)

    def leave(self, node: str) -> None:
        """Like a clean stop: the Lease is given back."""
        self.alive.discard(node)
        self._renew(node, holder="")

    def join(self, node: str) -> None:
        """A node comes: its agent registers it."""
        self._register(node, next(self._numbers))
        self._renew(node)
        self.alive.add(node)

    def sees(self, node: str, **states: str) -> None:
        """What the agent of a node says of its partners."""
        self.says(node, {other: {"state": state} for other, state in states.items()})

    def keeps_table(self, node: str, *, ready: bool = True) -> None:
        """The agent of a node says whether its nftables table is in place."""
        there = self._oracle.objects("speakers")[node]["status"]["conditions"]
        said = {
            "type": "NodePortReady",
            "status": "True" if ready else "False",
            "reason": "TableInPlace" if ready else "NoNftables",
            "message": "" if ready else "Protocol not supported.",
            "lastTransitionTime": "2026-01-01T12:00:00Z",
        }
        others = [one for one in there if one["type"] != "NodePortReady"]
        self._oracle.custom.patch_cluster_custom_object_status(
            *GROUP, "speakers", node, {"status": {"conditions": [*others, said]}}
        )

    def routes(self, node: str, *gateways: str) -> None:
        """The default gateways that the agent of a node reports, from its first interface."""
        (interface,) = self._oracle.objects("speakers")[node]["status"]["interfaces"]
        interface["gateways"] = [*gateways]
        self._oracle.custom.patch_cluster_custom_object_status(
            *GROUP, "speakers", node, {"status": {"interfaces": [interface]}}
        )

    def says(self, node: str, partners: dict[str, dict[str, Any]]) -> None:
        """The same, with all of a row."""
        rows = [{"node": other, **row} for other, row in partners.items()]
        self._oracle.custom.patch_cluster_custom_object_status(
            *GROUP, "speakers", node, {"status": {"partners": rows}}
        )

    def claims(self, address: str, mac: str | None) -> None:
        """A foreign host claims an address that is held, or stops to."""
        vip = self._oracle.vips()[address]
        kept = [c for c in vip["status"].get("conditions") or [] if c["type"] != "Conflict"]
        if mac is None:
            self._write(address, vip, {"conflict": None, "conditions": kept})
        else:
            self._conflict(address, vip, mac, "ClaimedByForeignHost")

    def come_back(self, node: str) -> None:
        """After a power cut."""
        self.alive.add(node)

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.1):
            self._round += 1
            try:
                self._act()
            except client.ApiException as error:
                if error.status not in {404, 409}:
                    raise

    def _act(self) -> None:
        for node in sorted(self.alive):
            if self._round % 8 == 0:
                self._renew(node)
        for address, vip in self._oracle.vips().items():
            self._announce(address, vip)
            self._send_to_node_ports(address, vip)
            self._verify(address, vip)

    def _announce(self, address: str, vip: dict[str, Any]) -> None:
        spec, status = vip["spec"], vip.get("status") or {}
        wanted = spec.get("succession") or []
        holder = status.get("holder")
        if spec.get("services") and wanted and address in self.foreign:
            self._conflict(address, vip, self.foreign[address], "AnsweredByForeignHost")
        elif spec.get("services") and wanted and self._is_to_go(spec, holder):
            taker = next((node for node in wanted if node in self.alive and _sees(vip, node)), None)
            if taker is not None and self.elsewhere.get(address, taker) != taker:
                self._blocked(address, vip, taker)
                return
            if taker is not None and taker != holder:
                taken = {"holder": taker, "interface": "eth0", "everHeld": True}
                self._write(address, vip, {**taken, "answeredBy": None})

    def _send_to_node_ports(self, address: str, vip: dict[str, Any]) -> None:
        """The holder says what its table does, when that has changed."""
        status = vip.get("status") or {}
        sends = bool((vip["spec"].get("handOff") or {}).get("nodePorts")) and not self.slow_tables
        if status.get("holder") in self.alive and sends != (status.get("handOff") == "NodePort"):
            self._write(address, vip, {"handOff": "NodePort" if sends else None})

    def _blocked(self, address: str, vip: dict[str, Any], node: str) -> None:
        """A node of the cluster answers, and the one that is to take the address waits."""
        there = self._oracle.objects("speakers")[self.elsewhere[address]]
        mac = there["status"]["interfaces"][0]["mac"]
        if (vip.get("status") or {}).get("answeredBy") == mac:
            return
        said = {
            "type": "Announced",
            "status": "False",
            "reason": "AnsweredByAnother",
            "message": f"{mac} answers for the address; {node} waits until it stops",
            "observedGeneration": vip["metadata"]["generation"],
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        status = vip.get("status") or {}
        kept = [c for c in status.get("conditions") or [] if c["type"] != "Announced"]
        self._write(address, vip, {"answeredBy": mac, "conditions": [*kept, said]})

    def _is_to_go(self, spec: dict[str, Any], holder: str | None) -> bool:
        """Whether another one is to hold the address than who does."""
        hands_over = spec.get("outgoing") == holder and not self.hold_on
        return hands_over or holder not in self.alive or holder not in spec["succession"]

    def _conflict(self, address: str, vip: dict[str, Any], mac: str, reason: str) -> None:
        status = vip.get("status") or {}
        if (status.get("conflict") or {}).get("mac") == mac:
            return
        said = {
            "type": "Conflict",
            "status": "True",
            "reason": reason,
            "message": f"{mac} answers for it: find that host",
            "observedGeneration": vip["metadata"]["generation"],
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        kept = [c for c in status.get("conditions") or [] if c["type"] != "Conflict"]
        conflict = {"mac": mac, "node": "n1", "since": said["lastTransitionTime"]}
        self._write(address, vip, {"conflict": conflict, "conditions": [*kept, said]})

    def _verify(self, address: str, vip: dict[str, Any]) -> None:
        verifier = (vip["spec"].get("release") or {}).get("verifier")
        if verifier not in self.alive or not _sees(vip, verifier):
            return
        silent = address not in self.answered
        conditions = (vip.get("status") or {}).get("conditions") or []
        answer = {
            "type": "Released",
            "status": "True" if silent else "False",
            "reason": "Silent" if silent else "StillAnswered",
            "message": "" if silent else "02:00:00:00:00:99 answers",
            "observedGeneration": vip["metadata"]["generation"],
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        same = ("status", "observedGeneration")
        old: dict[str, Any] = next((c for c in conditions if c["type"] == "Released"), {})
        if all(old.get(name) == answer[name] for name in same):
            return
        others = [c for c in conditions if c["type"] != "Released"]
        self._write(address, vip, {"conditions": [*others, answer]})

    def _write(self, address: str, vip: dict[str, Any], status: dict[str, Any]) -> None:
        meta = {"resourceVersion": vip["metadata"]["resourceVersion"]}
        self._oracle.custom.patch_cluster_custom_object_status(
            *GROUP, "virtualips", address, {"metadata": meta, "status": status}
        )

    def _register(self, node: str, number: int) -> None:
        address = f"172.16.110.{number}"
        self._oracle.core.create_node({"metadata": {"name": node}})
        self._oracle.core.patch_node_status(
            node, {"status": {"addresses": [{"type": "InternalIP", "address": address}]}}
        )
        self._oracle.custom.create_cluster_custom_object(
            *GROUP,
            "speakers",
            {"apiVersion": "/".join(GROUP), "kind": "Speaker", "metadata": {"name": node}},
        )
        interface = {
            "name": "eth0",
            "mac": f"02:00:00:00:00:{number:02x}",
            "addresses": [f"{address}/24", f"fd00:110::{number}/64"],
            "carrier": True,
        }
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "WireRunning",
            "message": "",
            "lastTransitionTime": "2026-01-01T12:00:00Z",
        }
        self._oracle.custom.patch_cluster_custom_object_status(
            *GROUP,
            "speakers",
            node,
            {"status": {"version": "0", "interfaces": [interface], "conditions": [ready]}},
        )

    def _renew(self, node: str, holder: str | None = None) -> None:
        name = _lease(node)
        spec = {
            "holderIdentity": node if holder is None else holder,
            "leaseDurationSeconds": 4,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        try:
            self._oracle.leases.patch_namespaced_lease(name, SYSTEM, {"spec": spec})
        except client.ApiException as error:
            if error.status != 404:
                raise
            body = {"metadata": {"name": name, "labels": LABELS}, "spec": spec}
            self._oracle.leases.create_namespaced_lease(SYSTEM, body)


def _lease(node: str) -> str:
    """A Lease's name: one that would be longer than 253 characters ends in a hash instead."""
    name = f"lbctl-speaker-{node}"
    mark = sha256(node.encode()).hexdigest()[:16]
    return name if len(name) <= 253 else f"{name[:236].rstrip('.-')}-{mark}"


def _sees(vip: dict[str, Any], node: str) -> bool:
    """Whether the node's watch shows it this VirtualIP: it bears the node's label."""
    label = "candidate.lbctl.io/" + sha256(node.encode()).hexdigest()[:16]
    return label in (vip["metadata"].get("labels") or {})
