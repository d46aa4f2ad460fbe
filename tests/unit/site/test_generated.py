"""Pages that are made from the code are what the code says, and miss nothing of it."""

from dataclasses import replace

import pytest

from lbctl.cli.view.findings import Concern
from lbctl.core import outcomes
from speaker.wire import bfd, neighbors
from tests.site import reasons, reference
from tests.site.reasons import UnexplainedError, enums, parts, render, vocabulary


def test_the_vocabulary_is_that_of_the_package() -> None:
    for name, members in vocabulary().items():
        if name not in reasons.ELSEWHERE:
            assert list(members) == [member.value for member in getattr(outcomes, name)]


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("Concern", [*Concern]),
        ("Frame", [verdict.label for verdict in neighbors.Verdict]),
        ("Packet", [*bfd.Verdict]),
    ],
)
def test_reasons_of_one_part_are_on_the_page_too(part: str, shown: list[str]) -> None:
    assert list(vocabulary()[part]) == shown


def test_every_reason_is_on_the_page() -> None:
    page = reasons.page()
    for name, members in vocabulary().items():
        if name != "Liveness":
            assert all(f"| `{reason}` |" in page for reason in members), name


def test_a_reason_without_a_docstring_is_refused() -> None:
    with pytest.raises(UnexplainedError, match=r"Why\.Because has no docstring"):
        enums('class Why(StrEnum):\n    BECAUSE = "Because"\n')


def test_a_reason_without_a_remedy_is_refused() -> None:
    known = {name: dict(members) for name, members in vocabulary().items()}
    known["Outcome"]["Novelty"] = "It is new."
    with pytest.raises(UnexplainedError, match="Novelty"):
        render(known, parts())


def test_a_remedy_for_a_reason_that_is_gone_is_refused() -> None:
    first, *others = parts()
    gone = replace(first, do={**first.do, "Novelty": ""})
    with pytest.raises(UnexplainedError, match="Novelty"):
        render(vocabulary(), [gone, *others])


def test_an_enum_without_a_part_of_the_page_is_refused() -> None:
    with pytest.raises(UnexplainedError, match="Novelty"):
        render({**vocabulary(), "Novelty": {}}, parts())


def test_a_condition_whose_reasons_stand_nowhere_is_refused() -> None:
    known = {name: dict(members) for name, members in vocabulary().items()}
    known["ConditionType"]["Novel"] = "On nothing yet."
    with pytest.raises(UnexplainedError, match="Novel"):
        render(known, parts())


@pytest.mark.parametrize(
    "row",
    [
        "| `addresses` | list of string | required |",
        "| `disabled` | boolean | `false` |",
        "| `allocation.namespaceSelectors[].matchLabels` | map to string |",
        "| `reservedFor.name` | string | required |",
        "| `onRemoval` | `Keep`, `Reassign` | `Keep` |",
    ],
)
def test_the_reference_has_each_field_with_its_type_and_default(row: str) -> None:
    assert row in reference.page()
