"""What the API server itself refuses: CEL rules, each with the sentence that tells what to write.

The rules on an entry of a pool say the same as `lbctl.core.objects.entries.parse_entry`, and the
tests hold both to one table. CEL has no variables: `[x].all(name, ...)` binds a name to a value.
"""

from dataclasses import dataclass
from typing import Any

ENTRY_MAX_LENGTH = 81
"""Two IPv6 addresses with " - " between them fit: a rule that says why refuses them."""

UNUSABLE = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8")
"""Networks that no host of a LAN can be in, or that each link has for itself (RFC 1122 section
3.2.1.3, RFC 5771, RFC 1112, RFC 4291 section 2.4)."""


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


def _entry_rule(rule: str, problem: str, *, ending: str = "", example: str = "") -> Rule:
    """A rule on one entry, which its message names.

    Args:
        rule: what must be so.
        problem: what is wrong when it is not, and what to write.
        ending: CEL for the last words, made of what was written.
        example: these words where nothing was written: in pages.
    """
    expression = f"'\"' + self + '\" {problem}'" + (f" + {ending}" if ending else "")
    return Rule(rule, f"an entry {problem}{example}", expression)


_ENDS = "self.split('-')"
_ALL_ADDRESSES = f"{_ENDS}.all(end, isIP(end.trim()))"
_ALL_IPV4 = f"{_ENDS}.all(end, isIP(end.trim()) && ip(end.trim()).family() == 4)"
_ALL_IPV6 = f"{_ENDS}.all(end, isIP(end.trim()) && ip(end.trim()).family() == 6)"
_FIRST = f"{_ENDS}[0].trim()"
_LAST = f"{_ENDS}[{_ENDS}.size() - 1].trim()"
_ABOVE_LINK_LOCAL = "cidr('fec0::/10')"


def _list(*texts: str) -> str:
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"


def _touching(*networks: str) -> str:
    return (
        f"touches {', '.join(networks[:-1])} or {networks[-1]}, which no host of a LAN can have: "
        "write addresses of your LAN"
    )


def _octets(address: str) -> str:
    return f"{address}.split('.').map(octet, int(octet))"


def _first_octet(address: str) -> str:
    return f"int({address}.split('.')[0])"


def _number(octets: str) -> str:
    return f"{octets}[0] * 16777216 + {octets}[1] * 65536 + {octets}[2] * 256 + {octets}[3]"


_PREFIXES = [f"/{bits:<3}/{bits + 1:<3}" for bits in range(128)]
_IPV6_IN_ORDER = (
    f"[{_FIRST}].all(first, [ip({_LAST})].all(last, ip(first) == last || "
    f"{_list(*_PREFIXES)}.exists(pair, "
    "[[cidr(first + pair.substring(0, 4).trim()), cidr(first + pair.substring(4).trim())]].all("
    "net, net[0].containsIP(last) && !net[1].containsIP(last) && "
    "net[0].masked().ip() == net[1].masked().ip()))))"
)
"""CEL has no order of addresses. In the first bit in which two differ, the lower one has a 0.

The pairs of prefixes are texts of one width, and what is used often is bound to a name: otherwise
the API server's estimate of the cost, which is not what it costs, is beyond its limit.
"""
_DOTTED_IPV6 = "self.matches(':[0-9]+[.]')"

ENTRY_RULES = (
    _entry_rule(
        f"{_DOTTED_IPV6} || "
        f"(self.contains('/') ? isCIDR(self) : ({_ENDS}.size() <= 2 && {_ALL_ADDRESSES}))",
        "is no CIDR, range or address: write one like 172.16.110.96/28, "
        "172.16.110.100-172.16.110.119 or fd00:110::100",
    ),
    _entry_rule(
        f"!{_DOTTED_IPV6}",
        "has IPv4 inside of IPv6: write the IPv4 address alone, or hexadecimal digits",
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
        example="172.16.110.100-172.16.110.119",
    ),
    _entry_rule(
        f"{_ENDS}.size() != 2 || !{_ALL_IPV6} || {_IPV6_IN_ORDER}",
        "has its start after its end: write the lower address first, like ",
        ending=f"{_LAST} + '-' + {_FIRST}",
        example="fd00:110::100-fd00:110::1ff",
    ),
    _entry_rule(
        "!isCIDR(self) || cidr(self) == cidr(self).masked()",
        "has host bits set: write the network, like 172.16.110.96/28, or for the one address ",
        ending="self.split('/')[0]",
        example="172.16.110.100",
    ),
    _entry_rule(
        f"!isCIDR(self) || {_list(*UNUSABLE)}.all(network, "
        "!cidr(network).containsIP(cidr(self).ip()) && "
        "!cidr(self).containsIP(cidr(network).ip()))",
        _touching(*UNUSABLE),
    ),
    _entry_rule(
        f"self.contains('/') || !{_ALL_IPV4} || "
        f"[[{_first_octet(_FIRST)}, {_first_octet(_LAST)}]].all(n, "
        "n[0] >= 1 && n[1] <= 223 && !(n[0] <= 127 && n[1] >= 127))",
        _touching(*UNUSABLE[:3]),
    ),
    _entry_rule(
        f"self.contains('/') || !{_ALL_IPV6} || [[ip({_FIRST}), ip({_LAST})]].all(ends, "
        f"{_list(*UNUSABLE[3:])}.all(network, "
        "!cidr(network).containsIP(ends[0]) && !cidr(network).containsIP(ends[1])) && "
        f"({_ABOVE_LINK_LOCAL}.containsIP(ends[0]) || !{_ABOVE_LINK_LOCAL}.containsIP(ends[1])))",
        _touching(*UNUSABLE[3:]),
    ),
)
"""What makes an entry of `spec.addresses` unusable."""

