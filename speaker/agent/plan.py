"""From the VirtualIPs that name this node to what the wire is to do. Pure."""

from collections.abc import Callable, Iterable

from lbctl.core.addresses import place
from lbctl.core.objects.virtualips import Stage, VirtualIPView
from speaker.agent.interfaces import Interface, interface_for
from speaker.messages import Entry, Role


def role(virtual_ip: VirtualIPView, node: str) -> Role | None:
    """What is wanted of a node for an address; None for silence."""
    match virtual_ip.stage:
        case Stage.RESERVED:
            return None
        case Stage.RELEASING:
            verifies = virtual_ip.release is not None and virtual_ip.release.verifier == node
            return Role.VERIFY if verifies else None
        case Stage.ALLOCATED:
            if virtual_ip.succession[:1] == (node,):
                return Role.CLAIM
            # Who is to hand it over need not be in the succession any more: it goes on until then.
            may_hold = node in virtual_ip.succession or virtual_ip.outgoing == node
            return Role.KEEP if may_hold else None


def plan(
    virtual_ips: Iterable[VirtualIPView],
    interfaces: Iterable[Interface],
    node: str,
    serving: Callable[[VirtualIPView], bool] = lambda _: True,
    ping: Callable[[VirtualIPView], bool] = lambda _: False,
) -> tuple[Entry, ...]:
    """The complete plan, in the order of the addresses. What it does not name is to be silent.

    Args:
        virtual_ips: those that name this node.
        interfaces: that this node has.
        node: this one.
        serving: whether what comes for an address can be handed on here.
        ping: whether it is for the wire to answer pings to it.
    """
    available = tuple(interfaces)
    entries = []
    for virtual_ip in sorted(virtual_ips, key=lambda each: place(each.address)):
        wanted = role(virtual_ip, node)
        interface = interface_for(available, virtual_ip.address, virtual_ip.interfaces)
        if wanted is None or interface is None:
            continue
        entries.append(
            Entry(
                address=str(virtual_ip.address),
                interface=interface.view.name,
                ifindex=interface.index,
                mac=interface.view.mac,
                role=wanted,
                generation=virtual_ip.generation if wanted is Role.VERIFY else 0,
                succession=virtual_ip.succession,
                holder=virtual_ip.holder,
                serving=serving(virtual_ip),
                outgoing=virtual_ip.outgoing,
                burst=_seconds(virtual_ip.timings.burst_milliseconds),
                refresh=virtual_ip.timings.refresh_seconds,
                ping=wanted is not Role.VERIFY and ping(virtual_ip),
            )
        )
    return tuple(entries)


def _seconds(milliseconds: tuple[int, ...] | None) -> tuple[float, ...] | None:
    return None if milliseconds is None else tuple(each / 1000 for each in milliseconds)
