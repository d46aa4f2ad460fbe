"""The CRDs: what is in the chart is what the models say, and the schema is structural."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl.api import crd
from lbctl.api.crd import KINDS, custom_resource_definition, structural_schema
from lbctl.api.meta import Resource

CHART = Path(__file__).parents[3] / "charts" / "lbctl" / "files" / "crds"

Schema = dict[str, Any]

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.definition.kind)


def below(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every node of a schema with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from below(child, f"{path}.{name}")
    if "items" in schema:
        yield from below(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from below(schema["additionalProperties"], f"{path}{{}}")


def test_the_charts_crds_are_those_of_the_models() -> None:
    rendered = crd.render()
    assert {path.name for path in CHART.iterdir()} == set(rendered)
    for name, text in rendered.items():
        assert (CHART / name).read_text(encoding="utf-8") == text, "run `lbctl crds --output`"


def test_crds_are_written_as_they_are_rendered(tmp_path: Path) -> None:
    written = crd.write(tmp_path / "new")
    assert {path.name: path.read_text(encoding="utf-8") for path in written} == crd.render()


@every_kind
def test_yaml_says_what_the_dict_says(kind: type[Resource]) -> None:
    text = crd.render()[f"lbctl.io_{kind.definition.plural}.yaml"]
    assert yaml.safe_load(text) == custom_resource_definition(kind)


@every_kind
def test_every_field_has_a_description_and_one_type(kind: type[Resource]) -> None:
    for path, schema in below(structural_schema(kind)):
        assert isinstance(schema.get("type"), str), path
        if not path.endswith(("]", "}")):
            assert schema.get("description", "").endswith("."), path


@every_kind
def test_the_schema_is_structural(kind: type[Resource]) -> None:
    refused = {"$ref", "$defs", "anyOf", "oneOf", "title", "const"}
    for path, schema in below(structural_schema(kind)):
        assert not refused & set(schema), path
        assert schema.get("default", "") is not None, path


@every_kind
def test_every_list_says_how_its_items_are_told_apart(kind: type[Resource]) -> None:
    for path, schema in below(structural_schema(kind)):
        if schema["type"] == "array":
            assert schema["x-kubernetes-list-type"] in {"set", "map", "atomic"}, path


@every_kind
def test_what_a_user_writes_is_bounded(kind: type[Resource]) -> None:
    spec = structural_schema(kind)["properties"].get("spec", {"type": "object"})
    for path, schema in below(spec, "spec"):
        if schema["type"] == "array":
            assert "maxItems" in schema, path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path
        if schema["type"] == "string":
            assert "maxLength" in schema or "enum" in schema, path


@every_kind
def test_every_rule_has_a_message(kind: type[Resource]) -> None:
    for path, schema in below(structural_schema(kind)):
        for rule in schema.get("x-kubernetes-validations", ()):
            assert rule["message"].strip(), path
            assert "\n" not in rule["message"] + rule["rule"], path


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        ("IPAddressPool", ["spec"]),
        ("L2Advertisement", []),
        ("VirtualIP", ["spec"]),
        ("Speaker", []),
    ],
)
def test_only_the_spec_is_required(kind: str, required: list[str]) -> None:
    (model,) = (model for model in KINDS if model.definition.kind == kind)
    assert structural_schema(model).get("required", []) == required


@every_kind
def test_kinds_are_cluster_scoped_with_a_status_of_their_own(kind: type[Resource]) -> None:
    spec = custom_resource_definition(kind)["spec"]
    (version,) = spec["versions"]
    assert spec["scope"] == "Cluster"
    assert spec["names"]["categories"] == ["lbctl"]
    assert version["subresources"] == {"status": {}}
