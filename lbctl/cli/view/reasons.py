"""Tables of reasons: why pools give or refuse, why nodes are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from lbctl.cli.view import printing
from lbctl.cli.view.address import Outside
from lbctl.cli.view.printing import FAINT, ODD
from lbctl.cli.view.service import Considered


def pools(considered: Iterable[Considered]) -> Iterator[RenderableType]:
    """The pools that were asked, and what each gives, or why not."""
    yield printing.heading("Pools, in the order in which they are asked")
    heads = ("pool", "family", "gives", "reason", "")
    yield printing.indented(printing.table(heads, map(_pool, considered)))


def outside(title: str, nodes: tuple[Outside, ...]) -> Iterator[RenderableType]:
    """The nodes that do not announce an address, and why; nothing when there are none."""
    if nodes:
        yield printing.indented(Text(title, style=FAINT))
        yield printing.indented(printing.table(("node", "reason", ""), map(_node, nodes)))


def _pool(one: Considered) -> list[str | Text]:
    gives = printing.yes_no(one.gives, (one.address or "yes") if one.gives else "no")
    return [one.pool, one.family, gives, one.reason or "-", one.message]


def _node(one: Outside) -> list[str | Text]:
    return [one.node, Text(one.reason, style=ODD), one.detail]
