"""What on a node would spoil a speaker's work: a condition each, with the command that mends it.

Pure: what the kernel says in, conditions out. They are reported and change no plan: most such
settings are the same on every node, and then no other node is better.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lbctl.core.addresses import Address
from lbctl.core.outcomes import ConditionType, NodeCheckReason
from lbctl.kube.conditions import Condition
from speaker.agent.interfaces import Link, Skipped, skipped, usable

IPVS: Final = "kube-ipvs0"
"""kube-proxy in IPVS mode puts every Service's address on this interface, on every node."""

_STRICT_ARP: Final = (
    "kubectl -n kube-system get configmap kube-proxy -o yaml | "
    "sed 's/strictARP: false/strictARP: true/' | kubectl apply -f - && "
    "kubectl -n kube-system rollout restart daemonset kube-proxy"
)
_IPV4, _IPV6 = 4, 6
_GLOBAL, _PERMANENT = "00", 0x80  # scope and IFA_F_PERMANENT of /proc/net/if_inet6


class UnreadableError(Exception):
    """The kernel did not say. The message names what."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the kernel says about a node."""

    links: tuple[Link, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Below /proc/sys/net: "ipv4/conf/eth0/rp_filter" -> "1". What is missing was not readable."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Of interfaces that have others below them: "bridge", or a bond's mode like "balance-alb"."""
    routes: str = ""
    """/proc/net/route."""
    ipv6_addresses: str = ""
    """/proc/net/if_inet6."""
    announcing: frozenset[str] = frozenset()
    """The interfaces of the plan."""
    addresses: frozenset[Address] = frozenset()
    """The addresses of the plan."""

    @property
    def lan(self) -> list[str]:
        """The interfaces that matter: those of the plan; before there is one, all that may be."""
        return sorted(self.announcing or (each.view.name for each in usable(self.links)))

    def value(self, name: str) -> int:
        """A sysctl.

        Raises:
            UnreadableError: it was not read, or is no number.
        """
        try:
            return int(self.sysctls[name])
        except (KeyError, ValueError):
            raise UnreadableError(f"/proc/sys/net/{name} cannot be read") from None

    def stricter(self, interface: str, name: str) -> int:
        """An IPv4 sysctl of which the kernel takes the greater: for all, or for the interface."""
        return max(self.value(f"ipv4/conf/{each}/{name}") for each in ("all", interface))


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong."""

    reason: NodeCheckReason
    message: str
    """What it spoils, and the command that mends it."""


Check = Callable[[Facts], Iterator[Trouble]]


def sysctl_names(interfaces: Iterable[str]) -> Iterator[str]:
    """Every sysctl that a check may ask for."""
    for interface in ("all", *interfaces):
        for name in ("arp_ignore", "arp_announce", "rp_filter", "forwarding"):
            yield f"ipv4/conf/{interface}/{name}"
        for name in ("forwarding", "accept_ra"):
            yield f"ipv6/conf/{interface}/{name}"


def judge(facts: Facts) -> tuple[Condition, ...]:
    """Every condition, of no generation yet."""
    return tuple(_judge(kind, check, facts) for kind, check in _CHECKS.items())


def _judge(kind: ConditionType, check: Check, facts: Facts) -> Condition:
    try:
        found = [*check(facts)]
    except UnreadableError as error:
        return Condition(kind, None, NodeCheckReason.UNREADABLE, str(error), 0)
    if not found:
        return Condition(kind, status=True, reason=NodeCheckReason.GOOD, message="", generation=0)
    message = "; ".join(trouble.message for trouble in found)
    return Condition(kind, status=False, reason=found[0].reason, message=message, generation=0)


def _kernel_silent(facts: Facts) -> Iterator[Trouble]:
    lan = facts.lan
    if any(link.name == IPVS for link in facts.links):
        loud = [
            name
            for name in lan
            # arp_ignore 1: answer only for addresses of the interface that was asked on.
            # arp_announce 2: ask with an address of the interface, never with a Service's.
            if not facts.stricter(name, "arp_ignore") or facts.stricter(name, "arp_announce") < 2  # noqa: PLR2004  # the kernel's number
        ]
        if loud:
            yield Trouble(
                NodeCheckReason.IPVS_WITHOUT_STRICT_ARP,
                f"kube-proxy runs in IPVS mode without strictARP, so this node answers on "
                f"{', '.join(loud)} for every Service's address by itself: {_STRICT_ARP}",
            )
    for link in facts.links:
        for own in link.addresses:
            if own.ip in facts.addresses and link.name != IPVS and _answers(facts, link, own.ip):
                yield Trouble(
                    NodeCheckReason.ADDRESS_ON_NODE,
                    f"{own.ip} is an address of the node's interface {link.name}, so its kernel "
                    f"answers for it besides the speakers: ip address delete {own} dev {link.name}",
                )


def _answers(facts: Facts, link: Link, address: Address) -> bool:
    """Whether the kernel answers on the LAN for an address that an interface has."""
    if link.name in facts.lan:
        return True
    # Neighbour discovery answers for the addresses of the interface that was asked on, no others.
    return address.version == _IPV4 and any(
        not facts.stricter(name, "arp_ignore") for name in facts.lan
    )


def _reverse_path_open(facts: Facts) -> Iterator[Trouble]:
    default = _default_route(facts.routes)
    for name in sorted(facts.announcing - default) if default else ():
        if facts.stricter(name, "rp_filter") == 1:
            yield Trouble(
                NodeCheckReason.STRICT_REVERSE_PATH,
                f"what clients behind a router send to {name} is dropped, for the way back to them "
                f"leads by {', '.join(sorted(default))}: "
                f"sysctl -w net.ipv4.conf.{_dotted(name)}.rp_filter=2",
            )


def _default_route(routes: str) -> set[str]:
    """The interfaces of the IPv4 default routes, by /proc/net/route."""
    rows = (line.split() for line in routes.splitlines()[1:])
    return {row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"}  # noqa: PLR2004  # destination and mask, columns 1 and 7


def _forwarding(facts: Facts) -> Iterator[Trouble]:
    versions = {address.version for address in facts.addresses}
    off = [name for name in facts.lan if not facts.value(f"ipv4/conf/{name}/forwarding")]
    if off and versions != {_IPV6}:
        yield Trouble(
            NodeCheckReason.FORWARDING_OFF,
            f"what comes to {', '.join(off)} for a pod is dropped: sysctl -w net.ipv4.ip_forward=1",
        )
    if _IPV6 in versions and not facts.value("ipv6/conf/all/forwarding"):
        yield Trouble(
            NodeCheckReason.FORWARDING_OFF,
            "what comes for a pod by IPv6 is dropped: sysctl -w net.ipv6.conf.all.forwarding=1",
        )


def _router_advertisements_heard(facts: Facts) -> Iterator[Trouble]:
    for name in facts.lan:
        if not _has_passing_address(name, facts.ipv6_addresses):
            continue
        forwarding = facts.value(f"ipv6/conf/{name}/forwarding")
        # 0: a program of the node hears them. 2: the kernel does, also when it forwards.
        if forwarding and facts.value(f"ipv6/conf/{name}/accept_ra") == 1:
            yield Trouble(
                NodeCheckReason.ROUTER_ADVERTISEMENTS_IGNORED,
                f"{name} has an IPv6 address from router advertisements and does not hear them "
                "any more, because the node forwards: the address and the default route run out: "
                f"sysctl -w net.ipv6.conf.{_dotted(name)}.accept_ra=2",
            )


def _has_passing_address(interface: str, text: str) -> bool:
    """Whether an interface has a global IPv6 address that runs out, by /proc/net/if_inet6."""
    # Address, index, prefix length, scope, flags, name.
    rows = (fields for line in text.splitlines() if len(fields := line.split()) == 6)  # noqa: PLR2004  # the six
    return any(
        name == interface and scope == _GLOBAL and not int(flags, 16) & _PERMANENT
        for _, _, _, scope, flags, name in rows
    )


def _interfaces_sound(facts: Facts) -> Iterator[Trouble]:
    names = {link.index: link.name for link in facts.links}
    for link in facts.links:
        master = names.get(link.master or 0, "")
        if skipped(link) is not Skipped.ENSLAVED or master not in facts.kinds:
            continue
        for own in link.addresses:
            yield Trouble(
                NodeCheckReason.ADDRESS_ON_MEMBER,
                f"{link.name} belongs to {master} and has {own}: nothing is announced on either, "
                f"for frames pass {master} only: ip address delete {own} dev {link.name}; "
                f"ip address add {own} dev {master}",
            )
    for name in facts.lan:
        if facts.kinds.get(name) == "balance-alb":
            yield Trouble(
                NodeCheckReason.BOND_REWRITES_ARP,
                f"{name} is a bond in mode balance-alb, which writes other MACs into the ARP "
                f"replies that pass it. In the network's configuration choose another mode; until "
                f"then: ip link set {name} down; ip link set {name} type bond mode active-backup; "
                f"ip link set {name} up",
            )


def _dotted(interface: str) -> str:
    """The name as sysctl(8) wants it: a dot within is a slash."""
    return interface.replace(".", "/")


_CHECKS: Final[Mapping[ConditionType, Check]] = {
    ConditionType.KERNEL_SILENT: _kernel_silent,
    ConditionType.REVERSE_PATH_OPEN: _reverse_path_open,
    ConditionType.FORWARDING: _forwarding,
    ConditionType.ROUTER_ADVERTISEMENTS_HEARD: _router_advertisements_heard,
    ConditionType.INTERFACES_SOUND: _interfaces_sound,
}
