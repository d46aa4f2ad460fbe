"""What people are shown can be applied as it is; tests/cluster asks a real API server besides."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from lbctl.api.crd import KINDS
from lbctl.api.meta import API_VERSION
from lbctl.core.intervals import AddressSet
from lbctl.core.objects.entries import parse_entry
from tests.pages import ROOT, manifests, objects
from tests.unit.api.fields import unknown_fields

EXAMPLES = sorted(ROOT.glob("examples/*/README.md"))
MODELS = {kind.definition.kind: kind for kind in KINDS}
APPLIED = re.compile(r"-f (\S+\.yaml)")


def ours(obj: dict[str, Any]) -> bool:
    return str(obj["apiVersion"]).startswith("lbctl.io/")


@pytest.mark.parametrize("where", manifests())
def test_a_manifest_says_what_it_is_and_nothing_that_is_not_read(where: str) -> None:
    found = [*objects(manifests()[where])]
    assert found, "it holds no object"
    for obj in found:
        assert obj["metadata"]["name"]
        if ours(obj):
            assert obj["apiVersion"] == API_VERSION
            model = MODELS[obj["kind"]].model_validate(obj)
            assert [*unknown_fields(model)] == []


def test_a_misspelt_field_would_be_found() -> None:
    pool = next(obj for text in manifests().values() for obj in objects(text) if ours(obj))
    model = MODELS[pool["kind"]]
    assert [*unknown_fields(model.model_validate({**pool, "spek": {}}))] == [".spek"]
    pool["spec"]["allocation"] = {"quota": 1}
    assert [*unknown_fields(model.model_validate(pool))] == [".spec.allocation.quota"]


def test_manifests_are_found_wherever_they_stand() -> None:
    found = {where.partition(":")[0] for where in manifests()}
    assert {"README.md", "docs/pools.md", "docs/services.md", "docs/operator.md"} <= found
    assert {str(page.parent.relative_to(ROOT)) for page in EXAMPLES} <= {
        str(Path(where).parent) for where in found
    }


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.parent.name)
def test_an_example_tells_of_each_of_its_manifests(page: Path) -> None:
    named = set(APPLIED.findall(page.read_text(encoding="utf-8")))
    assert named == {path.name for path in page.parent.glob("*.yaml")}
    number, _, _ = page.parent.name.partition("-")
    assert page.read_text(encoding="utf-8").startswith(f"# {number}: ")


def addresses(where: str) -> AddressSet:
    """The addresses that a manifest's pools and reservations have."""
    specs = [obj["spec"] for obj in objects(manifests()[where]) if ours(obj)]
    entries = [entry for spec in specs for entry in spec.get("addresses") or ()]
    reserved = [spec["address"] for spec in specs if "address" in spec]
    return AddressSet.union(map(parse_entry, (*entries, *reserved)))


def test_examples_can_be_applied_side_by_side() -> None:
    used = {where: addresses(where) for where in manifests() if where.startswith("examples/")}
    for one, other in combinations(used, 2):
        assert used[one].minus(used[other]) == used[one], f"{one} and {other} overlap"
