"""Which MACs are speakers', as far as one plan knows. Pure."""

from collections.abc import Iterable

from speaker.messages import Entry, Plan
from speaker.wire.neighbors import peer_mac


class Kinship:
    """Tells a speaker from a stranger, and who is next when an address is handed over."""

    def __init__(self, plan: Plan) -> None:
        self._node = plan.node
        self._macs = {(one.node, one.interface): peer_mac(one.mac) for one in plan.kin}
        # What the operator says of a partner is newer.
        self._macs |= {
            (one.node, one.interface): peer_mac(one.mac) for one in plan.peers if one.mac
        }
        self._all = frozenset(self._macs.values()) - {b""}

    def heirs(self, entry: Entry) -> tuple[bytes, ...]:
        """The MACs of those that an address is offered to, in order; empty for one not known.

        A planned move has one heir: the first. Without a plan for it, it is the others in turn.
        """
        others = [node for node in entry.succession if node != self._node]
        if entry.outgoing == self._node and entry.serving:
            others = others[:1]
        return tuple(self._macs.get((node, entry.interface), b"") for node in others)

    def before(self, entry: Entry) -> tuple[bytes, ...]:
        """The MACs of those that come earlier in the succession, as far as they are known."""
        if self._node not in entry.succession:
            return ()
        return self._known(entry.succession[: entry.succession.index(self._node)], entry.interface)

    def behind(self, entry: Entry) -> frozenset[bytes]:
        """The MACs of those that come later, as far as they are known."""
        if self._node not in entry.succession:
            return frozenset()
        later = entry.succession[entry.succession.index(self._node) + 1 :]
        return frozenset(self._known(later, entry.interface))

    def kin(self, entry: Entry) -> frozenset[bytes] | None:
        """The MACs of the speakers that may hold an address; None when one of them is not known.

        Then a MAC that is not known may be a speaker's, and the two must agree who keeps. In a
        large cluster not all of a succession are partners of each other, and what the plan says of
        the others may come a moment later.
        """
        named = {*entry.succession, entry.holder} - {self._node, None}
        known = all(self._macs.get((node or "", entry.interface)) for node in named)
        goes = entry.outgoing not in (None, self._node)
        if not entry.succession or not known or (goes and self.outgoing(entry) is None):
            return None
        return self._all | {self.outgoing(entry) or b""}

    def _known(self, nodes: Iterable[str], interface: str) -> tuple[bytes, ...]:
        return tuple(mac for node in nodes if (mac := self._macs.get((node, interface), b"")))

    def outgoing(self, entry: Entry) -> bytes | None:
        """The MAC of another node that is to hand an address over; None for one not known."""
        if entry.outgoing in (None, self._node):
            return None
        return self._macs.get((entry.outgoing or "", entry.interface)) or None

    def hands_over(self, entry: Entry) -> bool:
        """Whether this node is to let an address go to another one."""
        leaves = entry.outgoing == self._node or not entry.serving
        return leaves and any(node != self._node for node in entry.succession)
