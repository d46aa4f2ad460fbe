"""Label selectors, as metav1.LabelSelector says."""

import pytest

from lbctl.core.selectors import Operator, Requirement, Selector

GOLD = {"tier": "gold"}


@pytest.mark.parametrize(
    ("rule", "selector", "labels", "selected"),
    [
        ("an empty selector selects everything", Selector(), {}, True),
        ("In: one of the values", ("tier", Operator.IN, "gold", "iron"), GOLD, True),
        ("In: another value", ("tier", Operator.IN, "iron"), GOLD, False),
        ("In: no such label", ("tier", Operator.IN, "gold"), {}, False),
        ("NotIn: one of the values", ("tier", Operator.NOT_IN, "gold"), GOLD, False),
        ("NotIn: another value", ("tier", Operator.NOT_IN, "iron"), GOLD, True),
        ("NotIn: no such label", ("tier", Operator.NOT_IN, "gold"), {}, True),
        ("Exists", ("tier", Operator.EXISTS), GOLD, True),
        ("Exists: no such label", ("tier", Operator.EXISTS), {}, False),
        ("DoesNotExist", ("tier", Operator.DOES_NOT_EXIST), {}, True),
        ("DoesNotExist, but it does", ("tier", Operator.DOES_NOT_EXIST), GOLD, False),
    ],
)
def test_a_selector(
    rule: str, selector: Selector | tuple[str, ...], labels: dict[str, str], *, selected: bool
) -> None:
    if isinstance(selector, tuple):
        key, operator, *values = selector
        selector = Selector((Requirement(key, Operator(operator), tuple(values)),))
    assert selector.matches(labels) is selected, rule


def test_all_requirements_must_hold() -> None:
    both = Selector(
        (
            Requirement("tier", Operator.EXISTS),
            Requirement("zone", Operator.IN, ("a",)),
        ),
    )
    assert both.matches({"tier": "gold", "zone": "a"})
    assert not both.matches(GOLD)