ADDRESS_RULES = (
    Rule(
        "isIP(self)",
        "is no IP address: write one like 172.16.110.100 or fd00:110::100",
        "'\"' + self + '\" is no IP address: write one like 172.16.110.100 or fd00:110::100'",
    ),
    Rule(
        "!isIP(self) || ip.isCanonical(self)",
        "has another form (RFC 5952): write it in lower case, without leading zeros, "
        "and with :: for the longest run of zeros",
        "'\"' + self + '\" has another form (RFC 5952): write it in lower case, "
        "without leading zeros, and with :: for the longest run of zeros'",
    ),
    Rule(
        f"!isIP(self) || {_list(*UNUSABLE)}.all(network, !cidr(network).containsIP(self))",
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

NAMED_AFTER_ADDRESS = (
    Rule(
        "!isIP(self.spec.address) || ip(self.spec.address).family() == 6 "
        "|| self.metadata.name == self.spec.address",
        "metadata.name must be the address itself: write the same in both",
        "'metadata.name must be the address itself: write name: ' + self.spec.address",
    ),
    Rule(
        "!isIP(self.spec.address) || ip(self.spec.address).family() == 4 "
        "|| (self.metadata.name.matches('^[0-9a-f]{4}(-[0-9a-f]{4}){7}$') "
        "&& ip(self.metadata.name.replace('-', ':')) == ip(self.spec.address))",
        "metadata.name must be the address itself, written out and with - for :, "
        "like fd00-0110-0000-0000-0000-0000-0000-0100 for fd00:110::100",
    ),
)

RELEASED_WITHOUT_SERVICE = Rule(
    "!has(self.release) || !has(self.services) || self.services.size() == 0",
    "an address that has a Service cannot be released: remove spec.release, or empty spec.services",
)

SHARED_BY_SEVERAL = Rule(
    "!has(self.services) || self.services.size() <= 1 || has(self.sharingKey)",
    "several Services share an address under a key: write spec.sharingKey, or leave one Service "
    "in spec.services",
)

SHARED_BY_SOMEBODY = Rule(
    "!has(self.sharingKey) || (has(self.services) && self.services.size() > 0)",
    "an address that no Service has is not shared: remove spec.sharingKey; "
    "who asks for a key writes the annotation lbctl.io/allow-shared-ip on the Service",
)

RESERVED_IS_NOT_RELEASED = Rule(
    "!has(self.reservedFor) || !has(self.release)",
    "an address that is being released cannot be reserved: wait until this VirtualIP is gone, "
    "and create it with spec.reservedFor then",
)

OUTGOING_IS_NOT_FIRST = Rule(
    "!has(self.outgoing) || (has(self.succession) && self.succession.size() > 0 "
    "&& self.succession[0] != self.outgoing)",
    "spec.outgoing hands over to the first of spec.succession: name another node there first, "
    "or remove spec.outgoing",
)

_LABEL_NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

NAMESPACE_RULE = Rule(
    f"self.matches('^{_DNS_LABEL}$')",
    "is no name of a namespace: write one like team-a; patterns are not known",
    "'\"' + self + '\" is no name of a namespace: write one like team-a; patterns are not known'",
)

DURATION_RULE = Rule(
    "self.matches('^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$') && self.size() > 0",
    "is no duration: write one like 90s, 10m or 24h",
    "'\"' + self + '\" is no duration: write one like 90s, 10m or 24h'",
)

LABEL_KEY_RULE = Rule(
    rf"self.matches('^({_DNS_LABEL}([.]{_DNS_LABEL})*/)?{_LABEL_NAME}$')",
    "is no label key: write one like topology.kubernetes.io/zone",
    "'\"' + self + '\" is no label key: write one like topology.kubernetes.io/zone'",
)

LABEL_VALUE_RULE = Rule(
    f"self.matches('^({_LABEL_NAME})?$')",
    "is no label value: write letters, digits, - _ and . and begin and end with a letter or digit",
    "'\"' + self + '\" is no label value: write letters, digits, - _ and . "
    "and begin and end with a letter or digit'",
)

VALUES_BY_OPERATOR = Rule(
    "self.operator in ['In', 'NotIn'] "
    "? has(self.values) && self.values.size() > 0 : !has(self.values) || self.values.size() == 0",
    "In and NotIn need values, Exists and DoesNotExist take none: write values, or remove them",
)

HOLD_OFF_OF_WHAT = Rule(
    "!has(self.holdOffSeconds) || self.failback == 'AfterHoldOff'",
    "nothing is held off without fail-back: write failback: AfterHoldOff, or remove holdOffSeconds",
)

UNTIL_OF_WHAT = Rule(
    "!has(self.nodePortsUntil) || (has(self.nodePorts) && self.nodePorts.size() > 0)",
    "nodePortsUntil says when nodePorts end: write nodePorts, or leave it out",
)

FAIL_BACK_TO_WHOM = Rule(
    "self.failback != 'AfterHoldOff' "
    "|| (has(self.preferredNodes) && self.preferredNodes.size() > 0)",
    "addresses go back to preferred nodes only: name some in preferredNodes, "
    "or write failback: Never",
)
