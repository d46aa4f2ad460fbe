"""Running helm on the chart and reading what it renders."""

import functools
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab import binaries

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "lbctl"
KUBE_VERSION = "1.37.2"

Values = dict[str, Any]


class RefusedError(Exception):
    """Helm refused to render; the message is what the user reads."""


@functools.cache
def helm_program() -> Path:
    """The helm that the lab pins."""
    return binaries.ensure()["helm"]


def helm(*arguments: str | Path, stdin: str = "") -> str:
    """Run helm and return what it printed; raises RefusedError."""
    command = [str(helm_program()), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(done.stdout + done.stderr)
    return done.stdout


def template(
    values: Values | None = None,
    *,
    chart: Path = CHART,
    release: str = "lbctl",
    namespace: str = "lbctl-system",
    kube_version: str = KUBE_VERSION,
    served: Iterable[str] = (),
) -> str:
    """The manifests of a release as Helm writes them, where kinds are served besides the usual."""
    where = ["--namespace", namespace, "--kube-version", kube_version]
    where += [f"--api-versions={one}" for one in served]
    return helm("template", release, chart, *where, "--values", "-", stdin=yaml.dump(values or {}))


@dataclass(frozen=True, slots=True)
class Manifests:
    """The objects of a release."""

    objects: tuple[dict[str, Any], ...]

    @classmethod
    def of(
        cls, values: Values | None = None, *, chart: Path = CHART, served: Iterable[str] = ()
    ) -> "Manifests":
        text = template(values, chart=chart, served=served)
        return cls(tuple(filter(None, yaml.safe_load_all(text))))

    def kinds(self, kind: str) -> Iterator[dict[str, Any]]:
        return (found for found in self.objects if found["kind"] == kind)

    def one(self, kind: str, component: str) -> dict[str, Any]:
        """The only object of a kind that belongs to a part (operator or speaker)."""
        label = "app.kubernetes.io/component"
        (found,) = (o for o in self.kinds(kind) if o["metadata"]["labels"][label] == component)
        return found

    def pod(self, component: str) -> dict[str, Any]:
        """The pod template's spec of a part."""
        kind = {"operator": "Deployment", "speaker": "DaemonSet"}[component]
        spec: dict[str, Any] = self.one(kind, component)["spec"]["template"]["spec"]
        return spec

    def container(self, component: str) -> dict[str, Any]:
        """The only container of a part."""
        (only,) = self.pod(component)["containers"]
        found: dict[str, Any] = only
        return found
