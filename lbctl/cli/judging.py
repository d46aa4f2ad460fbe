"""The API server's rules on lbctl's kinds, without an API server: its CEL rules in Python.

Each rule of `lbctl.api.rules` has a twin here, found by its text, so that a rule without a twin is
a mistake that a test finds. The sentences are the rules' own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from lbctl.api import rules
from lbctl.api.rules import Rule
from lbctl.core.addresses import object_name, parse
from lbctl.core.durations import parse_duration
from lbctl.core.objects.entries import AddressError, parse_entry

Twin = Callable[[Any], str | None]
"""What the API server would say of a value; None when it lets it in."""

_NO_NAME: Final = "metadata.name must be the address itself"


def _entry(entry: str) -> str | None:
    try:
        parse_entry(entry)
    except AddressError as error:
        return str(error)
    return None


def _covered(_: Any) -> str | None:
    """Another twin says it: `parse_entry` tells the first thing that is wrong with an entry."""
    return None


def _quoting(rule: Rule, holds: Callable[[Any], bool]) -> Twin:
    """A rule on a text, whose message begins with the text."""
    return lambda value: None if holds(value) else f'"{value}" {rule.message}'


def _saying(rule: Rule, holds: Callable[[Any], bool]) -> Twin:
    return lambda value: None if holds(value) else rule.message


def _matching(rule: Rule) -> Twin:
    """A rule that is nothing but a pattern: the pattern itself."""
    found = re.search(r"self\.matches\('(.*)'\)", rule.rule)
    assert found is not None  # noqa: S101 - a test makes all twins
    pattern = re.compile(found[1])
    return _quoting(rule, lambda value: pattern.search(value) is not None)


def _canonical(value: str) -> bool:
    address = parse(value)
    return address is None or str(address) == value


def _usable(value: str) -> bool:
    address = parse(value)
    networks = (ip_network(text) for text in rules.UNUSABLE)
    return address is None or not any(
        address in network for network in networks if network.version == address.version
    )


def _duration(value: str) -> bool:
    try:
        parse_duration(value)
    except ValueError:
        return False
    return True


def _named(virtual_ip: Mapping[str, Any]) -> str | None:
    address = parse(str((virtual_ip.get("spec") or {}).get("address") or ""))
    name = str((virtual_ip.get("metadata") or {}).get("name") or "")
    if address is None or name == object_name(address):
        return None
    said = f"{_NO_NAME}: write name: {object_name(address)}"
    if isinstance(address, type(ip_address("::1"))):
        return f"{rules.NAMED_AFTER_ADDRESS[1].message}; here {object_name(address)}"
    return said


def _only_first(outgoing: Mapping[str, Any]) -> bool:
    """Whoever hands over is not the first, and somebody is."""
    if "outgoing" not in outgoing:
        return True
    succession = outgoing.get("succession") or []
    return bool(succession) and succession[0] != outgoing["outgoing"]


def _values(requirement: Mapping[str, Any]) -> bool:
    values = requirement.get("values") or []
    return bool(values) is (requirement.get("operator") in {"In", "NotIn"})


_SPEC: Mapping[Rule, Callable[[Any], bool]] = {
    rules.RELEASED_WITHOUT_SERVICE: lambda s: "release" not in s or not s.get("services"),
    rules.SHARED_BY_SEVERAL: lambda s: len(s.get("services") or ()) <= 1 or "sharingKey" in s,
    rules.SHARED_BY_SOMEBODY: lambda s: "sharingKey" not in s or bool(s.get("services")),
    rules.RESERVED_IS_NOT_RELEASED: lambda s: "reservedFor" not in s or "release" not in s,
    rules.UNTIL_OF_WHAT: lambda s: "nodePortsUntil" not in s or bool(s.get("nodePorts")),
    rules.OUTGOING_IS_NOT_FIRST: _only_first,
    rules.VALUES_BY_OPERATOR: _values,
    rules.HOLD_OFF_OF_WHAT: lambda s: (
        "holdOffSeconds" not in s or s.get("failback") == "AfterHoldOff"
    ),
    rules.FAIL_BACK_TO_WHOM: lambda s: (
        s.get("failback") != "AfterHoldOff" or bool(s.get("preferredNodes"))
    ),
}

_first_entry_rule, *_other_entry_rules = rules.ENTRY_RULES
_is_ip, _is_canonical, _is_usable, _is_unchanged = rules.ADDRESS_RULES

TWINS: Mapping[str, Twin] = {
    _first_entry_rule.rule: _entry,
    **{rule.rule: _covered for rule in _other_entry_rules},
    _is_ip.rule: _quoting(_is_ip, lambda value: parse(value) is not None),
    _is_canonical.rule: _quoting(_is_canonical, _canonical),
    _is_usable.rule: _quoting(_is_usable, _usable),
    _is_unchanged.rule: _covered,  # of a change, and a manifest tells of none
    rules.NAMED_AFTER_ADDRESS[0].rule: _named,
    rules.NAMED_AFTER_ADDRESS[1].rule: _covered,
    rules.NAMESPACE_RULE.rule: _matching(rules.NAMESPACE_RULE),
    rules.DURATION_RULE.rule: _quoting(rules.DURATION_RULE, _duration),
    rules.LABEL_KEY_RULE.rule: _matching(rules.LABEL_KEY_RULE),
    rules.LABEL_VALUE_RULE.rule: _matching(rules.LABEL_VALUE_RULE),
    **{rule.rule: _saying(rule, holds) for rule, holds in _SPEC.items()},
}
"""By the text of a rule what it says in Python."""
