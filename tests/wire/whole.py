"""Real speakers (supervisor, agent, wire) on a lab's nodes; the test plays the operator."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lbctl.core.labels import candidate_labels
from tests.lab import Lab
from tests.wire.tap import PATIENCE

NAMESPACE = "lbctl-system"
CRDS = Path(__file__).resolve().parents[2] / "charts" / "lbctl" / "files" / "crds"
LISTEN = "127.0.0.1:7950"


def wait_until(condition: Callable[[], Any], what: str, patience: float = 2 * PATIENCE) -> Any:
    """The first true value of a condition that is looked at again and again."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"it did not come to pass: {what}")


class Cluster:
    """The API of one lab, as the operator would use it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def install(self) -> None:
        self.lab.kubectl("apply", "-f", CRDS)
        self.lab.kubectl("wait", "--for=condition=Established", "crd", "--all")
        self.lab.kubectl("create", "namespace", NAMESPACE)
        wait_until(lambda: "speakers" in self.lab.kubectl("api-resources"), "CRDs are served")

    def apply(self, name: str, /, *succession: str, **spec: Any) -> None:
        """Write a VirtualIP: allocated to a Service unless `spec` says otherwise."""
        service = {"namespace": "default", "name": "web", "uid": f"uid-{name}"}
        seen_by = {*succession, (spec.get("release") or {}).get("verifier", "")} - {""}
        body: dict[str, Any] = {
            "apiVersion": "lbctl.io/v1beta1",
            "kind": "VirtualIP",
            "metadata": {"name": name, "labels": candidate_labels(seen_by)},
            "spec": {
                "address": name, "services": [service], "succession": list(succession), **spec
            },
        }  # fmt: skip
        current = self.lab.kubectl("get", "virtualip", name, "--ignore-not-found", "-ojson")
        verb = "create"
        if current.strip():
            verb = "replace"
            body["metadata"]["resourceVersion"] = json.loads(current)["metadata"]["resourceVersion"]
        self.lab.kubectl(verb, "-f", "-", input=json.dumps(body))

    def partners(self, node: str, *others: str) -> None:
        """Name a node's partners; none ends its sessions."""
        rows = [
            {
                "node": other,
                "address": str(self.lab.node_address(other)),
                "mac": self.lab.mac(other),
                "interface": "eth0",
            }
            for other in others
        ]
        patch = json.dumps({"spec": {"partners": rows}})
        self.lab.kubectl("patch", "speaker", node, "--type=merge", "-p", patch)

    def sessions(self, node: str) -> list[str]:
        """What a node says of its partners."""
        rows = (self.get("speaker", node).get("status") or {}).get("partners") or []
        return [row["state"] for row in rows]

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found = self.lab.kubectl(
            "get", kind, name, "-n", NAMESPACE, "--ignore-not-found", "-o", "json"
        )
        return dict(json.loads(found)) if found.strip() else {}

    def status(self, address: str) -> dict[str, Any]:
        return dict(self.get("virtualip", address).get("status") or {})

    def holder(self, address: str) -> str | None:
        return self.status(address).get("holder")

    def condition(self, kind: str, name: str, condition: str) -> dict[str, Any]:
        found = (self.get(kind, name).get("status") or {}).get("conditions") or []
        return next((dict(each) for each in found if each["type"] == condition), {})

    def wait_holder(self, address: str, node: str) -> None:
        wait_until(lambda: self.holder(address) == node, f"{node} holds {address}")

    def lease_holder(self, node: str) -> str | None:
        spec: dict[str, str] = self.get("lease", f"lbctl-speaker-{node}").get("spec", {})
        return spec.get("holderIdentity")

    def answering(self, address: str) -> str | None:
        """The MAC that answers the outside client."""
        said = self.lab.exec(
            "client", "arping", "-c", "1", "-w", "2", "-I", "eth0", address, check=False
        ).stdout
        found = re.search(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", said, re.IGNORECASE)
        return found[0].lower() if found else None


class Speaker:
    """`python -m speaker` on a node.

    Attributes:
        settings: environment variables of this one, besides those of each.
    """

    def __init__(
        self, lab: Lab, node: str, log: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self.lab, self.node, self.log = lab, node, log
        self.settings = dict(settings or {})
        self.process = self._run()

    def start(self) -> None:
        """Run again if it has ended."""
        if self.process.poll() is not None:
            self.process = self._run()

    def _run(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "LBCTL_NODE_NAME": self.node,
            "LBCTL_NAMESPACE": NAMESPACE,
            "LBCTL_KUBECONFIG": str(self.lab.state.kubeconfig_of("admin")),
            "LBCTL_LISTEN": LISTEN,
            "LBCTL_NODE_ADDRESS": self.lab.node_address(self.node),
            **self.settings,
        }
        with self.log.open("a") as output:
            return subprocess.Popen(
                [*self.lab.enter(self.node), sys.executable, "-m", "speaker"],
                env=environment,
                stderr=output,
            )

    def http(self, path: str) -> str:
        return self.lab.exec(self.node, "curl", "-s", f"http://{LISTEN}{path}", check=False).stdout

    def restarts(self, process: str) -> float | None:
        """What the metric says; None while nobody serves it."""
        found = re.search(rf'restarts_total{{process="{process}"}} (\S+)', self.http("/metrics"))
        return float(found[1]) if found else None

    def wait_ready(self) -> None:
        said = ""

        def ready() -> bool:
            nonlocal said
            said = self.http("/readyz")
            return said == "ok\n"

        try:
            wait_until(ready, f"the speaker of {self.node} is ready")
        except AssertionError as error:
            error.add_note(f"it says {said!r}; its log:\n{self.log.read_text()}")
            raise

    def pid_of(self, module: str) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return next(
            pid
            for pid in map(int, children.split())
            if module in Path(f"/proc/{pid}/cmdline").read_text()
        )

    def kill(self, module: str) -> None:
        os.kill(self.pid_of(module), signal.SIGKILL)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)
