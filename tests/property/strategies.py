"""What the property tests draw from. Small worlds: collisions are the point."""

from ipaddress import IPv4Address, IPv4Interface

from hypothesis import strategies as st

from lbctl.core.addresses import Interval
from lbctl.core.outcomes import Liveness
from lbctl.core.speakers import InterfaceView, NodeView, SpeakerView

LAN = IPv4Address("10.0.0.0")

NODE_NAMES = tuple(f"n{number}" for number in range(8))

node_names = st.sampled_from(NODE_NAMES)

addresses = st.integers(1, 24).map(lambda host: LAN + host)
"""Addresses of one small LAN."""

intervals = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(
    lambda pair: Interval(pair[0], pair[0] + pair[1]),
)

ranges = st.tuples(st.integers(1, 24), st.integers(0, 6)).map(
    lambda pair: f"{LAN + pair[0]}-{LAN + min(pair[0] + pair[1], 24)}",
)
"""Entries of a pool on that LAN."""

entries = st.lists(ranges, min_size=1, max_size=3).map(tuple)


@st.composite
def node_views(draw: st.DrawFn, name: str) -> NodeView:
    """A node in any state that it can be in."""
    if not draw(st.integers(0, 9)):
        return NodeView(name, None, Liveness.MISSING)
    subnet = draw(st.sampled_from(["10.0.0.201/24"] * 4 + ["192.168.0.1/24"]))
    interface = InterfaceView(
        "eth0",
        "02:00:00:00:00:01",
        (IPv4Interface(subnet),),
        carrier=draw(st.sampled_from([True, True, True, False])),
    )
    return NodeView(
        name,
        SpeakerView(name, (interface,), ready=draw(st.sampled_from([True, True, True, False]))),
        draw(st.sampled_from([Liveness.FRESH] * 4 + list(Liveness))),
    )


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, NodeView]:
    """Some nodes, by name."""
    names = draw(st.sets(node_names))
    return {name: draw(node_views(name)) for name in sorted(names)}


successions = st.lists(node_names, unique=True, max_size=6).map(tuple)

holders = st.none() | node_names
