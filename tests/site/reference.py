"""docs/reference.md: every field of the four kinds, made from the CRDs of the chart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.pages import ROOT

PAGE = ROOT / "docs" / "reference.md"
CRDS = ROOT / "charts" / "lbctl" / "files" / "crds"
ORDER = ("IPAddressPool", "L2Advertisement", "VirtualIP", "Speaker")

HEAD = """\
# Reference of the kinds

Made from the CRDs by `python -m tests.site`; do not edit it here. `kubectl explain` says the same.
All kinds are cluster-scoped, of `lbctl.io/v1beta1`. `[]` marks a list, `{}` a map. You write the
spec of an `IPAddressPool` and of an `L2Advertisement`, and a `VirtualIP` to
[reserve an address](services.md#reservations); everything else is written by lbctl.
"""

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it is, what it holds, and what is refused."""

    path: str
    type: str
    default: str
    description: str
    rules: tuple[str, ...]

    @property
    def row(self) -> str:
        told = f"{self.description} {_refused(self.rules)}"
        return f"| `{self.path}` | {self.type} | {self.default} | {_cell(told)} |"


def page() -> str:
    """The whole page."""
    crds = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CRDS.glob("*.yaml"))
    ]
    by_kind = {crd["spec"]["names"]["kind"]: crd for crd in crds}
    assert by_kind.keys() == set(ORDER), "say where a new kind stands"
    return "\n".join([HEAD, *(_kind(by_kind[kind]) for kind in ORDER)])


def _kind(crd: Schema) -> str:
    names, (version,) = crd["spec"]["names"], crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    short = ", ".join(f"`{name}`" for name in (names["plural"], *names.get("shortNames", ())))
    parts = [f"## {names['kind']}\n", f"{schema.get('description', '')}\n", f"Ask for {short}.\n"]
    parts += ["| column of `kubectl get` | shows |", "|---|---|"]
    for column in version["additionalPrinterColumns"]:
        wide = " (`-o wide`)" if column.get("priority") else ""
        told = column.get("description") or f"`{column['jsonPath'].removeprefix('.')}`"
        parts.append(f"| {column['name'].upper()}{wide} | {_cell(told)} |")
    parts.append("")
    for top in ("spec", "status"):
        below = schema["properties"].get(top)
        if below is None:
            continue
        parts += [f"### {names['kind']} {top}\n"]
        parts += [f"{_cell(below['description'])}\n"] if below.get("description") else []
        parts += [f"{refused}\n"] if (refused := _refused(_rules(below))) else []
        parts += ["| field | type | default | meaning |", "|---|---|---|---|"]
        parts += [field.row for field in _fields(below, "")]
        parts.append("")
    return "\n".join(parts)


def _fields(schema: Schema, above: str) -> Iterator[Field]:
    required = set(schema.get("required", ()))
    for name, child in schema.get("properties", {}).items():
        path = f"{above}{name}"
        default = "required" if name in required else _default(child)
        yield Field(path, _type(child), default, child.get("description", ""), _rules(child))
        yield from _fields(*_below(child, path))


def _below(schema: Schema, path: str) -> tuple[Schema, str]:
    """What holds the fields below a field, and how their paths begin."""
    if "items" in schema:
        return _below(schema["items"], f"{path}[]")
    if isinstance(values := schema.get("additionalProperties"), dict):
        return _below(values, f"{path}{{}}")
    return schema, f"{path}."


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if isinstance(values := schema.get("additionalProperties"), dict):
        return f"map to {_type(values)}"
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"))
        if key in schema
    ]
    return " ".join([schema.get("format") or schema.get("type", "any"), *limits])


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return ""
    shown = yaml.safe_dump(schema["default"], default_flow_style=True, width=1000)
    return f"`{shown.removesuffix(chr(10)).removesuffix('...').strip()}`"


def _rules(schema: Schema) -> tuple[str, ...]:
    """What the API server says of a value that it refuses; of a list, of its items too."""
    own = [rule["message"].rstrip(".") for rule in schema.get("x-kubernetes-validations", ())]
    items = _rules(schema["items"]) if "items" in schema else ()
    return tuple(dict.fromkeys((*own, *items)))


def _refused(rules: tuple[str, ...]) -> str:
    quoted = "; ".join(f"“{rule}”" for rule in rules)
    return f"Refused with: {quoted}." if rules else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
