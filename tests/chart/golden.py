"""The golden files: what the chart renders, kept so that a change of it is seen in review.

The CRDs are left out: they are generated from `lbctl.api` and have their own drift test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chart import rendering

HERE = Path(__file__).resolve().parent
EVERYTHING: dict[str, Any] = yaml.safe_load((HERE / "everything.yaml").read_text())


@dataclass(frozen=True, slots=True)
class Golden:
    """One rendering and where it is kept."""

    name: str
    values: dict[str, Any]
    release: str
    namespace: str

    @property
    def path(self) -> Path:
        return HERE / "golden" / f"{self.name}.yaml"

    def render(self) -> str:
        values = {**self.values, "crds": {"install": False}}
        return rendering.template(values, release=self.release, namespace=self.namespace)


GOLDEN = (
    Golden("default", {}, release="lbctl", namespace="lbctl-system"),
    Golden("everything", EVERYTHING, release="edge", namespace="network"),
)
