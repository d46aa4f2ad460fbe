"""The cluster under test: three nodes, the real image, three pods of a web server, one address."""

import time
from typing import Any

from tests.bench.outage.listener import Listener
from tests.lab import Lab, LabError, LabSpec
from tests.lab.api import Api
from tests.tour import steps
from tests.tour.site import IMAGE, NAMESPACE, LabSite

NODES = 3
PORT = 8080
SERVICE = "web"
VALUES = ("--set", "fastNodeFailure=true")
"""What is promised where a node dies is promised with this."""
GROUP = "/apis/lbctl.io/v1beta1"
WHOLE_SECONDS = 300.0
"""After a power cut a node boots, its pods start, and the API server believes it: half a minute, or
several on a busy machine."""
_OTHER_SERVICES = ("web-internal", "web-nodeport")
"""What else the quickstart makes for the same pods."""
_OPERATORS = "app.kubernetes.io/component=operator"
_LOOK_SECONDS = 0.25
_LOOKS = 3
"""Looks in a row that must find the cluster whole."""


class Cluster:
    """A lab with lbctl installed; knows when it is whole and quiet."""

    def __init__(self, lab: Lab, values: tuple[str, ...] = ()) -> None:
        self.lab = lab
        self.address = ""
        self._values = values
        self._site = LabSite(lab)

    @classmethod
    def spec(cls, name: str) -> LabSpec:
        return LabSpec(name=name, nodes=NODES)

    @property
    def api(self) -> Api:
        return Api(self.lab.kubeconfig)

    def install(self) -> None:
        """Install the chart, a pool and the web application, as the quickstart does."""
        self.lab.load_image(IMAGE)
        steps.install(self._site, *VALUES, *self._values)
        steps.apply_pool(self._site)
        steps.apply_web(self._site)
        # kube-proxy lets a second pass between two changes: of several Services with the same dead
        # pod all but the first wait for it, whoever hands the traffic over. One is measured.
        self.lab.kubectl("delete", "service", *_OTHER_SERVICES)
        _, self.address = steps.external_ip(self._site)

    def adopt(self) -> None:
        """Use an installation that is there.

        Raises:
            LabError: there is none.
        """
        self.address = steps.service_address(self._site, SERVICE) or ""
        if not self.address:
            raise LabError(f"the Service {SERVICE} has no address: end this lab and start again")

    # Who does what

    def holder(self) -> str:
        """The node that holds the address, as the API says."""
        return str(self._vip().get("status", {}).get("holder", ""))

    def active_operator_node(self) -> str:
        """Where the operator runs that holds the Lease."""
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/lbctl-operator"
        leader = self.api.get(leases)["spec"].get("holderIdentity", "")
        on = {pod["metadata"]["name"]: pod["spec"].get("nodeName", "") for pod in self._pods()}
        return str(on.get(leader, ""))

    def hold_on(self, *, operator: bool, listener: Listener) -> None:
        """Make the holder the node of the active operator, or one of the others.

        Speakers are stopped until it is: the address goes on to the next of its succession.
        """
        for _ in range(2 * NODES):
            if (self.holder() == self.active_operator_node()) is operator:
                return
            self.renew_speaker(self.holder())
            self.wait_whole(listener)
        raise LabError("the address never came to the node that the trial wants")

    # Changing it

    def label_node(self, node: str, label: str, value: str | None) -> None:
        self.api.merge(f"/api/v1/nodes/{node}", {"metadata": {"labels": {label: value}}})

    def renew_speaker(self, node: str) -> None:
        """Another pod in the place of a node's speaker; returns when the old one is gone."""
        pods = [
            pod["metadata"]["name"]
            for pod in self._pods()
            if _component(pod) == "speaker" and pod["spec"].get("nodeName") == node
        ]
        self.lab.kubectl("delete", "pod", "-n", NAMESPACE, "--timeout=120s", *pods)

    def renew_operators(self) -> None:
        """Other operators, which remember nothing; returns when the old ones are gone."""
        self.lab.kubectl(
            "delete", "pod", "-n", NAMESPACE, "--timeout=120s", "-l", _OPERATORS, "--grace-period=5"
        )

    def forget_failures(self) -> None:
        """The operators know of no node whose pods they marked."""
        self.lab.kubectl(
            "delete", "lease", "-n", NAMESPACE, "lbctl-node-failures", "--ignore-not-found"
        )

    def dismiss_operators(self) -> None:
        """No operator runs any more."""
        self._scale(0)
        self.lab.kubectl(
            "wait", "--for=delete", "pod", "-n", NAMESPACE, "-l", _OPERATORS, "--timeout=120s"
        )

    def recall_operators(self) -> None:
        self._scale(2)

    def _scale(self, replicas: int) -> None:
        self.lab.kubectl(
            "scale", "deployment/lbctl-operator", "-n", NAMESPACE, f"--replicas={replicas}"
        )

    def evidence(self) -> str:
        """What lbctl's pods and the cluster said lately, for who looks into a trial."""
        namespace = ("-n", NAMESPACE)
        found = [self.lab.kubectl("get", "events", "-A", "--sort-by=.lastTimestamp")]
        for pod in self._pods():
            name = pod["metadata"]["name"]
            title = f"{name} on {pod['spec'].get('nodeName')}"
            log = self.lab.kubectl("logs", *namespace, name, "--timestamps", "--since=5m")
            found.append(f"--- {title}\n{log}")
        return "\n".join(found)

    # Whether all is well

    def wait_whole(self, listener: Listener) -> None:
        """Wait until every part is there, every session up, and one node answers.

        Raises:
            LabError: it does not become so; the message says what is missing.
        """
        deadline = time.monotonic() + WHOLE_SECONDS
        whole = 0
        missing: list[str] = []
        while whole < _LOOKS:
            try:
                missing = self.missing(listener)
            except (LabError, OSError, LookupError) as error:
                missing = [f"no look at the API: {error!r}"]
            whole = 0 if missing else whole + 1
            if time.monotonic() > deadline:
                raise LabError(f"not whole after {WHOLE_SECONDS:.0f} s: {'; '.join(missing)}")
            time.sleep(_LOOK_SECONDS)

    def missing(self, listener: Listener) -> list[str]:
        """What is not as it should be, in words; empty when the cluster is whole."""
        nodes = [f"n{number}" for number in range(1, NODES + 1)]
        return [
            *self._missing_nodes(nodes),
            *self._missing_pods(nodes),
            *self._missing_sessions(nodes),
            *self._missing_holder(nodes, listener),
        ]

    def _missing_nodes(self, nodes: list[str]) -> list[str]:
        found = {node["metadata"]["name"]: node for node in self.api.get("/api/v1/nodes")["items"]}
        not_ready = [f"{name} is not Ready" for name in nodes if not _is(found[name], "Ready")]
        labelled = [
            f"{name} is being drained"
            for name in nodes
            if "lbctl.io/drain" in found[name]["metadata"].get("labels", {})
        ]
        return [*not_ready, *labelled]

    def _missing_pods(self, nodes: list[str]) -> list[str]:
        web = self.api.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
        ours = self._pods()
        unready = [
            f"pod {pod['metadata']['name']} is not ready"
            for pod in [*web, *ours]
            if not _is(pod, "Ready") or "deletionTimestamp" in pod["metadata"]
        ]
        places = {
            "web": [pod["spec"].get("nodeName", "") for pod in web],
            "speaker": [p["spec"].get("nodeName", "") for p in ours if _component(p) == "speaker"],
        }
        astray = [f"{k} pods run on {on}" for k, on in places.items() if sorted(on) != nodes]
        operators = sum(_component(pod) == "operator" for pod in ours)
        return [*unready, *astray, *([] if operators == 2 else [f"{operators} operators"])]

    def _missing_sessions(self, nodes: list[str]) -> list[str]:
        speakers = self.api.get(f"{GROUP}/speakers")["items"]
        up = {
            (speaker["metadata"]["name"], partner["node"])
            for speaker in speakers
            for partner in speaker.get("status", {}).get("partners", [])
            if partner["state"] == "Up"
        }
        wanted = {(one, other) for one in nodes for other in nodes if one != other}
        return [f"{one} does not see {other}" for one, other in sorted(wanted - up)]

    def _missing_holder(self, nodes: list[str], listener: Listener) -> list[str]:
        vip = self._vip()
        if sorted(vip["spec"].get("succession", [])) != nodes:
            return [f"the succession is {vip['spec'].get('succession')}"]
        mac = vip.get("status", {}).get("mac", "").lower()
        if (answering := listener.answering()) != {mac}:
            return [f"{sorted(answering)} answer, and the API says {mac}"]
        if not self.active_operator_node():
            return ["no operator is active"]
        return []

    def _vip(self) -> dict[str, Any]:
        return dict(self.api.get(f"{GROUP}/virtualips/{self.address}"))

    def _pods(self) -> list[dict[str, Any]]:
        query = "labelSelector=app.kubernetes.io%2Fname%3Dlbctl"
        return list(self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?{query}")["items"])


def _component(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"].get("app.kubernetes.io/component", ""))


def _is(found: dict[str, Any], condition: str) -> bool:
    return any(
        each["type"] == condition and each["status"] == "True"
        for each in found.get("status", {}).get("conditions", [])
    )
