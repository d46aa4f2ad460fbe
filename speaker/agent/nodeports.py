"""What the node's table is to do, and what its condition says. Pure."""

import errno
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Final

from lbctl.core.objects.virtualips import VirtualIPView
from lbctl.core.outcomes import ConditionType, NodePortReason
from lbctl.kube.conditions import Condition
from speaker.messages import AddressReport, Entry, Role, State
from speaker.netfilter.keeper import Wanted
from speaker.netfilter.rewrites import Address, Behaviour, Guarded, Protocol, ServicePort

MAX_KNOWN_PORTS: Final = 256
"""Of a Service with more, the VirtualIP names these: which others it has, nobody here knows."""


def wanted(
    behaviour: Behaviour,
    entries: Iterable[Entry],
    virtual_ips: Iterable[VirtualIPView],
    reports: Mapping[str, AddressReport],
    before: Wanted | None,
) -> Wanted:
    """All that the table is to do.

    Args:
        behaviour: what holds for every address.
        entries: the plan.
        virtual_ips: those that the plan is made of.
        reports: what the wire does, by address.
        before: what was wanted until now: an address that the plan names no more stays until the
            wire is silent about it.
    """
    views = {str(each.address): each for each in virtual_ips}
    planned = {
        entry.address: entry
        for entry in entries
        if entry.role is not Role.VERIFY and entry.address in views
    }
    guarded = [
        Guarded(ip_address(address), ports, _held(reports.get(address)))
        for address in planned
        if (ports := _ports(views[address]))
    ]
    interfaces = {entry.interface for entry in planned.values()}
    for left in () if before is None else before.guarded:
        report = reports.get(str(left.address))
        if str(left.address) not in planned and report is not None and _held(report):
            guarded.append(left)
            interfaces.add(report.interface or "")
    return Wanted(behaviour, tuple(guarded), frozenset(interfaces - {""}))


def _held(report: AddressReport | None) -> bool:
    return report is not None and report.state is State.HOLDING


def _ports(virtual_ip: VirtualIPView) -> tuple[ServicePort, ...]:
    """Those of its Services; none where not all are known, for the others would be refused.

    What has no nodePort there is the proxy's: a Service has just joined, or has a new port.
    """
    terms = virtual_ip.terms.values()
    sent = virtual_ip.node_ports
    if not sent and not all(0 < len(each.ports) < MAX_KNOWN_PORTS for each in terms):
        return ()
    anywhere = {port for each in terms if each.local_pods is None for port in each.ports}
    named = dict.fromkeys(port for each in terms for port in each.ports)
    return (
        *(
            ServicePort(Protocol[port.protocol], port.number, number, port not in anywhere)
            for port, number in sent.items()
        ),
        *(ServicePort(Protocol[port.protocol], port.number) for port in named if port not in sent),
    )


def servable(virtual_ip: VirtualIPView, sent: Collection[str]) -> bool:
    """Whether what comes for an address is handed on here.

    On the way back to the cluster's proxy no table is needed: the proxies learn of it just then,
    and a node that waited would leave the address to nobody.

    Args:
        virtual_ip: the address.
        sent: the addresses that the node's table sends to NodePorts.
    """
    by_proxy = not virtual_ip.node_ports or virtual_ip.node_ports_until
    return bool(by_proxy) or str(virtual_ip.address) in sent


def rewritten(there: Wanted, wanted: Wanted) -> frozenset[str]:
    """The addresses that a table sends to NodePorts, just as it is wanted.

    Args:
        there: what the table in the kernel does.
        wanted: what it should do. The two differ when the kernel has refused a change.
    """
    if there.behaviour != wanted.behaviour or not wanted.interfaces <= there.interfaces:
        return frozenset()
    ports = {each.address: each.ports for each in there.guarded}
    return frozenset(
        str(each.address)
        for each in wanted.guarded
        if ports.get(each.address) == each.ports
        and any(port.node_port is not None for port in each.ports)
        and _node_has_family(wanted.behaviour, each.address)
    )


def known(there: Wanted) -> frozenset[str]:
    """The addresses whose packets a table sees to, pings among them."""
    return frozenset(
        str(each.address)
        for each in there.guarded
        if _node_has_family(there.behaviour, each.address)
    )


def without_a_node_address(wanted: Wanted) -> Address | None:
    """An address that nothing can be rewritten for: the node has none of its family."""
    return next(
        (
            each.address
            for each in wanted.guarded
            if any(port.node_port is not None for port in each.ports)
            and not _node_has_family(wanted.behaviour, each.address)
        ),
        None,
    )


def _node_has_family(behaviour: Behaviour, address: Address) -> bool:
    return behaviour.node_address(address.version) is not None


_NO_SUCH_THING: Final = frozenset(
    {errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.ENOENT}
)
"""What kernels say that have no nf_tables, or not all of it."""


def reason_of(error: OSError) -> NodePortReason:
    """What the kernel's refusal means."""
    if error.errno in (errno.EPERM, errno.EACCES):
        return NodePortReason.NO_PERMISSION
    if error.errno in _NO_SUCH_THING:
        return NodePortReason.NO_NFTABLES
    return NodePortReason.KERNEL_REFUSED


def condition(reason: NodePortReason, said: str = "") -> Condition:
    """The condition `NodePortReady`, with what to do about it.

    Args:
        reason: of it.
        said: by the kernel, or the address that it is about.
    """
    return Condition(
        type=ConditionType.NODE_PORT_READY,
        status=reason.ready,
        reason=reason,
        message=" ".join(_message(reason, said)),
        generation=None,
    )


def _message(reason: NodePortReason, said: str) -> Iterator[str]:
    match reason:
        case NodePortReason.TABLE_IN_PLACE:
            yield "The nftables table inet lbctl is as it should be."
        case NodePortReason.TABLE_REPAIRED:
            yield "Somebody else had changed the nftables table inet lbctl; it is put right."
            yield "Whoever runs `nft flush ruleset` on this node should flush tables by name."
        case NodePortReason.NO_PERMISSION:
            yield f"{said}."
            yield "Let the speaker have NET_ADMIN: the chart's handOff.nodePort.enabled."
        case NodePortReason.NO_NFTABLES:
            yield f"{said}. The kernel must have nf_tables with NAT and reject, Linux 5.9 or later."
        case NodePortReason.NO_NODE_ADDRESS:
            yield f"{said} cannot be handed on: the Node has no InternalIP of its family."
        case NodePortReason.KERNEL_REFUSED:
            yield f"{said}."
