"""How much CPU time the planner takes: `python -m tests.bench.planner`.

Each round places 1,000 addresses on so many nodes, then replans all of them after a node's death.
"""

from ipaddress import IPv4Address, IPv4Interface
from time import process_time

from lbctl.core.outcomes import Liveness
from lbctl.core.placement import Loads
from lbctl.core.speakers import InterfaceView, NodeView, SpeakerView
from lbctl.core.succession import plan

ROUNDS = (3, 10, 100, 500)
LAN = IPv4Address("10.0.0.0")
ADDRESSES = [LAN + number for number in range(1_000)]


def main() -> None:
    print(f"{'nodes':>6} {'1,000 placed':>13} {'1,000 replanned':>16}")
    for count in ROUNDS:
        nodes = {f"n{number}": _node(number) for number in range(count)}
        loads = Loads()
        successions: dict[IPv4Address, tuple[str, ...]] = {}
        placed = _timed(nodes, loads, successions)
        del nodes["n0"]
        replanned = _timed(nodes, loads, successions)
        print(f"{count:>6} {placed:>11.2f} s {replanned:>14.2f} s")


def _timed(
    nodes: dict[str, NodeView],
    loads: Loads,
    successions: dict[IPv4Address, tuple[str, ...]],
) -> float:
    start = process_time()
    for address in ADDRESSES:
        current = successions.get(address, ())
        made = plan(address, current=current, holder=None, nodes=nodes, loads=loads)
        successions[address] = made.succession
        loads.put(address, made.succession)
    return process_time() - start


def _node(number: int) -> NodeView:
    interface = InterfaceView("eth0", "02:00:00:00:00:01", (IPv4Interface(f"{LAN + number}/16"),))
    name = f"n{number}"
    return NodeView(name, SpeakerView(name, (interface,)), Liveness.FRESH)


if __name__ == "__main__":
    main()
