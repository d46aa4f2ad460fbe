"""Which MACs are speakers', as far as one plan knows. Pure."""

from speaker.messages import Entry, Plan
from speaker.wire.neighbors import peer_mac


class Kinship:
    """Tells a speaker from a stranger, and who is next when an address is handed over."""

    def __init__(self, plan: Plan) -> None:
        self._node = plan.node
        self._macs = {(peer.node, peer.interface): peer_mac(peer.mac) for peer in plan.peers}
        self._all = frozenset(self._macs.values()) - {b""}

    def heirs(self, entry: Entry) -> tuple[bytes, ...]:
        """The MACs of those that an address is offered to, in order; empty for one not known.

        A planned move has one heir: the first. Without a plan for it, it is the others in turn.
        """
        others = [node for node in entry.succession if node != self._node]
        if entry.outgoing == self._node and entry.serving:
            others = others[:1]
        return tuple(self._macs.get((node, entry.interface), b"") for node in others)

    def kin(self, entry: Entry) -> frozenset[bytes] | None:
        """The MACs of the speakers that may hold an address; None when one of them is not known.

        Then a MAC that is not known may be a speaker's, and the two must agree who keeps. In a
        large cluster not all of a succession are partners of each other.
        """
        named = {*entry.succession, entry.holder} - {self._node, None}
        known = all(self._macs.get((node or "", entry.interface)) for node in named)
        goes = entry.outgoing not in (None, self._node)
        if not entry.succession or not known or (goes and self.outgoing(entry) is None):
            return None
        return self._all | {self.outgoing(entry) or b""}

    def outgoing(self, entry: Entry) -> bytes | None:
        """The MAC of another node that is to hand an address over; None for one not known."""
        if entry.outgoing in (None, self._node):
            return None
        partner = self._macs.get((entry.outgoing, entry.interface))
        return peer_mac(entry.outgoing_mac or "") or partner or None

    def hands_over(self, entry: Entry) -> bool:
        """Whether this node is to let an address go to another one."""
        leaves = entry.outgoing == self._node or not entry.serving
        return leaves and any(node != self._node for node in entry.succession)
