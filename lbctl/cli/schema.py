"""Checks an object against a structural schema, in the words of the API server.

Of OpenAPI's schemas only what `lbctl.api.crd` makes: types, required fields, bounds, enums, lists
that are sets or maps, and CEL rules by their twins. A field that is not in the schema would be
dropped silently, so it is a mistake too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from lbctl.cli.judging import TWINS
from lbctl.cli.manifests import Path_, written

Schema = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "number": (int, float),
}


class Wrong(NamedTuple):
    """Something that the API server would refuse, or drop."""

    path: Path_
    message: str


def check(value: Any, schema: Schema, path: Path_ = ()) -> Iterator[Wrong]:
    """Everything that is wrong with a value."""
    wanted = schema.get("type", "object")
    if not _is(value, wanted):
        place = written(path)
        yield Wrong(
            path, f"Invalid value: {_shown(value)}: {place} in body must be of type {wanted}"
        )
        return
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(f'"{one}"' for one in schema["enum"])
        yield Wrong(path, f"Unsupported value: {_shown(value)}: supported values: {allowed}")
        return
    found = [*_inside(value, schema, path)]
    yield from found
    if not found:
        yield from _ruled(value, schema, path)


def _inside(value: Any, schema: Schema, path: Path_) -> Iterator[Wrong]:
    if isinstance(value, dict):
        yield from _fields(value, schema, path)
    elif isinstance(value, list):
        yield from _items(value, schema, path)
    elif isinstance(value, str):
        yield from _length(value, schema, path)
    elif isinstance(value, int | float):
        yield from _bounds(value, schema, path)


def _fields(value: dict[str, Any], schema: Schema, path: Path_) -> Iterator[Wrong]:
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield Wrong((*path, name), "Required value")
    if len(value) > schema.get("maxProperties", len(value)):
        yield Wrong(
            path, f"Too many: {len(value)}: must have at most {schema['maxProperties']} items"
        )
    known = schema.get("properties")
    others = schema.get("additionalProperties")
    for name, inner in value.items():
        if known is not None and name in known:
            if inner is not None:
                yield from check(inner, known[name], (*path, name))
        elif isinstance(others, dict):
            yield from check(inner, others, (*path, name))
        elif known is not None:
            near = get_close_matches(name, known, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            yield Wrong((*path, name), f'unknown field "{written((*path, name))}"{hint}')


def _items(value: list[Any], schema: Schema, path: Path_) -> Iterator[Wrong]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if len(value) < least:
        text = f"{written(path)} in body should have at least {least} items"
        yield Wrong(path, f"Invalid value: {len(value)}: {text}")
    if len(value) > most:
        yield Wrong(path, f"Too many: {len(value)}: must have at most {most} items")
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    unique = schema.get("x-kubernetes-list-type") in {"set", "map"}
    seen: set[str] = set()
    for at, one in enumerate(value):
        yield from check(one, schema.get("items", {}), (*path, at))
        marks = {key: one.get(key) for key in keys} if keys and isinstance(one, dict) else one
        mark = json.dumps(marks, sort_keys=True)
        if unique and mark in seen:
            yield Wrong((*path, at), f"Duplicate value: {mark}")
        seen.add(mark)


def _length(value: str, schema: Schema, path: Path_) -> Iterator[Wrong]:
    if len(value) > schema.get("maxLength", len(value)):
        yield Wrong(path, f"Too long: may not be more than {schema['maxLength']} characters")
    if len(value) < schema.get("minLength", 0):
        text = f"{written(path)} in body should be at least {schema['minLength']} chars long"
        yield Wrong(path, f'Invalid value: "{value}": {text}')


def _bounds(value: float, schema: Schema, path: Path_) -> Iterator[Wrong]:
    for bound, word in (("minimum", "greater"), ("maximum", "less")):
        limit = schema.get(bound)
        if limit is not None and (value < limit if bound == "minimum" else value > limit):
            text = f"{written(path)} in body should be {word} than or equal to {limit}"
            yield Wrong(path, f"Invalid value: {value}: {text}")


def _ruled(value: Any, schema: Schema, path: Path_) -> Iterator[Wrong]:
    for rule in schema.get("x-kubernetes-validations", ()):
        said = TWINS[rule["rule"]](value)
        if said is not None:
            yield Wrong(path, f"Invalid value: {said}")


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted])


def _shown(value: Any) -> str:
    """A value, or the kind of one that is long to tell."""
    match value:
        case dict():
            return '"object"'
        case list():
            return '"array"'
        case _:
            return json.dumps(value)
