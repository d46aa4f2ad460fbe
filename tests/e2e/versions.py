"""Two versions of lbctl on one cluster: the one before, from its archive, and this one."""

import json
from contextlib import suppress
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.chart.rendering import KUBE_VERSION
from tests.lab import Lab, images, lbctl_image
from tests.lab.errors import LabError
from tests.previous import sources
from tests.tour.looking import get, until
from tests.tour.site import CHART, NAMESPACE, ROOT, Site

RELEASE = "lbctl"
KINDS = ("ipaddresspools", "l2advertisements", "virtualips", "speakers")
CRDS = tuple(f"{kind}.lbctl.io" for kind in KINDS)
_REPOSITORY = "localhost/lbctl"
_BUILD = ROOT / "build" / "previous"


class Version(StrEnum):
    """By the tags of the images."""

    PREVIOUS = "previous"
    CURRENT = "dev"

    @property
    def image(self) -> str:
        return f"{_REPOSITORY}:{self}"

    @property
    def chart(self) -> Path:
        return CHART if self is Version.CURRENT else _unpacked() / "charts" / "lbctl"


@cache
def _unpacked() -> Path:
    return sources.unpack(_BUILD / sources.commit()[:12])


def load_previous(lab: Lab) -> None:
    """Build the image of the version before and give it to every node."""
    archive = _BUILD / "image.tar"
    lbctl_image.build(
        base=images.BASE, output=archive, tag=Version.PREVIOUS.image, sources=_unpacked()
    )
    lab.load_image(archive)


# What a person does


def upgrade(site: Site, version: Version, *values: str) -> None:
    """`helm upgrade --install` to a version; returns when its pods are ready."""
    # fmt: off
    site.helm("upgrade", "--install", RELEASE, str(version.chart), "-n", NAMESPACE,
              "--create-namespace", "--wait", "--timeout", "8m",
              "--set", f"image.tag={version}", *values)
    # fmt: on


def roll_back(site: Site) -> None:
    """`helm rollback` to the revision before."""
    site.helm("rollback", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "8m")


def uninstall(site: Site) -> None:
    site.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "3m")


def purge(site: Site) -> None:
    """Remove every trace of lbctl, as docs/install.md says; nothing of it may hang."""
    with suppress(LabError):  # There was none.
        uninstall(site)
    site.kubectl("delete", "crd", "--ignore-not-found", "--timeout=60s", *CRDS)
    site.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


# Versions that differ


def run_operator(site: Site, version: Version) -> None:
    """Replace the operator alone, as its own chart has it."""
    _apply(site, _rendered(site, version, "operator/deployment"))
    _rolled_out(site, "deployment/lbctl-operator")


def run_speakers(site: Site, version: Version) -> None:
    """Replace the speakers alone, as their own chart has them."""
    _apply(site, _rendered(site, version, "speaker/daemonset"))
    _rolled_out(site, "daemonset/lbctl-speaker")


def run_speaker(site: Site, version: Version, node: str) -> None:
    """Replace the speaker of one node alone, as in a roll-out that has just begun."""
    manifest = _rendered(site, version, "speaker/daemonset")
    manifest["spec"]["updateStrategy"] = {"type": "OnDelete"}
    _apply(site, manifest)
    where = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=speaker")
    site.kubectl("delete", "pod", *where, f"--field-selector=spec.nodeName={node}")
    until(
        lambda: versions(site).get(f"speaker on {node}") == {version.image},
        what=f"{node} has another speaker",
    )
    until(lambda: all(map(is_ready, pods(site))), what="all are ready", seconds=180)


def _rendered(site: Site, version: Version, template: str) -> dict[str, Any]:
    # fmt: off
    text = site.helm("template", RELEASE, str(version.chart), "-n", NAMESPACE,
                     "--kube-version", KUBE_VERSION, "--set", f"image.tag={version}",
                     "--show-only", f"templates/{template}.yaml")
    # fmt: on
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest


def _apply(site: Site, manifest: dict[str, Any]) -> None:
    site.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


def _rolled_out(site: Site, what: str) -> None:
    site.kubectl("rollout", "status", what, "-n", NAMESPACE, "--timeout=240s")


# Looking


def versions(site: Site) -> dict[str, set[str]]:
    """The images of the operator and of each node's speaker."""
    found: dict[str, set[str]] = {}
    for pod in pods(site):
        name = part(pod)
        where = f"speaker on {pod['spec'].get('nodeName')}" if name == "speaker" else name
        found.setdefault(where, set()).update(c["image"] for c in pod["spec"]["containers"])
    return found


def pods(site: Site) -> list[dict[str, Any]]:
    """lbctl's, without those that are going."""
    found = get(site, "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=lbctl")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def part(pod: dict[str, Any]) -> str:
    """`operator` or `speaker`."""
    return str(pod["metadata"]["labels"]["app.kubernetes.io/component"])


def given(site: Site) -> dict[str, list[str]]:
    """The addresses that each Service shows."""
    return {
        service["metadata"]["name"]: [
            entry["ip"] for entry in service["status"].get("loadBalancer", {}).get("ingress", [])
        ]
        for service in get(site, "services")["items"]
        if service["spec"]["type"] == "LoadBalancer"
    }


def allocations(site: Site) -> dict[str, str]:
    """The uid of each VirtualIP: an address that was let go and given again has another."""
    return {
        one["metadata"]["name"]: one["metadata"]["uid"] for one in get(site, "virtualips")["items"]
    }


def unsettled(site: Site) -> list[str]:
    """What is still to come before the cluster is as it was, in words."""
    speakers = get(site, "speakers")["items"]
    # A Speaker outlives its pods, as long as there is the Node.
    names = {pod["spec"].get("nodeName") for pod in pods(site) if part(pod) == "speaker"}
    sessions = {
        (speaker["metadata"]["name"], partner["node"])
        for speaker in speakers
        for partner in speaker.get("status", {}).get("partners", [])
        if partner["state"] == "Up"
    }
    wanted = {(one, other) for one in names for other in names if one != other}
    missing = [f"{one} does not see {other}" for one, other in sorted(wanted - sessions)]
    rollout = get(site, "daemonset", "lbctl-speaker", "-n", NAMESPACE)["status"]
    if rollout.get("numberAvailable", 0) != len(names):
        missing.append("a speaker is not ready for long enough: the next roll-out would not wait")
    for virtual_ip in get(site, "virtualips")["items"]:
        name, spec = virtual_ip["metadata"]["name"], virtual_ip["spec"]
        conditions = virtual_ip.get("status", {}).get("conditions", [])
        if not spec.get("services"):
            continue
        if {*spec.get("succession", [])} != names or "outgoing" in spec:
            missing.append(f"{name} is planned for {spec.get('succession')}")
        if not any(c["type"] == "Announced" and c["status"] == "True" for c in conditions):
            missing.append(f"{name} is not announced")
    return missing


def settled(site: Site) -> None:
    """Wait until every speaker sees every other, and every address has a holder and heirs."""

    def nothing_missing() -> bool:
        if missing := unsettled(site):
            raise LookupError("; ".join(missing))
        return True

    until(nothing_missing, what="all is settled")
