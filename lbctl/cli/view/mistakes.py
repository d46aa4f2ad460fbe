"""Mistakes in manifests, without a cluster: each with its file and line.

What one object can get wrong is the API server's to refuse; here it is found before. What only all
of them together can know, like two pools that overlap, no API server refuses at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lbctl.api.crd import KINDS, structural_schema
from lbctl.api.meta import API_VERSION, GROUP
from lbctl.cli.manifests import Flaw, Manifest, Path_, written
from lbctl.cli.schema import Wrong, check
from lbctl.cli.shapes import OBJECT, SERVICE
from lbctl.cli.view.findings import Severity
from lbctl.core.allocation.pool_findings import assess
from lbctl.core.metallb.advertisements import metallb_advertisement_view
from lbctl.core.metallb.pools import metallb_pool_view
from lbctl.core.metallb.reading import GROUP as METALLB_GROUP
from lbctl.core.metallb.reading import Problem
from lbctl.core.objects import requests
from lbctl.core.objects.requests import LBCTL
from lbctl.core.outcomes import PoolReason
from lbctl.core.reading.pools import pool_view

_MODELS = {model.definition.kind: model for model in KINDS}
_SCHEMAS: dict[str, dict[str, Any]] = {}
_ANNOTATIONS = (*LBCTL.addresses, *LBCTL.pools, *LBCTL.sharing_key)
_BY_OPERATOR = ("Speaker",)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is wrong in a manifest."""

    file: str
    line: int
    severity: Severity
    subject: str
    """The object, like IPAddressPool/lan; "" when it is none."""
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        what = ": ".join(part for part in (self.subject, self.path, self.message) if part)
        return f"{where}: {what}"


def find(manifests: Iterable[Manifest], flaws: Iterable[Flaw] = ()) -> tuple[Mistake, ...]:
    """Everything that is wrong, in the order of files and lines.

    Args:
        manifests: what was read.
        flaws: what could not be read.
    """
    known = [*manifests]
    found = [Mistake(one.file, one.line, Severity.BROKEN, "", "", one.message) for one in flaws]
    for manifest in known:
        found += _of(manifest)
    found += _twice(known)
    found += _together(known)
    found += _pointing(known)
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.file, one.line, one.path)))


def _of(manifest: Manifest) -> Iterator[Mistake]:
    yield from _shaped(manifest, manifest.content, OBJECT)
    if manifest.group == GROUP:
        yield from _ours(manifest)
    elif manifest.group == METALLB_GROUP:
        yield from _metallb(manifest)
    elif (manifest.group, manifest.kind) == ("", "Service"):
        yield from _service(manifest)
    elif not manifest.kind or not manifest.api_version:
        yield _mistake(manifest, (), "needs apiVersion and kind")


def _shaped(
    manifest: Manifest, content: dict[str, Any], schema: Mapping[str, Any], path: Path_ = ()
) -> Iterator[Mistake]:
    """Fields that are known, of another type than the API server reads."""
    known: Mapping[str, dict[str, Any]] = schema["properties"]
    for name in (one for one in known if content.get(one) is not None):
        value = content[name]
        if isinstance(value, dict) and "properties" in known[name]:
            yield from _shaped(manifest, value, known[name], (*path, name))
            continue
        if isinstance(value, dict):  # A text that is null is read as an empty one.
            value = {key: one for key, one in value.items() if one is not None}
        for at, message in check(value, known[name], (*path, name)):
            scalar = not message.startswith('Invalid value: "')
            quotes = scalar and message.endswith("of type string")
            yield _mistake(manifest, at, f"{message}: write it in quotes" if quotes else message)


def _ours(manifest: Manifest) -> Iterator[Mistake]:
    if manifest.api_version != API_VERSION:
        text = f"{manifest.api_version} is not served: write {API_VERSION}"
        yield _mistake(manifest, ("apiVersion",), text)
    if manifest.kind not in _MODELS:
        near = get_close_matches(manifest.kind, _MODELS, n=1)
        hint = f": did you mean {near[0]}?" if near else f": there are {', '.join(_MODELS)}"
        yield _mistake(manifest, ("kind",), f"{GROUP} has no kind {manifest.kind}{hint}")
        return
    if manifest.kind in _BY_OPERATOR:
        text = "is made by the speakers themselves: leave it out"
        yield _mistake(manifest, ("kind",), text, Severity.WARNING)
    if not manifest.name:
        yield _mistake(manifest, ("metadata", "name"), "Required value")
    if manifest.namespace:
        text = "this kind is in no namespace: remove it"
        yield _mistake(manifest, ("metadata", "namespace"), text, Severity.WARNING)
    served = ("apiVersion", "kind", "metadata")
    content = {name: value for name, value in manifest.content.items() if name not in served}
    whole = {**content, "spec": manifest.spec, "metadata": {"name": manifest.name}}
    schema = _schema(manifest.kind)
    for wrong in check(content, {**schema, "x-kubernetes-validations": ()}):
        yield _mistake(manifest, *wrong)
    rules = {
        "type": "object",
        "x-kubernetes-validations": schema.get("x-kubernetes-validations", ()),
    }
    for wrong in check(whole, rules):
        yield _mistake(manifest, ("metadata", "name"), Wrong(*wrong).message)


