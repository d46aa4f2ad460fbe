"""What one version of a CRD takes away from another. Pure.

While a roll-out lasts, objects that the one version wrote are read and written by the other, and
what is stored stays. So a schema may only become wider.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_AT_MOST = ("maxLength", "maxItems", "maxProperties", "maximum")
_AT_LEAST = ("minLength", "minItems", "minProperties", "minimum")
_FIXED = ("type", "format", "pattern", "default", "x-kubernetes-list-type")
"""Another one is another meaning, or refuses what was let in."""
_KEYS = "x-kubernetes-list-map-keys"
_RULES = "x-kubernetes-validations"


def narrowed(before: Schema, after: Schema) -> Iterator[str]:
    """Each thing that was possible with the CRD before and is not with the one after."""
    for name in ("group", "scope"):
        if before["spec"][name] != after["spec"][name]:
            yield f"spec.{name} is another"
    yield from _names(before["spec"]["names"], after["spec"]["names"])
    now = {version["name"]: version for version in after["spec"]["versions"]}
    for version in before["spec"]["versions"]:
        name = version["name"]
        if name not in now or not now[name]["served"]:
            yield f"{name} is not served"
            continue
        yield from _versions(version, now[name])


def _names(before: Schema, after: Schema) -> Iterator[str]:
    for name in ("kind", "plural", "singular"):
        if before[name] != after[name]:
            yield f"the {name} is another"
    for short in sorted({*before.get("shortNames", ())} - {*after.get("shortNames", ())}):
        yield f"the short name {short} is gone"


def _versions(before: Schema, after: Schema) -> Iterator[str]:
    for name in sorted(before.get("subresources", {}).keys() - after.get("subresources", {})):
        yield f"the subresource {name} is gone"
    selectable = [
        {field["jsonPath"] for field in version.get("selectableFields", ())}
        for version in (before, after)
    ]
    for path in sorted(selectable[0] - selectable[1]):
        yield f"nobody can select by {path}"
    yield from _schemas(before["schema"]["openAPIV3Schema"], after["schema"]["openAPIV3Schema"])


def _schemas(before: Schema, after: Schema, path: str = "") -> Iterator[str]:
    yield from (f"{path or '.'}: {what}" for what in _node(before, after))
    properties = after.get("properties", {})
    for name, child in before.get("properties", {}).items():
        if name in properties:
            yield from _schemas(child, properties[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}: is gone, and what is stored in it is dropped"
    for part, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if part in before and part in after:
            yield from _schemas(before[part], after[part], path + sign)
        elif part in before:
            yield f"{path}{sign}: is gone"


def _node(before: Schema, after: Schema) -> Iterator[str]:
    for name in _FIXED:
        if before.get(name) != after.get(name) and (name in before or name != "default"):
            yield f"{name} is {after.get(name)!r} and was {before.get(name)!r}"
    if before.get(_KEYS) != after.get(_KEYS):
        yield "what tells the items apart is another"
    yield from _bounds(before, after)
    yield from _demands(before, after)


def _bounds(before: Schema, after: Schema) -> Iterator[str]:
    for name in _AT_MOST:
        if name in after and after[name] < before.get(name, float("inf")):
            yield f"{name} is {after[name]} and was {before.get(name, 'not there')}"
    for name in _AT_LEAST:
        if name in after and after[name] > before.get(name, 0):
            yield f"{name} is {after[name]} and was {before.get(name, 'not there')}"


def _demands(before: Schema, after: Schema) -> Iterator[str]:
    if "enum" in after:
        for value in before.get("enum", ["all others"]):
            if value not in after["enum"]:
                yield f"{value!r} is refused"
    for name in sorted({*after.get("required", ())} - {*before.get("required", ())}):
        yield f"{name} is required"
    known = {rule["rule"] for rule in before.get(_RULES, ())}
    for rule in after.get(_RULES, ()):
        if rule["rule"] not in known:
            yield f"a rule: {rule.get('message') or rule['rule']}"
