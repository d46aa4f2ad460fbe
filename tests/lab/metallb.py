"""MetalLB itself, for tests that take over from it: built once, its chart read from its module.

The images have the names that the chart asks for. Layer 2 alone: no FRR.
"""

import json
from pathlib import Path

from tests.lab import images
from tests.lab.binaries import Collection, Program, ensure, versions
from tests.lab.commands import run
from tests.lab.toolchain import environment, find_go

GO_MODULE = Path(__file__).with_name("metallb")
MODULE = "go.universe.tf/metallb"

PROGRAMS = (
    Program("controller", MODULE, f"{MODULE}/controller", 160, ()),
    Program("speaker", MODULE, f"{MODULE}/speaker", 10, ()),
)
METALLB = Collection(GO_MODULE, PROGRAMS, tags="", linker_flags=lambda _: "-s -w")

CHART_VALUES = ("frrk8s.enabled=false", "speaker.frr.enabled=false")
"""What makes MetalLB's chart the layer 2 one."""


def archives() -> list[Path]:
    """The archives of both images, made if need be."""
    version = versions((GO_MODULE / "go.mod").read_text())[MODULE]
    return [
        images.program_archive(f"metallb-{name}", f"quay.io/metallb/{name}:v{version}", program)
        for name, program in ensure(METALLB).items()
    ]


def chart() -> Path:
    """MetalLB's own Helm chart, in Go's cache of modules."""
    go = find_go((GO_MODULE / "go.mod").read_text())
    argv = ("mod", "download", "-json", MODULE)
    said = run(go, *argv, timeout=600, env=environment(), cwd=str(GO_MODULE)).stdout
    return Path(json.loads(said)["Dir"]) / "charts" / "metallb"
