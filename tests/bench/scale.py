"""What a large cluster asks of each node, and of the planner: `python -m tests.bench.scale`.

Pure: the planner's own functions, no packets and no API server. One LAN; every address is placed,
one node dies, and everybody's plan is made anew, as the operator does it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_interface
from time import process_time

from lbctl.core.objects.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.outcomes import Liveness
from lbctl.core.succession.eligibility import Cluster
from lbctl.core.succession.partners import Partnerships, partnerships
from lbctl.core.succession.placement import Loads
from lbctl.core.succession.planner import SuccessionPlan, plan

SIZES = ((3, 1_000), (100, 2_000), (1_000, 20_000))
"""Nodes and addresses."""

NODES_FROM = IPv4Address("10.0.0.1")
ADDRESSES_FROM = IPv4Address("10.0.128.0")

BFD_INTERVAL = 0.1 * 0.875
"""Seconds between two packets of a session: 100 ms, less a jitter of up to a quarter (RFC 5880
section 6.8.7)."""
ASKING_INTERVAL = 2.0
"""A standby asks the holder for each address this often..."""
ASKED_AT_MOST = 200
"""...and a node asks so many times a second, whatever it stands by for."""


@dataclass(frozen=True, slots=True)
class Death:
    """What one node's death costs everybody."""

    held: int
    """Addresses that it held."""
    replanned: int
    """VirtualIPs whose plan changes: so many writes of the operator."""
    told: int
    """VirtualIPs whose condition `Planned` tells of it and whose plan stays: writes that wait."""
    heirs: int
    """Nodes that take over."""
    status_writes: int
    """Of one node, at most: an address that it takes over is one write."""
    watch_events: int
    """To one node, at most: two for each address that it is or becomes a candidate of."""
    seconds: float
    """CPU time of planning every address again."""


@dataclass(slots=True)
class Site:
    """A cluster with so many addresses, placed by the planner."""

    count: int
    addresses: int
    loads: Loads = field(default_factory=Loads)
    plans: dict[IPv4Address, SuccessionPlan] = field(default_factory=dict)
    drawn: Partnerships = field(default_factory=dict)
    nodes: dict[str, NodeView] = field(default_factory=dict)
    drawing_seconds: float = 0.0
    placing_seconds: float = 0.0

    def place(self) -> "Site":
        """Draw the partners and place every address."""
        self.nodes = {f"n{n:04}": _node(n) for n in range(self.count)}
        start = process_time()
        self.drawn = partnerships(self.nodes)
        self.drawing_seconds = process_time() - start
        start = process_time()
        cluster = Cluster(self.nodes, self.drawn)
        for number in range(self.addresses):
            self._plan(ADDRESSES_FROM + number, cluster)
        self.placing_seconds = process_time() - start
        return self

    @property
    def sessions(self) -> int:
        """BFD sessions of one node, at most."""
        return max(len(partners) for partners in self.drawn.values())

    @property
    def watched(self) -> int:
        """VirtualIPs that one node watches, at most."""
        return _most(node for made in self.plans.values() for node in made.seeing)

    @property
    def held(self) -> int:
        """Addresses that one node holds, at most."""
        return _most(made.succession[0] for made in self.plans.values())

    @property
    def frames(self) -> tuple[float, float]:
        """Frames a second that one node sends at most: by BFD, and to ask holders."""
        standing_by = _most(node for made in self.plans.values() for node in made.succession[1:])
        return self.sessions / BFD_INTERVAL, min(ASKED_AT_MOST, standing_by / ASKING_INTERVAL)

    def kill(self, dead: str) -> Death:
        """One node dies: its partners report it, the first who live take over, all is replanned."""
        before = dict(self.plans)
        holders = {
            address: next(node for node in made.succession if node != dead)
            for address, made in before.items()
        }
        start = process_time()
        nodes = dict(self.nodes)
        nodes[dead] = NodeView(dead, nodes[dead].speaker, Liveness.STALE, reported_down=True)
        cluster = Cluster(nodes, self.drawn)
        for address, holder in holders.items():
            self._plan(address, cluster, before[address].succession, holder)
        seconds = process_time() - start
        changed = [a for a, made in self.plans.items() if made.seeing != before[a].seeing]
        inherited = Counter(holders[a] for a, made in before.items() if made.succession[0] == dead)
        return Death(
            held=inherited.total(),
            replanned=len(changed),
            told=sum(
                made.seeing == before[a].seeing and made.message != before[a].message
                for a, made in self.plans.items()
            ),
            heirs=len(inherited),
            status_writes=max(inherited.values()),
            watch_events=_most(
                node
                for address in changed
                for node in {*before[address].seeing, *self.plans[address].seeing} - {dead}
                # The plan, and what its new holder says.
                for _ in range(1 + (before[address].succession[0] == dead))
            ),
            seconds=seconds,
        )

    def _plan(
        self,
        address: IPv4Address,
        cluster: Cluster,
        current: tuple[str, ...] = (),
        holder: str | None = None,
    ) -> None:
        made = plan(address, current=current, holder=holder, nodes=cluster, loads=self.loads)
        self.plans[address] = made
        self.loads.put(address, made.succession, holder)


def _most(names: Iterable[str]) -> int:
    return max(Counter(names).values())


def _node(number: int) -> NodeView:
    own = ip_interface(f"{NODES_FROM + number}/16")
    interface = InterfaceView("eth0", f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", (own,))
    name = f"n{number:04}"
    return NodeView(name, SpeakerView(name, (interface,)), Liveness.FRESH, zone=f"z{number % 3}")


def main() -> None:
    for count, addresses in SIZES:
        site = Site(count, addresses).place()
        bfd, asking = site.frames
        held, watched, sessions = site.held, site.watched, site.sessions
        death = site.kill("n0000")
        print(f"{count} nodes, {addresses} addresses; of one node at most:")
        print(
            f"  {sessions} sessions, {bfd:.0f} BFD packets/s out, {asking:.0f} asking frames/s out"
        )
        print(f"  {held} addresses held, {watched} VirtualIPs watched")
        print(f"a node dies that held {death.held}: {death.heirs} heirs; of one node at most:")
        print(f"  {death.status_writes} status writes, {death.watch_events} watch events")
        print(f"the operator writes {death.replanned} plans at once, {death.told} words by and by.")
        print("CPU time of the planner:")
        print(f"  partners {site.drawing_seconds:.2f} s, all placed {site.placing_seconds:.2f} s,")
        print(f"  all planned again {death.seconds:.2f} s\n")


if __name__ == "__main__":
    main()
