"""Doing what a page says: the commands of its numbered steps, run as they stand."""

import os
import re
import subprocess
from pathlib import Path
from textwrap import dedent

from tests.lab import Lab
from tests.tour.site import ROOT

_STEP = re.compile(r"^(\d+)\. ", re.MULTILINE)
_BLOCK = re.compile(r"^ *```(?:console)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def commands(page: Path, heading: str) -> dict[int, str]:
    """The code blocks of each numbered step below a heading; a step without one is left out."""
    (section,) = re.findall(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## )", page.read_text(), re.MULTILINE | re.DOTALL
    )
    _, *steps = _STEP.split(section)
    found = {
        int(number): "".join(dedent(block) for block in _BLOCK.findall(text))
        for number, text in zip(steps[::2], steps[1::2], strict=True)
    }
    return {number: text for number, text in found.items() if text}


class Walk:
    """A person at a shell with kubectl and helm, in a directory that has the checkout's charts."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self._directory = directory
        (directory / "charts").symlink_to(ROOT / "charts")
        programs = {str(lab.site.binaries[name].parent) for name in ("kubectl", "helm")}
        self._environment = {
            **os.environ,
            "PATH": ":".join([*programs, os.environ["PATH"]]),
            "KUBECONFIG": str(lab.kubeconfig),
            "HELM_CACHE_HOME": str(directory / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(directory / "helm" / "config"),
            "HELM_DATA_HOME": str(directory / "helm" / "data"),
        }

    def run(self, text: str) -> str:
        """Run the text in a shell that ends at the first failure; what it printed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            check=False,
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout
