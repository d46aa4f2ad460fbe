"""docs/reasons.md: every reason that lbctl can give, made from the vocabulary in the code.

What a reason means is its docstring in `lbctl.core.outcomes`, or where those are that only one
part gives; what to do about it is in reasons.yaml beside this file. One without either stops the
page from being made.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from lbctl.core.outcomes import Outcome
from tests.pages import ROOT, anchor

PAGE = ROOT / "docs" / "reasons.md"
VOCABULARY = ROOT / "lbctl" / "core" / "outcomes"
PARTS = Path(__file__).with_name("reasons.yaml")

HEAD = """\
# Reasons

Every reason that lbctl can give in an Event, in a condition or in a message, what it means, and
what to do. Made from the code by `python -m tests.site`; do not edit it here. The message beside
a reason names the objects and says the rest; reasons within it stand in brackets, like `[Full]`.

```console
kubectl describe svc NAME             # Events, and the condition lbctl.io/AddressAllocated
kubectl describe ippool NAME
kubectl describe vip ADDRESS
kubectl describe speaker NODE
```
"""

TYPES = "ConditionType"
NOT_SHOWN = {
    TYPES: "a table of its own, at the head of the page",
    "Liveness": "what a Lease says; what follows from it is a `LeftOut`",
}
"""Enums of the vocabulary that have no part of the page, and why."""

ELSEWHERE = {
    "Answering": ("lbctl/cli/view/audit.py", "Verdict"),
    "Concern": ("lbctl/cli/view/findings.py", "Concern"),
    "Frame": ("speaker/wire/neighbors.py", "Verdict"),
    "Packet": ("speaker/wire/bfd.py", "Verdict"),
}
"""By the name that a part of the page calls it: the module of an enum, and its name there."""

_ENUMS = {"StrEnum", "IntEnum"}

Vocabulary = Mapping[str, Mapping[str, str]]
"""Of each enum the values of its members, and what they mean."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page: an enum, where its reasons are met, and what to do about each."""

    title: str
    enum: str
    where: str
    do: Mapping[str, str]


class UnexplainedError(ValueError):
    """A reason has no docstring, no remedy, or no place on the page; or a remedy no reason."""


def page() -> str:
    """The whole page."""
    return render(vocabulary(), parts())


def parts() -> list[Part]:
    """The parts of the page, in their order."""
    return [Part(**part) for part in yaml.safe_load(PARTS.read_text(encoding="utf-8"))]


def render(known: Vocabulary, shown: list[Part]) -> str:
    """The page of a vocabulary. Raises UnexplainedError where the two do not fit."""
    if lost := known.keys() ^ {part.enum for part in shown} ^ NOT_SHOWN.keys():
        raise UnexplainedError(f"in reasons.yaml, or in the code, but not in both: {sorted(lost)}")
    rows = [
        f"| `{type_}` | {told} | {_reasons_of(type_, shown)} |"
        for type_, told in known[TYPES].items()
    ]
    columns = ["| condition | on what | its reasons |", "|---|---|---|"]
    types = "\n".join(["## Conditions\n", *columns, *rows, ""])
    return "\n".join([HEAD, types, *(_part(part, known[part.enum]) for part in shown)])


def _reasons_of(type_: str, shown: list[Part]) -> str:
    """Where the reasons of a condition stand. Raises UnexplainedError where they do nowhere."""
    found = [part.title for part in shown if f"`{type_}`" in part.where]
    if not found:
        raise UnexplainedError(f"no part of reasons.yaml has the reasons of {type_}")
    return ", ".join(f"[{title}](#{anchor(title)})" for title in found)


def _part(part: Part, reasons: Mapping[str, str]) -> str:
    if lost := reasons.keys() ^ part.do.keys():
        raise UnexplainedError(f"say in reasons.yaml what to do: {part.enum} {sorted(lost)}")
    columns = ["reason", "means", "do"]
    if part.enum == Outcome.__name__:
        columns.insert(1, "Event")
    rows = [
        [f"`{reason}`", *_kind_of_event(part, reason), told, part.do[reason] or "nothing"]
        for reason, told in reasons.items()
    ]
    table = [columns, ["---"] * len(columns), *rows]
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([f"## {part.title}\n", f"{part.where}\n", *lines, ""])


def _kind_of_event(part: Part, reason: str) -> list[str]:
    if part.enum != Outcome.__name__:
        return []
    return ["Warning" if Outcome(reason).is_warning else "Normal"]


def vocabulary() -> dict[str, dict[str, str]]:
    """Every enum of the vocabulary, read from its source: Python forgets docstrings of members."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(VOCABULARY.glob("*.py")):
        found |= enums(path.read_text(encoding="utf-8"))
    for name, (module, enum) in ELSEWHERE.items():
        found[name] = enums((ROOT / module).read_text(encoding="utf-8"), enum)[enum]
    return found


def enums(source: str, only: str = "") -> dict[str, dict[str, str]]:
    """The enums of one module, or one of them.

    The values of an `IntEnum` are numbers: it is its members' names that are shown, as in metrics.
    """
    return {
        node.name: _members(node)
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
        and only in ("", node.name)
        and any(isinstance(base, ast.Name) and base.id in _ENUMS for base in node.bases)
    }


def _members(enum: ast.ClassDef) -> dict[str, str]:
    members: dict[str, str] = {}
    for statement, after in zip(enum.body, [*enum.body[1:], None], strict=True):
        match statement:
            case ast.Assign(value=ast.Constant(value=str(shown))):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int())):
                shown = name.lower().replace("_", "-")
            case _:
                continue
        members[shown] = _docstring(after, f"{enum.name}.{shown}")
    return members


def _docstring(node: ast.stmt | None, name: str) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(told))):
            return " ".join(told.split()).replace("|", "\\|")
        case _:
            raise UnexplainedError(f"{name} has no docstring")
