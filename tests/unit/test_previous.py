"""This version beside the one before it: what both read and write, and what both are called."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl.api import crd
from tests.lab.layout import REPOSITORY
from tests.previous import sources
from tests.previous.narrowing import narrowed

CRDS = "charts/lbctl/files/crds/"

MEANT = {
    "lbctl.io_virtualips.yaml: .spec.handOff: a rule: nodePortsUntil says when nodePorts end: "
    "write nodePorts, or leave it out": "it speaks of fields that the version before has not",
}
"""What was narrowed since then all the same, each with the reason why nobody is hurt."""


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, Any]]:
    """The CRDs of the version before, by the names of their files."""
    return {
        path.removeprefix(CRDS): yaml.safe_load(text)
        for path, text in sources.files().items()
        if path.startswith(CRDS)
    }


def test_what_the_version_before_stored_is_valid_and_kept(
    before: dict[str, dict[str, Any]],
) -> None:
    now = {name: yaml.safe_load(text) for name, text in crd.render().items()}
    assert before.keys() <= now.keys(), "a kind is gone"
    found = {f"{name}: {what}" for name, old in before.items() for what in narrowed(old, now[name])}
    assert found == MEANT.keys(), "see docs/upgrading.md"


def schema(after: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = after["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def field(after: dict[str, Any], *path: str) -> dict[str, Any]:
    """One field of a pool's schema."""
    node = schema(after)
    for name in path:
        node = node["properties"][name]
    return node


def remove(after: dict[str, Any]) -> None:
    del field(after, "spec")["properties"]["disabled"]


def shorten(after: dict[str, Any]) -> None:
    field(after, "spec", "addresses")["maxItems"] = 1


def retype(after: dict[str, Any]) -> None:
    field(after, "spec", "disabled")["type"] = "string"


def require(after: dict[str, Any]) -> None:
    field(after, "spec").setdefault("required", []).append("disabled")


def forbid(after: dict[str, Any]) -> None:
    rule = {"rule": "false", "message": "no"}
    field(after, "spec").setdefault("x-kubernetes-validations", []).append(rule)


def choose(after: dict[str, Any]) -> None:
    field(after, "spec", "onRemoval")["enum"] = ["Keep"]


def withdraw(after: dict[str, Any]) -> None:
    after["spec"]["versions"][0]["served"] = False


def rename(after: dict[str, Any]) -> None:
    after["spec"]["names"]["shortNames"] = []


NARROWER: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("a field is gone", remove),
    ("a list may be less long", shorten),
    ("a field has another type", retype),
    ("a field must be there", require),
    ("a rule is new", forbid),
    ("a value is refused", choose),
    ("the version is not served", withdraw),
    ("a short name is gone", rename),
]


@pytest.mark.parametrize("change", [row[1] for row in NARROWER], ids=[row[0] for row in NARROWER])
def test_what_is_narrower_is_found(change: Callable[[dict[str, Any]], None]) -> None:
    old = yaml.safe_load(crd.render()["lbctl.io_ipaddresspools.yaml"])
    new = copy.deepcopy(old)
    assert not list(narrowed(old, new))
    change(new)
    assert list(narrowed(old, new))


def test_what_is_wider_is_no_finding() -> None:
    new = yaml.safe_load(crd.render()["lbctl.io_ipaddresspools.yaml"])
    old = copy.deepcopy(new)
    for change in (remove, shorten):
        change(old)
    assert not list(narrowed(old, new))


NAMES = """
import json
from lbctl.api.meta import API_VERSION
from lbctl.core.labels import *
from lbctl.core.labels import SPEAKER_LABELS
print(json.dumps([
    API_VERSION, DEFAULT_LOAD_BALANCER_CLASS, OPERATOR_LEASE, FAILURES_LEASE, MARKED_NODES,
    DRAIN, REBALANCE, SPEAKER_LABELS, candidate_label("n1"), candidate_label("n" * 253),
    speaker_lease("n1"), speaker_lease("n" * 253),
]))
"""
"""By these the operator and the speakers find each other's objects."""


def names(folder: Path) -> Any:
    """What the sources in a folder call them."""
    command = [sys.executable, "-P", "-c", NAMES]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(folder)}, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_an_operator_and_a_speaker_of_two_versions_find_each_other(tmp_path: Path) -> None:
    assert names(sources.unpack(tmp_path)) == names(REPOSITORY)


def test_the_archive_holds_what_was_released() -> None:
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{sources.commit()}^{{commit}}"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
    )
    if known.returncode:
        pytest.skip("the history is not here")
    assert sources.files() == sources.files(sources.packed(sources.commit()))
