"""Manifests as people write them: YAML or JSON, several in a file, each value with its line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Path_ = tuple[str | int, ...]
"""Where a value is in an object: names and, in lists, numbers."""

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that cannot be read."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, and where it stands."""

    file: str
    content: dict[str, Any]
    lines: dict[Path_, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.content.get("kind") or "")

    @property
    def api_version(self) -> str:
        return str(self.content.get("apiVersion") or "")

    @property
    def group(self) -> str:
        """The API group; "" is the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata; none when they are no object, which `lbctl.cli.view.mistakes` tells."""
        return self._object("metadata")

    @property
    def spec(self) -> dict[str, Any]:
        """Its spec; none when it is no object."""
        return self._object("spec")

    @property
    def name(self) -> str:
        return str(self.metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    def line(self, path: Path_ = ()) -> int:
        """The line of a value, or of the nearest one around it that is written."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _object(self, name: str) -> dict[str, Any]:
        found = self.content.get(name)
        return found if isinstance(found, dict) else {}


def read(files: Iterable[str]) -> tuple[list[Manifest], list[Flaw]]:
    """Read files, folders and ``-``, which is standard input. What cannot be read is told."""
    found: list[Manifest] = []
    flaws: list[Flaw] = []
    for name, text in _texts(files, flaws):
        for document in _documents(name, text, flaws):
            found += _expanded(document, flaws)
    return found, flaws


def _texts(files: Iterable[str], flaws: list[Flaw]) -> Iterator[tuple[str, str]]:
    for name in files:
        if name == "-":
            yield from _decoded("<stdin>", sys.stdin.buffer.read(), flaws)
            continue
        path = Path(name)
        inside = (one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
        for file in sorted(inside) if path.is_dir() else [path]:
            try:
                content = file.read_bytes()
            except OSError as error:
                flaws.append(Flaw(str(file), 1, error.strerror or str(error)))
            else:
                yield from _decoded(str(file), content, flaws)


def _decoded(name: str, content: bytes, flaws: list[Flaw]) -> Iterator[tuple[str, str]]:
    try:
        yield name, content.decode("utf-8")
    except UnicodeDecodeError:
        flaws.append(Flaw(name, 1, "is no text in UTF-8"))


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a time is a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _documents(name: str, text: str, flaws: list[Flaw]) -> Iterator[Manifest]:
    hint = ". Of a Helm chart check what helm template prints" if "{{" in text else ""
    try:
        yield from _objects(name, text, flaws)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        flaws.append(Flaw(name, line, f"is no YAML: {error.problem or error}{hint}"))
    except (yaml.YAMLError, ValueError) as error:
        flaws.append(Flaw(name, 1, f"is no YAML: {' '.join(str(error).split())}{hint}"))
    except RecursionError:
        flaws.append(Flaw(name, 1, "contains itself by an anchor, or is nested too deeply"))


def _objects(name: str, text: str, flaws: list[Flaw]) -> Iterator[Manifest]:
    """The objects of a text. Raises YAMLError, ValueError of a value, RecursionError."""
    loader = _Loader(text)
    try:
        while loader.check_node():
            node, lines = loader.get_node(), dict[Path_, int]()
            value = None if node is None else _value(loader, node, (), lines, (name, flaws))
            if value is None:
                continue
            if not isinstance(value, dict):
                flaws.append(Flaw(name, lines.get((), 1), "is no object: write apiVersion: first"))
                continue
            yield Manifest(name, value, lines)
    finally:
        loader.dispose()


def _value(
    loader: _Loader, node: yaml.Node, path: Path_, lines: dict[Path_, int],
    told: tuple[str, list[Flaw]],
) -> Any:  # fmt: skip
    """A value, with the lines of all that is in it."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        _tell_twice(node, told)
        loader.flatten_mapping(node)  # anchors that are merged with <<
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node, deep=True))
            lines[(*path, key)] = key_node.start_mark.line + 1
            found[key] = _value(loader, value_node, (*path, key), lines, told)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, one, (*path, at), lines, told) for at, one in enumerate(node.value)]
    return loader.construct_object(node, deep=True)


def _tell_twice(node: yaml.MappingNode, told: tuple[str, list[Flaw]]) -> None:
    """A field that is written twice: the last one would count, and nobody means that."""
    name, flaws = told
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is no text", key.start_mark)
        if key.value in seen and key.value != "<<":
            line = key.start_mark.line + 1
            flaws.append(Flaw(name, line, f"{key.value} is written twice: remove one"))
        seen.add(str(key.value))


def _expanded(document: Manifest, flaws: list[Flaw]) -> Iterator[Manifest]:
    """The items of a List; of anything else the thing itself."""
    items = document.content.get("items")
    if not document.kind.endswith("List") or not isinstance(items, list):
        yield document
        return
    for at, item in enumerate(items):
        where: Path_ = ("items", at)
        if not isinstance(item, dict):
            flaws.append(Flaw(document.file, document.line(where), "is no object"))
            continue
        lines = {path[2:]: line for path, line in document.lines.items() if path[:2] == where}
        yield Manifest(document.file, item, lines)


def written(path: Path_) -> str:
    """A path as the API server writes it: spec.addresses[0]."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
