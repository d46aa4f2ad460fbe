"""An address that a node of the cluster answers for already, though no speaker of ours took it.

Another controller's speaker on the node answers with the node's own MAC, as one that is to be
replaced does. The address is planned there first: the node's speaker takes it without hearing the
other one, with the same MAC, and no client notices. On any other node it would have to wait until
the other one stops, and the connections would break then.
"""

from collections.abc import Mapping

from lbctl.core.addresses import Address
from lbctl.core.objects.speakers import NodeView
from lbctl.core.objects.virtualips import VirtualIPView


class Answering:
    """Which node each address is taken to for this reason; each node is tried once.

    Where the kernels of all nodes answer, every one of them would be found in turn, for ever.
    """

    def __init__(self) -> None:
        self._tried: dict[Address, list[str]] = {}

    def order(self, view: VirtualIPView, nodes: Mapping[str, NodeView]) -> tuple[str, ...]:
        """The succession so far, and before it the node that answers for the address."""
        if view.holder is not None or view.outgoing is not None:
            self.forget(view.address)
            return view.succession
        node = _with_mac(answering_mac(view), nodes)
        tried = self._tried.setdefault(view.address, [])
        if node is None or node in tried[:-1]:
            return view.succession
        if node not in tried:
            tried.append(node)
        return (node, *(one for one in view.succession if one != node))

    def forget(self, address: Address) -> None:
        """It is held, or gone."""
        self._tried.pop(address, None)


def answering_mac(view: VirtualIPView) -> str:
    """The MAC that answers for an address that nobody holds; empty when none does.

    The node that asked may not know the other's MAC, and take it for a foreign host's.
    """
    if view.holder is not None:
        return ""
    return view.answered_by or ("" if view.conflict is None else view.conflict.mac)


def _with_mac(mac: str, nodes: Mapping[str, NodeView]) -> str | None:
    if not mac:
        return None
    owning = [
        name
        for name, node in nodes.items()
        if node.speaker is not None and any(one.mac == mac for one in node.speaker.interfaces)
    ]
    return min(owning, default=None)
