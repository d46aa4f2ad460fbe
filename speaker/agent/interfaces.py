"""Which of a node's network interfaces can carry addresses. Pure: netlink's words in, views out."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lbctl.core.addresses import Address, InterfaceAddress
from lbctl.core.objects import speakers
from lbctl.core.objects.speakers import InterfaceView

_ETHERNET: Final = 1  # ARPHRD_ETHER, <linux/if_arp.h>
_UP, _BROADCAST, _LOOPBACK, _NOARP, _LOWER_UP = 0x1, 0x2, 0x8, 0x80, 0x10000  # <linux/if.h>

_IPV4: Final = 4
_TEMPORARY, _DAD_FAILED, _DEPRECATED, _TENTATIVE = 0x1, 0x8, 0x20, 0x40  # <linux/if_addr.h>
_NOT_OURS: Final = _TEMPORARY | _DAD_FAILED | _TENTATIVE

# Made by container networks for pods and Services: no LAN is behind them.
_FOREIGN: Final = re.compile(
    r"^(veth|cni|docker|br-[0-9a-f]{12}|cali|flannel|cilium|virbr|nodelocaldns|kube-ipvs|lxc)"
)


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as the kernel describes it."""

    index: int
    name: str
    type: int
    """ARPHRD_*."""
    flags: int
    """IFF_*."""
    mac: str
    master: int | None = None
    """The bridge or bond that it belongs to."""
    addresses: tuple[InterfaceAddress, ...] = ()
    gateways: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface that can carry addresses."""

    index: int
    view: InterfaceView


def in_use(found: Iterable[tuple[InterfaceAddress, int]]) -> tuple[InterfaceAddress, ...]:
    """Of what the kernel lists for an interface, with IFA_F_*: the addresses that tell its subnets.

    Left out of IPv6: link-local ones, for that subnet is on every link; those of which duplicate
    address detection (RFC 4862 section 5.4) has not ended yet, or has found another owner; and
    temporary ones (RFC 8981), which change daily. IPv4 comes first; deprecated ones come last.
    """
    kept = (
        (own, flags)
        for own, flags in found
        if own.version == _IPV4 or not (own.is_link_local or flags & _NOT_OURS)
    )
    ranked = sorted(kept, key=lambda each: (each[0].version, bool(each[1] & _DEPRECATED)))
    return tuple(own for own, _ in ranked)


class Skipped(Enum):
    """Why an interface cannot carry addresses."""

    LOOPBACK = "is the loopback"
    NOT_ETHERNET = "is not Ethernet"
    NO_ARP = "does no ARP"
    ENSLAVED = "belongs to a bridge or bond"
    CONTAINERS = "is a container network's"
    DOWN = "is down"


def skipped(link: Link) -> Skipped | None:
    """The first reason against an interface; None when it will do."""
    reasons = {
        Skipped.LOOPBACK: bool(link.flags & _LOOPBACK),
        Skipped.NOT_ETHERNET: link.type != _ETHERNET,
        Skipped.NO_ARP: bool(link.flags & _NOARP) or not link.flags & _BROADCAST,
        Skipped.ENSLAVED: link.master is not None,
        Skipped.CONTAINERS: bool(_FOREIGN.match(link.name)),
        Skipped.DOWN: not link.flags & _UP,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def usable(links: Iterable[Link]) -> tuple[Interface, ...]:
    """The interfaces that can carry addresses, with or without a carrier, by name.

    One that has no address is left out: no subnet is on it, so no address of a pool is.
    """
    found = (link for link in links if skipped(link) is None and link.addresses)
    return tuple(
        Interface(
            index=link.index,
            view=InterfaceView(
                name=link.name,
                mac=link.mac,
                addresses=link.addresses,
                carrier=bool(link.flags & _LOWER_UP),
                gateways=link.gateways,
            ),
        )
        for link in sorted(found, key=lambda link: link.name)
    )


def interface_for(
    interfaces: Collection[Interface], address: Address, named: tuple[str, ...] = ()
) -> Interface | None:
    """Where an address is announced: in its subnet, with a carrier, the narrowest subnet first.

    One without a carrier stays in the plan while no other will do: the wire is silent there, and
    knows what it held when the link comes back. Where some are named, the operator's rule chooses
    among them, whatever their subnets are.
    """
    if named:
        chosen = speakers.interface_for((each.view for each in interfaces), address, named)
        return next((each for each in interfaces if each.view == chosen), None)
    reaching = [
        (not interface.view.carrier, -own.network.prefixlen, interface.index, interface)
        for interface in interfaces
        for own in interface.view.addresses
        if address in own.network
    ]
    return min(reaching, key=lambda found: found[:3])[3] if reaching else None
