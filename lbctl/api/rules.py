"""What the API server itself refuses: CEL rules, each with the sentence that tells what to write.

The rules on an entry of a pool say the same as `lbctl.core.entries.parse_entry`, and the tests
hold both to one table. CEL has no variables: `[x].all(name, ...)` binds a name to a value.
"""

from dataclasses import dataclass
from typing import Any

ENTRY_MAX_LENGTH = 81
"""Two IPv6 addresses with " - " between them fit: a rule that says why refuses them."""

UNUSABLE = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")
"""Networks that no host of a LAN can be in (RFC 1122 section 3.2.1.3, RFC 5771, RFC 1112)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in the Common Expression Language, over `self` and, for changes, `oldSelf`."""

    rule: str
    message: str
    expression: str = ""
    """A CEL expression that makes a better message, naming the value that was written."""

    def to_schema(self) -> dict[str, str]:
        shown = {"messageExpression": self.expression} if self.expression else {}
        return {"rule": self.rule, "message": self.message, **shown}


def validations(*rules: Rule) -> dict[str, Any]:
    """The part of a schema that holds these rules."""
    return {"x-kubernetes-validations": [rule.to_schema() for rule in rules]}


def _entry_rule(rule: str, problem: str, *, ending: str = "") -> Rule:
    """A rule on one entry, which its message names. `ending` is CEL for the last words."""
    expression = f"'\"' + self + '\" {problem}'" + (f" + {ending}" if ending else "")
    return Rule(rule, f"an entry {problem}".rstrip(), expression)


_ENDS = "self.split('-')"
_ALL_ADDRESSES = f"{_ENDS}.all(end, isIP(end.trim()))"
_ALL_IPV4 = f"{_ENDS}.all(end, isIP(end.trim()) && ip(end.trim()).family() == 4)"
_FIRST = f"{_ENDS}[0].trim()"
_LAST = f"{_ENDS}[{_ENDS}.size() - 1].trim()"
_UNUSABLE_LIST = "[" + ", ".join(f"'{network}'" for network in UNUSABLE) + "]"


def _octets(address: str) -> str:
    return f"{address}.split('.').map(octet, int(octet))"


def _first_octet(address: str) -> str:
    return f"int({address}.split('.')[0])"


def _number(octets: str) -> str:
    return f"{octets}[0] * 16777216 + {octets}[1] * 65536 + {octets}[2] * 256 + {octets}[3]"


ENTRY_RULES = (
    _entry_rule(
        f"self.contains('/') ? isCIDR(self) : ({_ENDS}.size() <= 2 && {_ALL_ADDRESSES})",
        "is no CIDR, range or address: write one like 172.16.110.96/28, "
        "172.16.110.100-172.16.110.119 or 172.16.110.100",
    ),
    _entry_rule(
        "isCIDR(self) ? cidr(self).ip().family() == 4 : "
        f"!{_ENDS}.all(end, isIP(end.trim()) && ip(end.trim()).family() == 6)",
        "is IPv6, which this version cannot announce: write IPv4 addresses",
    ),
    _entry_rule(
        f"self.contains('/') || !{_ALL_ADDRESSES} || {_ENDS}.all(end, "
        f"ip(end.trim()).family() == ip({_FIRST}).family())",
        "mixes IPv4 and IPv6: write both ends in one family",
    ),
    _entry_rule(
        f"{_ENDS}.size() != 2 || !{_ALL_IPV4} || "
        f"[[{_octets(_FIRST)}, {_octets(_LAST)}]].all(n, {_number('n[0]')} <= {_number('n[1]')})",
        "has its start after its end: write the lower address first, like ",
        ending=f"{_LAST} + '-' + {_FIRST}",
    ),
    _entry_rule(
        "!isCIDR(self) || cidr(self).ip().family() == 6 || cidr(self) == cidr(self).masked()",
        "has host bits set: write the network, like 172.16.110.96/28, or for the one address ",
        ending="self.split('/')[0]",
    ),
    _entry_rule(
        f"isCIDR(self) ? {_UNUSABLE_LIST}.all(network, "
        "!cidr(network).containsIP(cidr(self).ip()) && "
        "!cidr(self).containsIP(cidr(network).ip())) : "
        f"(!{_ALL_IPV4} || [[{_first_octet(_FIRST)}, {_first_octet(_LAST)}]].all(n, "
        "n[0] >= 1 && n[1] <= 223 && !(n[0] <= 127 && n[1] >= 127)))",
        f"touches {', '.join(UNUSABLE[:-1])} or {UNUSABLE[-1]}, which no host of a LAN can have: "
        "write addresses of your LAN",
    ),
)
"""What makes an entry of `spec.addresses` unusable. At most one of them speaks about an entry."""

ADDRESS_RULES = (
    Rule(
        "isIP(self) && ip(self).family() == 4",
        "is no IPv4 address: write one like 172.16.110.100",
        "'\"' + self + '\" is no IPv4 address: write one like 172.16.110.100'",
    ),
    Rule(
        f"!isIP(self) || {_UNUSABLE_LIST}.all(network, !cidr(network).containsIP(self))",
        "is no address that a host of a LAN can have: write one like 172.16.110.100",
        "'\"' + self + '\" is no address that a host of a LAN can have: "
        "write one like 172.16.110.100'",
    ),
    Rule(
        "self == oldSelf",
        "the address cannot be changed: delete this VirtualIP and create another one",
    ),
)
"""What `spec.address` of a VirtualIP must be."""

NAMED_AFTER_ADDRESS = Rule(
    "self.metadata.name == self.spec.address || !isIP(self.spec.address) "
    "|| ip(self.spec.address).family() == 6",
    "metadata.name must be the address itself: write the same in both",
    "'metadata.name must be the address itself: write name: ' + self.spec.address",
)

RELEASED_WITHOUT_SERVICE = Rule(
    "!has(self.release) || !has(self.services) || self.services.size() == 0",
    "an address that has a Service cannot be released: remove spec.release, or empty spec.services",
)

OUTGOING_IS_NOT_FIRST = Rule(
    "!has(self.outgoing) || (has(self.succession) && self.succession.size() > 0 "
    "&& self.succession[0] != self.outgoing)",
    "spec.outgoing hands over to the first of spec.succession: name another node there first, "
    "or remove spec.outgoing",
)
