"""A real Prometheus beside the pods: in a node's network namespace, with static targets.

Debian's build knows no Kubernetes discovery, so that the targets are written down; what the chart's
PodMonitors select is tested with the chart.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.lab import Lab, packages
from tests.lab.commands import run
from tests.tour.looking import until
from tests.tour.site import CHART

PORT = 19090
ALERTS = CHART / "files" / "alerts.yaml"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running one.

    Args:
        lab: where it runs.
        node: in whose network namespace.
    """

    lab: Lab
    node: str

    def ask(self, path: str, **query: str) -> Any:
        """The data of one answer of its API; {} while it does not answer."""
        url = f"http://127.0.0.1:{PORT}/api/v1/{path}?{urlencode(query)}"
        words = self.lab.site.enter(self.node)
        # While it starts it answers 503, in words.
        asking = ("curl", "--silent", "--fail", "--max-time", "5", url)
        said = run(*words, *asking, check=False).stdout
        return json.loads(said)["data"] if said else {}

    def value(self, query: str) -> float | None:
        """The one number of a query; None when there is no series."""
        found = self.ask("query", query=query).get("result") or []
        return float(found[0]["value"][1]) if found else None

    def health(self) -> list[str]:
        """What is said of each target."""
        return [one["health"] for one in self.ask("targets").get("activeTargets") or []]

    def rules(self) -> list[dict[str, Any]]:
        """Every alert rule with its state."""
        return [rule for group in self.ask("rules").get("groups") or [] for rule in group["rules"]]


@contextmanager
def running(
    lab: Lab, node: str, folder: Path, targets: Mapping[str, list[dict[str, Any]]]
) -> Iterator[Prometheus]:
    """Prometheus with lbctl's alerts.

    Args:
        lab: where the pods are.
        node: from whose network namespace it asks.
        folder: for its configuration and data.
        targets: static_configs by the name of the job.
    """
    packages.ensure(packages.PROMETHEUS)
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {"job_name": job, "static_configs": configs} for job, configs in targets.items()
        ],
    }
    configuration = folder / "prometheus.yaml"
    configuration.write_text(yaml.safe_dump(settings), encoding="utf-8")
    log = (folder / "prometheus.log").open("w", encoding="utf-8")
    command = [
        *lab.site.enter(node),
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{PORT}",
    ]
    with log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            made = Prometheus(lab, node)
            count = sum(len(config["targets"]) for each in targets.values() for config in each)
            until(lambda: made.health() == ["up"] * count, what=f"{count} targets are up")
            yield made
        finally:
            process.terminate()
