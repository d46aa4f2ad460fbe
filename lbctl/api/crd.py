"""The models as CustomResourceDefinitions: pydantic's JSON schema made structural.

A structural schema has no references, no unions with null and no titles, and says for each list how
its items are told apart (Kubernetes, "Specifying a structural schema").
"""

from pathlib import Path
from typing import Any

import yaml

from lbctl.api.advertisements import L2Advertisement
from lbctl.api.meta import GROUP, VERSION, Column, Resource
from lbctl.api.pools import IPAddressPool
from lbctl.api.speakers import Speaker
from lbctl.api.virtualips import VirtualIP

KINDS: tuple[type[Resource], ...] = (IPAddressPool, L2Advertisement, VirtualIP, Speaker)
"""Every kind of the API, in the order in which they are rendered."""

CATEGORY = "lbctl"
"""`kubectl get lbctl` shows all kinds."""

Schema = dict[str, Any]

_HEADER = "# Made by `lbctl crds` from lbctl/api. Do not edit.\n"

_DROPPED = frozenset({"title", "$defs", "additionalProperties"})
_SERVED_BY_THE_API_SERVER = ("apiVersion", "kind", "metadata")


def render() -> dict[str, str]:
    """The CRDs as YAML, by file name."""
    return {
        f"{GROUP}_{kind.definition.plural}.yaml": _HEADER
        + yaml.safe_dump(custom_resource_definition(kind), sort_keys=False, width=100)
        for kind in KINDS
    }


def write(folder: Path) -> list[Path]:
    """Write the CRDs into a folder, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, text in render().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def custom_resource_definition(kind: type[Resource]) -> Schema:
    """The CRD of one kind (apiextensions.k8s.io/v1)."""
    definition = kind.definition
    names: Schema = {
        "kind": definition.kind,
        "listKind": f"{definition.kind}List",
        "plural": definition.plural,
        "singular": definition.singular,
        "categories": [CATEGORY],
    }
    if definition.short_names:
        names["shortNames"] = list(definition.short_names)
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in definition.columns],
        "schema": {"openAPIV3Schema": structural_schema(kind)},
        "subresources": {"status": {}},
    }
    if definition.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in definition.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Cluster", "versions": [version]},
    }


def structural_schema(kind: type[Resource]) -> Schema:
    """The schema of one kind, as the API server wants it."""
    raw = kind.model_json_schema(by_alias=True, mode="validation")
    schema = _structural(raw, raw.get("$defs", {}))
    for served in _SERVED_BY_THE_API_SERVER:
        schema["properties"].pop(served)
    required = [name for name in schema.get("required", ()) if name in schema["properties"]]
    schema.pop("required", None)
    return schema | ({"required": required} if required else {})


def _structural(node: Schema, definitions: Schema) -> Schema:
    """One node of the schema and all below it. What stands beside a reference overrides it."""
    node = _resolved(node, definitions)
    schema = {key: value for key, value in node.items() if key not in _DROPPED}
    if schema.get("default", ...) is None:
        del schema["default"]
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if "properties" in schema:
        schema["properties"] = {
            name: _structural(child, definitions) for name, child in node["properties"].items()
        }
    if "items" in schema:
        schema["items"] = _structural(node["items"], definitions)
    if isinstance(values := node.get("additionalProperties"), dict):
        # A map. The other meaning of the word, whether unknown fields may come, is dropped.
        schema["additionalProperties"] = _structural(values, definitions)
    return schema


def _resolved(node: Schema, definitions: Schema) -> Schema:
    while True:
        if "anyOf" in node:
            rest = {key: value for key, value in node.items() if key != "anyOf"}
            node = _without_null(node["anyOf"]) | rest
        elif "$ref" in node:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            node = definitions[node["$ref"].rpartition("/")[2]] | rest
        else:
            return node


def _without_null(choices: list[Schema]) -> Schema:
    """Of `X or null` only X: a field that is not set is absent."""
    (choice,) = (choice for choice in choices if choice.get("type") != "null")
    return choice


def _column(column: Column) -> Schema:
    shown: Schema = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        shown["description"] = column.description
    return shown | ({"priority": 1} if column.wide else {})