def _schema(kind: str) -> dict[str, Any]:
    if kind not in _SCHEMAS:
        _SCHEMAS[kind] = structural_schema(_MODELS[kind])
    return _SCHEMAS[kind]


def _service(manifest: Manifest) -> Iterator[Mistake]:
    yield from _shaped(manifest, manifest.content, SERVICE)
    spec, annotations = manifest.spec, manifest.metadata.get("annotations") or {}
    at: Path_ = ("metadata", "annotations")
    if not isinstance(annotations, dict):
        return
    for name in annotations:
        if str(name).startswith(f"{GROUP}/") and name not in _ANNOTATIONS:
            near = get_close_matches(str(name), _ANNOTATIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_ANNOTATIONS)}"
            yield _mistake(manifest, (*at, name), f"is an annotation that nobody reads: {hint}")
    asked = {str(name): value for name, value in annotations.items() if isinstance(value, str)}
    balances = spec.get("type") == "LoadBalancer"
    used = [name for name in asked if name in _ANNOTATIONS]
    if used and not balances:
        text = "has no effect: the Service is not of type LoadBalancer"
        yield _mistake(manifest, (*at, used[0]), text, Severity.WARNING)
    for problem in requests.read(asked, str(spec.get("loadBalancerIP") or "")).problems:
        path = (*at, used[0]) if used else ("spec", "loadBalancerIP")
        yield _mistake(manifest, path, problem.message)


def _metallb(manifest: Manifest) -> Iterator[Mistake]:
    text = "is MetalLB's: lbctl reads it with compat.metallb; lbctl convert makes it lbctl's"
    yield _mistake(manifest, ("apiVersion",), text, Severity.NOTE)
    meta = {"namespace": "metallb-system", **manifest.metadata}
    obj = {**manifest.content, "metadata": {"name": "", **meta}}
    problems: tuple[Problem, ...] = ()
    if manifest.kind == "IPAddressPool":
        _, problems = metallb_pool_view(obj)
    elif manifest.kind == "L2Advertisement":
        _, problems = metallb_advertisement_view(obj)
    for one in problems:
        yield _mistake(manifest, path_of(one.field), one.text, Severity.WARNING)


def path_of(text: str) -> Path_:
    """The steps of a path like `spec.nodeSelectors[0].key`."""
    steps: list[str | int] = []
    for part in text.split("."):
        name, *numbers = part.replace("]", "").split("[")
        steps += [name, *map(int, numbers)]
    return tuple(steps)


def _twice(manifests: list[Manifest]) -> Iterator[Mistake]:
    """One object that is written in two places: the one that is applied last would count."""
    seen: dict[tuple[str, ...], Manifest] = {}
    for one in manifests:
        key = (one.group, one.kind, one.namespace, one.name)
        if one.name and key in seen:
            first = seen[key]
            text = f"is written in {first.file}:{first.line()} too: the last one counts"
            yield _mistake(one, ("metadata", "name"), text)
        seen.setdefault(key, one)


def _together(manifests: list[Manifest]) -> Iterator[Mistake]:
    """Pools that overlap each other."""
    written_by = {
        one.name: one for one in manifests if one.group == GROUP and one.kind == "IPAddressPool"
    }
    views = []
    for order, (name, one) in enumerate(written_by.items()):
        spec = one.spec
        entries = spec.get("addresses")
        if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
            meta = {"name": name, "creationTimestamp": f"{order:06}"}
            views.append(pool_view({"metadata": meta, "spec": spec}))
    for found in assess(views).values():
        if found.reason is PoolReason.OVERLAP:
            text = found.message.replace("the older pool ", "pool ")
            yield _mistake(written_by[found.pool.name], ("spec", "addresses"), text)


def _pointing(manifests: list[Manifest]) -> Iterator[Mistake]:
    """Names of pools that are not among the manifests: they may be in the cluster."""
    pools = {one.name for one in manifests if one.kind == "IPAddressPool"}
    if not pools:
        return
    for one in manifests:
        named = one.spec.get("ipAddressPools")
        if one.kind != "L2Advertisement" or not isinstance(named, list):
            continue
        for at, name in enumerate(named):
            if isinstance(name, str) and name not in pools:
                near = get_close_matches(str(name), pools, n=1)
                hint = f": did you mean {near[0]}?" if near else ""
                text = f"there is no pool {name} in these files{hint}"
                path: Path_ = ("spec", "ipAddressPools", at)
                yield _mistake(one, path, text, Severity.WARNING if near else Severity.NOTE)


def _mistake(
    manifest: Manifest, path: Path_, message: str, severity: Severity = Severity.BROKEN
) -> Mistake:
    return Mistake(
        file=manifest.file,
        line=manifest.line(path),
        severity=severity,
        subject=f"{manifest.kind}/{manifest.name}".strip("/"),
        path=written(path),
        message=message,
    )
