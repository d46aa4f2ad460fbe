"""Which fields of an object no model has, and which fields of a model an object leaves out."""

from collections.abc import Iterator

from pydantic import BaseModel

from lbctl.api.selectors import LabelSelector


def unknown_fields(found: BaseModel, path: str = "") -> Iterator[str]:
    """The fields that no model has: our models let them in, the API server drops them."""
    yield from (f"{path}.{name}" for name in found.model_extra or {})
    for name, part in _parts(found):
        yield from unknown_fields(part, f"{path}.{name}")


def unsaid_fields(found: BaseModel, path: str = "") -> Iterator[str]:
    """The fields that a model has and the object does not. Selectors are left out: they have two
    ways to say a thing."""
    yield from (
        f"{path}.{name}"
        for name in sorted(type(found).model_fields.keys() - found.model_fields_set)
    )
    for name, part in _parts(found):
        if not isinstance(part, LabelSelector):
            yield from unsaid_fields(part, f"{path}.{name}")


def _parts(found: BaseModel) -> Iterator[tuple[str, BaseModel]]:
    for name in type(found).model_fields.keys() - {"metadata"}:
        value = getattr(found, name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, BaseModel):
                yield name, one
