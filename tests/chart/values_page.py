"""docs/values.md, made from the comments of values.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import yaml

from tests.chart.rendering import CHART, ROOT

VALUES = CHART / "values.yaml"
PAGE = ROOT / "docs" / "values.md"

HEAD = """\
# Values of the chart

Made from `charts/lbctl/values.yaml` by `python -m tests.chart`; do not edit it here.
Every value is checked by the chart's schema: a misspelt name or a value of the wrong type is
refused by `helm install` and `helm upgrade`, before anything is changed.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """One key of values.yaml: a leaf with a default, or a group of others."""

    path: tuple[str, ...]
    comment: str
    default: str | None

    @property
    def name(self) -> str:
        return ".".join(self.path)


def read(path: Path = VALUES) -> list[Value]:
    """Every key of a values file, in its order."""
    text = path.read_text()
    return list(_walk(yaml.compose(text, Loader=yaml.SafeLoader), (), text.splitlines()))


def _walk(node: yaml.Node | None, above: tuple[str, ...], lines: list[str]) -> Iterator[Value]:
    assert isinstance(node, yaml.MappingNode)
    for key, value in node.value:
        path = (*above, str(key.value))
        comment = _comment_above(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and value.value:
            yield Value(path, comment, None)
            yield from _walk(value, path, lines)
        else:
            yield Value(path, comment, _inline(value))


def _comment_above(lines: list[str], line: int) -> str:
    above = (text.strip() for text in reversed(lines[:line]))
    found = list(takewhile(lambda text: text.startswith("#"), above))
    return " ".join(text.removeprefix("#").strip() for text in reversed(found))


def _inline(node: yaml.Node) -> str:
    """A default as one line of YAML."""
    value = yaml.safe_load(yaml.serialize(node))
    shown = yaml.dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return shown.removesuffix("\n...\n").strip()


def page(values: list[Value]) -> str:
    """The page: a section for each group of the top level."""
    general = [v for v in values if len(v.path) == 1 and v.default is not None]
    sections = [HEAD, "## General\n", _table(general)]
    for group in (v for v in values if len(v.path) == 1 and v.default is None):
        inside = [v for v in values if v.path[0] == group.name and v is not group]
        sections += [f"## {group.name}\n", f"{group.comment}\n", _table(inside)]
    return "\n".join(sections)


def _table(values: list[Value]) -> str:
    rows = [
        f"| `{v.name}` | {'' if v.default is None else f'`{v.default}`'} | {v.comment} |"
        for v in values
    ]
    return "\n".join(["| value | default | what it does |", "|---|---|---|", *rows, ""])
